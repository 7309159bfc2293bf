"""The first page of each conversation, row by row as it was drawn last: in memory, and in the database over a restart.

A row holds everything from its opening lists to the closing ones. It is used again while neither its reply nor the one
that it answers has changed (`storage/drawn.py`), and while its place among the others is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec
from markupsafe import Markup

from fedblog import __version__
from fedblog.blog.model import ActorId, PostId, ReplyId, ThreadRow
from fedblog.blog.thread import Mark, mark_rows
from fedblog.errors import StorageUnavailable
from fedblog.storage import drawn, threads
from fedblog.storage.database import Database, Tx
from fedblog.storage.drawn import Outline

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
STORE_SECONDS = 5.0
Draw = Callable[[Mark], str]
Shape = tuple[Any, ...]

# All that a mark says of a row's place; the row and what it answers are told apart by what changed.
_PLACE_NAMES = [field.name for field in dataclasses.fields(Mark) if field.name not in ("row", "parent")]
_shape_of: Callable[[Mark], Shape] = attrgetter(*_PLACE_NAMES)
_encode = msgspec.msgpack.Encoder().encode


class DrawnRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One row: its reply, its place, its HTML."""

    reply_id: int
    shape: Shape
    html: str


@dataclasses.dataclass(frozen=True, slots=True)
class DrawnPage:
    """The rows of a first page at one version of it. `continues`: there is another page."""

    version: int
    rows: Sequence[DrawnRow]
    continues: bool
    size: int  # about how many bytes it takes

    @classmethod
    def of(cls, version: int, rows: Sequence[DrawnRow], *, continues: bool) -> DrawnPage:
        """A page of these rows."""
        return cls(version, rows, continues, sum([len(row.html) for row in rows]) + 200 * len(rows))


_PACK = msgspec.msgpack.Decoder(tuple[bool, list[DrawnRow]])


class _Actor(NamedTuple):
    id: ActorId


class _Slim(NamedTuple):
    """What `mark_rows` looks at, and no more: an outline stands in for the reply."""

    reply: Outline
    actor: _Actor


class Conversation:
    """A page of replies in order: rows as they were drawn, and marks of those that are to be drawn. `post_id`: keep
    what is drawn as the first page of this post, at this version."""

    def __init__(
        self,
        rows: Sequence[DrawnRow | Mark],
        *,
        continues: bool,
        post_id: PostId | None = None,
        version: int = 0,
        kept: DrawnPage | None = None,
    ) -> None:
        self._rows = rows
        self.continues = continues
        self.post_id, self.version = post_id, version
        self.drawn = kept
        self.is_new = False  # drawn here and now

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def last(self) -> ReplyId:
        """The last reply. Raises `IndexError` where there is none."""
        row = self._rows[-1]
        return ReplyId(row.reply_id) if isinstance(row, DrawnRow) else row.row.reply.id

    def html(self, draw: Draw) -> Markup:
        """For the template: all rows, those that have to be drawn by its macro."""
        if self.post_id is None:
            return Markup("".join(draw(mark) for mark in self._rows if isinstance(mark, Mark)))  # noqa: S704
        if self.drawn is None:
            rows = [
                row if isinstance(row, DrawnRow) else DrawnRow(row.row.reply.id, _shape_of(row), str(draw(row)))
                for row in self._rows
            ]
            self.drawn, self.is_new = DrawnPage.of(self.version, rows, continues=self.continues), True
        return Markup("".join([row.html for row in self.drawn.rows]))  # noqa: S704 - written by the template


def all_to_draw(rows: Sequence[ThreadRow], above: dict[ReplyId, ThreadRow], indent: int, *, more: bool) -> Conversation:
    """A page of which nothing is kept."""
    return Conversation(mark_rows(rows, indent, above), continues=more)


def read_first(
    tx: Tx, post_id: PostId, version: int, known: DrawnRows, *, indent: int, limit: int
) -> tuple[Conversation, list[ThreadRow]]:
    """The first page for everybody, oldest first, and the rows of it that have to be drawn, read whole."""
    kept = known.get(post_id)
    if kept is None or kept.version > version:
        kept = _load(tx, post_id, known.recipe)
    elif kept.version < version and kept.version < drawn.redrawn(tx, post_id):
        kept = None
    if kept is not None and kept.version == version:
        page = Conversation(kept.rows, continues=kept.continues, post_id=post_id, version=version, kept=kept)
        return page, []
    found = drawn.outline(tx, post_id, limit + 1)
    outlines = found[:limit]
    slim = [_Slim(one, _Actor(one.actor_id)) for one in outlines]
    rows = _fitting(mark_rows(cast("list[ThreadRow]", slim), indent), outlines, kept)
    whole = _filled(tx, rows)
    continues = len(found) > limit
    return Conversation(rows, continues=continues, post_id=post_id, version=version), whole


def _load(tx: Tx, post_id: PostId, recipe: str) -> DrawnPage | None:
    stored = drawn.load(tx, post_id, recipe)
    if stored is None:
        return None
    try:
        continues, rows = _PACK.decode(stored.data)
    except msgspec.DecodeError:  # of another version of ours with the same recipe: draw it anew
        return None
    return DrawnPage.of(stored.version, rows, continues=continues)


