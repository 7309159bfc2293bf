"""/studio/posts/{id}/revisions: earlier versions, and how one differs from the present text."""

from __future__ import annotations

import asyncio
import difflib

from aiohttp import web

from fedblog.errors import NotFound
from fedblog.storage import actors, posts
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_path, requested_post, show

# difflib takes time with the square of the lines; longer texts are compared only where they begin.
_MAX_LINES = 3000


async def list_revisions(request: web.Request, who: Who) -> web.StreamResponse:
    """All saved versions, newest first."""
    post = await requested_post(request, who)
    db = request.app[SERVICES].db
    revisions = await db.read(posts.revisions, post.id)
    editors = await db.read(actors.by_ids, {revision.editor_id for revision in revisions})
    rows = [(revision, editors.get(revision.editor_id)) for revision in revisions]
    return await show(request, who, "revisions.html", post=post, revisions=rows)


async def show_revision(request: web.Request, who: Who) -> web.StreamResponse:
    """One version beside the present text, line by line."""
    post = await requested_post(request, who)
    number = number_in_path(request, "number")
    revisions = await request.app[SERVICES].db.read(posts.revisions, post.id)
    revision = next((one for one in revisions if one.number == number), None)
    if revision is None:
        raise NotFound("no such version")
    lines = await asyncio.to_thread(compare, revision.source, post.source)
    return await show(request, who, "revision.html", post=post, revision=revision, lines=lines)


def compare(old: str, new: str) -> list[tuple[str, str]]:
    """Lines with ` ` (in both), `-` (only in the old one) or `+` (only in the new one)."""
    before, after = old.splitlines()[:_MAX_LINES], new.splitlines()[:_MAX_LINES]
    lines: list[tuple[str, str]] = []
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [(" ", line) for line in before[a_from:a_to]]
        else:
            lines += [("-", line) for line in before[a_from:a_to]] + [("+", line) for line in after[b_from:b_to]]
    return lines
