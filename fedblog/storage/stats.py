"""Numbers of days (UTC): views, where readers came from, feed readers. Never a word about one person.

`Counts` are added up in memory (`web/counting.py`) and put here every few seconds: one row a day and thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from fedblog.blog.model import ActorId, PostId
from fedblog.storage.tx import Tx, chunks, marks

DAY = 86_400
# Addresses, hosts and programs' names are other people's choice: so many of each are kept apart a day.
MAX_PAGES, MAX_HOSTS, MAX_READERS = 500, 300, 300
OTHER = "(other)"
WHOLE_BLOG = "*"
"""The page that stands for the whole blog: its visitors are counted once, whatever they read."""

_Row = tuple[int | str, ...]
_Sums = dict[_Row, list[int]]


@dataclass(slots=True)
class Counts:
    """What was counted since the last time.

    `views`: (day, post or 0, page) → [views, visitors]; `referrers`: (day, post or 0, host) → [views];
    `feeds`: (day, feed, reader) → [hits, visitors, subscribers].
    """

    views: dict[tuple[int, int, str], list[int]] = field(default_factory=dict)
    referrers: dict[tuple[int, int, str], list[int]] = field(default_factory=dict)
    feeds: dict[tuple[int, str, str], list[int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.views) + len(self.referrers) + len(self.feeds)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked about: one post, an author's posts, or (both None) the whole blog; `first` and `last` are days."""

    first: int
    last: int
    author_id: ActorId | None = None
    post_id: PostId | None = None


@dataclass(frozen=True, slots=True)
class DayViews:
    """One day's views and, roughly, how many people they were."""

    day: int
    views: int
    visitors: int


@dataclass(frozen=True, slots=True)
class FeedReader:
    """A feed reader: requests in the period, and the most readers it told of or had on one day."""

    name: str
    hits: int
    readers: int


def add(tx: Tx, counts: Counts) -> None:
    """Add counts to their days, in one order everywhere: two processes never wait for each other in a circle."""
    pages = _Names(tx, "SELECT DISTINCT page FROM stat_views WHERE day = $1 AND post_id = $2", MAX_PAGES)
    views = _summed(((day, post, pages.pick(page, day, post)), n) for (day, post, page), n in counts.views.items())
    tx.many(
        "INSERT INTO stat_views (day, post_id, page, views, visitors) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (day, post_id, page) DO UPDATE SET views = stat_views.views + excluded.views,"
        " visitors = stat_views.visitors + excluded.visitors",
        views,
    )
    hosts = _Names(tx, "SELECT host FROM stat_referrers WHERE day = $1 AND post_id = $2", MAX_HOSTS)
    seen = _summed(((day, post, hosts.pick(host, day, post)), n) for (day, post, host), n in counts.referrers.items())
    tx.many(
        "INSERT INTO stat_referrers (day, post_id, host, views) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (day, post_id, host) DO UPDATE SET views = stat_referrers.views + excluded.views",
        seen,
    )
    readers = _Names(tx, "SELECT DISTINCT reader FROM stat_feeds WHERE day = $1", MAX_READERS)
    feeds = _summed(((day, feed, readers.pick(name, day)), n) for (day, feed, name), n in counts.feeds.items())
    tx.many(
        "INSERT INTO stat_feeds (day, feed, reader, hits, visitors, subscribers) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (day, feed, reader) DO UPDATE SET hits = stat_feeds.hits + excluded.hits,"
        " visitors = stat_feeds.visitors + excluded.visitors, subscribers = CASE WHEN"
        " excluded.subscribers > stat_feeds.subscribers THEN excluded.subscribers ELSE stat_feeds.subscribers END",
        feeds,
    )


def _summed(pairs: Iterable[tuple[_Row, list[int]]]) -> list[_Row]:
    sums: _Sums = {}
    for key, numbers in pairs:
        known = sums.get(key)
        sums[key] = list(numbers) if known is None else [a + b for a, b in zip(known, numbers, strict=True)]
    return [(*key, *sums[key]) for key in sorted(sums)]


class _Names:
    """The names that a day has already; past the limit, new ones are counted as `OTHER`."""

    def __init__(self, tx: Tx, query: str, limit: int) -> None:
        self._tx, self._query, self._limit = tx, query, limit
        self._known: dict[tuple[int, ...], set[str]] = {}

    def pick(self, name: str, *where: int) -> str:
        """The name to count under."""
        if name in ("", WHOLE_BLOG):
            return name
        known = self._known.get(where)
        if known is None:
            known = self._known[where] = {row[0] for row in self._tx.all(self._query, *where)}
        if name not in known and len(known) >= self._limit:
            return OTHER
        known.add(name)
        return name


