"""/studio/account/second: one-time codes, recovery codes and passkeys. Each change asks for the password again."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from fedblog.blog.ledger import AccountId, OneTimeCodes, Passkey
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.services import Services
from fedblog.storage import accounts, factors
from fedblog.storage.database import Tx
from fedblog.web import one_time, passkeys, tickets
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES
from fedblog.web.notices import changes
from fedblog.web.studio.access import Who, done, show
from fedblog.web.studio.account import device_name, password_problem, refusal
from fedblog.web.studio.forms import Form

_PATH: Final = "/studio/account/second"
_MAKE: Final = "make a passkey"
BEGUN: Final = 10 * 60  # how long a secret that was shown waits for its first code


async def factors_page(request: web.Request, who: Who) -> web.StreamResponse:
    """The page."""
    return await _page(request, who)


async def change_codes(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Begin, confirm, turn off; or new recovery codes."""
    todo = form.choice("do", ("begin", "confirm", "codes", "off", "cancel"))
    services = request.app[SERVICES]
    if todo == "confirm":
        return await _confirm(request, who, form)
    if todo == "cancel":
        await services.db.write(_cancel, who.account.id)
        return done(_PATH)
    problem = await password_problem(request, who, form)
    if problem is not None:
        return refusal(await _page(request, who, problem=problem.words, status=problem.status))
    if todo == "begin":
        sealed = services.sealer.seal(one_time.new_secret())
        await services.db.write(factors.begin_codes, who.account.id, sealed)
        return done(_PATH)
    if todo == "off":
        await services.db.write(_turn_off, who.account.id)
        return done(_PATH, "codes_off")
    return await _new_recovery(request, who)


async def _confirm(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """The first right code turns it on: recovery codes are shown once, other devices are logged out."""
    services = request.app[SERVICES]
    kept = await services.db.read(factors.one_time_codes, who.account.id)
    if not _waits(services, kept) or kept is None:
        return done(_PATH)
    secret = services.sealer.open(kept.sealed)
    step = one_time.matching_step(secret, one_time.tidy(form.line("code", limit=100)), services.clock())
    if step is None:
        words = _("That code isn’t right. Does the phone’s clock tell the right time?")
        return await _page(request, who, problem=words, status=400)
    recovery = one_time.new_recovery_codes()

    def turn_on(tx: Tx) -> bool:
        if not factors.confirm_codes(tx, who.account.id, kept.sealed, step):
            return False
        factors.set_recovery(tx, who.account.id, [one_time.hash_recovery(code) for code in recovery])
        changes.plan(tx, who.account.id, "codes_on")
        for session in accounts.sessions_of(tx, who.account.id):
            if session.id_hash != who.session.id_hash:
                accounts.drop_session(tx, session.id_hash)
        return True

    return await _page(request, who, recovery=recovery) if await services.db.write(turn_on) else done(_PATH)


async def _new_recovery(request: web.Request, who: Who) -> web.StreamResponse:
    recovery = one_time.new_recovery_codes()

    def replace(tx: Tx) -> bool:
        is_on = factors.needs_code(tx, who.account.id)
        if is_on:
            factors.set_recovery(tx, who.account.id, [one_time.hash_recovery(code) for code in recovery])
            changes.plan(tx, who.account.id, "recovery")
        return is_on

    return (
        await _page(request, who, recovery=recovery) if await request.app[SERVICES].db.write(replace) else done(_PATH)
    )


def _turn_off(tx: Tx, account_id: AccountId) -> None:
    if factors.needs_code(tx, account_id):
        changes.plan(tx, account_id, "codes_off")
    factors.drop_codes(tx, account_id)


def _cancel(tx: Tx, account_id: AccountId) -> None:
    if not factors.needs_code(tx, account_id):
        factors.drop_codes(tx, account_id)


async def passkey_options(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """What the browser shall make, as JSON, for somebody who knows the password; the ticket says that they did."""
    problem = await password_problem(request, who, form)
    if problem is not None:
        return refusal(web.json_response({"error": problem.words}, status=problem.status))
    services = request.app[SERVICES]
    known = await services.db.read(factors.passkeys_of, who.account.id)
    options, challenge = await passkeys.ask_to_make(services.settings, who.account, known)
    ticket = tickets.write(services, _MAKE, session=who.session.id_hash, challenge=challenge)
    return web.json_response({"publicKey": json.loads(options), "ticket": ticket})


async def change_passkeys(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep the passkey that the browser made, or remove one."""
    services = request.app[SERVICES]
    gone = form.number("remove")
    if gone is None:
        return await _add(request, who, form)
    problem = await password_problem(request, who, form)
    if problem is not None:
        return refusal(await _page(request, who, problem=problem.words, status=problem.status))

    def drop(tx: Tx) -> None:
        if not factors.drop_passkey(tx, who.account.id, gone):
            raise NotFound("no such passkey")
        changes.plan(tx, who.account.id, "passkey_removed")

    await services.db.write(drop)
    return done(_PATH, "passkey_removed")


async def _add(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    services, ticket = request.app[SERVICES], form.text("ticket", limit=10_000)
    facts = tickets.read(services, ticket, _MAKE)
    if facts is None or facts["session"] != who.session.id_hash:
        raise InvalidInput(_("That took too long. Try again."), reason="passkey_late")
    made = await passkeys.check_made(services.settings, form.text("answer", limit=100_000), facts["challenge"])
    name = form.line("name", limit=60) or device_name(who.session.user_agent)

    def keep(tx: Tx) -> bool:
        if made is None or not tickets.spend(tx, services, ticket):
            return False
        factors.add_passkey(tx, who.account.id, **made._asdict(), name=name)
        changes.plan(tx, who.account.id, "passkey_added")
        return True

    if not await services.db.write(keep):
        raise InvalidInput(_("The browser’s answer proves no passkey. Try again."), reason="passkey_wrong")
    return done(_PATH, "passkey_added")


async def _page(
    request: web.Request, who: Who, *, problem: str = "", status: int = 200, recovery: list[str] | None = None
) -> web.Response:
    services = request.app[SERVICES]
    kept, left, known = await services.db.read(_facts, who.account.id)
    return await show(
        request,
        who,
        "factors.html",
        status=status,
        problem=problem,
        since=kept.confirmed_at if kept is not None else None,
        left=left,
        passkeys=known,
        recovery=recovery or [],
        device=device_name(who.session.user_agent),
        **_to_scan(services, who, kept),
    )


def _facts(tx: Tx, account_id: AccountId) -> tuple[OneTimeCodes | None, int, list[Passkey]]:
    return (
        factors.one_time_codes(tx, account_id),
        factors.count_recovery(tx, account_id),
        factors.passkeys_of(tx, account_id),
    )


def _waits(services: Services, kept: OneTimeCodes | None) -> bool:
    """Whether a secret was shown a moment ago and is not in use yet."""
    return kept is not None and kept.confirmed_at is None and services.clock() - kept.created_at < BEGUN


def _to_scan(services: Services, who: Who, kept: OneTimeCodes | None) -> dict[str, Any]:
    """The key that waits for its first code, as text and as a picture for the app's camera."""
    if kept is None or not _waits(services, kept):
        return {"key": "", "qr": ""}
    import segno  # few pages need it

    secret, settings = services.sealer.open(kept.sealed), services.settings
    uri = one_time.as_uri(secret, f"{who.account.username}@{settings.domain}", settings.blog.title or settings.domain)
    picture = segno.make(uri, error="m").svg_inline(scale=5, border=3, light="#fff")
    return {"key": one_time.as_text(secret), "qr": Markup(picture)}  # noqa: S704 - shapes only, made here
