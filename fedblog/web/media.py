"""/media, /avatar, /emoji, /attached: pictures of a fixed type that can only be looked at (SECURITY 79, 112, 116)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from fedblog.blog.emoji import KEY_PATTERN
from fedblog.blog.ledger import Session
from fedblog.blog.model import ActorId, ReplyId, Role
from fedblog.errors import FetchFailed, NotFound
from fedblog.federation.forget_media import kept_name
from fedblog.media.kept import url_version
from fedblog.media.names import parse_file
from fedblog.storage import actors, desk, reply_media
from fedblog.storage import emoji as emoji_store
from fedblog.storage.database import Tx
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SESSION, SETTINGS

FOREVER = "public, max-age=31536000, immutable"
SOME_DAYS = "public, max-age=259200"
FOR_ONE = "private, max-age=3600"
AN_HOUR = "public, max-age=3600"  # what is hidden meanwhile is soon out of other hands too
NOT_KEPT = "private, no-store"
# Looked at by itself, without scripts: browsers lay out a picture with styles of their own.
_BY_ITSELF = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    "X-Robots-Tag": "noindex",
}
A_WHILE = "public, max-age=600"
AVATARS_PER_MINUTE = 1200
EMOJI_PER_MINUTE = 1200
ATTACHED_PER_MINUTE = 240
# One transparent pixel.
NO_AVATAR = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_NO_MORE: Mapping[str, str] = {}
_SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"


def add_routes(router: web.UrlDispatcher) -> None:
    """Each kind."""
    router.add_get("/media/{file}", media)
    router.add_get("/avatar/{id:[1-9][0-9]{0,18}}/{version:[0-9a-f]{12}}", avatar)
    router.add_get("/attached/{id:[1-9][0-9]{0,18}}/{version:[0-9a-f]{12}}", attached)
    router.add_get(f"/emoji/{{key:{KEY_PATTERN}}}", emoji)


async def media(request: web.Request) -> web.StreamResponse:
    """/media/NAME.jpg and /media/NAME-960.webp: a file of an uploaded picture. Nothing else has such a name."""
    file = parse_file(request.match_info["file"])
    if file is None:
        raise NotFound("no such picture")
    return await send_picture(request.app[SERVICES].library.path(file), file.media_type, FOREVER)


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
    if not found.icon_url or url_version(found.icon_url) != request.match_info["version"]:
        raise NotFound("no such avatar")
    kept = await services.avatars.get(f"{found.id}-{request.match_info['version']}", found.icon_url)
    if kept is None:
        # Not 404: browsers would draw a broken picture over the initials, which are what should be seen.
        return web.Response(
            body=NO_AVATAR,
            content_type="image/gif",
            headers={"Cache-Control": A_WHILE, "Content-Security-Policy": _SANDBOX},
        )
    return await send_picture(kept.path, kept.media_type, SOME_DAYS)


async def emoji(request: web.Request) -> web.StreamResponse:
    """/emoji/KEY: a custom emoji that something here calls; what only private notes call is for people of the blog."""
    services = request.app[SERVICES]
    request.app[LIMITS].take("emoji", request[ADDRESS], EMOJI_PER_MINUTE)
    key = request.match_info["key"]
    source = await services.db.read(emoji_store.source, key) if request.app[SETTINGS].media.remote_emoji else None
    if source is None or not (source.public or request.get(SESSION)):
        raise NotFound("no such emoji")
    kept = await services.emoji.get(key, source.url)
    if kept is None:
        # With 404 browsers show the alternative text in its place.
        return web.Response(status=404, headers={"Cache-Control": A_WHILE, "Content-Security-Policy": _SANDBOX})
    return await send_picture(kept.path, kept.media_type, SOME_DAYS if source.public else FOR_ONE)


async def attached(request: web.Request) -> web.StreamResponse:
    """/attached/ID/VERSION: a picture that hangs on a reply, for whoever may read the reply. The first who asks has it
    fetched. It names the reply and a digest, so that it leads to nothing else. Raises `NotFound`, `FetchFailed`."""
    services, session = request.app[SERVICES], request.get(SESSION)
    request.app[LIMITS].take("attached", request[ADDRESS], ATTACHED_PER_MINUTE)
    reply_id = ReplyId(int(request.match_info["id"]))
    if reply_id >= 2**63 or request.app[SETTINGS].media.remote_media != "click":
        raise NotFound("no such picture")
    found = await services.db.read(_attached_for, reply_id, session)
    version = request.match_info["version"]
    item = next((one for one in found.items if one.is_picture and url_version(one.url) == version), None)
    if item is None:
        raise NotFound("no such picture")
    kept = await services.attached.get(kept_name(reply_id, item.url), item.url)
    if kept is None:
        raise FetchFailed("this picture can't be had from its own server now")
    return await send_picture(kept.path, kept.media_type, AN_HOUR if found.public else NOT_KEPT, _BY_ITSELF)


def _attached_for(tx: Tx, reply_id: ReplyId, session: Session | None) -> reply_media.Attached:
    """What hangs on a reply that may be read by all, or by who is logged in. Raises `NotFound`."""
    found = reply_media.of_reply(tx, reply_id)
    if found is None:
        raise NotFound("no such picture")
    if not found.public:
        looks_after_all = session is not None and session.account.role in (Role.OWNER, Role.EDITOR)
        reader = desk.Reader(session.account.actor_id, looks_after_all) if session is not None else None
        if reader is None or desk.reply_for(tx, reader, reply_id) is None:
            raise NotFound("no such picture")
    return found


async def send_picture(
    path: Path, media_type: str, cache_control: str, more: Mapping[str, str] = _NO_MORE
) -> web.StreamResponse:
    """A file of ours, sandboxed. Raises `NotFound`."""
    if not await asyncio.to_thread(_is_plain_file, path):
        raise NotFound("no such picture")
    return web.FileResponse(
        path,
        headers={
            "Content-Type": media_type,
            "Cache-Control": cache_control,
            "Content-Security-Policy": _SANDBOX,
            "Content-Disposition": "inline",
            **more,
        },
    )


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