def _where(scope: Scope, *, pages: str) -> tuple[str, list[object]]:
    """A condition on a table `s` with the days as $1 and $2; `pages` is for the whole blog."""
    days, params = "s.day >= $1 AND s.day <= $2", list[object]([scope.first, scope.last])
    if scope.post_id is not None:
        return f"{days} AND s.post_id = $3", [*params, scope.post_id]
    if scope.author_id is not None:
        return f"{days} AND s.post_id IN (SELECT p.id FROM posts p WHERE p.author_id = $3)", [*params, scope.author_id]
    return f"{days}{pages}", params


def views_by_day(tx: Tx, scope: Scope) -> list[DayViews]:
    """Views of each day that has any, oldest first. An author's visitors are the sum over their posts."""
    where, params = _where(scope, pages=f" AND s.post_id = 0 AND s.page = '{WHOLE_BLOG}'")
    rows = tx.all(
        f"SELECT s.day, sum(s.views), sum(s.visitors) FROM stat_views s WHERE {where} GROUP BY s.day ORDER BY s.day",
        *params,
    )
    return [DayViews(int(day), int(views), int(visitors)) for day, views, visitors in rows]


def top_posts(tx: Tx, scope: Scope, limit: int) -> list[tuple[PostId, int, int]]:
    """(post, views, visitors) of the most read posts."""
    where, params = _where(scope, pages="")
    rows = tx.all(
        f"SELECT s.post_id, sum(s.views), sum(s.visitors) FROM stat_views s WHERE {where} AND s.post_id <> 0"
        f" GROUP BY s.post_id ORDER BY sum(s.views) DESC, s.post_id DESC LIMIT ${len(params) + 1}",
        *params,
        limit,
    )
    return [(PostId(post_id), int(views), int(visitors)) for post_id, views, visitors in rows]


def views_of_posts(tx: Tx, post_ids: list[PostId]) -> dict[PostId, int]:
    """All views of some posts; posts without any are left out."""
    found: dict[PostId, int] = {}
    for some in chunks(post_ids):
        rows = tx.all(
            f"SELECT post_id, sum(views) FROM stat_views WHERE post_id IN ({marks(len(some))}) GROUP BY post_id", *some
        )
        found.update((PostId(post_id), int(views)) for post_id, views in rows)
    return found


def top_pages(tx: Tx, scope: Scope, limit: int) -> list[tuple[str, int]]:
    """(path, views) of the most read pages that are no posts, of the whole blog."""
    rows = tx.all(
        "SELECT s.page, sum(s.views) FROM stat_views s WHERE s.day >= $1 AND s.day <= $2 AND s.post_id = 0"
        " AND s.page <> $3 GROUP BY s.page ORDER BY sum(s.views) DESC, s.page LIMIT $4",
        scope.first,
        scope.last,
        WHOLE_BLOG,
        limit,
    )
    return [(page, int(views)) for page, views in rows]


def referrers(tx: Tx, scope: Scope, limit: int) -> list[tuple[str, int]]:
    """(host, views) where readers came from, most first."""
    where, params = _where(scope, pages="")
    rows = tx.all(
        f"SELECT s.host, sum(s.views) FROM stat_referrers s WHERE {where} GROUP BY s.host"
        f" ORDER BY sum(s.views) DESC, s.host LIMIT ${len(params) + 1}",
        *params,
        limit,
    )
    return [(host, int(views)) for host, views in rows]


_READERS = "CASE WHEN s.subscribers > 0 THEN s.subscribers ELSE s.visitors END"


def feed_readers(tx: Tx, scope: Scope, limit: int) -> list[FeedReader]:
    """Feed readers of the whole blog, those with most readers first."""
    rows = tx.all(
        "SELECT q.reader, sum(q.hits), max(q.readers) FROM (SELECT s.reader, s.day, sum(s.hits) AS hits,"
        f" sum({_READERS}) AS readers FROM stat_feeds s WHERE s.day >= $1 AND s.day <= $2 GROUP BY s.reader, s.day) q"
        " GROUP BY q.reader ORDER BY max(q.readers) DESC, sum(q.hits) DESC, q.reader LIMIT $3",
        scope.first,
        scope.last,
        limit,
    )
    return [FeedReader(name, int(hits), int(readers)) for name, hits, readers in rows]


def feed_readers_by_day(tx: Tx, scope: Scope) -> dict[int, int]:
    """How many read by feed, for each day that has any."""
    rows = tx.all(
        f"SELECT s.day, sum({_READERS}) FROM stat_feeds s WHERE s.day >= $1 AND s.day <= $2 GROUP BY s.day",
        scope.first,
        scope.last,
    )
    return {int(day): int(number) for day, number in rows}


def first_day(tx: Tx) -> int | None:
    """The first day that anything was counted on."""
    day: int | None = tx.value(
        "SELECT min(q.day) FROM (SELECT min(day) AS day FROM stat_views UNION ALL SELECT min(day) FROM stat_feeds) q"
    )
    return day
