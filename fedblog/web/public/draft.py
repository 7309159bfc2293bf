"""/draft/ID/KEY: a draft for whoever was given the link; nobody else finds it, and nothing keeps it."""

from __future__ import annotations

import hmac

from aiohttp import web

from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, Post, PostId, PostStatus
from fedblog.errors import NotFound
from fedblog.storage import actors, media, posts
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.render import render


async def draft(request: web.Request) -> web.Response:
    """The draft as it was saved last. Raises `NotFound` for a link that opens nothing (any more)."""
    post_id = int(request.match_info["id"])
    if post_id >= 2**63:
        raise NotFound("no such draft")
    post, author, pictures = await request.app[SERVICES].db.read(
        _find, PostId(post_id), request.match_info["key"], request.app[SERVICES].settings.base_url
    )
    answer = render(
        request, "public/draft.html", post=post, author=author, pictures=pictures, lang=post.language or "und"
    )
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _find(tx: Tx, post_id: PostId, key: str, base_url: str) -> tuple[Post, Actor, dict[str, Media]]:
    post = posts.by_id(tx, post_id)
    wanted = post.preview_key if post is not None else ""
    is_right = bool(wanted) and hmac.compare_digest(wanted.encode(), key.encode("utf-8", "replace"))
    if post is None or not is_right or post.status not in (PostStatus.DRAFT, PostStatus.UNPUBLISHED):
        raise NotFound("no such draft")
    return post, actors.by_id(tx, post.author_id), media.by_names(tx, media.names_in(post.image_url))
