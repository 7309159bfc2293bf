"""Memory at rest, and the time from the command to the first answer, of `fedblog serve` itself."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, settle_in
from benchmarks.processes import Server
from benchmarks.rounds import Rounds
from benchmarks.table import Row

RSS_BUDGET = 90.0  # MiB
START_BUDGET = 1.0  # seconds


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Start the blog with one post, ask it for its front page, look at its memory."""
    del count, profile
    rss = Row("rss", "memory after the first answer", "MiB", limits=[RSS_BUDGET], smaller=True)
    start = Row("start", "start to first answer", "s", limits=[START_BUDGET], smaller=True)
    used = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        await settle_in(place)
        for number in rounds.until(first=1):
            started = time.perf_counter()
            async with serving(place) as server:
                await load.storm("127.0.0.1", server.port, [load.get("/", HOST)], connections=1)
                if number:  # the first start compiles the modules, as an installation does
                    start.values.append(time.perf_counter() - started)
                    rss.values.append(server.rss_mib)
                    used.append(server.cpu_seconds)
    start.note = f"{sorted(used)[len(used) // 2]:.2f} s of CPU"
    return [rss, start]


@asynccontextmanager
async def serving(place: Path, **server: int) -> AsyncIterator[Server]:
    """`fedblog serve` on the data of `place`, with bytecode kept as any installation has. `server`: more settings."""
    config = place / "config.toml"
    more = "".join(f"{key} = {value}\n" for key, value in server.items())
    config.write_text(f'[server]\ndomain = "{HOST}"\ndata_dir = "data"\nhost = "127.0.0.1"\n{more}')
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with (place / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from fedblog.cli import main; main()"),
            *("--config", str(config), "serve", "--port", "0"),
            env={**environment, "PYTHONPYCACHEPREFIX": str(place / "bytecode")},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    if process.stdout is None:
        raise RuntimeError("no pipe")
    try:
        line = (await process.stdout.readline()).decode()
        if "listening on" not in line:
            raise RuntimeError(f"the server did not start: {(place / 'log').read_text()}")
        yield Server(int(re.findall(r":(\d+)[,)]", line)[-1]), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
