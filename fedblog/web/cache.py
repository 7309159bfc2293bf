"""Finished pages by version: rendered once with single flight, off the loop, kept as bytes, coded bytes and ETag.

A page is valid as long as the version that one cheap query gives is the one it was made of; nothing here is told about
changes, so it is right with any number of processes.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

from fedblog.blog.model import PostId
from fedblog.web.codings import compress

MAX_BYTES = 64 * 1024 * 1024
# A page that changes all the time is made anew so often at once, and then at this pace; readers get the one before.
BURST = 5.0
RENDERS_A_SECOND = 2.5
MAX_PACES = 10_000


@dataclass(slots=True)
class CachedPage:
    """A page as sent: whole, compressed once somebody took it so, and its validator. `hard`: it never changes."""

    body: bytes
    etag: str
    headers: tuple[tuple[str, str], ...] = ()
    hard: bool = False
    _coded: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes it takes up, its coded forms included (markup shrinks to a tenth)."""
        return len(self.body) + len(self.body) // 4

    async def coded(self, coding: str) -> bytes:
        """The body in a coding ("": as it is); made off the loop, by the first who asks, for all who ask."""
        if not coding:
            return self.body
        made = self._coded.get(coding)
        if made is None or (made.done() and (made.cancelled() or made.exception() is not None)):
            made = asyncio.ensure_future(asyncio.to_thread(compress, coding, self.body, hard=self.hard))
            self._coded[coding] = made
        return await asyncio.shield(made)


@dataclass(frozen=True, slots=True)
class RenderedPage:
    """What a renderer hands to the cache: HTML text and the answer's own headers."""

    html: str
    headers: tuple[tuple[str, str], ...] = ()


def etag_of(body: bytes) -> str:
    """A strong validator of these bytes."""
    return hashlib.blake2b(body, digest_size=12).hexdigest()


def pack(page: RenderedPage) -> CachedPage:
    """CPU work, for a thread: encodes and hashes a page."""
    body = page.html.encode("utf-8", "replace")
    return CachedPage(body, etag_of(body), page.headers)


class PageCache:
    """Least recently used pages, at most `max_bytes` of them. `clock` counts seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, max_bytes: int = MAX_BYTES) -> None:
        self._clock, self._max_bytes = clock, max_bytes
        self._paces: dict[Hashable, tuple[float, float]] = {}
        self._pages: OrderedDict[Hashable, tuple[Hashable, CachedPage]] = OrderedDict()
        self._bytes = 0
        self._making: dict[tuple[Hashable, Hashable], asyncio.Task[CachedPage]] = {}

    async def get(self, key: Hashable, version: Hashable, make: Callable[[], Awaitable[CachedPage]]) -> CachedPage:
        """The page of that version; made by one caller while the others wait for the same bytes.

        Of a page that is asked for and changed all the time an older version may be answered, for less than a second.
        """
        kept = self._pages.get(key)
        if kept is not None and kept[0] == version:
            self._pages.move_to_end(key)
            return kept[1]
        flight = (key, version)
        task = self._making.get(flight)
        if task is None:
            if kept is not None and not self._may_make(key):
                return kept[1]
            task = asyncio.ensure_future(self._make(flight, make))
            self._making[flight] = task
        return await asyncio.shield(task)

    def _may_make(self, key: Hashable) -> bool:
        now = self._clock()
        left, seen = self._paces.get(key, (BURST, now))
        left = min(BURST, left + (now - seen) * RENDERS_A_SECOND)
        if len(self._paces) > MAX_PACES:
            self._paces.clear()
        self._paces[key] = (left - 1 if left >= 1 else left, now)
        return left >= 1

    async def _make(self, flight: tuple[Hashable, Hashable], make: Callable[[], Awaitable[CachedPage]]) -> CachedPage:
        try:
            page = await make()
        finally:
            del self._making[flight]
        self._keep(*flight, page)
        return page

    def _keep(self, key: Hashable, version: Hashable, page: CachedPage) -> None:
        old = self._pages.pop(key, None)
        if old is not None:
            self._bytes -= old[1].size
        if page.size > self._max_bytes // 4:
            return
        self._pages[key] = (version, page)
        self._bytes += page.size
        while self._bytes > self._max_bytes:
            _, (_, dropped) = self._pages.popitem(last=False)
            self._bytes -= dropped.size


class PostIndex:
    """Which post an address means; only a hint, since a changed post has a changed version."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._ids: dict[tuple[str, str], PostId] = {}

    def get(self, name: str, slug: str) -> PostId | None:
        """The post's id, if it was asked for before."""
        return self._ids.get((name, slug))

    def put(self, name: str, slug: str, post_id: PostId) -> None:
        """Remember it; everything is forgotten when it is too much."""
        if len(self._ids) >= self._size:
            self._ids.clear()
        self._ids[(name, slug)] = post_id
