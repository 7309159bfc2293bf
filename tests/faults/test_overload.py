"""Ten times as much as can be worked on: who is turned away is told when to come again, and nothing taken is lost."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.signatures.keys import generate_rsa
from fedblog.web import inboxes
from fedblog.web.connections import EVERY_SECONDS, WORK_SECONDS, Sweeper
from tests.live import Live, live_app
from tests.samples import make_author, make_post

CAPACITY, TIMES = 8, 10
ACTIVITY = {"Content-Type": "application/activity+json"}
TEXT = "The kettle sings. " * 800
GROWTH = 32 * 2**20  # bytes that two more floods may leave behind, the page and the rows that they make included


@dataclass
class Crowd:
    """Somebody's server that sends and sends, and what it was answered."""

    live: Live
    peer: PeerServer
    who: PeerActor
    post_uri: str
    answers: Counter[int] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)
    refused: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)

    def notes(self, count: int) -> dict[str, tuple[bytes, dict[str, str]]]:
        """Signed requests that bring a reply each, by its id."""
        made = {}
        for number in range(count):
            note = payloads.note(self.who, self.post_uri, f"{TEXT}{number}")
            body = json.dumps(payloads.create(self.who, note)).encode()
            url = f"{self.live.base_url}/inbox"
            made[str(note["id"])] = (body, self.peer._signed("POST", url, body, self.who.key, "cavage", None))
        return made

    async def flood(self, notes: dict[str, tuple[bytes, dict[str, str]]], at_once: int) -> None:
        """Send all, so many at once; each refusal says when to come again."""
        waiting = iter(notes.items())

        async def send() -> None:
            for uri, (body, headers) in waiting:
                answer = await self.live.request("POST", "/inbox", data=body, headers=headers)
                self.answers[answer.status] += 1
                if answer.status == 202:
                    self.taken.add(uri)
                    self.refused.pop(uri, None)
                else:
                    assert answer.status in (429, 503), answer.text
                    assert int(answer.headers["Retry-After"]) > 0
                    self.refused[uri] = (body, headers)

        await asyncio.gather(*(send() for _ in range(at_once)))

    async def stored(self) -> Counter[str]:
        """The replies that are there."""
        rows = await self.live.services.db.read(lambda tx: tx.all("SELECT uri FROM replies"))
        return Counter(uri for (uri,) in rows)


async def make_crowd(live: Live, peer: PeerServer) -> Crowd:
    author = await make_author(live.services)
    post = await make_post(live.services, author.actor_id)
    bo = peer.add_person("bo", key=generate_rsa(Uri("https://unnamed.invalid/#main-key")))
    crowd = Crowd(live, peer, bo, post.uri)
    await crowd.flood(crowd.notes(1), 1)  # from now on its key is known
    assert crowd.answers == Counter({202: 1})
    return crowd


async def read_on(live: Live, done: asyncio.Event) -> int:
    """An honest reader, until told; how many pages that were."""
    count = 0
    while not done.is_set():
        answer = await live.get("/@ana/first-light")
        assert answer.status == 200, answer.text
        count += 1
    return count


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.proves("SEC-123")
async def test_ten_times_the_capacity_loses_nothing_that_was_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inboxes, "MAX_BUSY", CAPACITY)
    async with live_app(tmp_path, limits={"inbox_per_minute": 100_000}) as live, PeerServer() as peer:
        crowd = await make_crowd(live, peer)
        done = asyncio.Event()
        reader = asyncio.create_task(read_on(live, done))
        await crowd.flood(crowd.notes(200), CAPACITY * TIMES)
        assert crowd.answers[503] > 0
        before = resident()
        for _ in range(2):
            await crowd.flood(crowd.notes(200), CAPACITY * TIMES)
        assert resident() - before < GROWTH
        done.set()
        assert await reader > 0
        assert await crowd.stored() == Counter(crowd.taken), "what was refused is not there, what was taken is, once"
        assert not live.app[inboxes.LOAD].is_full()
        await crowd.flood(dict(crowd.refused), CAPACITY - 1)
        assert not crowd.refused, "within what it can do it takes all of them"
        assert await crowd.stored() == Counter(crowd.taken)


