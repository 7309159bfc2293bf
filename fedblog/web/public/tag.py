"""The posts with one tag."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedblog.blog.model import Actor
from fedblog.errors import NotFound
from fedblog.storage import actors, listing
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES, SETTINGS
from fedblog.web.pages import page
from fedblog.web.public.items import PostList, make_items, pages_of, read_list


async def tag(request: web.Request) -> web.Response:
    """/tag/TAG"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    wanted = request.match_info["tag"]
    blog, total, listed = await services.db.read(
        _read, wanted, request.query.get("before", ""), settings.blog.posts_per_page
    )

    def context() -> dict[str, Any]:
        name = written_name(listed, wanted)
        url = services.ids.tag_page(name)
        return {
            "blog": blog,
            "tag": name,
            "total": total,
            "items": make_items(listed, services.ids),
            "covers": listed.covers,
            "with_author": True,
            "canonical": url,
            "feed": f"{url.removeprefix(settings.base_url)}/feed",
            **pages_of(request, listed),
        }

    return await page(request, "public/tag.html", (blog, total, listed.version), context)


def written_name(listed: PostList, wanted: str) -> str:
    """The tag as its newest post writes it."""
    return next((tag for post in listed.posts for tag in post.tags if tag.casefold() == wanted.casefold()), wanted)


def _read(tx: Tx, wanted: str, before: str, limit: int) -> tuple[Actor, int, PostList]:
    total = listing.count_public(tx, tag=wanted)
    if total == 0:
        raise NotFound("no post has this tag")
    return actors.blog(tx), total, read_list(tx, tag=wanted, before=before, limit=limit)
