"""Readers while ten times as many replies come in as can be taken: most are turned away, and pages still answer."""

from __future__ import annotations

import asyncio
import itertools
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, Crowd, fill, raw_settings, settle_in
from benchmarks.processes import Server, running
from benchmarks.readers import read
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.app import services
from fedblog.config import make_settings

TIMES = 10
SENDERS = 1_000  # connections; each sends its next one when it was answered or turned away
SECONDS = 3.0
PAGES_A_SECOND = 100
REPLIES = 200
LIMIT_MS, LIMIT_MIB = 250.0, 50.0


@dataclass(slots=True)
class _Flood:
    """The same replies again and again: what was turned away is new still. `ends` ends it."""

    replies: list[bytes]
    ends: bool = False

    def requests(self) -> Iterator[bytes]:
        """Until told."""
        return itertools.takewhile(lambda _: not self.ends, itertools.cycle(self.replies))


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Latency of pages beside a flood, and what it leaves in memory."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        crowd = await settle_in(place)
        async with services(make_settings(raw_settings(place), relative_to=place)) as parts:
            await fill(parts, crowd, REPLIES)
        arguments = {"settings": raw_settings(place), "place": name, "profile": str(profile) if profile else None}
        async with running("fedblog", arguments, log=place / "log") as server:
            return await _flooded(server, crowd, rounds, count)


async def _flooded(server: Server, crowd: Crowd, rounds: Rounds, count: int) -> list[Row]:
    dice = random.Random(10)
    pages = Row(
        "flood_readers", "readers' p99 while ten times too much comes in", "ms", limits=[LIMIT_MS], smaller=True
    )
    memory = Row("flood_rss", "growth of memory meanwhile", "MiB", limits=[LIMIT_MIB], smaller=True)
    capacity = (await load.storm("127.0.0.1", server.port, crowd.creates(count // 4, dice, []))).rate
    asked, seconds = Counter[int](), 0.0
    for number in rounds.until(first=1):
        before = server.rss_mib
        flood = _Flood(crowd.creates(count, dice, []))
        storm = asyncio.create_task(
            load.storm("127.0.0.1", server.port, flood.requests(), connections=SENDERS, rate=TIMES * capacity)
        )
        found = await read(server.port, crowd.address, HOST, rate=PAGES_A_SECOND, seconds=SECONDS)
        flood.ends = True
        sent = await storm
        if set(sent.statuses) - {202, 429, 503} or set(found.statuses) - {200}:
            raise RuntimeError(f"answers {dict(sent.statuses)}, pages {dict(found.statuses)}")
        if number:  # the first flood fills what is kept once
            pages.values.append(found.percentile(0.99) * 1000)
            memory.values.append(max(0.01, server.rss_mib - before))
            asked += sent.statuses
            seconds += sent.seconds
    pages.note = (
        f"{PAGES_A_SECOND} pages a second; of {asked.total() / seconds:,.0f} replies a second"
        f" {asked[202] / seconds:,.0f} taken, from {SENDERS:,} senders"
    )
    return [pages, memory]
