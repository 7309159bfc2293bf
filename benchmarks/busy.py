"""A post that is read at full speed while people answer it, and one with a very long and deep conversation."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession

from benchmarks import load
from benchmarks.crowd import HOST, Crowd, fill, raw_settings, settle_in
from benchmarks.processes import Server, running
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.app import services
from fedblog.config import make_settings

READERS = 16
REPLIES_A_SECOND = 500
DEEP, DEPTH = 10_000, 2_000
LOOK_EVERY, LONGEST_LOOK = 0.01, 10.0


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Latency of the inbox beside readers, the time until a reply shows, and the first look at a deep conversation."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        crowd = await settle_in(place)
        arguments = {"settings": raw_settings(place), "place": name, "profile": str(profile) if profile else None}
        async with running("fedblog", arguments, log=place / "log") as server:
            rows = await _answered(server, crowd, rounds, count)
    with tempfile.TemporaryDirectory() as name:
        return [*rows, await _deep(Path(name), rounds)]


@dataclass(slots=True)
class _Reading:
    """Readers at work; `ends` ends them."""

    ends: bool = False

    def requests(self, request: bytes) -> Iterator[bytes]:
        """The same one again and again."""
        while not self.ends:
            yield request


@asynccontextmanager
async def _read(server: Server, crowd: Crowd, rates: list[float]) -> AsyncIterator[None]:
    """Readers of the post, as fast as they are answered, during the block."""
    reading = _Reading()
    request = load.get(crowd.address, HOST, accept="text/html", accept_encoding="gzip")
    storm = asyncio.create_task(load.storm("127.0.0.1", server.port, reading.requests(request), connections=READERS))
    try:
        yield
    finally:
        reading.ends = True
        result = await storm
        rates.append(result.rate)
        if set(result.statuses) != {200}:
            raise RuntimeError(f"readers got {dict(result.statuses)}")


async def _answered(server: Server, crowd: Crowd, rounds: Rounds, count: int) -> list[Row]:
    dice, parents, rates = random.Random(8), list[str](), list[float]()
    inbox = Row("busy_inbox", "inbox beside readers at full speed: p99", "ms", limits=[100.0], smaller=True)
    fresh = Row("busy_fresh", "until a new reply shows to readers", "s", limits=[1.0], smaller=True)
    for _ in rounds.until(0.45):
        batch = crowd.creates(count, dice, parents)
        async with _read(server, crowd, rates):
            sent = await load.storm("127.0.0.1", server.port, batch, rate=REPLIES_A_SECOND)
            inbox.values.append(sent.percentile(0.99) * 1000)
            if set(sent.statuses) != {202}:
                raise RuntimeError(f"not all were taken: {dict(sent.statuses)}")
    inbox.note = f"{REPLIES_A_SECOND} replies and {sorted(rates)[len(rates) // 2]:,.0f} pages a second"
    for _ in rounds.until(0.65):
        async with _read(server, crowd, rates):
            made = list[str]()
            batch = crowd.creates(1, dice, made)
            fresh.values.append(await _until_shown(server, crowd, batch, made[0]))
    return [inbox, fresh]


async def _until_shown(server: Server, crowd: Crowd, replies: list[bytes], uri: str) -> float:
    """Seconds from the acknowledgement of a reply until the page with the newest ones leads to it."""
    address = f"http://127.0.0.1:{server.port}{crowd.address}?sort=newest"
    link = f'{uri.replace("/users/", "/@").replace("/statuses/", "/")}"'
    async with ClientSession(headers={"Host": HOST, "Accept": "text/html"}) as session:
        await load.storm("127.0.0.1", server.port, replies, connections=1)
        started = time.perf_counter()
        while time.perf_counter() - started < LONGEST_LOOK:
            async with session.get(address) as answer:
                if link in await answer.text():
                    break
            await asyncio.sleep(LOOK_EVERY)
        return time.perf_counter() - started


async def _size(server: Server, request: bytes) -> int:
    return (await load.storm("127.0.0.1", server.port, [request], connections=1)).body_bytes


async def _deep(place: Path, rounds: Rounds) -> Row:
    """The first answer after each start, nothing drawn before."""
    row = Row(
        "page_deep", f"{DEEP:,} replies, {DEPTH:,} of them in one line: first look", "s", limits=[1.0], smaller=True
    )
    crowd = await settle_in(place)
    settings = make_settings(raw_settings(place), relative_to=place)
    async with services(settings) as parts:
        await fill(parts, crowd, DEPTH, chain=True)
        await fill(parts, crowd, DEEP - DEPTH, start=DEPTH)
    for _ in rounds.until():
        async with services(settings) as parts:
            await parts.db.write(lambda tx: tx.run("DELETE FROM drawn_pages"))
        async with running("fedblog", {"settings": raw_settings(place), "place": str(place)}) as server:
            await load.storm("127.0.0.1", server.port, [load.get("/", HOST)], connections=1)
            started = time.perf_counter()
            await _size(server, load.get(crowd.address, HOST, accept="text/html", accept_encoding="gzip"))
            row.values.append(time.perf_counter() - started)
    return row
