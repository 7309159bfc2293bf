"""Counts views and feed readers without cookies and without keeping anybody's address.

A request adds to sums in memory; every few seconds they go to the database in one write. Whether somebody was here
before on the same day is one bit in a table, placed by a hash of address and browser under a salt of chance. The salt
and the table live in memory for one day and are then forgotten, so nothing leads back to anybody, and no one can be
followed into the next day. Each process has its own: with several, somebody may be counted once in each.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from multidict import istr

from fedblog.errors import StorageUnavailable
from fedblog.storage import echo_stats, stats
from fedblog.storage.database import Database
from fedblog.storage.stats import DAY, WHOLE_BLOG, Counts
from fedblog.text.user_agents import feed_reader, is_person
from fedblog.web.conditional import FOR_ALL

K = TypeVar("K")
log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0
TOTALS_SECONDS = 3_600.0
MOST_ROWS = 20_000  # kept in memory while the database can't be written
MAX_PAGE, MAX_HOST = 200, 100
MAX_READ = 500  # characters of a header, which are remembered by the thousand
_BITS = 1 << 23  # 1 MiB: a hundred thousand visitors a day are told apart to about 1 %
# Ready to be looked up: a plain string would be folded for each request.
_PURPOSE, _GPC, _DNT, _FORWARDED = istr("Sec-Purpose"), istr("Sec-GPC"), istr("DNT"), istr("X-Forwarded-For")
_FEED_ENDS = ("/feed.atom", "/feed.rss", "/feed.json", "/comments.atom", "/comments.rss", "/comments.json")

_person = lru_cache(4096)(is_person)
_reader = lru_cache(1024)(feed_reader)


class Counter:
    """What was asked for since the last flush. `clock` gives Unix seconds; days are UTC."""

    def __init__(self, authority: str, clock: Callable[[], float], bits: int = _BITS) -> None:
        self._own_host = _bare(authority)
        self._clock, self._bits = clock, bits
        self._counts = Counts()
        self._day = -1
        self._salt = b""
        self._seen = bytearray()
        self._host_of = lru_cache(4096)(self._referrer)

    def page(self, request: web.BaseRequest, post_id: int, path: str) -> None:
        """Somebody got a page. Robots and fetches ahead of time are left out.

        Who asks not to be tracked (`Sec-GPC`, `DNT`) is one view and nothing else: no visitor, no referrer.
        """
        get = request.headers.get
        agent = get(hdrs.USER_AGENT, "")
        if not _person(agent[:MAX_READ]) or get(_PURPOSE) is not None or len(self._counts) >= MOST_ROWS:
            return
        day = self._today()
        views = self._counts.views
        key = (day, post_id, "" if post_id else path[:MAX_PAGE])
        row, whole = views.get(key), views.get((day, 0, WHOLE_BLOG))
        if row is None or whole is None:
            row, whole = views.setdefault(key, [0, 0]), views.setdefault((day, 0, WHOLE_BLOG), [0, 0])
        row[0] += 1
        whole[0] += 1
        reserved = get(_GPC) == "1" or get(_DNT) == "1"
        if not reserved:
            who = self._mark(request, agent)
            row[1] += self._is_new(hash((who, post_id, key[2])))
            whole[1] += self._is_new(who)
        if not reserved and (referrer := get(hdrs.REFERER)):
            host = self._host_of(referrer[:MAX_READ])
            if host:
                self._counts.referrers.setdefault((day, post_id, host), [0])[0] += 1

    def feed(self, request: web.BaseRequest, path: str) -> None:
        """A program got a feed."""
        if len(self._counts) >= MOST_ROWS:
            return
        agent = request.headers.get("User-Agent", "")
        name, subscribers = _reader(agent[:MAX_READ])
        day = self._today()
        row = self._counts.feeds.setdefault((day, path[:MAX_PAGE], name), [0, 0, 0])
        row[0] += 1
        row[2] = max(row[2], subscribers)
        row[1] += self._is_new(hash((self._mark(request, agent), path)))

    def take(self) -> Counts:
        """What was counted, to be stored; counting begins anew."""
        counts, self._counts = self._counts, Counts()
        return counts

    def put_back(self, counts: Counts) -> None:
        """It could not be stored: count it with what came meanwhile."""
        newer, self._counts = self._counts, counts
        _merge(counts.views, newer.views)
        _merge(counts.referrers, newer.referrers)
        _merge(counts.feeds, newer.feeds)

    def _mark(self, request: web.BaseRequest, agent: str) -> int:
        """A number for somebody, good for today. Behind a proxy, what it says of the address makes the difference."""
        # SipHash under Python's own key of this process, and today's salt. It picks a bit and is not kept itself.
        return hash((self._salt, request.remote, request.headers.get(_FORWARDED), agent))

    def _is_new(self, number: int) -> int:
        """1 for the first time today, else 0."""
        place = number % self._bits
        at, bit = place >> 3, 1 << (place & 7)
        if self._seen[at] & bit:
            return 0
        self._seen[at] |= bit
        return 1

    def _today(self) -> int:
        day = int(self._clock()) // DAY
        if day != self._day:
            self._day, self._salt, self._seen = day, secrets.token_bytes(32), bytearray(self._bits >> 3)
        return day

    def _referrer(self, referrer: str) -> str:
        """The host that a reader came from, "" for none or for ourselves."""
        try:
            parts = urlsplit(referrer)
            host = (parts.hostname or "").removeprefix("www.")
        except ValueError:
            return ""
        if parts.scheme not in ("https", "http", "android-app") or not host or host == self._own_host:
            return ""
        return host[:MAX_HOST] if host.isascii() and host.isprintable() else ""


def _merge(into: dict[K, list[int]], more: dict[K, list[int]]) -> None:
    for key, numbers in more.items():
        row = into.get(key)
        into[key] = numbers if row is None else [a + b for a, b in zip(row, numbers, strict=True)]


def _bare(authority: str) -> str:
    return authority.rpartition(":")[0] if ":" in authority and not authority.endswith("]") else authority


def count(counter: Counter, request: web.Request, response: web.StreamResponse, post_id: int) -> None:
    """Count an answer of the ordinary way, if it is a page for readers or a feed, for somebody who isn't logged in.

    Those two are the answers that everybody may keep and has to ask for again (`FOR_ALL`).
    """
    if request.method != "GET" or response.headers.get("Cache-Control") != FOR_ALL:
        return
    if response.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        return
    path = request.path
    if path.endswith(_FEED_ENDS):
        counter.feed(request, path)
    else:
        counter.page(request, post_id, path)


class CountKeeper:
    """Brings what was counted to the database: every few seconds, when asked, and at the end."""

    def __init__(self, db: Database, counter: Counter, *, every: float = FLUSH_SECONDS) -> None:
        self._db, self._counter, self._every = db, counter, every
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, and once more then."""
        loop = asyncio.get_running_loop()
        totals_due = 0.0
        while not self._stop.is_set():
            await self.flush()
            if loop.time() >= totals_due:
                totals_due = loop.time() + TOTALS_SECONDS
                await self._keep_totals()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stop.wait()
        await self.flush()

    async def flush(self) -> None:
        """Store what there is; it is kept for the next time where that fails."""
        counts = self._counter.take()
        if not len(counts):
            return
        try:
            await self._db.write(stats.add, counts)
        except StorageUnavailable as exc:
            log.warning("counting waits: %s", exc)
            self._counter.put_back(counts)

    async def stop(self) -> None:
        """`run` returns soon after, with everything stored."""
        self._stop.set()

    async def _keep_totals(self) -> None:
        with contextlib.suppress(StorageUnavailable):
            await self._db.write(echo_stats.keep_totals)
