"""Views and feed readers: what counts, what does not, and that nothing of anybody is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import aiohttp
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from fedblog.storage import stats
from fedblog.storage.stats import DAY, Scope
from fedblog.web import counting
from fedblog.web.counting import Counter
from fedblog.web.keys import COUNTER, COUNTS
from tests.live import Live
from tests.samples import make_author, make_post
from tests.text.test_user_agents import FIREFOX
from tests.web.desk import HOST, NOW, Desk

TODAY = NOW // DAY
BROWSER = {"Host": HOST, "Accept": "text/html", "User-Agent": FIREFOX}


async def fetch(desk: Desk, path: str, headers: Mapping[str, str], times: int = 1, method: str = "GET") -> int:
    """One keep-alive connection, as browsers have it; the last status."""
    status = 0
    async with aiohttp.ClientSession(skip_auto_headers=("User-Agent",)) as session:
        for _ in range(times):
            async with session.request(method, desk.server.make_url(path), headers=headers) as answer:
                await answer.read()
                status = answer.status
    return status


async def days(desk: Desk, **scope: int) -> tuple[int, int]:
    """(views, visitors) of today."""
    await desk.app[COUNTS].flush()
    found = await desk.parts.db.read(stats.views_by_day, Scope(TODAY, TODAY, **scope))  # type: ignore[arg-type]
    return (found[0].views, found[0].visitors) if found else (0, 0)


async def test_people_count_on_every_way_and_nobody_else(desk: Desk) -> None:
    post = await desk.write_post("anna")
    page = f"/@anna/{post.slug}"
    # The first answers come the ordinary way, the next ones are kept bytes; all of them count.
    assert await fetch(desk, page, BROWSER, times=5) == 200
    assert await days(desk, post_id=post.id) == (5, 1)
    assert await fetch(desk, "/", {**BROWSER, "User-Agent": FIREFOX.replace("140", "141")}, times=2) == 200
    assert await fetch(desk, "/@anna", BROWSER) == 200
    assert await days(desk) == (8, 2)
    # Not modified: somebody looked once more.
    async with aiohttp.ClientSession() as session:
        async with session.get(desk.server.make_url(page), headers=BROWSER) as answer:
            tag = answer.headers["ETag"]
        async with session.get(desk.server.make_url(page), headers={**BROWSER, "If-None-Match": tag}) as answer:
            assert answer.status == 304
    assert await days(desk, post_id=post.id) == (7, 1)
    before = await days(desk)
    for headers in (
        {**BROWSER, "User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"Host": HOST},
        {**BROWSER, "Sec-Purpose": "prefetch"},
        {**BROWSER, "Accept": "application/activity+json"},
    ):
        await fetch(desk, page, headers, times=2)
    await fetch(desk, page, BROWSER, method="HEAD")
    await fetch(desk, "/@anna/nothing-here", BROWSER)
    await fetch(desk, "/login", BROWSER)
    anna = await desk.logged_in("anna")
    anna.headers["User-Agent"] = FIREFOX
    await anna.get(page)
    await anna.get("/studio")
    assert await days(desk) == before


async def test_who_asks_not_to_be_tracked_is_a_number_only(desk: Desk) -> None:
    post = await desk.write_post("anna")
    for header in ("Sec-GPC", "DNT"):
        await fetch(desk, f"/@anna/{post.slug}", {**BROWSER, header: "1", "Referer": "https://far.example/a"})
    assert await days(desk, post_id=post.id) == (2, 0)
    assert await desk.parts.db.read(stats.referrers, Scope(TODAY, TODAY), 9) == []
    for referrer in ("https://www.far.example/secret?q=1", f"http://{HOST}/x", "javascript:alert(1)", "https://[", "§"):
        headers = {**BROWSER, "Referer": referrer.encode("utf-8").decode("latin-1")}
        await fetch(desk, f"/@anna/{post.slug}", headers)
    await desk.app[COUNTS].flush()
    assert await desk.parts.db.read(stats.referrers, Scope(TODAY, TODAY), 9) == [("far.example", 1)]


async def test_feeds_tell_of_their_readers(desk: Desk) -> None:
    await desk.write_post("anna")
    feedly = {"Host": HOST, "User-Agent": "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 16 subscribers)"}
    await fetch(desk, "/feed.atom", feedly, times=3)
    await fetch(desk, "/@anna/feed.json", {"Host": HOST, "User-Agent": "Miniflux/2.2"}, times=2)
    assert await days(desk) == (0, 0)
    found = await desk.parts.db.read(stats.feed_readers, Scope(TODAY, TODAY), 9)
    assert [(one.name, one.hits, one.readers) for one in found] == [("Feedly", 3, 16), ("Miniflux", 2, 1)]


async def test_a_new_day_forgets_who_was_here(desk: Desk) -> None:
    await fetch(desk, "/", BROWSER)
    desk.clock.now += DAY
    await fetch(desk, "/", BROWSER, times=2)
    await desk.app[COUNTS].flush()
    found = await desk.parts.db.read(stats.views_by_day, Scope(TODAY, TODAY + 1))
    assert [(one.views, one.visitors) for one in found] == [(1, 1), (2, 1)]


async def test_counts_outlive_a_database_that_is_away(desk: Desk) -> None:
    await fetch(desk, "/", BROWSER)
    counter = desk.app[COUNTER]
    taken = counter.take()
    await fetch(desk, "/", BROWSER)
    counter.put_back(taken)
    assert await days(desk) == (2, 1)


class Asker:
    """A request, as far as it is looked at."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self.headers: dict[str, str] = {}


