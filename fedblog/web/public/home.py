"""The front page: every author's posts, newest first."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedblog.blog.model import Actor
from fedblog.storage import actors
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES, SETTINGS
from fedblog.web.old_paths import moved_from
from fedblog.web.pages import alternate_link, page
from fedblog.web.public.items import PostList, make_items, pages_of, read_list
from fedblog.web.public.structured import blog_data


async def home(request: web.Request) -> web.Response:
    """/"""
    if "p" in request.query and (moved := await moved_from(request)) is not None:
        return moved
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    before = request.query.get("before", "")
    blog, several, listed = await services.db.read(_read, before, settings.blog.posts_per_page)

    def context() -> dict[str, Any]:
        return {
            "blog": blog,
            "structured": blog_data(settings),
            "items": make_items(listed, services.ids),
            "covers": listed.covers,
            "with_author": several,
            "canonical": f"{settings.base_url}/" + (f"?before={before}" if before else ""),
            **pages_of(request, listed),
        }

    version = (blog, several, listed.version)
    return await page(request, "public/home.html", version, context, (alternate_link(blog.uri),))


def _read(tx: Tx, before: str, limit: int) -> tuple[Actor, bool, PostList]:
    several = sum(1 for actor in actors.local_actors(tx) if actor.local == "author") > 1
    return actors.blog(tx), several, read_list(tx, before=before, limit=limit, pinned=True)
