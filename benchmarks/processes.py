"""Starting the servers under load, and what the kernel says of a process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its port on 127.0.0.1 and its process id."""

    port: int
    pid: int

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def rss_mib(self) -> float:
        """Memory that it holds now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@asynccontextmanager
async def running(kind: str, arguments: dict[str, Any], *, log: Path | None = None) -> AsyncIterator[Server]:
    """One of `benchmarks.servers`, from its first readiness until the block ends. Its log lines go to `log`."""
    with (log or Path(os.devnull)).open("wb") as sink:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.servers",
            kind,
            json.dumps(arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
        )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    line = (await process.stdout.readline()).split()
    if line[:1] != [b"ready"]:
        raise RuntimeError(f"the server {kind} did not start; see its log")
    try:
        yield Server(int(line[1]), process.pid)
    finally:
        process.stdin.close()
        await process.wait()
