"""A blog that was closed for good answers 410 to everything, while its farewells go out (LIFE-04)."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fedblog.errors import Gone
from fedblog.federation.leaving import CLOSED_KEY
from fedblog.storage import meta
from fedblog.web.keys import SERVICES
from fedblog.web.middleware import HEALTH_PATHS

LOOK_EVERY = 5.0  # seconds: the command that closes a blog runs beside the server


class Closed:
    """Whether the blog is closed, as the database said a moment ago."""

    def __init__(self) -> None:
        self._closed = False
        self._looked_at = float("-inf")

    async def is_closed(self, app: web.Application) -> bool:
        """Looks at most every few seconds; once closed, always closed."""
        if not self._closed and time.monotonic() - self._looked_at >= LOOK_EVERY:
            self._looked_at = time.monotonic()
            self._closed = await app[SERVICES].db.read(meta.get, CLOSED_KEY) is not None
        return self._closed


def closed_middleware(state: Closed) -> Middleware:
    """410 for everything but health checks, once the blog is closed."""

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in HEALTH_PATHS and await state.is_closed(request.app):
            raise Gone("this blog was closed for good", reason="closed")
        return await handler(request)

    return refuse
