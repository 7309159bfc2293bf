"""Readers in a process of their own, so that whoever makes the load beside them doesn't count as the server's delay.

`python -m benchmarks.readers JSON` reads a page at a pace and prints what came back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections import Counter

import uvloop

from benchmarks import load

CONNECTIONS = 20


async def read(port: int, path: str, host: str, *, rate: float, seconds: float) -> load.Result:
    """Read a page `rate` times a second; a wait counts from when its request was due."""
    asked = json.dumps({"port": port, "path": path, "host": host, "rate": rate, "seconds": seconds})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.readers", asked), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    found = json.loads(told)
    statuses = Counter({int(status): count for status, count in found["statuses"].items()})
    return load.Result(found["seconds"], statuses, found["latencies"], found["body_bytes"])


async def _read(port: int, path: str, host: str, rate: float, seconds: float) -> load.Result:
    request = load.get(path, host, accept="text/html", accept_encoding="gzip")
    pages = itertools.repeat(request, int(rate * seconds))
    return await load.storm("127.0.0.1", port, pages, connections=CONNECTIONS, rate=rate)


def main() -> None:
    """Read as the first argument says."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(_read(**json.loads(sys.argv[1])))
    told = {"seconds": found.seconds, "statuses": found.statuses, "latencies": found.latencies}
    sys.stdout.write(json.dumps({**told, "body_bytes": found.body_bytes}))


if __name__ == "__main__":
    main()
