"""What every site has: robots, health, static files."""

from __future__ import annotations

from aiohttp import web

from fedblog.errors import NotFound, StorageUnavailable
from fedblog.web.conditional import asset_answer, conditional
from fedblog.web.crawlers import robots_txt
from fedblog.web.keys import RENDERER, SERVICES, SETTINGS


async def robots(request: web.Request) -> web.Response:
    """/robots.txt"""
    settings = request.app[SETTINGS]
    body = robots_txt(settings.base_url, block_ai=settings.blog.block_ai_crawlers)
    return conditional(request, body.encode(), "text/plain; charset=utf-8")


async def livez(request: web.Request) -> web.Response:
    """/livez: the process answers."""
    return web.Response(text="ok\n", headers={"Cache-Control": "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """/readyz: the database answers, too."""
    try:
        ready = await request.app[SERVICES].db.schema_version() > 0
    except StorageUnavailable:
        ready = False
    headers = {"Cache-Control": "no-store"}
    if not ready:
        return web.Response(text="not ready\n", status=503, headers={**headers, "Retry-After": "5"})
    return web.Response(text="ready\n", headers=headers)


async def static(request: web.Request) -> web.Response:
    """/static/VERSION/NAME: for ever, where the version is ours."""
    assets = request.app[RENDERER].assets
    asset = assets.get(request.match_info["name"])
    current = request.match_info["version"] == assets.version
    return await asset_answer(request, asset, immutable=current)


async def look(request: web.Request) -> web.Response:
    """/look/VERSION.css: the blog's own look; an older address gets the present one, where there is one."""
    current = request.app[RENDERER].look
    await current.refresh(request.app[SERVICES].db)
    if current.asset is None:
        raise NotFound("this blog has no look of its own")
    return await asset_answer(request, current.asset, immutable=request.match_info["version"] == current.version)


async def push_worker(request: web.Request) -> web.Response:
    """/push-worker.js: shows notifications in an author's browser; its address stays, so that it can be renewed."""
    return await asset_answer(request, request.app[RENDERER].assets.get("push-worker.js"), immutable=False)


async def favicon(request: web.Request) -> web.Response:
    """/favicon.ico: what old browsers ask for unasked."""
    return await asset_answer(request, request.app[RENDERER].assets.get("icon.svg"), immutable=False)