def _fitting(marks: list[Mark], outlines: list[Outline], kept: DrawnPage | None) -> list[DrawnRow | Mark]:
    """In order, what is kept of a row where that still fits, else its mark."""
    if kept is None:
        return list(marks)
    known = {row.reply_id: row for row in kept.rows}
    changed = {one.id: one.changed for one in outlines}
    version = kept.version
    rows: list[DrawnRow | Mark] = []
    for mark, one in zip(marks, outlines, strict=True):
        row = known.get(one.id)
        # What it answers is on the page too: the first one begins with the tree's roots.
        above = 0 if one.parent_id is None else changed.get(one.parent_id, version + 1)
        fits = row is not None and one.changed <= version and above <= version and _same(row.shape, _shape_of(mark))
        rows.append(row if row is not None and fits else mark)
    return rows


def _same(kept: Shape, now: Shape) -> bool:
    """Whether two places are the same; one that was stored has lists where there were tuples."""
    return kept == now or tuple(tuple(one) if isinstance(one, list) else one for one in kept) == now


def _filled(tx: Tx, rows: list[DrawnRow | Mark]) -> list[ThreadRow]:
    """Give the marks their whole rows and those that they answer; the rows in order."""
    wanted: set[ReplyId] = set()
    for row in rows:
        if isinstance(row, Mark):
            wanted.add(row.row.reply.id)
            if row.row.reply.parent_id is not None:
                wanted.add(row.row.reply.parent_id)
    found = threads.rows_by_id(tx, wanted)
    whole = []
    for number, row in enumerate(rows):
        if isinstance(row, Mark):
            parent_id, own = row.row.reply.parent_id, found[row.row.reply.id]
            rows[number] = dataclasses.replace(row, row=own, parent=found.get(parent_id) if parent_id else None)
            whole.append(own)
    return whole


class DrawnRows:
    """The pages that were drawn last, the least used ones dropped beyond about `max_bytes`. Safe to use from threads.

    `recipe` names what rows are made with: templates, settings, this version of the program.
    """

    def __init__(self, recipe: Callable[[], str], max_bytes: int = MAX_BYTES) -> None:
        self._make_recipe, self._recipe = recipe, ""
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pages: OrderedDict[PostId, DrawnPage] = OrderedDict()
        self._to_store: dict[PostId, DrawnPage] = {}
        self._lock = threading.Lock()

    @property
    def recipe(self) -> str:
        """Found out when it is first needed."""
        if not self._recipe:
            self._recipe = self._make_recipe()
        return self._recipe

    def get(self, post_id: PostId) -> DrawnPage | None:
        """What was drawn last."""
        with self._lock:
            page = self._pages.get(post_id)
            if page is not None:
                self._pages.move_to_end(post_id)
            return page

    def keep(self, conversation: Conversation) -> None:
        """Remember what was drawn, and that it is to be stored; nothing for other pages than the first."""
        post_id, page = conversation.post_id, conversation.drawn
        if post_id is None or page is None:
            return
        with self._lock:
            old = self._pages.pop(post_id, None)
            if old is not None and old.version > page.version:
                page = old
            self._bytes += page.size - (0 if old is None else old.size)
            self._pages[post_id] = page
            if page.rows and conversation.is_new and (old is None or old.version < page.version):
                self._to_store[post_id] = page
            while self._bytes > self._max_bytes and len(self._pages) > 1:
                self._bytes -= self._pages.popitem(last=False)[1].size

    def take(self) -> dict[PostId, DrawnPage]:
        """What is to be stored since the last time."""
        with self._lock:
            taken, self._to_store = self._to_store, {}
        return taken


class DrawnKeeper:
    """Brings drawn pages to the database: every few seconds, and at the end."""

    def __init__(self, db: Database, rows: DrawnRows, *, every: float = STORE_SECONDS) -> None:
        self._db, self._rows, self._every = db, rows, every
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, and once more then."""
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stop.wait()
            await self.flush()

    async def flush(self) -> None:
        """Store what there is; where that fails it is drawn again some day."""
        for post_id, page in self._rows.take().items():
            packed = await asyncio.to_thread(_packed, page)
            try:
                await self._db.write(drawn.store, post_id, self._rows.recipe, page.version, packed)
            except StorageUnavailable as exc:
                log.warning("a drawn page was not stored: %s", exc)

    async def stop(self) -> None:
        """`run` returns soon after."""
        self._stop.set()


def _packed(page: DrawnPage) -> bytes:
    return drawn.pack(_encode((page.continues, page.rows)))


def recipe_of(parts: Iterable[str]) -> str:
    """A name for everything that rows are made with."""
    digest = hashlib.blake2b(__version__.encode(), digest_size=12)
    for part in (*_PLACE_NAMES, *parts):
        digest.update(b"\0" + part.encode("utf-8", "replace"))
    return digest.hexdigest()
