"""Memory at rest, and the time from the command to the first answer."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, raw_settings, settle_in
from benchmarks.processes import running
from benchmarks.table import Row

RSS_BUDGET = 90.0  # MiB
START_BUDGET = 1.0  # seconds


async def measure(rounds: int, count: int, *, profile: Path | None = None) -> list[Row]:
    """Start the blog with one post, ask it for its front page, look at its memory."""
    del count, profile
    rss = Row("rss", "memory after the first answer", "MiB", limits=[RSS_BUDGET], smaller=True)
    start = Row("start", "start to first answer", "s", limits=[START_BUDGET], smaller=True)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        await settle_in(place)
        arguments = {"settings": raw_settings(place), "place": name}
        for _ in range(rounds):
            started = time.perf_counter()
            async with running("fedblog", arguments, log=place / "log") as server:
                await load.storm("127.0.0.1", server.port, [load.get("/", HOST)], connections=1)
                start.values.append(time.perf_counter() - started)
                rss.values.append(server.rss_mib)
    return [rss, start]
