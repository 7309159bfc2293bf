"""Logging in and out. Guessing is slowed by address and by account; nothing tells whether a name exists."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from fedblog.blog.ledger import Account
from fedblog.errors import ConfigError
from fedblog.federation.services import Services
from fedblog.storage import accounts, factors
from fedblog.storage.database import Tx
from fedblog.web import tickets
from fedblog.web.form_data import read_form
from fedblog.web.i18n import gettext, later
from fedblog.web.keys import ADDRESS, PASSWORDS, SERVICES, SESSION, SETTINGS
from fedblog.web.limits import network_of
from fedblog.web.passwords import Passwords
from fedblog.web.redirects import see_other
from fedblog.web.render import render
from fedblog.web.sessions import (
    DEVICE_LIFETIME,
    check_csrf,
    check_origin,
    cookie_name,
    csrf_token,
    end_session,
    session_middleware,
    set_cookie,
    start_session,
)

__all__ = [
    "add_login",
    "add_routes",
    "buckets_of",
    "enter",
    "forgive",
    "half_way",
    "safe_next",
    "session_middleware",
    "take_attempt",
]

WINDOW: Final = 15 * 60
HOME: Final = "/studio"
SECOND: Final = "second step"
_MOST_NEXT: Final = 1_500  # bytes: it has to go into a cookie, sealed
_WRONG: Final = later("Name and password don't fit together.")
_TOO_MANY: Final = later("Too many log-ins that failed. Wait a quarter of an hour, then try again.")


def add_login(app: web.Application) -> None:
    """Give the application what logging in needs: the pool for passwords, opened and closed with it."""

    async def passwords(app: web.Application) -> AsyncIterator[None]:
        yield
        app[PASSWORDS].close()

    app[PASSWORDS] = Passwords()
    app.cleanup_ctx.append(passwords)


def add_routes(router: web.UrlDispatcher) -> None:
    """/login and /logout."""
    router.add_get("/login", login_page)
    router.add_post("/login", login)
    router.add_get("/logout", logout_page)
    router.add_post("/logout", logout)


def safe_next(value: str) -> str:
    """Where to go after logging in: a path on this site, otherwise the studio (no open redirect)."""
    # Browsers read "\" as "/" and drop tabs and line ends, so "/\host" and "/\t/host" would leave the site.
    if not value.startswith("/") or value.startswith("//") or "\\" in value or not value.isprintable():
        return HOME
    if len(value.encode("utf-8", "replace")) > _MOST_NEXT:
        return HOME
    try:
        parts = urlsplit(value)
    except ValueError:
        return HOME
    elsewhere = parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout"))
    return HOME if elsewhere else value


async def login_page(request: web.Request) -> web.StreamResponse:
    """The form; somebody who is logged in goes straight on."""
    target = safe_next(request.query.get("next", ""))
    if request.get(SESSION) is not None:
        return see_other(target)
    return _form(request, target=target)


async def login(request: web.Request) -> web.StreamResponse:
    """Check name and password: 303 with a new session, or to where the one-time code is asked for; 401 when they
    don't fit, 429 after too many tries."""
    check_origin(request)
    form = await read_form(request)
    name, password = (str(form.get(key, "")).replace("\0", "") for key in ("username", "password"))
    name, target = name.strip().lower().removeprefix("@")[:200], safe_next(str(form.get("next", "")))
    services = request.app[SERVICES]
    buckets = buckets_of(request, name)
    limit = request.app[SETTINGS].limits.login_attempts
    if not await services.db.write(take_attempt, buckets, limit):
        response = _form(request, target=target, name=name, problem=gettext(_TOO_MANY), status=429)
        response.headers["Retry-After"] = str(WINDOW)
        return response
    account = await services.db.read(accounts.by_username, name)
    usable = account is not None and account.disabled_at is None
    stored = account.password_hash if account is not None and usable else None
    fits = await request.app[PASSWORDS].verify(stored, password)
    if account is None or not fits:
        return _form(request, target=target, name=name, problem=gettext(_WRONG), status=401)
    if await services.db.read(factors.needs_code, account.id):
        redirect = see_other("/login/second")
        ticket = tickets.write(
            services, SECOND, account=account.id, password=_digest(account.password_hash), next=target
        )
        set_cookie(services.settings, redirect, "step", ticket, tickets.LIFETIME)
        return redirect
    redirect = see_other(target)

    def needs_no_code(tx: Tx) -> bool:
        return not factors.needs_code(tx, account.id)

    if not await enter(request, account, redirect, forgiven=buckets, proved=needs_no_code):
        return _form(request, target=target, name=name, problem=gettext(_WRONG), status=401)
    return redirect


