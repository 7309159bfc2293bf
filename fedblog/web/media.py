"""/media and /avatar: pictures, with a fixed type, that can do nothing but be looked at (SECURITY 79, 112, 116)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from fedblog.blog.model import ActorId
from fedblog.errors import NotFound
from fedblog.media.avatars import avatar_version
from fedblog.media.names import parse_file
from fedblog.storage import actors
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS

FOREVER = "public, max-age=31536000, immutable"
SOME_DAYS = "public, max-age=259200"
A_WHILE = "public, max-age=600"
AVATARS_PER_MINUTE = 1200
# One transparent pixel.
NO_AVATAR = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


def add_routes(router: web.UrlDispatcher) -> None:
    """Both kinds."""
    router.add_get("/media/{file}", media)
    router.add_get("/avatar/{id:[1-9][0-9]{0,18}}/{version:[0-9a-f]{12}}", avatar)


async def media(request: web.Request) -> web.StreamResponse:
    """/media/NAME.jpg and /media/NAME-960.webp: a file of an uploaded picture. Nothing else has such a name."""
    file = parse_file(request.match_info["file"])
    if file is None:
        raise NotFound("no such picture")
    return await _send(request.app[SERVICES].library.path(file), file.media_type, FOREVER)


async def avatar(request: web.Request) -> web.StreamResponse:
    """/avatar/ID/VERSION: how somebody elsewhere looks. Only addresses that our pages wrote lead anywhere."""
    services = request.app[SERVICES]
    request.app[LIMITS].take("avatar", request[ADDRESS], AVATARS_PER_MINUTE)
    number = int(request.match_info["id"])
    found = None
    if number < 2**63 and request.app[SETTINGS].media.remote_avatars:
        found = (await services.db.read(actors.by_ids, [ActorId(number)])).get(ActorId(number))
    if found is None or found.deleted_at is not None or found.suspended_at is not None:
        raise NotFound("no such avatar")
    if not found.icon_url or avatar_version(found.icon_url) != request.match_info["version"]:
        raise NotFound("no such avatar")
    kept = await services.avatars.get(found)
    if kept is None:
        # Not 404: browsers would draw a broken picture over the initials, which are what should be seen.
        return web.Response(
            body=NO_AVATAR,
            content_type="image/gif",
            headers={"Cache-Control": A_WHILE, "Content-Security-Policy": _SANDBOX},
        )
    return await _send(kept.path, kept.media_type, SOME_DAYS)


async def _send(path: Path, media_type: str, cache_control: str) -> web.StreamResponse:
    if not await asyncio.to_thread(_is_plain_file, path):
        raise NotFound("no such picture")
    return web.FileResponse(
        path,
        headers={
            "Content-Type": media_type,
            "Cache-Control": cache_control,
            "Content-Security-Policy": _SANDBOX,
            "Content-Disposition": "inline",
        },
    )


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
