"""One of several processes that answer requests: `python -m fedblog.cli.worker NUMBER RELAY SOCKET…`.

Started by `supervisor.py` only, with the settings as JSON on standard input and its sockets inherited. The first one
delivers and does the jobs as well.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys

import msgspec

from fedblog.cli.program import exit_code
from fedblog.cli.relay import Relay
from fedblog.cli.serve import run_loop, serve_until
from fedblog.config import Settings
from fedblog.errors import FedblogError
from fedblog.observe import set_up_logging


async def _work(settings: Settings, number: int, end: socket.socket, sockets: list[socket.socket]) -> None:
    stop = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    async with serve_until(stop, settings, sockets, background=number == 0) as served:
        relay = await Relay.open(served.db, end)
        hearing = asyncio.create_task(relay.run(stop.set))
        relay.ready()
        await stop.wait()
        hearing.cancel()


def main() -> None:
    """Answer until told to stop, or until the process that started this one is gone."""
    number, end, *sockets = (int(one) for one in sys.argv[1:])
    settings = msgspec.json.decode(sys.stdin.buffer.read(), type=Settings)
    set_up_logging(settings.logging.level, settings.logging.format)
    listening = [socket.socket(fileno=one) for one in sockets]
    try:
        run_loop(lambda: _work(settings, number, socket.socket(fileno=end), listening))
    except FedblogError as error:
        sys.stderr.write(f"fedblog: {error}\n")
        sys.exit(exit_code(error))


if __name__ == "__main__":
    main()
