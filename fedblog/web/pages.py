"""Whole pages through the cache: rendered in a thread, sent compressed, fresh for those who are logged in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

from aiohttp import web

from fedblog.web import conditional
from fedblog.web.cache import CachedPage, RenderedPage, pack
from fedblog.web.conditional import cached_answer
from fedblog.web.keys import PAGES, RENDERER, SERVICES, SESSION

HTML = "text/html; charset=utf-8"
FOR_ONE = "private, no-store"
FOR_ALL = conditional.FOR_ALL

Context = Callable[[], dict[str, Any]]
Headers = tuple[tuple[str, str], ...]


async def page(
    request: web.Request, template: str, version: Hashable, context: Context, headers: Headers = ()
) -> web.Response:
    """A page whose content is told by `version`; `context` is CPU work and runs in a thread, and only when needed."""
    renderer, session = request.app[RENDERER], request.get(SESSION)
    await renderer.refresh(request.app[SERVICES].db)

    async def make() -> CachedPage:
        return await asyncio.to_thread(build)

    def build() -> CachedPage:
        html = renderer.html(template, session=session, path=request.path, **context())
        return pack(RenderedPage(html, headers))

    if session is not None:
        return await cached_answer(request, await make(), HTML, cache_control=FOR_ONE)
    key = (template, request.path, request.query.get("before", ""))
    version = (version, renderer.version)
    return await cached_answer(request, await request.app[PAGES].get(key, version, make), HTML, cache_control=FOR_ALL)


def alternate_link(uri: str) -> tuple[str, str]:
    """The `Link` header that leads from a page to its object (DISC-12)."""
    return ("Link", f'<{uri}>; rel="alternate"; type="application/activity+json"')
