"""Two tabs, or two people, with one post: what differs, and both changes put together where that can be done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from fedblog.blog.model import Post, Writing
from fedblog.storage import actors, posts
from fedblog.storage.database import Tx
from fedblog.text.merge import Merged, compare_lines, merge
from fedblog.web.keys import SERVICES


@dataclass(frozen=True, slots=True)
class Conflicting:
    """The stored post beside what somebody has in the editor; `lines` leads from the stored text to theirs."""

    stored: Post
    base: int  # the version that their text is based on
    by: str  # who saved the stored text
    lines: list[tuple[str, str]]
    merged: Merged | None  # None: too long, or nothing to merge with


async def conflicting(request: web.Request, stored: Post, writing: Writing, version: int) -> Conflicting:
    """What to show of a conflict; `version` is what the editor's text is based on."""
    by, base = await request.app[SERVICES].db.read(_history, stored, version)
    lines = await asyncio.to_thread(compare_lines, stored.source, writing.source)
    merged = await asyncio.to_thread(merge, base, writing.source, stored.source) if base is not None else None
    return Conflicting(stored, version, by, lines, merged)


def _history(tx: Tx, stored: Post, version: int) -> tuple[str, str | None]:
    """Who saved last, and the text that both began with: the newest revision that is no newer than `version`.

    An older one does as well as the very one: what both have changed since in the same way is merged as one change.
    """
    history = posts.revisions(tx, stored.id)
    base = next((revision.source for revision in history if revision.number <= version), None)
    editor = actors.by_ids(tx, {history[0].editor_id}).get(history[0].editor_id) if history else None
    return editor.display_name if editor is not None else "", base
