"""The suites, each run as a process of its own: one that fails or hangs costs its own rows only.

`python -m benchmarks.suites JSON` is that process; its last line of output is its rows.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import busy, fanout, flood, footprint, growth, inbox, outage, pages, table, workers
from benchmarks.rounds import Rounds

REASON = 200

Measure = Callable[..., Coroutine[Any, Any, list[table.Row]]]


@dataclass(frozen=True, slots=True)
class Suite:
    """What measures, how much it sends as a rule, and its part of the time of all."""

    measure: Measure
    count: int
    part: float


SUITES = {
    "inbox": Suite(inbox.measure, 1_000, 45),
    "pages": Suite(pages.measure, 4_000, 40),
    "busy": Suite(busy.measure, 1_000, 40),
    "flood": Suite(flood.measure, 2_000, 25),
    "fanout": Suite(fanout.measure, 10_000, 50),
    "outage": Suite(outage.measure, 5_000, 45),
    "footprint": Suite(footprint.measure, 1, 10),
    "workers": Suite(workers.measure, 2_000, 25),
    "growth": Suite(growth.measure, 10_000, 20),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One suite to run: rounds, how much is sent as a share of the usual amount, the seconds that rounds may begin in,
    and those after which it is ended."""

    name: str
    rounds: int
    scale: float
    seconds: float
    limit: float
    profile: str = ""


async def run_apart(asked: Asked) -> tuple[list[table.Row], str]:
    """The rows of one suite, and why there are none: it failed, or was ended because it took too long."""
    with tempfile.TemporaryDirectory(prefix="benchmark-", ignore_cleanup_errors=True) as place:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.suites", json.dumps(asdict(asked))),
            env={**os.environ, "TMPDIR": place},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # its servers are of its group, and end with it
        )
        try:
            async with asyncio.timeout(asked.limit):
                told, _ = await process.communicate()
        except TimeoutError:
            return [], f"cut: it took more than {asked.limit:.0f} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    try:
        found = json.loads(told.splitlines()[-1])
    except (IndexError, ValueError):
        return [], f"failed: its process ended with {process.returncode}"
    return [table.Row(**row) for row in found["rows"]], found["trouble"]


async def measured(asked: Asked) -> list[table.Row]:
    """The rows of one suite, in this process."""
    suite, rounds = SUITES[asked.name], Rounds(asked.rounds, asked.seconds)
    count = max(100, int(suite.count * asked.scale))
    rows = await suite.measure(rounds, count, profile=Path(asked.profile) if asked.profile else None)
    for row in rows:
        if rounds.cut and len(row.values) < rounds.most:
            row.note = ", ".join(filter(None, (row.note, f"{len(row.values)} of {rounds.most} rounds in its time")))
    return rows


def main() -> None:
    """Run the suite that the first argument describes."""
    rows, trouble = list[table.Row](), ""
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            rows = runner.run(measured(Asked(**json.loads(sys.argv[1]))))
    except Exception as exc:  # whatever it is, it is told, and the other suites go on
        trouble = f"failed: {type(exc).__name__} {exc}"[:REASON].replace("\n", " ")
    sys.stdout.write(f"\n{json.dumps({'rows': [asdict(row) for row in rows], 'trouble': trouble})}\n")


if __name__ == "__main__":
    main()
