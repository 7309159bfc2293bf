"""Replies as they were drawn last: a page with one new reply draws one reply, not all of them.

A fragment is used again while everything that it is made of is equal; nothing has to be told about changes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from fedblog.blog.model import Actor, ActorId, ReplyId
from fedblog.blog.thread import Mark

MAX_BYTES = 16 * 1024 * 1024
_RECORD_BYTES = 2_000  # about what the records of a reply and its actor take, without the text

Draw = Callable[[Mark], Markup]
DrawRow = Callable[[Mark, Draw], Markup]


class Fragments:
    """Fragments by reply, the oldest ones dropped beyond about `max_bytes` in all. Safe to use from threads."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._kept: OrderedDict[ReplyId, tuple[tuple[Any, ...], Markup, int]] = OrderedDict()
        self._lock = threading.Lock()

    def of_page(
        self,
        author_id: ActorId,
        reactions: Mapping[ReplyId, Sequence[Actor]],
        emoji: Mapping[ReplyId, Any],
        moved: Mapping[str, Actor],
    ) -> DrawRow:
        """For a template: draws a row by its macro, or takes the fragment; the rest is what the macro looks at too."""

        def fragment(mark: Mark, draw: Draw) -> Markup:
            row = mark.row
            made_of = (
                row.reply,
                row.actor,
                author_id,
                None if mark.parent is None else (mark.parent.actor.uri, mark.parent.actor.url),
                reactions.get(row.reply.id),
                emoji.get(row.reply.id),
                moved.get(row.actor.moved_to),
            )
            return self._get(mark, made_of, draw)

        return fragment

    def _get(self, mark: Mark, made_of: tuple[Any, ...], draw: Draw) -> Markup:
        reply = mark.row.reply
        kept = self._kept.get(reply.id)
        if kept is not None and kept[0] == made_of:
            return kept[1]
        html = draw(mark)
        size = len(html) + len(reply.content_html) + _RECORD_BYTES
        with self._lock:
            old = self._kept.pop(reply.id, None)
            self._kept[reply.id] = (made_of, html, size)
            self._bytes += size - (0 if old is None else old[2])
            while self._bytes > self._max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1][2]
        return html


def draw_anew(mark: Mark, draw: Draw) -> Markup:
    """What stands in for `of_page` where the page is for one reader only."""
    return draw(mark)
