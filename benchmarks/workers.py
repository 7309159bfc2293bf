"""What a second process brings: pages made by the ordinary way, which cost the server more than whoever asks."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, settle_in
from benchmarks.footprint import serving
from benchmarks.rounds import Rounds
from benchmarks.table import Row

CONNECTIONS = 32
PROCESSES = 2


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """The front page, with two processes against one on the same machine; load and servers share the cores."""
    del profile
    row = Row("workers", f"front page, {PROCESSES} processes against one", "per second", goal=1.5)
    with tempfile.TemporaryDirectory() as name:
        await settle_in(Path(name))
        for _ in rounds.until():
            row.limits.append(await _rate(Path(name), 1, count))
            row.values.append(await _rate(Path(name), PROCESSES, count))
    return [row]


async def _rate(place: Path, workers: int, count: int) -> float:
    request = load.get("/", HOST, accept="text/html")
    async with serving(place, workers=workers) as server:
        await load.storm("127.0.0.1", server.port, [request] * 200, connections=CONNECTIONS)
        return (await load.storm("127.0.0.1", server.port, [request] * count, connections=CONNECTIONS)).rate
