"""The short way to the shared inbox does what the ordinary one does: same answers, headers, log and limits."""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.observe import counters, set_up_logging
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.storage import inbox as inbox_log
from fedblog.web.inbox_door import DOOR
from fedblog.web.inboxes import LOAD
from tests.live import Answer, Live, live_app

OWN = {"date", "x-request-id", "content-type"}  # of an empty answer there is no type
GONE = Uri("https://left.example/users/bo")


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return generate_rsa(Uri(f"{GONE}#main-key"))


def leaving(number: int) -> bytes:
    """Somebody whom nobody here knows is gone."""
    actor = f"https://left.example/users/{number}"
    doc: dict[str, Any] = {"id": f"{actor}#delete", "type": "Delete", "actor": actor, "object": actor}
    return json.dumps(doc).encode()


async def send(live: Live, key: PrivateKey, number: int, **headers: str) -> Answer:
    body = leaving(number)
    signed = sign_cavage(method="POST", url=Uri(f"{live.base_url}/inbox"), body=body, key=key, now=time.time())
    return await live.request("POST", "/inbox", data=body, headers={**signed, **headers})


def told(answer: Answer) -> tuple[int, dict[str, str], bytes]:
    return answer.status, {k: v for k, v in answer.headers.items() if k.lower() not in OWN}, answer.body


@pytest.fixture
def ordinary(live: Live, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that went the ordinary way."""
    taken: list[str] = []
    is_plain = live.app[DOOR]._is_plain

    def watched(request: Any) -> bool:
        plain = is_plain(request)
        if not plain:
            taken.append(request.path)
        return plain

    monkeypatch.setattr(live.app[DOOR], "_is_plain", watched)
    return taken


async def test_both_ways_answer_the_same(live: Live, key: PrivateKey, ordinary: list[str]) -> None:
    """Taken, refused for its signature, refused for its type; a cookie makes a request go the ordinary way."""
    for headers in ({}, {"Signature": "x"}, {"Content-Type": "text/html"}):
        short = await send(live, key, 1, **headers)
        assert ordinary == []
        long = await send(live, key, 1, Cookie="a=b", **headers)
        assert ordinary == ["/inbox"]
        assert told(short) == told(long)
        assert len(short.headers["X-Request-Id"]) == 12
        assert short.headers["Date"]
        ordinary.clear()


@pytest.mark.proves("SEC-123")
async def test_who_is_turned_away_is_told_the_same(
    live: Live, key: PrivateKey, ordinary: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """At next to no cost, since there is the most of it when there is no time; the log tells of it once a second."""
    load = live.app[LOAD]
    load.count = load.most
    short, again = await send(live, key, 1), await send(live, key, 2)
    assert ordinary == []
    long = await send(live, key, 1, Cookie="a=b")
    assert ordinary == ["/inbox"]
    assert told(short) == told(again) == told(long)
    assert (short.status, short.headers["Retry-After"], json.loads(short.body)["reason"]) == (503, "30", "busy")
    assert short.headers["Content-Type"] == long.headers["Content-Type"]
    assert len({short.headers["X-Request-Id"], again.headers["X-Request-Id"], long.headers["X-Request-Id"]}) == 3
    lines = [one for one in caplog.records if "turns requests away" in one.message]
    assert len(lines) in (1, 2)
    load.count = 0
    assert (await send(live, key, 1)).status == 202


async def test_what_is_not_plain_goes_the_ordinary_way(live: Live, key: PrivateKey, ordinary: list[str]) -> None:
    """Another host, a compressed or chunked body, a query, no body at all."""
    assert (await send(live, key, 1, Host="other.example")).status == 421
    assert (await send(live, key, 1, **{"Content-Encoding": "gzip"})).status == 415
    assert (await live.request("POST", "/inbox?x=1", data=b"{}")).status == 415
    assert (await live.request("POST", "/inbox", headers={"Content-Type": "application/activity+json"})).status == 401
    assert len(ordinary) == 4


async def test_it_is_counted_logged_and_limited(tmp_path: Path, key: PrivateKey) -> None:
    """One line a request, written a moment later; the log names the asker's address."""
    stream = io.StringIO()
    async with live_app(tmp_path, limits={"inbox_per_minute": 3}) as live:
        set_up_logging("info", "json", stream)
        before = counters.value("fedblog_inbox_total", reason="actor_unknown")
        statuses = [(await send(live, key, number)).status for number in range(4)]
        refused = await send(live, key, 9, Signature="x")
        live.app[DOOR].close()
    assert statuses == [202, 202, 202, 429]
    assert refused.status == 429
    assert counters.value("fedblog_inbox_total", reason="actor_unknown") == before + 3
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    asked = [(line["method"], line["path"], line["status"]) for line in lines if line["message"] == "request"]
    assert asked == [("POST", "/inbox", status) for status in (202, 202, 202, 429, 429)]
    assert len({line["request_id"] for line in lines if line["message"] == "request"}) == 5


async def test_KEY_09_a_storm_of_farewells_asks_nobody(
    live: Live, key: PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the end of a large server: each is acknowledged and logged, none causes a request."""
    asked: list[str] = []

    async def refuse(uri: str, *_args: Any, **_kwargs: Any) -> Any:
        asked.append(uri)
        raise AssertionError(uri)

    monkeypatch.setattr(live.services.client, "get", refuse)
    answers = await asyncio.gather(*(send(live, key, number) for number in range(300)))
    assert {answer.status for answer in answers} == {202}
    assert asked == []
    entries = await live.services.db.read(inbox_log.entries, limit=1_000)
    assert [entry.reason for entry in entries] == ["actor_unknown"] * 300
