"""/studio/posts: the list of posts, by status and title."""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.model import Actor, ActorId, Post, PostStatus
from fedblog.storage import actors, desk
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_query, show

PAGE = 50
_STATUSES = {"draft": PostStatus.DRAFT, "published": PostStatus.PUBLISHED, "unpublished": PostStatus.UNPUBLISHED}


async def list_posts(request: web.Request, who: Who) -> web.StreamResponse:
    """The posts this person may edit, the last touched first."""
    status = request.query.get("status", "") if request.query.get("status", "") in _STATUSES else ""
    search = " ".join(request.query.get("q", "").split())[:200]
    skip = min(number_in_query(request, "page") or 0, 10_000) * PAGE
    rows = await request.app[SERVICES].db.read(_rows, who.scope, _STATUSES.get(status), search, skip)
    older = ""
    if len(rows) > PAGE:
        query = {"status": status, "q": search, "page": str(skip // PAGE + 1)}
        older = "/studio/posts?" + urlencode({key: value for key, value in query.items() if value})
    return await show(request, who, "posts.html", rows=rows[:PAGE], chosen=status, search=search, older=older)


def _rows(
    tx: Tx, author_id: ActorId | None, status: PostStatus | None, search: str, skip: int
) -> list[tuple[Post, Actor]]:
    found = desk.posts(tx, author_id=author_id, status=status, title=search, skip=skip, limit=PAGE + 1)
    authors = actors.by_ids(tx, {post.author_id for post in found})
    return [(post, authors[post.author_id]) for post in found]
