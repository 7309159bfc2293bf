"""The sitemap (sitemaps.org 0.9): one file, or an index of files where there are more addresses than one may hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.errors import NotFound
from fedblog.storage import actors, listing
from fedblog.storage.database import Tx
from fedblog.web.conditional import conditional
from fedblog.web.keys import RENDERER, SERVICES, SETTINGS

MOST = 50_000  # addresses in one file
CHUNK = 2_000
XML = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Place:
    """An address, and when what is there changed."""

    url: str
    changed: int | None = None


async def sitemap(request: web.Request) -> web.Response:
    """/sitemap.xml: everything, or the list of the files that hold it."""
    services, base_url = request.app[SERVICES], request.app[SETTINGS].base_url
    count, newest = await services.db.read(listing.count_addresses)
    if count <= MOST:
        return await _urls(request, await _first(request, newest) + await _posts(request, 0, count))
    files = [Place(f"{base_url}/sitemap-0.xml", newest)]
    files += [Place(f"{base_url}/sitemap-{number}.xml") for number in range(1, -(-count // MOST) + 1)]
    return await _answer(request, "feeds/sitemap_index.xml", files)


async def sitemap_part(request: web.Request) -> web.Response:
    """/sitemap-N.xml: 0 holds the lists, the others so many posts each, the oldest first, so that they stay."""
    number = int(request.match_info["number"])
    count, newest = await request.app[SERVICES].db.read(listing.count_addresses)
    if number == 0:
        return await _urls(request, await _first(request, newest))
    start = (number - 1) * MOST
    if start >= count:
        raise NotFound("there is no such part")
    return await _urls(request, await _posts(request, start, min(MOST, count - start)))


async def _first(request: web.Request, newest: int | None) -> list[Place]:
    services = request.app[SERVICES]
    return await services.db.read(_lists, services.ids, request.app[SETTINGS].base_url, newest)


def _lists(tx: Tx, ids: LocalIds, base_url: str, newest: int | None) -> list[Place]:
    authors = [actor for actor in actors.local_actors(tx) if actor.local == "author" and actor.deleted_at is None]
    places = [Place(f"{base_url}/", newest), *([Place(f"{base_url}/archive", newest)] if newest else [])]
    places += [Place(ids.profile_page(author.username)) for author in authors]
    places += [Place(ids.tag_page(name)) for _, name, _ in listing.tags(tx)]
    return places[:MOST]


async def _posts(request: web.Request, start: int, count: int) -> list[Place]:
    services = request.app[SERVICES]
    places: list[Place] = []
    while len(places) < count:
        limit = min(CHUNK, count - len(places))
        rows = await services.db.read(listing.addresses, offset=start + len(places), limit=limit)
        places += [Place(services.ids.post_page(one.username, one.slug), one.changed_at) for one in rows]
        if len(rows) < limit:
            break
    return places


async def _urls(request: web.Request, places: Sequence[Place]) -> web.Response:
    return await _answer(request, "feeds/sitemap.xml", places)


async def _answer(request: web.Request, template: str, places: Sequence[Place]) -> web.Response:
    xml = await asyncio.to_thread(request.app[RENDERER].html, template, entries=places)
    return conditional(request, xml.encode(), XML)
