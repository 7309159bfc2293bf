"""All posts by year and month, titles only, so that years fit on one page; and what series and tags there are."""

from __future__ import annotations

import calendar
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.errors import NotFound
from fedblog.storage import actors, listing
from fedblog.storage.database import Tx
from fedblog.storage.listing import Month, Titled, tags
from fedblog.web.keys import SERVICES, SETTINGS
from fedblog.web.pages import page
from fedblog.web.public.items import tag_links

WHOLE_YEAR = 300  # titles; of a year with more each month has its own page
MOST = 2_000
TAGS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class MonthOfPosts:
    """A month (its first second) and its posts; none where they are on a page of their own."""

    at: int
    path: str
    count: int
    posts: tuple[tuple[str, Titled], ...]


@dataclass(frozen=True, slots=True)
class _Found:
    months: tuple[Month, ...]
    posts: tuple[Titled, ...]
    several: bool
    series: tuple[tuple[str, str, int], ...]
    tags: tuple[str, ...]


async def archive(request: web.Request) -> web.Response:
    """/archive, /archive/YYYY, /archive/YYYY/MM"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    year, month = (int(request.match_info.get(name, "0")) for name in ("year", "month"))
    found = await services.db.read(_read, year, month)
    year = year or (found.months[0].year if found.months else 0)
    path = (
        f"/archive/{year}/{month:02}" if month else f"/archive/{year}" if "year" in request.match_info else "/archive"
    )

    def context() -> dict[str, Any]:
        return {
            "year": year,
            "month": month,
            "years": sorted({one.year for one in found.months}, reverse=True),
            "months": _grouped(found, year, month, services.ids),
            "total": sum(one.number for one in found.months if one.year == year and month in (0, one.month)),
            "with_author": found.several,
            "series": found.series,
            "tags": tag_links(found.tags, services.ids),
            "canonical": f"{settings.base_url}{path}",
        }

    return await page(request, "public/archive.html", found, context)


def _read(tx: Tx, year: int, month: int) -> _Found:
    months = tuple(listing.months(tx))
    shown = year or (months[0].year if months else 0)
    wanted = [one for one in months if one.year == shown and month in (0, one.month)]
    if year and not wanted:
        raise NotFound("nothing was published then")
    whole = month or sum(one.number for one in wanted) <= WHOLE_YEAR
    found = listing.between(tx, *_span(shown, month), MOST) if wanted and whole else []
    several = sum(1 for actor in actors.local_actors(tx) if actor.local == "author") > 1
    if year:
        return _Found(months, tuple(found), several, (), ())
    used = sorted(tags(tx), key=lambda tag: (-tag[2], tag[0]))[:TAGS_SHOWN]
    return _Found(months, tuple(found), several, tuple(listing.all_series(tx)), tuple(name for _, name, _ in used))


def _span(year: int, month: int) -> tuple[int, int]:
    """The first second, and the one after the last (UTC)."""
    end = (year + 1, 1) if month in (0, 12) else (year, month + 1)
    return calendar.timegm((year, month or 1, 1, 0, 0, 0)), calendar.timegm((*end, 1, 0, 0, 0))


def _grouped(found: _Found, year: int, month: int, ids: LocalIds) -> Sequence[MonthOfPosts]:
    by_month = {
        number: tuple((ids.post_page(one.username, one.slug), one) for one in posts)
        for number, posts in groupby(found.posts, key=lambda one: time.gmtime(one.published_at).tm_mon)
    }
    return [
        MonthOfPosts(
            _span(year, one.month)[0], f"/archive/{year}/{one.month:02}", one.number, by_month.get(one.month, ())
        )
        for one in found.months
        if one.year == year and month in (0, one.month)
    ]
