"""Authorized fetch at HTTP level: who may read, and that what they read is nobody else's to keep (NEG-04, NEG-07)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from fedblog.activitypub.urls import Uri
from fedblog.web.inboxes import signed_request
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS

Handler = Callable[[web.Request], Awaitable[web.Response]]


def for_askers(handler: Handler) -> Handler:
    """A handler of ActivityStreams documents that asks for a signature first where the blog wants one."""

    async def guarded(request: web.Request) -> web.Response:
        await admit(request)
        return sealed(request, await handler(request))

    return guarded


async def admit(request: web.Request) -> None:
    """Raises `Refused` (401, 403, 503) for askers who may not read ActivityStreams here."""
    _count(request)
    await request.app[SERVICES].askers.admit(signed_request(request, b"", request.app[SETTINGS]))


async def identify(request: web.Request) -> Uri:
    """The id of the actor that signed this GET, whatever the blog's setting. Raises `Refused`."""
    _count(request)
    return await request.app[SERVICES].askers.identify(signed_request(request, b"", request.app[SETTINGS]))


def sealed(request: web.Request, response: web.Response) -> web.Response:
    """What depends on who asks is kept by no cache in between."""
    if request.app[SERVICES].askers.must_sign:
        make_private(response)
    return response


def make_private(response: web.Response) -> None:
    """For this asker alone."""
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Vary"] = "Accept, Signature"


def _count(request: web.Request) -> None:
    """A signature may cost us a fetch, so it counts like an inbox request."""
    if "Signature" in request.headers or "Authorization" in request.headers:
        settings = request.app[SETTINGS]
        request.app[LIMITS].take("asker", request[ADDRESS], settings.limits.inbox_per_minute)
