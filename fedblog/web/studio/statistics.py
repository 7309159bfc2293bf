"""/studio/statistics: views, where readers came from, feed readers, and what the fediverse did, by day; as CSV too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.model import ActorId, Post
from fedblog.storage import desk, echo_stats, stats
from fedblog.storage.database import Tx
from fedblog.storage.stats import DAY, Scope
from fedblog.web.charts import Chart, bars, day_label, iso_day, spans
from fedblog.web.csv_answer import csv_answer
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import grouped, ngettext
from fedblog.web.keys import COUNTS, SERVICES
from fedblog.web.studio.access import Who, requested_post, show

PERIODS = {"7": 7, "30": 30, "90": 90, "365": 365, "all": 0}
DEFAULT = "30"
ROWS = 20
_LONGEST = 36_500


@dataclass(frozen=True, slots=True)
class Share:
    """One line of a table: a post, a site, a program."""

    name: str
    numbers: tuple[int, ...]
    href: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: the days, whose posts, whose followers (None: everybody's)."""

    scope: Scope
    period: str
    whose: str
    followers_of: ActorId | None


@dataclass(frozen=True, slots=True)
class Numbers:
    """Everything on the page, from one read."""

    scope: Scope
    views: dict[int, int]
    visitors: dict[int, int]
    echoes: dict[str, dict[int, int]]
    follows: dict[int, int]
    followers: dict[int, int]
    feeds_by_day: dict[int, int]
    posts: list[Share]
    referrers: list[Share]
    feeds: list[Share]
    pages: list[Share]
    counted_since: int | None
    views_before: int


async def statistics(request: web.Request, who: Who) -> web.StreamResponse:
    """The page of the whole blog (editors), or of one's own posts."""
    return await _page(request, who, None)


async def post_statistics(request: web.Request, who: Who) -> web.StreamResponse:
    """The page of one post."""
    return await _page(request, who, await requested_post(request, who))


async def _page(request: web.Request, who: Who, post: Post | None) -> web.StreamResponse:
    wanted, numbers = await _numbers(request, who, post)
    here = request.path
    query = {"period": wanted.period, "whose": wanted.whose}
    return await show(
        request,
        who,
        "statistics.html",
        post=post,
        periods=[
            (_link(here, {**query, "period": key}), label, key == wanted.period)
            for key, label in _period_names().items()
        ],
        scopes=_scopes(here, who, query) if post is None else [],
        tiles=_tiles(numbers, is_post=post is not None),
        shown=_charts(numbers, is_post=post is not None),
        top_posts=numbers.posts,
        referrers=numbers.referrers,
        feeds=numbers.feeds if _is_whole(numbers.scope) else None,
        pages=numbers.pages,
        counted_since=day_label(numbers.counted_since) if numbers.counted_since is not None else "",
        csv=_link(f"{here}.csv", query),
    )


async def _numbers(request: web.Request, who: Who, post: Post | None) -> tuple[Wanted, Numbers]:
    services = request.app[SERVICES]
    await request.app[COUNTS].flush()
    period = request.query.get("period", DEFAULT)
    period = period if period in PERIODS else DEFAULT
    whole = who.edits_all and post is None and request.query.get("whose") != "mine"
    today = int(services.clock()) // DAY
    scope = Scope(
        first=today - (PERIODS[period] or _LONGEST) + 1,
        last=today,
        author_id=None if whole or post is not None else who.actor.id,
        post_id=post.id if post is not None else None,
    )
    wanted = Wanted(
        scope, period, "mine" if who.edits_all and not whole and post is None else "", None if whole else who.actor.id
    )
    return wanted, await services.db.read(_read, wanted, post)


def _read(tx: Tx, wanted: Wanted, post: Post | None) -> Numbers:
    scope = wanted.scope
    if wanted.period == "all":
        scope = replace(scope, first=_beginning(tx, wanted, post))
    whole = _is_whole(scope)
    days = stats.views_by_day(tx, scope)
    length = scope.last - scope.first + 1
    before = replace(scope, first=scope.first - length, last=scope.first - 1)
    follows = echo_stats.follows_by_day(tx, wanted.followers_of, scope) if post is None else {}
    totals = echo_stats.totals_by_day(tx, wanted.followers_of, scope.first, scope.last) if post is None else []
    return Numbers(
        scope=scope,
        views={one.day: one.views for one in days},
        visitors={one.day: one.visitors for one in days},
        echoes={kind: echo_stats.by_day(tx, scope, kind) for kind in echo_stats.KINDS},
        follows=follows,
        followers=dict(totals),
        feeds_by_day=stats.feed_readers_by_day(tx, scope) if whole else {},
        posts=_post_shares(tx, scope) if post is None else [],
        referrers=[Share(host, (views,)) for host, views in stats.referrers(tx, scope, ROWS)],
        feeds=[Share(one.name, (one.readers, one.hits)) for one in stats.feed_readers(tx, scope, ROWS)]
        if whole
        else [],
        pages=[Share(path, (views,), _href(path)) for path, views in stats.top_pages(tx, scope, ROWS)] if whole else [],
        counted_since=stats.first_day(tx),
        views_before=0 if wanted.period == "all" else sum(one.views for one in stats.views_by_day(tx, before)),
    )


