"""Answers kept as bytes: who gets them, and when they are forgotten."""

from __future__ import annotations

import io
import logging
import re
from contextlib import ExitStack
from typing import Any

import pytest
from aiohttp import HttpVersion10, web
from aiohttp.test_utils import make_mocked_request

from fedblog.blog.model import PostId
from fedblog.observe import counters, set_up_logging
from fedblog.storage import accounts
from fedblog.storage.database import Event
from fedblog.web.hot import FRESH_SECONDS, HotAnswers, mark
from fedblog.web.inboxes import CROWDED, LOAD
from fedblog.web.keys import HOT
from fedblog.web.sessions import cookie_name, hash_token
from tests.live import Live
from tests.samples import make_author, make_post

POST_ID = PostId(7)
OWN = {"date", "x-request-id"}


class Place:
    """A few kept answers and a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.answers = HotAnswers(lambda: self.now, lambda: 1_700_000_000.0)

    async def keep(
        self,
        request: web.Request,
        *,
        status: int = 200,
        marked: bool = True,
        vary: str = "Accept, Accept-Encoding",
        cookie: bool = False,
    ) -> None:
        response = web.Response(status=status, body=b"page", headers={"ETag": '"a"', "Date": "then", "Vary": vary})
        if cookie:
            response.headers["Set-Cookie"] = "a=b"
        if marked:
            mark(request, POST_ID)
        await self.answers.keep(request, response)


def ask(method: str = "GET", path: str = "/@ana/first", *, version: Any = None, **headers: str) -> web.Request:
    given = {"Host": "blog.example", **{name.replace("_", "-"): value for name, value in headers.items()}}
    more = {"version": version} if version is not None else {}
    return make_mocked_request(method, path, headers=given, **more)


async def test_the_same_question_gets_the_same_bytes() -> None:
    place = Place()
    await place.keep(ask(Accept_Encoding="gzip"))
    assert place.answers.find(ask(Accept_Encoding="gzip")) is not None


@pytest.mark.parametrize(
    "other",
    [
        ask(),
        ask(path="/@ana/second", Accept_Encoding="gzip"),
        ask(Accept="application/activity+json", Accept_Encoding="gzip"),
        ask(If_None_Match='"a"', Accept_Encoding="gzip"),
        ask(If_None_Match='"b", W/"a-gz"', Accept_Encoding="gzip"),
        ask(If_None_Match="*", Accept_Encoding="gzip"),
        ask(Accept_Encoding="gzip", Host="elsewhere.example"),
        ask("HEAD", Accept_Encoding="gzip"),
        ask("POST", Accept_Encoding="gzip"),
        ask(Accept_Encoding="gzip", Cookie="a=b"),
        ask(Accept_Encoding="gzip", Range="bytes=0-1"),
        ask(version=HttpVersion10, Accept_Encoding="gzip"),
    ],
)
async def test_another_question_does_not(other: web.Request) -> None:
    place = Place()
    await place.keep(ask(Accept_Encoding="gzip"))
    assert place.answers.find(other) is None


@pytest.mark.parametrize(
    "other",
    [
        ask(Accept_Encoding="GZIP;q=0.5, other"),
        ask(Accept_Encoding="gzip", Accept="text/html,application/xhtml+xml;q=0.9"),
        ask(Accept_Encoding="gzip", Accept_Language="pt"),
        ask(Accept_Encoding="gzip", User_Agent="somebody else"),
        ask(Accept_Encoding="gzip", If_None_Match='"of yesterday"'),
    ],
)
async def test_another_way_to_ask_for_the_same(other: web.Request) -> None:
    place = Place()
    await place.keep(ask(Accept_Encoding="gzip"))
    assert place.answers.find(other) is not None


async def test_who_has_the_page_gets_the_kept_304() -> None:
    place = Place()
    await place.keep(ask(If_None_Match='"a"'), status=304)
    for seen in ('"a"', 'W/"a-gz", "b"', "*"):
        found = place.answers.find(ask(If_None_Match=seen))
        assert found is not None
        assert found.kept.status == 304
    assert place.answers.find(ask(If_None_Match='"b"')) is None
    assert place.answers.find(ask()) is None


async def test_languages_are_told_apart_once_a_page_differs_by_them() -> None:
    place = Place()
    await place.keep(ask(Accept_Language="pt"), vary="Accept, Accept-Language")
    assert place.answers.find(ask(Accept_Language="pt")) is not None
    assert place.answers.find(ask(Accept_Language="de")) is None


async def test_what_depends_on_anything_else_is_not_kept() -> None:
    place = Place()
    await place.keep(ask(), vary="Accept, Origin")
    await place.keep(ask(), vary="*")
    await place.keep(ask(), cookie=True)
    assert place.answers.find(ask()) is None


async def test_what_was_not_marked_or_went_wrong_is_not_kept() -> None:
    place = Place()
    await place.keep(ask(), marked=False)
    await place.keep(ask(), status=500)
    await place.keep(ask(Cookie="session=1"))
    assert place.answers.find(ask()) is None


@pytest.mark.parametrize(
    ("event", "stays"), [(Event("post", 7), False), (Event("post", 8), True), (Event("settings", 0), False)]
)
async def test_a_change_is_seen_at_once(event: Event, stays: bool) -> None:
    place = Place()
    await place.keep(ask())
    place.answers.on_event(event)
    assert (place.answers.find(ask()) is not None) is stays


async def test_one_asks_anew_while_the_others_are_served() -> None:
    place = Place()
    await place.keep(ask())
    place.now += FRESH_SECONDS
    assert place.answers.find(ask()) is None
    assert place.answers.find(ask()) is not None
    place.now += FRESH_SECONDS
    assert place.answers.find(ask()) is None
    assert place.answers.find(ask()) is None


async def test_an_old_answer_is_never_served_again() -> None:
    place = Place()
    await place.keep(ask())
    place.now += 2 * FRESH_SECONDS
    assert place.answers.find(ask()) is None
    assert place.answers.find(ask()) is None


async def test_not_too_many_are_kept() -> None:
    place = Place()
    for number in range(300):
        await place.keep(ask(path=f"/@ana/{number}"))
    assert place.answers.find(ask(path="/@ana/0")) is None
    assert place.answers.find(ask(path="/@ana/299")) is not None


async def test_the_kept_answer_is_the_first_one_to_the_last_header(live: Live) -> None:
    await make_post(live.services, (await make_author(live.services)).actor_id)
    answers = [await live.get("/@ana/first-light") for _ in range(2)]
    first, second = ([pair for pair in answer.headers.items() if pair[0].lower() not in OWN] for answer in answers)
    assert sorted(first) == sorted(second)
    assert answers[0].body == answers[1].body
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 2
    assert all(answer.headers["Date"].endswith("GMT") for answer in answers)


async def test_a_kept_answer_is_not_for_a_connection_that_closes(live: Live) -> None:
    await make_post(live.services, (await make_author(live.services)).actor_id)
    await live.get("/@ana/first-light")
    answer = await live.get("/@ana/first-light", headers={"Connection": "close"})
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"


async def test_who_is_logged_in_neither_sees_nor_fills_what_is_kept(live: Live) -> None:
    account = await make_author(live.services)
    await make_post(live.services, account.actor_id)
    await live.services.db.write(
        accounts.add_session, id_hash=hash_token("mine"), account_id=account.id, expires_at=2**40, user_agent=""
    )
    cookie = {"Cookie": f"{cookie_name(live.services.settings)}=mine"}
    mine = await live.get("/@ana/first-light", headers=cookie)
    theirs = [await live.get("/@ana/first-light") for _ in range(2)]
    again = await live.get("/@ana/first-light", headers=cookie)
    assert "Edit post" in mine.text
    assert "Edit post" in again.text
    assert all("Edit post" not in answer.text for answer in theirs)
    assert mine.headers["Cache-Control"] == again.headers["Cache-Control"] == "private, no-store"


async def test_a_kept_answer_has_its_log_line_and_its_count(live: Live) -> None:
    await make_post(live.services, (await make_author(live.services)).actor_id)
    await live.get("/@ana/first-light")
    out, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    count = counters.value("fedblog_http_requests_total", method="GET", status="200")
    try:
        for style in ("json", "text"):
            set_up_logging("info", style, out)
            answer = await live.get("/@ana/first-light")
            live.app[HOT].close()
            await live.get("/@ana/first-light")  # the ordinary way, for comparison
            hot, ordinary = out.getvalue().splitlines()[-2:]
            assert answer.headers["X-Request-Id"] in hot
            assert _shape(hot) == _shape(ordinary)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert counters.value("fedblog_http_requests_total", method="GET", status="200") == count + 4


def _shape(line: str) -> str:
    """A log line without what differs from request to request."""
    return re.sub(r"[\d:]*\d\.\d+|[0-9a-f]{12}|\d\d:\d\d:\d\d|\d{4}-\d\d-\d\d", "…", line)


async def test_readers_let_waiting_activities_go_first(live: Live) -> None:
    """With three at work a kept page comes a moment later; with fewer at once."""
    await make_post(live.services, (await make_author(live.services)).actor_id)
    host, load = live.base_url.removeprefix("http://"), live.app[LOAD]
    plain = {"Accept": "*/*", "Accept-Encoding": "identity"}
    await live.get("/@ana/first-light", headers=plain)
    request = make_mocked_request("GET", "/@ana/first-light", headers={"Host": host, **plain})
    found = [live.app[HOT].find(request)]
    with ExitStack() as places:
        for _ in range(CROWDED):
            places.enter_context(load)
            found.append(live.app[HOT].find(request))
        assert (await live.get("/@ana/first-light", headers=plain)).status == 200
    assert [answer is not None and answer.gives_way for answer in found] == [False] * CROWDED + [True]
    assert None not in found
    assert load.count == 0