@pytest.mark.proves("SEC-123")
async def test_one_address_alone_takes_no_more_than_its_share(tmp_path: Path) -> None:
    async with live_app(tmp_path, limits={"inbox_per_minute": 20}) as live, PeerServer() as peer:
        crowd = await make_crowd(live, peer)
        done = asyncio.Event()
        reader = asyncio.create_task(read_on(live, done))
        await crowd.flood(crowd.notes(200), 20)
        done.set()
        assert await reader > 0
        assert crowd.answers[429] > 0
        assert crowd.answers[202] >= 20
        assert await crowd.stored() == Counter(crowd.taken)


async def opened(live: Live, head: str, **options: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which this was sent."""
    host = live.base_url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"), **options)
    writer.write(head.replace("HOST", host).encode())
    return reader, writer


@pytest.mark.proves("SEC-123")
async def test_bodies_that_trickle_or_never_end_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold all places, and give them back."""
    monkeypatch.setattr(inboxes, "MAX_BUSY", CAPACITY)
    monkeypatch.setattr(inboxes, "BODY_SECONDS", 0.2)
    head = "POST /inbox HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/activity+json\r\n"
    async with live_app(tmp_path, limits={"body_bytes": 50_000}) as live:
        for rest in ("Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"):
            slow = [await opened(live, head + rest) for _ in range(CAPACITY)]
            for reader, writer in slow:
                assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 408")
                writer.close()
            answer = await live.request("POST", "/inbox", data=b"{}", headers=ACTIVITY)
            assert answer.status == 401
        reader, writer = await opened(
            live, head + "Transfer-Encoding: chunked\r\n\r\n" + f"400\r\n{'a' * 1024}\r\n" * 99
        )
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 413")
        writer.close()
        assert not live.app[inboxes.LOAD].is_full()


@pytest.mark.proves("SEC-122")
async def test_who_never_reads_an_answer_is_cut(tmp_path: Path) -> None:
    """The system keeps what was sent for as long as the other end is there: closing alone would wait for it."""
    async with live_app(tmp_path) as live:
        author = await make_author(live.services)
        post = await make_post(live.services, author.actor_id, source="A long day. " * 8000)
        asked = f"GET /@ana/{post.slug} HTTP/1.1\r\nHost: HOST\r\nAccept: text/html\r\n\r\n"
        _, writer = await opened(live, asked * 200, limit=1024)
        server = live.runner.server
        assert server is not None

        def is_stuck() -> bool:
            return any(one.transport and one.transport.get_write_buffer_size() for one in server.connections)

        while not is_stuck():
            await live.get("/livez")
        sweeper, late = Sweeper(server), 1001.0 + WORK_SECONDS
        connections = len(server.connections)
        assert sweeper.sweep(1000.0) == 0
        assert sweeper.sweep(late) > 0
        # What waits for them may still be read, but must be read.
        sweeper.sweep(late + EVERY_SECONDS)
        async with asyncio.timeout(20):
            while len(server.connections) >= connections:
                await live.get("/livez")
        writer.close()


@pytest.mark.proves("SEC-122", "SEC-123")
async def test_idle_connections_and_pipelines_of_activities_keep_nobody_out(tmp_path: Path) -> None:
    """Three hundred that say nothing, and some that send five hundred requests without waiting for an answer."""
    async with live_app(tmp_path, limits={"inbox_per_minute": 100_000}) as live:
        author = await make_author(live.services)
        await make_post(live.services, author.actor_id)
        idle = [await opened(live, "") for _ in range(300)]
        head = "POST /inbox HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/activity+json\r\n"
        whole, half = head + "Content-Length: 2\r\n\r\n{}", head + "Content-Length: 100\r\n\r\n{"
        floods = [await opened(live, whole * 500) for _ in range(4)]
        held = [await opened(live, half) for _ in range(4)]
        done = asyncio.Event()
        reader = asyncio.create_task(read_on(live, done))
        for stream, _ in floods:
            told = Counter[bytes]()
            for _ in range(500):
                answer = await stream.readuntil(b"\r\n\r\n")
                told[answer[9:12]] += 1
                length = next(line for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length"))
                await stream.readexactly(int(length.split(b":")[1]))
            assert told == Counter({b"401": 500}), "each is answered, in turn"
        done.set()
        assert await reader > 0
        assert not live.app[inboxes.LOAD].is_full()
        server = live.runner.server
        assert server is not None
        assert len(server.connections) >= len(idle) + len(held)
        for _, writer in (*idle, *floods, *held):
            writer.close()