def _is_whole(scope: Scope) -> bool:
    return scope.author_id is None and scope.post_id is None


def _beginning(tx: Tx, wanted: Wanted, post: Post | None) -> int:
    """The first day that there is anything to tell of."""
    if post is not None:
        known = [(post.published_at or post.created_at) // DAY]
    else:
        days = (
            stats.first_day(tx),
            echo_stats.first_follow_day(tx, wanted.followers_of),
            desk.first_published(tx, wanted.scope.author_id),
        )
        known = [day for day in days if day is not None]
    return max(min([*known, wanted.scope.last]), wanted.scope.first)


def _post_shares(tx: Tx, scope: Scope) -> list[Share]:
    top = stats.top_posts(tx, scope, ROWS)
    known = desk.posts_by_id(tx, {post_id for post_id, _views, _visitors in top})
    return [
        Share(known[post_id].title or _("Without a title"), (views, visitors), f"/studio/posts/{post_id}/statistics")
        for post_id, views, visitors in top
        if post_id in known
    ]


def _href(path: str) -> str:
    return path if path.startswith("/") and not path.startswith("//") else ""


def _link(path: str, query: dict[str, str]) -> str:
    kept = {key: value for key, value in query.items() if value and (key, value) != ("period", DEFAULT)}
    return f"{path}?{urlencode(kept)}" if kept else path


def _period_names() -> dict[str, str]:
    return {
        "7": _("7 days"),
        "30": _("30 days"),
        "90": _("90 days"),
        "365": _("A year"),
        "all": _("All time"),
    }


def _scopes(here: str, who: Who, query: dict[str, str]) -> list[tuple[str, str, bool]]:
    if not who.edits_all:
        return []
    return [
        (_link(here, {**query, "whose": ""}), _("Whole blog"), query["whose"] == ""),
        (_link(here, {**query, "whose": "mine"}), _("My posts"), query["whose"] == "mine"),
    ]


def _tiles(numbers: Numbers, *, is_post: bool) -> list[tuple[str, int, str]]:
    views = sum(numbers.views.values())
    before = ngettext("%(num)s in the time before", "%(num)s in the time before", numbers.views_before)
    found = [
        (_("Views"), views, before % {"num": grouped(numbers.views_before)} if numbers.views_before else ""),
        (_("Visitors"), sum(numbers.visitors.values()), ""),
        (_("Replies"), sum(numbers.echoes["reply"].values()), ""),
        (_("Likes"), sum(numbers.echoes["like"].values()), ""),
        (_("Boosts"), sum(numbers.echoes["announce"].values()), ""),
    ]
    if not is_post:
        found.append((_("New followers"), sum(numbers.follows.values()), ""))
    if _is_whole(numbers.scope):
        found.append((_("Feed readers"), max(numbers.feeds_by_day.values(), default=0), ""))
    return found


def _charts(numbers: Numbers, *, is_post: bool) -> list[Chart]:
    shown = spans(numbers.scope.first, numbers.scope.last)
    views = [(_("views"), numbers.views), (_("visitors"), numbers.visitors)]
    found = [
        bars("views", _("Views and visitors"), shown, views),
        bars("replies", _("Replies"), shown, [(_("replies"), numbers.echoes["reply"])]),
        bars("likes", _("Likes"), shown, [(_("likes"), numbers.echoes["like"])]),
        bars("boosts", _("Boosts"), shown, [(_("boosts"), numbers.echoes["announce"])]),
    ]
    if not is_post:
        found.append(bars("followers", _("Followers"), shown, [(_("followers"), numbers.followers)], level=True))
    if _is_whole(numbers.scope):
        found.append(bars("feeds", _("Feed readers"), shown, [(_("readers"), numbers.feeds_by_day)], level=True))
    return found


async def statistics_csv(request: web.Request, who: Who) -> web.StreamResponse:
    """The days of the whole blog or of one's own posts, one line each."""
    return await _csv(request, who, None)


async def post_statistics_csv(request: web.Request, who: Who) -> web.StreamResponse:
    """The days of one post."""
    return await _csv(request, who, await requested_post(request, who))


async def _csv(request: web.Request, who: Who, post: Post | None) -> web.StreamResponse:
    _wanted, numbers = await _numbers(request, who, post)
    columns = {
        "views": numbers.views,
        "visitors": numbers.visitors,
        "replies": numbers.echoes["reply"],
        "likes": numbers.echoes["like"],
        "boosts": numbers.echoes["announce"],
    }
    if post is None:
        columns |= {"new_followers": numbers.follows, "followers": numbers.followers}
    if _is_whole(numbers.scope):
        columns |= {"feed_readers": numbers.feeds_by_day}
    days = range(numbers.scope.first, numbers.scope.last + 1)
    rows = [[iso_day(day), *(str(column.get(day, 0)) for column in columns.values())] for day in days]
    name = f"statistics-{post.slug}" if post is not None else "statistics"
    return csv_answer(f"{name}.csv", ["day", *columns], rows)
