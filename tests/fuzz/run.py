"""`python -m tests.fuzz.run INPUTS [SEED [PROCESSES]]`: that many inputs for each target; exit code 1 where one broke
something. Several processes share the inputs; each says its own seed."""

from __future__ import annotations

import asyncio
import logging
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.fuzz.targets import Documents, Signatures, inbox_target

AT_ONCE = 64
Target = Callable[[random.Random], Awaitable[None]]


class Findings(logging.Handler):
    """What broke: the seed of the input and the error; and every traceback that went to the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the log that says that something failed in itself."""
        self.found.append(f"{record.name}: {record.getMessage()} {record.exc_info[1]!r}" if record.exc_info else "")


async def feed(target: Target, name: str, inputs: int, seed: int, findings: Findings) -> float:
    """Give a target so many inputs; how many a second."""
    started = time.perf_counter()
    for first in range(0, inputs, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, inputs))
        await asyncio.gather(*(_one(target, name, f"{seed}-{number}", findings) for number in numbers))
    return inputs / max(time.perf_counter() - started, 1e-9)


async def _one(target: Target, name: str, seed: str, findings: Findings) -> None:
    try:
        await target(random.Random(f"{name}-{seed}"))
    except Exception as exc:
        findings.found.append(f"{name} {seed}: {exc!r} {exc.__cause__!r}")


async def run(folder: Path, inputs: int, seed: int, tell: Callable[[str], None]) -> list[str]:
    """All targets; what broke."""
    findings = Findings()
    logging.getLogger("fedblog").addHandler(findings)
    try:
        signatures, documents = Signatures(), Documents()
        _say(
            tell, "signatures", inputs, await feed(signatures, "signatures", inputs, seed, findings), signatures.results
        )
        _say(tell, "documents", inputs, await feed(documents, "documents", inputs, seed, findings), documents.results)
        async with inbox_target(folder, seed) as inbox:
            _say(tell, "inbox", inputs, await feed(inbox, "inbox", inputs, seed, findings), inbox.results)
            findings.found += await inbox.parts.db.integrity()
    finally:
        logging.getLogger("fedblog").removeHandler(findings)
    return findings.found


def _say(tell: Callable[[str], None], name: str, inputs: int, speed: float, results: Counter[str]) -> None:
    most = ", ".join(f"{reason} {count}" for reason, count in results.most_common(8))
    tell(f"{name}: {inputs:,} inputs, {speed:,.0f} a second: {most}")


def _shared(inputs: int, seed: int, processes: int) -> int:
    """The same in several processes; 1 where one of them found something."""
    share = str(-(-inputs // processes))
    command = [sys.executable, "-m", "tests.fuzz.run", share]
    running = [subprocess.Popen([*command, str(seed + number)]) for number in range(processes)]
    return max(abs(process.wait()) > 0 for process in running)


def main() -> None:
    """The command."""
    inputs = int(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] != "-" else random.SystemRandom().randrange(2**32)
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if processes > 1:
        sys.exit(_shared(inputs, seed, processes))
    print(f"seed {seed}", flush=True)
    logging.basicConfig(level=logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="fedblog-fuzz-") as folder:
        found = asyncio.run(run(Path(folder), inputs, seed, lambda words: print(words, flush=True)))
    for line in found[:20]:
        print(line)
    print(f"{len(found)} findings")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
