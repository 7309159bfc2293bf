"""Several processes on one host: the one that starts them, starts them again, passes on what they tell, and ends them.

Each process has a socket of its own on the same address, so that the kernel spreads connections evenly. They stay open
here: what comes while a process starts again waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time
from dataclasses import dataclass, field

import click
import msgspec

from fedblog.cli.relay import READY, send_lines
from fedblog.config import Settings

log = logging.getLogger(__name__)

STOP_SECONDS = 8.0  # what a process needs at most by its own limits, and a little
FIRST_PAUSE, MOST_PAUSE = 0.5, 30.0
LIVED_WELL = 60.0  # seconds after which the next pause is short again


@dataclass(eq=False, slots=True)
class _Worker:
    """One process and our end of its relay."""

    number: int
    process: asyncio.subprocess.Process
    writer: asyncio.StreamWriter
    started: float = field(default_factory=time.monotonic)
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Supervisor:
    """Keeps `settings.server.workers` processes running."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[int, _Worker] = {}
        self._sockets: list[list[socket.socket]] = []
        self._hearing: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set. Raises `OSError` for a port that is taken, `Exit` where the first can't start."""
        server = self._settings.server
        self._sockets = bind(server.host, server.port, server.workers)
        keeping: list[asyncio.Task[None]] = []
        try:
            # The first one brings the database up to date, and says what is wrong where something is.
            await self._start(0)
            await asyncio.gather(*(self._start(number) for number in range(1, server.workers)))
            where = ", ".join(_address(one) for one in self._sockets[0])
            click.echo(f"fedblog serves {server.base_url}  (listening on {where}, {server.workers} processes)")
            sys.stdout.flush()
            keeping = [asyncio.create_task(self._keep(number, stop)) for number in range(server.workers)]
            await stop.wait()
        finally:
            for task in keeping:
                task.cancel()
            await self._end()

    async def _start(self, number: int) -> None:
        """Start one and wait until it answers. Raises `Exit` with its code where it ends before."""
        ours, theirs = socket.socketpair()
        fds = [one.fileno() for one in (theirs, *self._sockets[number])]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "fedblog.cli.worker", str(number), *map(str, fds)),
            stdin=asyncio.subprocess.PIPE,
            pass_fds=fds,
        )
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = self._workers[number] = _Worker(number, process, writer)
        if process.stdin is not None:
            process.stdin.write(msgspec.json.encode(self._settings))
            process.stdin.close()
        hearing = asyncio.create_task(self._hear(worker, reader))
        self._hearing.add(hearing)
        hearing.add_done_callback(self._hearing.discard)
        ready, ended = asyncio.create_task(worker.ready.wait()), asyncio.create_task(process.wait())
        await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not worker.ready.is_set():
            raise click.exceptions.Exit(process.returncode or 1)
        ended.cancel()

    async def _hear(self, worker: _Worker, reader: asyncio.StreamReader) -> None:
        """Pass on what one tells to all others."""
        while line := await reader.readline():
            if line == READY:
                worker.ready.set()
                continue
            for other in self._workers.values():
                if other is not worker:
                    send_lines(other.writer, line)
        worker.writer.close()

    async def _keep(self, number: int, stop: asyncio.Event) -> None:
        """Start one again whenever it ends, after pauses that grow."""
        pause = FIRST_PAUSE
        while True:
            worker = self._workers[number]
            code = await worker.process.wait()
            if stop.is_set():  # whoever ends us may tell all processes of ours at once
                return
            if time.monotonic() - worker.started > LIVED_WELL:
                pause = FIRST_PAUSE
            log.error("process %d ended with %d and is started again", number, code)
            await asyncio.sleep(pause)
            pause = min(2 * pause, MOST_PAUSE)
            try:
                await self._start(number)
            except click.exceptions.Exit:
                continue
            log.info("process %d answers again", number)

    async def _end(self) -> None:
        """No new connections; then all end in order, those that don't in time without it."""
        for one in self._sockets:
            for each in one:
                each.close()
        running = [worker.process for worker in self._workers.values() if worker.process.returncode is None]
        for process in running:
            process.terminate()
        waiting = [asyncio.create_task(process.wait()) for process in running]
        if waiting:
            await asyncio.wait(waiting, timeout=STOP_SECONDS)
        for process in running:
            if process.returncode is None:
                log.warning("process %d did not end in time", process.pid)
                process.kill()
        await asyncio.gather(*waiting)


def bind(host: str, port: int, count: int) -> list[list[socket.socket]]:
    """For each of `count` processes its sockets on these addresses, not listening yet. Raises `OSError`.

    Where the kernel spreads no connections over sockets of one address, all processes share one.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[list[socket.socket]] = [[] for _ in range(count)]
    for family, _, _, _, address in dict.fromkeys(found):
        first = _bound(family, (address[0], port, *address[2:]), shared=False)
        taken = first.getsockname()
        port = taken[1]  # the same for all, where any would do
        if sys.platform == "linux":
            first.close()  # it showed that nobody else has the port: sharing it would go unnoticed
            for own in sockets:
                own.append(_bound(family, taken, shared=True))
        else:
            for own in sockets:
                own.append(first)
    return sockets


def _bound(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made


def _address(one: socket.socket) -> str:
    host, port = one.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
