"""`python -m benchmarks [NAME…]`: measures, prints the table, writes latest.json beside this file."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import busy, fanout, footprint, growth, inbox, outage, pages, table, workers

LATEST = Path(__file__).with_name("latest.json")

_Suite = Callable[..., Coroutine[Any, Any, list[table.Row]]]
SUITES: dict[str, _Suite] = {
    "inbox": inbox.measure,
    "pages": pages.measure,
    "busy": busy.measure,
    "fanout": fanout.measure,
    "outage": outage.measure,
    "footprint": footprint.measure,
    "workers": workers.measure,
    "growth": growth.measure,
}
COUNTS = {
    "inbox": 1_500,
    "pages": 4_000,
    "fanout": 10_000,
    "outage": 5_000,
    "footprint": 1,
    "busy": 2_000,
    "workers": 3_000,
    "growth": 10_000,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(SUITES)}. Default: all.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each figure; the median counts (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much is sent, as a share of the usual amount")
    parser.add_argument("--profile", type=Path, help="write the server's profile there; its figures count for nothing")
    parser.add_argument("--no-json", action="store_true", help="leave latest.json as it is")
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> list[table.Row]:
    rows = []
    for name in options.names or SUITES:
        count = max(100, int(COUNTS[name] * options.scale))
        rows += await SUITES[name](options.rounds, count, profile=options.profile)
    return rows


def main() -> None:
    """Measure what was asked for."""
    options = _arguments()
    unknown = set(options.names) - set(SUITES)
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rows = runner.run(_measure(options))
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    sys.stdout.write(f"{table.markdown(rows)}\n\n`{command}` on {table.machine()}\n")
    if not options.no_json and not options.profile:
        table.write_json(rows, LATEST)


if __name__ == "__main__":
    main()
