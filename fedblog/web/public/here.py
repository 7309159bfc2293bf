"""What a reader's browser asks us while they answer here with their own account: never who they are to their server.

The sign-in is between the browser and the reader's server (OAuth with PKCE); code and token stay in the browser. We
say which server a handle belongs to, serve the page that the server leads back to, and tell when the reply came.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import maybe_uri, origin_of
from fedblog.blog.model import ReplyState
from fedblog.errors import FederationError, FetchTemporary, InvalidInput
from fedblog.storage import threads
from fedblog.web.i18n import gettext
from fedblog.web.keys import ADDRESS, LIMITS, RENDERER, SERVICES, SETTINGS
from fedblog.web.public.interact import (
    KINDS,
    MAX_HANDLE,
    NO_ANSWER,
    NO_SUCH_ACCOUNT,
    NOT_AN_ADDRESS,
    asked_target,
    server_page,
)
from fedblog.web.public.parts import reply_href

SIGNED_IN: Final = "/signed-in"
ARRIVED_PER_MINUTE: Final = 120
# So long after it came a held reply is told to wait for the author; later nobody learns it from us.
HELD_TOLD_SECONDS: Final = 3600


async def find_server(request: web.Request) -> web.Response:
    """/interact/server?kind=&uri=&handle=: where somebody signs in (`server`, an origin, "" for nowhere), and `page`,
    where `/interact` would lead. 422 for no address and an unknown account, 503 for a server in trouble, with words in
    `problem`.
    """
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    kind, query = request.query.get("kind", "reply"), request.query
    target = await services.db.read(asked_target, services.ids, query)
    request.app[LIMITS].take("lookup", request[ADDRESS], settings.limits.remote_lookups_per_minute)
    try:
        handle = parse_acct(query.get("handle", "").strip()[:MAX_HANDLE])
        jrd = await services.fetcher.jrd(handle)
        page = server_page(jrd, handle, kind if kind in KINDS else "reply", target.uri, settings)
        server = origin_of(jrd.self_href) if jrd.self_href else f"https://{handle.host}"
        if server.startswith("http:") and not settings.federation.allow_http:
            server = ""
    except InvalidInput:
        return _problem(NOT_AN_ADDRESS, 422)
    except FetchTemporary:
        return _problem(NO_ANSWER, 503)
    except FederationError:
        return _problem(NO_SUCH_ACCOUNT, 422)
    return _json({"server": server, "page": page, "handle": f"@{handle.name}@{handle.host}"})


async def parts(request: web.Request) -> web.Response:
    """/interact/parts: the form, the dialog and the sentences that scripts put into a post's page."""
    html = request.app[RENDERER].html("public/talk.html")
    headers = {"Cache-Control": "public, max-age=600"}
    return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)


async def arrived(request: web.Request) -> web.Response:
    """/interact/arrived?uri=: whether a public reply with this id is here: `shown` with its place, `held`, or not."""
    services = request.app[SERVICES]
    request.app[LIMITS].take("arrived", request[ADDRESS], ARRIVED_PER_MINUTE)
    uri = maybe_uri(request.query.get("uri", ""))
    since = int(services.clock()) - HELD_TOLD_SECONDS
    reply = await services.db.read(threads.arrived, uri, since=since) if uri is not None else None
    if reply is None:
        return _json({"state": "unknown"})
    if reply.state is ReplyState.PUBLISHED:
        return _json({"state": "shown", "href": reply_href(reply.id), "id": f"reply-{reply.id}"})
    return _json({"state": "held"})


async def signed_in(request: web.Request) -> web.Response:
    """/signed-in: where the reader's server leads back to. A page that is the same for everybody.

    The query holds the code, so it is neither read here nor logged, kept or passed on by a referrer; without the
    verifier, which never leaves the reader's browser, it would be worth nothing (RFC 7636).
    """
    html = request.app[RENDERER].html("public/signed_in.html")
    headers = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    return web.Response(text=html, content_type="text/html", charset="utf-8", headers=headers)


def _problem(words: str, status: int) -> web.Response:
    return _json({"problem": gettext(words)}, status)


def _json(body: dict[str, str], status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
