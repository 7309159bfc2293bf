"""Reading somebody's collection: bounded, from its own host only, and for ids only (BACK-03, BACK-05, COL-06)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from fedblog.activitypub.normalise import id_of, one_or_many, read_collection, short_names
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_origin, without_fragment
from fedblog.activitypub.vocab import CollectionDocument, Json
from fedblog.errors import FetchFailed
from fedblog.federation.budget import Budget
from fedblog.federation.pace import HostPace
from fedblog.federation.resolver import Resolver

MAX_IDS = 500
MAX_NEXT = 3
MAX_CONTEXT_PAGES = 10


@dataclass(slots=True)
class Gathered:
    """What a collection gave: `ids` in order, `told` its totalItems, `cursor` the page that was not read any more (""
    when it was read to its end), `pages` how many were fetched, `failure` what stopped it, `is_lost` that it was
    the note itself that couldn't be had."""

    ids: dict[str, None] = field(default_factory=dict)
    told: int | None = None
    cursor: str = ""
    pages: int = 0
    failure: FetchFailed | None = None
    is_lost: bool = False


class _Step(NamedTuple):
    """A page to read; whether another one's `next` led to it."""

    url: Uri
    is_next: bool


class Gatherer:
    """Reads collections page by page, each host at its pace."""

    def __init__(self, resolver: Resolver, pace: HostPace) -> None:
        self._resolver, self._pace = resolver, pace

    async def gather(
        self, start: object, *, home: str, budget: Budget, cursor: str = "", max_next: int = MAX_NEXT
    ) -> Gathered:
        """The ids of a collection that is embedded (`start` an object) or named (a URL).

        `home` is any URL of the host that it must be on; pages elsewhere are not read. With a `cursor` from last
        time, the first page is read as far as it is embedded, and then on from there.
        """
        found = Gathered()
        step = self._start(found, start, home)
        if cursor and same_origin(cursor, home):
            step = _Step(Uri(cursor), True)
        left, seen = max_next, set[str]()
        while step is not None and step.url not in seen:
            left -= step.is_next
            if len(found.ids) >= MAX_IDS or left < 0:
                found.cursor = step.url
                break
            seen.add(step.url)
            page = await self._page(found, step.url, budget)
            if page is None:
                break
            step = self._take(found, page, home)
        return found

    def _start(self, found: Gathered, start: object, home: str) -> _Step | None:
        start = next(iter(one_or_many(start)), None)
        if not isinstance(start, dict):
            return _near(start, home)
        collection = read_collection(start, origin=home)
        step = self._take(found, collection, home)
        if step is None and not collection.items and collection.first_page is None:
            return _near(collection.id, home)
        return step

    def _take(self, found: Gathered, page: CollectionDocument, home: str) -> _Step | None:
        """Take a page's ids; the page that it leads to, on its own host."""
        if page.total is not None and found.told is None:
            found.told = page.total
        inner = page.first_page
        for item in (*page.items, *(inner.items if inner is not None else ())):
            named = maybe_uri(_id_named(item))
            if named is not None and len(found.ids) < MAX_IDS:
                found.ids[without_fragment(named)] = None
        if page.first is not None and inner is None and not page.items:
            return _near(page.first, home)
        return _near(inner.next if inner is not None else page.next, home, is_next=True)

    async def _page(self, found: Gathered, url: Uri, budget: Budget) -> CollectionDocument | None:
        try:
            async with self._pace.turn(host_of(url)):
                page = await self._resolver.collection(url, budget=budget)
        except FetchFailed as exc:
            found.failure, found.cursor = exc, url
            return None
        found.pages += 1
        return page


def _near(url: object, home: str, *, is_next: bool = False) -> _Step | None:
    found = maybe_uri(url)
    return _Step(found, is_next) if found is not None and same_origin(found, home) else None


def _id_named(item: str | Json) -> str | None:
    """The id of a listed object; of a listed activity (`contextHistory`) the id of what it is about."""
    if isinstance(item, dict):
        inner = short_names(item).get("object")
        if inner is not None:
            return id_of(next(iter(one_or_many(inner)), None))
    return id_of(item)
