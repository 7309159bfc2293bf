"""/login/second and /login/passkey: the code after the password, and the passkey that stands for both.

A one-time code has six digits, so it is guarded harder than a password: by address and account, and by account (or
known device) over a whole day. Recovery codes can't be guessed; who has one gets in whatever somebody else has tried.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from aiohttp import web

from fedblog.blog.ledger import Account
from fedblog.federation.services import Services
from fedblog.storage import accounts, factors
from fedblog.storage.database import Tx
from fedblog.web import one_time, passkeys, tickets
from fedblog.web.form_data import read_form
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS
from fedblog.web.login import WINDOW, buckets_of, enter, half_way, safe_next, take_attempt
from fedblog.web.redirects import see_other
from fedblog.web.render import render
from fedblog.web.sessions import check_origin, cookie_name, set_cookie

PASSKEY: Final = "passkey log-in"
DAY_TIMES: Final = 5  # so many windows' worth of wrong codes a day, and the account takes no code any more
PASSKEYS_PER_MINUTE: Final = 20


def add_routes(router: web.UrlDispatcher) -> None:
    """The second step, and the way that needs no first one."""
    router.add_get("/login/second", code_page)
    router.add_post("/login/second", take_code)
    router.add_post("/login/passkey/options", passkey_options)
    router.add_post("/login/passkey", take_passkey)


async def code_page(request: web.Request) -> web.StreamResponse:
    """Asks for the code; whoever comes without a right password starts again."""
    found = await half_way(request, _ticket(request))
    return see_other("/login") if found is None else _form(request, found[1])


async def take_code(request: web.Request) -> web.StreamResponse:
    """Check the code: 303 with a new session, 401 for a wrong or used one, 429 after too many tries."""
    check_origin(request)
    form = await read_form(request)
    services, ticket = request.app[SERVICES], _ticket(request)
    found = await half_way(request, ticket)
    if found is None:
        return see_other("/login")
    account, target = found
    code = one_time.tidy(str(form.get("code", ""))[:100])
    buckets = buckets_of(request, account.username, "code")
    is_recovery = one_time.is_recovery(code)
    if is_recovery:
        buckets = buckets[:1]
    by_day = [] if is_recovery else [bucket for bucket in buckets if not bucket.startswith("address:")]
    if not await services.db.write(_take, buckets, by_day, request.app[SETTINGS].limits.login_attempts):
        words = _("Too many wrong codes. Wait a while, or use a recovery code or a passkey.")
        response = _form(request, target, problem=words, status=429)
        response.headers["Retry-After"] = str(WINDOW)
        return response
    step = None if is_recovery else await _step(services, account, code)
    right: list[bool] = []

    def prove(tx: Tx) -> bool:
        right.append(_take_code(tx, account, code, step))
        return right[0] and tickets.spend(tx, services, ticket)

    response = see_other(target)
    set_cookie(services.settings, response, "step", "", 0)
    forgiven = [*buckets, *buckets_of(request, account.username)]
    if await enter(request, account, response, forgiven=forgiven, proved=prove):
        return response
    if right[0]:
        return see_other("/login")
    return _form(request, target, problem=_("That code isn’t right, or it was used already."), status=401)


async def _step(services: Services, account: Account, code: str) -> int | None:
    """Which code of the app that is; None for a wrong one."""
    kept = await services.db.read(factors.one_time_codes, account.id)
    return None if kept is None else one_time.matching_step(services.sealer.open(kept.sealed), code, services.clock())


def _take_code(tx: Tx, account: Account, code: str, step: int | None) -> bool:
    """Whether that is the app's code of this moment or a recovery code; it is used up by this."""
    if one_time.is_recovery(code):
        return factors.take_recovery(tx, account.id, one_time.hash_recovery(code))
    return step is not None and factors.take_step(tx, account.id, step)


async def passkey_options(request: web.Request) -> web.StreamResponse:
    """What the browser shall ask its passkeys: JSON for `navigator.credentials.get`, and the ticket to bring along."""
    _check_pace(request)
    services = request.app[SERVICES]
    options, challenge = await passkeys.ask_to_show(services.settings)
    ticket = tickets.write(services, PASSKEY, challenge=challenge)
    return web.json_response({"publicKey": json.loads(options), "ticket": ticket})


async def take_passkey(request: web.Request) -> web.StreamResponse:
    """Log in whoever holds the passkey: JSON with where to go, 401 where nothing is proved."""
    _check_pace(request)
    form = await read_form(request)
    services = request.app[SERVICES]
    ticket, answer = str(form.get("ticket", "")), str(form.get("answer", ""))
    found = await _holder(services, ticket, answer)
    response = web.json_response({"to": safe_next(str(form.get("next", "")))})
    set_cookie(services.settings, response, "step", "", 0)
    if found is None or not await _enter_with(request, found, ticket, response):
        return web.json_response({"error": _("That passkey isn’t known here, or it was removed.")}, status=401)
    return response


async def _enter_with(request: web.Request, found: _Held, ticket: str, response: web.Response) -> bool:
    services = request.app[SERVICES]

    def prove(tx: Tx) -> bool:
        spent = tickets.spend(tx, services, ticket)
        return spent and factors.passkey_used(tx, found.credential_id, found.uses)

    forgiven = buckets_of(request, found.account.username)
    return await enter(request, found.account, response, forgiven=forgiven, proved=prove)


class _Held(NamedTuple):
    """A passkey that answered: whose it is, its id, and how often it says that it was used."""

    account: Account
    credential_id: str
    uses: int


async def _holder(services: Services, ticket: str, answer: str) -> _Held | None:
    """Whose passkey answered the challenge of that ticket; nothing is used up yet."""
    facts = tickets.read(services, ticket, PASSKEY)
    known = await services.db.read(factors.passkey, _credential_id(answer))
    if facts is None or known is None:
        return None
    account = await services.db.read(accounts.by_id, known.account_id)
    if account is None or account.disabled_at is not None:
        return None
    count = await passkeys.check_shown(services.settings, answer, facts["challenge"], known)
    return None if count is None else _Held(account, known.credential_id, count)


def _credential_id(answer: str) -> str:
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        return ""
    wanted = found.get("id") if isinstance(found, dict) else None
    return wanted[:2_000].replace("\0", "").encode("utf-8", "replace").decode() if isinstance(wanted, str) else ""


def _take(tx: Tx, buckets: list[str], by_day: list[str], limit: int) -> bool:
    """As `take_attempt`, and some buckets (the account's own, a known device's) over a whole day too."""
    if any(accounts.attempts_since(tx, bucket, tx.now - 86_400) >= DAY_TIMES * limit for bucket in by_day):
        return False
    return take_attempt(tx, buckets, limit)


def _check_pace(request: web.Request) -> None:
    check_origin(request)
    request.app[LIMITS].take("passkey", request[ADDRESS], PASSKEYS_PER_MINUTE)


def _ticket(request: web.Request) -> str:
    return request.cookies.get(cookie_name(request.app[SETTINGS], "step"), "")


def _form(request: web.Request, target: str, *, problem: str = "", status: int = 200) -> web.Response:
    return render(request, "studio/second.html", status=status, target=target, problem=problem)
