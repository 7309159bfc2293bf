"""Who is asking, and whether they meant to: session cookies, and two guards against forged requests.

The cookie holds 32 random bytes; the database keeps only their hash, so that a stolen backup logs nobody in. The token
in forms is an HMAC keyed with those same bytes: it fits one log-in only and nothing has to be stored for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from fedblog.blog.ledger import Account, Session
from fedblog.config import Settings
from fedblog.errors import Forbidden, StorageUnavailable
from fedblog.storage import accounts
from fedblog.storage.database import Tx
from fedblog.web.i18n import gettext
from fedblog.web.keys import SERVICES, SESSION, SETTINGS

LIFETIME: Final = 30 * 24 * 3600
DEVICE_LIFETIME: Final = 365 * 24 * 3600
_TOUCH_AFTER: Final = 15 * 60
_MACHINE_PATHS: Final = ("/static/", "/ap/", "/inbox", "/.well-known/", "/nodeinfo", "/livez", "/readyz")


def is_secure(settings: Settings) -> bool:
    """Whether readers come by https, so that cookies may insist on it."""
    return settings.base_url.startswith("https://")


def cookie_name(settings: Settings, kind: str = "session") -> str:
    """`__Host-` makes browsers refuse a cookie that another host or plain http planted (RFC 6265bis)."""
    return f"__Host-fedblog-{kind}" if is_secure(settings) else f"fedblog-{kind}"


def hash_token(token: str) -> str:
    """What the database knows a session by."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def csrf_token(request: web.Request) -> str:
    """The token that belongs into every form of this log-in; "" for somebody who isn't logged in."""
    token = request.cookies.get(cookie_name(request.app[SETTINGS]), "")
    if not token or request.get(SESSION) is None:
        return ""
    return hmac.new(token.encode("utf-8", "surrogateescape"), b"fedblog form", hashlib.sha256).hexdigest()


def check_csrf(request: web.Request, token: str) -> None:
    """Refuse a form that another site made or that belongs to another log-in. Raises `Forbidden`."""
    check_origin(request)
    expected = csrf_token(request)
    if not expected or not hmac.compare_digest(expected.encode(), token.encode("utf-8", "replace")):
        raise Forbidden(
            gettext("This form has expired. Load the page again and repeat the last step."), reason="csrf_token"
        )


def check_origin(request: web.Request) -> None:
    """Refuse a state change that a browser says comes from elsewhere (Fetch Metadata, Origin). Raises `Forbidden`.

    Programs that send neither header are no browsers: nobody can ride on their log-in.
    """
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get("Origin")
    ours = request.app[SETTINGS].base_url
    # A browser writes `null` for a form of a page with a strict referrer policy: then Sec-Fetch-Site has to vouch.
    opaque_but_ours = origin == "null" and "Sec-Fetch-Site" in request.headers
    if site not in ("same-origin", "none") or (origin is not None and origin != ours and not opaque_but_ours):
        raise Forbidden(gettext("This request came from another site, so nothing was changed."), reason="csrf_origin")


@web.middleware
async def session_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put the session of a known cookie into `request[SESSION]`; addresses for machines are left alone."""
    token = request.cookies.get(cookie_name(request.app[SETTINGS]), "")
    if token and not request.path.startswith(_MACHINE_PATHS):
        services = request.app[SERVICES]
        session = await services.db.read(accounts.session, hash_token(token))
        if session is not None:
            request[SESSION] = session
            if services.clock() - session.last_seen_at > _TOUCH_AFTER:
                with contextlib.suppress(StorageUnavailable):  # on a full disk, pictures can be deleted still
                    await services.db.write(accounts.touch_session, session.id_hash, int(services.clock()) + LIFETIME)
    return await handler(request)


async def start_session(
    request: web.Request, response: web.StreamResponse, account: Account, *, after: Callable[[Tx], bool] | None = None
) -> bool:
    """Log `account` in on this device: always a new id, the one that came with the request ends (no fixation).

    `after` goes before it in the same unit of work, so that nothing is used up or changed without a log-in; where it
    says False there is none, and False is returned.
    """
    services, old, token = request.app[SERVICES], request.get(SESSION), secrets.token_urlsafe(32)

    def begin(tx: Tx) -> bool:
        if after is not None and not after(tx):
            return False
        if old is not None:
            accounts.drop_session(tx, old.id_hash)
        accounts.add_session(
            tx,
            id_hash=hash_token(token),
            account_id=account.id,
            expires_at=int(services.clock()) + LIFETIME,
            user_agent=user_agent_of(request),
        )
        return True

    if not await services.db.write(begin):
        return False
    set_cookie(request.app[SETTINGS], response, "session", token, LIFETIME)
    return True


def user_agent_of(request: web.Request) -> str:
    """What a browser calls itself, as it can be kept: a header may hold bytes that are no text."""
    return request.headers.get("User-Agent", "")[:300].encode("utf-8", "replace").decode()


async def end_session(request: web.Request, response: web.StreamResponse) -> None:
    """Log out: the row goes, so that a copy of the cookie is worth nothing, then the cookie."""
    session: Session | None = request.get(SESSION)
    if session is not None:
        await request.app[SERVICES].db.write(accounts.drop_session, session.id_hash)
    set_cookie(request.app[SETTINGS], response, "session", "", 0)


def set_cookie(settings: Settings, response: web.StreamResponse, kind: str, value: str, max_age: int) -> None:
    """A cookie that scripts can't read and other sites' forms don't send."""
    response.set_cookie(
        cookie_name(settings, kind),
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=is_secure(settings),
    )
