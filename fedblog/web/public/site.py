"""What every site has: sitemap, robots, health, static files."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.config import Settings
from fedblog.errors import NotFound, StorageUnavailable
from fedblog.storage import actors, posts
from fedblog.storage.database import Database, Tx
from fedblog.web.conditional import asset_answer, conditional
from fedblog.web.keys import RENDERER, SERVICES, SETTINGS

CHUNK = 200
MAX_ENTRIES = 20_000
ROBOTS = "User-agent: *\nDisallow: /studio\nDisallow: /login\nDisallow: /interact\n\nSitemap: {base_url}/sitemap.xml\n"


@dataclass(frozen=True, slots=True)
class _Place:
    url: str
    changed: int | None


async def sitemap(request: web.Request) -> web.Response:
    """/sitemap.xml: pages, authors, tags and posts, the newest first (sitemaps.org 0.9)."""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    entries = await services.db.read(_pages, services.ids, settings)
    entries += await _posts(services.db, services.ids)
    xml = await asyncio.to_thread(request.app[RENDERER].html, "feeds/sitemap.xml", entries=entries)
    return conditional(request, xml.encode(), "application/xml; charset=utf-8")


def _pages(tx: Tx, ids: LocalIds, settings: Settings) -> list[_Place]:
    authors = [actor for actor in actors.local_actors(tx) if actor.local == "author" and actor.deleted_at is None]
    urls = [f"{settings.base_url}/"]
    urls += [ids.profile_page(author.username) for author in authors]
    urls += [ids.tag_page(name) for _, name, _ in posts.tags(tx)]
    return [_Place(url, None) for url in urls]


async def _posts(db: Database, ids: LocalIds) -> list[_Place]:
    """In chunks: a post's row holds its whole text, and only the address is wanted."""
    places: list[_Place] = []
    before: tuple[int, int] | None = None
    while len(places) < MAX_ENTRIES:
        chunk, before = await db.read(_post_chunk, ids, before)
        places += chunk
        if before is None:
            break
    return places


def _post_chunk(tx: Tx, ids: LocalIds, before: tuple[int, int] | None) -> tuple[list[_Place], tuple[int, int] | None]:
    found = posts.list_public(tx, before=before, limit=CHUNK)
    names = {actor.id: actor.username for actor in actors.local_actors(tx)}
    places = [
        _Place(ids.post_page(names[post.author_id], post.slug), post.edited_at or post.published_at)
        for post in found
        if post.author_id in names
    ]
    return places, (found[-1].published_at or 0, found[-1].id) if len(found) == CHUNK else None


async def robots(request: web.Request) -> web.Response:
    """/robots.txt"""
    body = ROBOTS.format(base_url=request.app[SETTINGS].base_url)
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
    text = "ready\n" if ready else "not ready\n"
    return web.Response(text=text, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


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


async def favicon(request: web.Request) -> web.Response:
    """/favicon.ico: what old browsers ask for unasked."""
    return await asset_answer(request, request.app[RENDERER].assets.get("icon.svg"), immutable=False)
