"""Addresses that posts had in the system they came from (`fedblog import`): they redirect for ever."""

from __future__ import annotations

from aiohttp import web

from fedblog.storage import actors, archive
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES


async def moved_from(request: web.Request) -> web.Response | None:
    """301 to the post that was at this path, or `/?p=NUMBER`, before it came here; None for every other request."""
    if request.method not in ("GET", "HEAD"):
        return None
    number = request.query.get("p", "")
    path = f"/?p={int(number)}" if request.path == "/" and number.isdecimal() and len(number) < 19 else request.path
    services = request.app[SERVICES]
    found = await services.db.read(_find, path.rstrip("/") or "/")
    if found is None:
        return None
    location = services.ids.post_page(*found)
    return web.Response(status=301, headers={"Location": location, "Cache-Control": "max-age=3600"})


def _find(tx: Tx, path: str) -> tuple[str, str] | None:
    post = archive.by_old_path(tx, path)
    return (actors.by_id(tx, post.author_id).username, post.slug) if post is not None else None
