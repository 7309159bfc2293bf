"""The public history of a post: every published state, and what changed from one to the next, word by word."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, Post, Revision
from fedblog.errors import NotFound
from fedblog.storage import history as stored
from fedblog.storage.database import Tx
from fedblog.text.diff import Change, shortened, word_diff
from fedblog.web.keys import SERVICES
from fedblog.web.pages import page
from fedblog.web.public.post import Moved, find_post

STATES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class State:
    """A state, and what made it out of the one before; nothing for the first."""

    revision: Revision
    title: list[Change]
    text: list[Change]


async def history(request: web.Request) -> web.Response:
    """/@NAME/SLUG/history"""
    services = request.app[SERVICES]
    name, slug = request.match_info["name"], request.match_info["slug"]
    try:
        post, author, found = await services.db.read(_read, services.ids, name, slug)
    except Moved as moved:
        raise web.HTTPMovedPermanently(f"{moved.url}/history") from None

    def context() -> dict[str, Any]:
        return {
            "post": post,
            "author": author,
            "url": services.ids.post_page(author.username, post.slug),
            "states": _states(found[: STATES_SHOWN + 1])[:STATES_SHOWN],
            "lang": post.language,
        }

    return await page(request, "public/history.html", (post.id, post.version, author), context)


def _read(tx: Tx, ids: LocalIds, name: str, slug: str) -> tuple[Post, Actor, list[Revision]]:
    post, author = find_post(tx, ids, name, slug)
    found = stored.published(tx, post)
    if len(found) < 2:
        raise NotFound("this post has no history to show")
    return post, author, found


def _states(found: list[Revision]) -> list[State]:
    """CPU work: texts are compared."""
    made = [
        State(newer, word_diff(older.title, newer.title), shortened(word_diff(older.source, newer.source)))
        for newer, older in pairwise(found)
    ]
    return [*made, State(found[-1], [], [])]