def test_visitors_are_told_apart_closely_enough() -> None:
    counter = Counter("blog.example", lambda: 0.0)
    counter._today()
    number = 100_000
    people = [cast("web.Request", Asker(f"10.0.{each}")) for each in range(number)]
    marks = [hash((counter._mark(somebody, FIREFOX), (1, 2, ""))) for somebody in people]
    assert number * 0.985 < sum(counter._is_new(mark) for mark in marks) <= number
    assert not any(counter._is_new(mark) for mark in marks[::1000])


async def test_the_page_shows_charts_with_their_tables(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    empty = await anna.get("/studio/statistics")
    assert "Nothing counted yet" in empty.text
    post = await desk.write_post("anna", "Bread & <butter>")
    other = await desk.write_post("bert", "Secret of Bert")
    mia = await desk.stranger()
    await desk.reply(post, mia)
    await fetch(desk, f"/@anna/{post.slug}", {**BROWSER, "Referer": "https://far.example/"}, times=3)
    await fetch(desk, f"/@bert/{other.slug}", BROWSER)
    mine = await anna.get("/studio/statistics?whose=")
    assert "Bread &amp; &lt;butter&gt;" in mine.text
    assert "Secret of Bert" not in mine.text  # authors see what is theirs
    assert "far.example" in mine.text
    assert "<svg" in mine.text
    assert mine.text.count('class="table"') >= 3
    edda = await desk.logged_in("edda")
    for period in ("7", "30", "90", "365", "all", "nonsense"):
        page = await edda.get(f"/studio/statistics?period={period}")
        assert page.status == 200
        assert "Secret of Bert" in page.text
    table = await edda.get("/studio/statistics.csv?period=7")
    assert table.headers["Content-Type"].startswith("text/csv")
    lines = table.text.splitlines()
    assert lines[0].startswith("day,views,visitors,replies,likes,boosts,new_followers,followers,feed_readers")
    assert len(lines) == 8
    assert lines[-1].split(",")[1:4] == ["4", "1", "1"]
    one = await anna.get(f"/studio/posts/{post.id}/statistics")
    assert "Statistics of “Bread &amp; &lt;butter&gt;”" in one.text
    assert (await anna.get(f"/studio/posts/{other.id}/statistics")).status == 404
    assert (await anna.get(f"/studio/posts/{other.id}/statistics.csv")).status == 404
    assert (await anna.get(f"/studio/posts/{post.id}/statistics.csv")).text.splitlines()[-1].split(",")[1] == "3"


async def test_kept_answers_count_too(live: Live) -> None:
    """They are given before the application is asked (web/hot.py)."""
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "Kept")
    async with aiohttp.ClientSession() as session:
        for number in range(20):
            headers = {"User-Agent": FIREFOX, "Accept": "text/html", "Referer": "https://far.example/"}
            async with session.get(f"{live.base_url}/@ana/{post.slug}", headers=headers) as answer:
                assert answer.status == 200, number
                await answer.read()
    await live.app[COUNTS].flush()
    today = int(live.services.clock()) // DAY
    (found,) = await live.services.db.read(stats.views_by_day, Scope(today - 1, today, post_id=post.id))
    assert (found.views, found.visitors) == (20, 1)
    assert await live.services.db.read(stats.referrers, Scope(today - 1, today), 9) == [("far.example", 20)]


def test_headers_without_end_are_not_remembered() -> None:
    """What strangers call themselves and where they say that they come from is looked up by thousands: in short."""
    counter = Counter("blog.example", lambda: 0.0)
    before = counting._person.cache_info().currsize
    for number in range(3):
        end = "x" * 2_000 + str(number)
        headers = {"User-Agent": f"{FIREFOX} {end}", "Referer": f"https://elsewhere.example/{end}"}
        counter.page(make_mocked_request("GET", "/", headers=headers), 7, "/")
    assert counting._person.cache_info().currsize == before + 1
    assert counter._host_of.cache_info().currsize == 1
    assert counter.take().referrers == {(0, 7, "elsewhere.example"): [3]}
