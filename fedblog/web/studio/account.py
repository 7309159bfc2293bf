"""/studio/account: the password, and where one is logged in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from aiohttp import web

from fedblog.blog.ledger import Session
from fedblog.errors import InvalidInput, NotFound
from fedblog.storage import accounts, factors
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import PASSWORDS, SERVICES, SETTINGS
from fedblog.web.login import WINDOW, forgive, take_attempt
from fedblog.web.notices import changes
from fedblog.web.passwords import MIN_LENGTH
from fedblog.web.sessions import start_session
from fedblog.web.studio.access import Who, done, show
from fedblog.web.studio.forms import Form

_MARK = 16
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Device:
    """A log-in as the list shows it. `mark` names it in the form: a piece of a hash, useless as a cookie."""

    mark: str
    device: str
    created_at: int
    last_seen_at: int
    current: bool


class PasswordProblem(NamedTuple):
    """What is wrong with a password that was asked for again."""

    words: str
    status: int


async def account(request: web.Request, who: Who) -> web.StreamResponse:
    """The page."""
    return await _page(request, who)


async def _page(request: web.Request, who: Who, *, problem: str = "", status: int = 200) -> web.Response:
    sessions, codes, passkeys = await request.app[SERVICES].db.read(_facts, who)
    devices = [
        Device(
            mark=session.id_hash[:_MARK],
            device=device_name(session.user_agent),
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            current=session.id_hash == who.session.id_hash,
        )
        for session in sessions
    ]
    return await show(
        request,
        who,
        "account.html",
        status=status,
        problem=problem,
        sessions=devices,
        min_length=MIN_LENGTH,
        has_codes=codes,
        passkeys=passkeys,
    )


def _facts(tx: Tx, who: Who) -> tuple[list[Session], bool, int]:
    account_id = who.account.id
    return (
        accounts.sessions_of(tx, account_id),
        factors.needs_code(tx, account_id),
        len(factors.passkeys_of(tx, account_id)),
    )


async def change_password(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """A new password ends every other log-in; this one goes on under a new id."""
    problem = await password_problem(request, who, form)
    if problem is not None:
        return refusal(await _page(request, who, problem=problem.words, status=problem.status))
    try:
        new_hash = await request.app[PASSWORDS].hash(form.text("new"))
    except InvalidInput as error:
        return await _page(request, who, problem=str(error), status=400)
    answer = done("/studio/account", "password")

    def change(tx: Tx) -> bool:
        accounts.set_password(tx, who.account.id, new_hash)
        changes.plan(tx, who.account.id, "password")
        return True

    await start_session(request, answer, who.account, after=change)
    return answer


async def password_problem(request: web.Request, who: Who, form: Form) -> PasswordProblem | None:
    """Why the form's `current` is not the password of this log-in; None where it is.

    Who sits down at a log-in that was left open must not find the password out by trying.
    """
    db, counted = request.app[SERVICES].db, [f"password:{who.account.id}"]
    if not await db.write(take_attempt, counted, request.app[SETTINGS].limits.login_attempts):
        words = _("Too many tries with a wrong password. Wait a quarter of an hour, then try again.")
        return PasswordProblem(words, 429)
    if not await request.app[PASSWORDS].verify(who.account.password_hash, form.text("current")):
        return PasswordProblem(_("The present password isn’t right."), 403)
    await db.write(forgive, counted)
    return None


def refusal(answer: web.Response) -> web.Response:
    """The answer, with when to come again where that helps."""
    if answer.status == 429:
        answer.headers["Retry-After"] = str(WINDOW)
    return answer


async def end_sessions(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Log one other device out (`session` is its mark), or `all` others."""
    wanted = form.line("session")

    def end(tx: Tx) -> int:
        others = [one for one in accounts.sessions_of(tx, who.account.id) if one.id_hash != who.session.id_hash]
        chosen = [one for one in others if wanted == "all" or one.id_hash[:_MARK] == wanted]
        for one in chosen:
            accounts.drop_session(tx, one.id_hash)
        return len(chosen)

    ended = await request.app[SERVICES].db.write(end)
    if not ended and wanted != "all":
        raise NotFound("no such log-in")
    return done("/studio/account", "sessions_ended" if wanted == "all" else "session_ended")


def device_name(user_agent: str) -> str:
    """`Firefox on Linux`, as well as a User-Agent lets one guess."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    known = browser or system or re.split(r"[/ ]", user_agent.strip())[0][:40]
    return known or "Unknown device"
