"""The first page of each post, row by row as it was drawn last: in memory, and in the database over a restart.

What stands around the rows is kept with them and used while nothing at all has changed. A row holds everything from its
opening lists to the closing ones. It is used again while neither its reply nor the one that it answers has changed
(`storage/drawn.py`), and while its place among the others is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import msgspec
from markupsafe import Markup

from fedblog import __version__
from fedblog.blog.model import PostId, ReplyId, ThreadRow
from fedblog.blog.thread import Mark, Shape, mark_rows, shapes
from fedblog.errors import StorageUnavailable
from fedblog.storage import drawn, posts, threads
from fedblog.storage.database import Database, Tx
from fedblog.storage.drawn import Outline
from fedblog.web.cache import RenderedPage

log = logging.getLogger(__name__)

MAX_BYTES = 16 * 1024 * 1024
STORE_SECONDS = 5.0
_TOLD_BY = 200  # so many letters tell where the rows begin: the first reply's number is among them
Draw = Callable[[Mark], str]

_values_of = attrgetter(*Shape._fields)
_encode = msgspec.msgpack.Encoder().encode


class DrawnRow(NamedTuple):
    """One row: its reply, its place, its HTML."""

    reply_id: int
    shape: Shape
    html: str


class Frame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What stands around the rows, and the answer's own headers; `key` names what it was made with besides."""

    key: str
    before: str
    after: str
    headers: tuple[tuple[str, str], ...]


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    """A page as it is stored: the rows' places apart from their HTML, since few need them."""

    continues: bool
    html: str
    places: msgspec.Raw
    frame: Frame | None


_Places = list[tuple[int, Shape, int]]  # of each row its reply, its place, and how long its HTML is


class DrawnPage:
    """The rows of a first page at one version of it. `continues`: there is another page."""

    def __init__(
        self, version: int, html: str, places: _Places | msgspec.Raw, *, continues: bool, frame: Frame | None = None
    ) -> None:
        self.version, self.html, self.continues, self.frame = version, html, continues, frame
        self._places = places
        self.size = 2 * len(html) + (len(frame.before) + len(frame.after) if frame else 0)  # about, in bytes

    @classmethod
    def of(cls, version: int, rows: Sequence[DrawnRow], *, continues: bool) -> DrawnPage:
        """A page of these rows."""
        places = [(row.reply_id, row.shape, len(row.html)) for row in rows]
        return cls(version, "".join([row.html for row in rows]), places, continues=continues)

    def within(self, frame: Frame) -> DrawnPage:
        """The same rows with something else around them."""
        return DrawnPage(self.version, self.html, self._places, continues=self.continues, frame=frame)

    @property
    def places(self) -> _Places:
        """Of each row its reply, its place, and how long its HTML is."""
        if isinstance(self._places, msgspec.Raw):
            self._places = _PLACES.decode(self._places)
        return self._places

    @property
    def rows(self) -> list[DrawnRow]:
        """The rows, taken apart."""
        rows, at = [], 0
        for reply_id, shape, length in self.places:
            rows.append(DrawnRow(reply_id, shape, self.html[at : at + length]))
            at += length
        return rows

    def packed(self) -> bytes:
        """As `unpacked` reads it."""
        return _encode(_Packed(self.continues, self.html, msgspec.Raw(_encode(self.places)), self.frame))

    @classmethod
    def unpacked(cls, version: int, data: bytes) -> DrawnPage:
        """Raises `msgspec.DecodeError`."""
        found = _PACK.decode(data)
        return cls(version, found.html, found.places, continues=found.continues, frame=found.frame)


_PACK = msgspec.msgpack.Decoder(_Packed)
_PLACES = msgspec.msgpack.Decoder(_Places)


class _ToDraw(NamedTuple):
    """A row that is to be drawn, before it was read whole."""

    id: ReplyId
    parent_id: ReplyId | None
    shape: Shape


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
                row
                if isinstance(row, DrawnRow)
                else DrawnRow(row.row.reply.id, Shape(*_values_of(row)), str(draw(row)))
                for row in self._rows
            ]
            self.drawn, self.is_new = DrawnPage.of(self.version, rows, continues=self.continues), True
        return Markup(self.drawn.html)  # noqa: S704 - written by the template

    def keep_frame(self, key: str, page: RenderedPage) -> None:
        """Keep what stands around the rows in the finished page, whose rows are by `html`."""
        kept = self.drawn
        if kept is None or not kept.html or (kept.frame is not None and kept.frame.key == key):
            return
        at = page.html.find(kept.html[:_TOLD_BY])  # looking for all of it takes as long as drawing the frame
        if at >= 0 and page.html.startswith(kept.html, at):
            frame = Frame(key, page.html[:at], page.html[at + len(kept.html) :], page.headers)
            self.drawn, self.is_new = kept.within(frame), True


def _drawn(mark: Mark, draw: Draw) -> DrawnRow:
    return DrawnRow(mark.row.reply.id, Shape(*_values_of(mark)), str(draw(mark)))