async def enter(
    request: web.Request,
    account: Account,
    response: web.StreamResponse,
    *,
    forgiven: Sequence[str],
    proved: Callable[[Tx], bool] | None = None,
) -> bool:
    """A new session, and the mark that this browser was here. `proved` uses up what was proved, in the same unit of
    work; where it says False, or the account was locked or got another password meanwhile, nobody is logged in."""

    def prove(tx: Tx) -> bool:
        now = accounts.by_id(tx, account.id)
        if now is None or now.disabled_at is not None or now.password_hash != account.password_hash:
            return False
        if proved is not None and not proved(tx):
            return False
        forgive(tx, forgiven)
        return True

    services = request.app[SERVICES]
    if not await start_session(request, response, account, after=prove):
        return False
    set_cookie(services.settings, response, "device", _device_mark(services, account), DEVICE_LIFETIME)
    return True


async def half_way(request: web.Request, ticket: str) -> tuple[Account, str] | None:
    """(account, where to go) of somebody whose password was right a moment ago and still is."""
    services = request.app[SERVICES]
    facts = tickets.read(services, ticket, SECOND)
    if facts is None:
        return None
    account = await services.db.read(accounts.by_id, facts["account"])
    if account is None or account.disabled_at is not None or facts["password"] != _digest(account.password_hash):
        return None
    return account, safe_next(facts["next"])


async def logout_page(request: web.Request) -> web.StreamResponse:
    """A question, since a GET must not change anything."""
    if request.get(SESSION) is None:
        return see_other("/")
    return render(request, "studio/logout.html", csrf=csrf_token(request))


async def logout(request: web.Request) -> web.StreamResponse:
    """End this session and go to the front page."""
    if request.get(SESSION) is not None:
        form = await read_form(request)
        check_csrf(request, str(form.get("csrf", "")))
    redirect = see_other("/")
    await end_session(request, redirect)
    return redirect


def _form(request: web.Request, *, target: str, name: str = "", problem: str = "", status: int = 200) -> web.Response:
    return render(request, "studio/login.html", status=status, target=target, name=name, problem=problem)


def buckets_of(request: web.Request, name: str, kind: str = "name") -> list[str]:
    """What a try counts against: the asker's address and the name; a device that was logged in before has its own.

    So strangers who hammer on a name can't lock its owner out of the browser they always use, and one who forges
    X-Forwarded-For still meets the count of the name.
    """
    mark = request.cookies.get(cookie_name(request.app[SETTINGS], "device"), "")
    if mark and _device_fits(request.app[SERVICES], mark, name):
        return [f"device:{_digest(mark)}"]
    return [f"address:{network_of(request[ADDRESS])}", f"{kind}:{_digest(name)}"]


def take_attempt(tx: Tx, buckets: Sequence[str], limit: int) -> bool:
    """Counts a try before it is checked, so that many at once can't slip through; False when there were too many."""
    tx.lock(*buckets)
    if any(accounts.attempts_since(tx, bucket, tx.now - WINDOW) >= limit for bucket in buckets):
        return False
    for bucket in buckets:
        accounts.record_attempt(tx, bucket)
    return True


def forgive(tx: Tx, buckets: Sequence[str]) -> None:
    """A password was right: what was counted against its owner counts no more."""
    for bucket in buckets:
        accounts.clear_attempts(tx, bucket)


def _device_mark(services: Services, account: Account) -> str:
    return services.sealer.seal(f"device {account.username}".encode()).decode()


def _device_fits(services: Services, mark: str, name: str) -> bool:
    try:
        return services.sealer.open(mark.encode()) == f"device {name}".encode()
    except (ValueError, ConfigError):
        return False


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
