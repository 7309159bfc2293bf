"""`python -m benchmarks [NAME…]`: measures, prints the table, writes latest.json beside this file."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
import time
from pathlib import Path

from benchmarks import table
from benchmarks.suites import SUITES, Asked, run_apart

LATEST = Path(__file__).with_name("latest.json")
SECONDS = 260.0
GRACE = 20.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"what to measure: {', '.join(SUITES)}. Default: all.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each figure; the median counts (default 5)")
    parser.add_argument("--scale", type=float, default=1.0, help="how much is sent, as a share of the usual amount")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"rounds are cut to end within it (default {SECONDS:.0f})"
    )
    parser.add_argument("--profile", type=Path, help="write the server's profile there; its figures count for nothing")
    parser.add_argument("--no-json", action="store_true", help="leave latest.json as it is")
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> tuple[list[table.Row], dict[str, str]]:
    """The rows of all suites, and by name what went wrong with those that have none."""
    rows, troubles = list[table.Row](), dict[str, str]()
    names = list(dict.fromkeys(options.names)) or list(SUITES)
    profile = str(options.profile.resolve()) if options.profile else ""
    end = time.monotonic() + options.seconds
    for place, name in enumerate(names):
        parts = sum(SUITES[other].part for other in names[place:])
        seconds = max(1.0, end - time.monotonic()) * SUITES[name].part / parts  # what others left is shared
        began = time.monotonic()
        limit = 2 * max(seconds, SUITES[name].part) + GRACE  # the last one has time, even if those before took it all
        found, trouble = await run_apart(Asked(name, options.rounds, options.scale, seconds, limit, profile))
        rows += found
        if trouble:
            troubles[name] = trouble
        took = f"{time.monotonic() - began:.0f} of {seconds:.0f} s"
        sys.stderr.write(f"{name}: {took}{', ' if trouble else ''}{trouble}\n")
    return rows, troubles


def main() -> None:
    """Measure what was asked for; 1 where a suite gave nothing."""
    options = _arguments()
    unknown = set(options.names) - set(SUITES)
    if unknown:
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    began = time.monotonic()
    rows, troubles = asyncio.run(_measure(options))
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    took = f"{time.monotonic() - began:.0f} s"
    sys.stdout.write(f"{table.markdown(rows, troubles)}\n\n`{command}` on {table.machine()}, in {took}\n")
    if not options.no_json and not options.profile:
        table.write_json(rows, LATEST)
    if troubles:
        sys.exit(1)


if __name__ == "__main__":
    main()