def all_to_draw(rows: Sequence[ThreadRow], above: dict[ReplyId, ThreadRow], indent: int, *, more: bool) -> Conversation:
    """A page of which nothing is kept."""
    return Conversation(mark_rows(rows, indent, above), continues=more)


def read_whole(tx: Tx, post_id: PostId, known: DrawnRows, key: str) -> RenderedPage | None:
    """The first page for everybody as it was drawn, if nothing has changed since. `key`: what frames are made with."""
    kept = known.get(post_id)
    if kept is None:
        stored = drawn.load(tx, post_id, known.recipe)
        kept = None if stored is None else _unpacked(stored)
        if stored is None or kept is None:
            return None
        known.remember(post_id, kept)
        now = stored.now
    else:
        now = posts.thread_version(tx, post_id)
    if kept.version != now or kept.frame is None or kept.frame.key != key:
        return None
    return RenderedPage(f"{kept.frame.before}{kept.html}{kept.frame.after}", kept.frame.headers)


def read_first(
    tx: Tx, post_id: PostId, version: int, known: DrawnRows, *, indent: int, limit: int
) -> tuple[Conversation, list[ThreadRow]]:
    """The first page for everybody, oldest first, and the rows of it that have to be drawn, read whole."""
    kept = known.get(post_id)
    if kept is None or kept.version > version:
        stored = drawn.load(tx, post_id, known.recipe)
        kept = None if stored is None else _unpacked(stored)
    elif kept.version < version and kept.version < drawn.redrawn(tx, post_id):
        kept = None
    if kept is not None and kept.version == version:
        page = Conversation(kept.rows, continues=kept.continues, post_id=post_id, version=version, kept=kept)
        return page, []
    found = drawn.outline(tx, post_id, limit + 1)
    outlines = found[:limit]
    rows, whole = _filled(tx, _fitting(shapes(outlines, indent), outlines, kept))
    continues = len(found) > limit
    return Conversation(rows, continues=continues, post_id=post_id, version=version), whole


def _unpacked(stored: drawn.Kept) -> DrawnPage | None:
    try:
        return DrawnPage.unpacked(stored.version, stored.data)
    except msgspec.DecodeError:  # of another version of ours with the same recipe: draw it anew
        return None


def _fitting(places: list[Shape], outlines: list[Outline], kept: DrawnPage | None) -> list[DrawnRow | _ToDraw]:
    """In order, what is kept of a row where that still fits, else its place."""
    known = {} if kept is None else {row.reply_id: row for row in kept.rows}
    changed = {one.id: one.changed for one in outlines}
    version = 0 if kept is None else kept.version
    rows: list[DrawnRow | _ToDraw] = []
    for shape, one in zip(places, outlines, strict=True):
        row = known.get(one.id)
        # What it answers is on the page too: the first one begins with the tree's roots.
        above = 0 if one.parent_id is None else changed.get(one.parent_id, version + 1)
        fits = row is not None and one.changed <= version and above <= version and row.shape == shape
        rows.append(row if row is not None and fits else _ToDraw(one.id, one.parent_id, shape))
    return rows


def _filled(tx: Tx, rows: list[DrawnRow | _ToDraw]) -> tuple[list[DrawnRow | Mark], list[ThreadRow]]:
    """With marks in place of what is to be drawn, and the rows of those marks, read whole, in order."""
    to_draw = [row for row in rows if isinstance(row, _ToDraw)]
    found = threads.rows_by_id(tx, {id_ for row in to_draw for id_ in (row.id, row.parent_id) if id_ is not None})
    marked = [
        Mark.of(found[row.id], found.get(row.parent_id) if row.parent_id is not None else None, row.shape)
        if isinstance(row, _ToDraw)
        else row
        for row in rows
    ]
    return marked, [found[row.id] for row in to_draw]


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
            if self._put(post_id, page) and page.html and conversation.is_new:
                self._to_store[post_id] = page

    def remember(self, post_id: PostId, page: DrawnPage) -> None:
        """What was stored before."""
        with self._lock:
            self._put(post_id, page)

    def _put(self, post_id: PostId, page: DrawnPage) -> bool:
        """Whether it is not known already, nor something newer."""
        old = self._pages.pop(post_id, None)
        is_new = old is None or old.version < page.version or (old.version == page.version and old is not page)
        if old is not None and not is_new:
            page = old
        self._bytes += page.size - (0 if old is None else old.size)
        self._pages[post_id] = page
        while self._bytes > self._max_bytes and len(self._pages) > 1:
            self._bytes -= self._pages.popitem(last=False)[1].size
        return is_new

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
    return drawn.pack(page.packed())


def recipe_of(parts: Iterable[str]) -> str:
    """A name for everything that rows are made with."""
    digest = hashlib.blake2b(__version__.encode(), digest_size=12)
    for part in (*Shape._fields, *parts):
        digest.update(b"\0" + part.encode("utf-8", "replace"))
    return digest.hexdigest()
