"""Connections that say nothing: the library waits for the end of a request's headers without limit (SECURITY 122)."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final, NamedTuple

from aiohttp import web

IDLE_SECONDS: Final = 75  # longer than a browser or a proxy keeps one that it means to use again
WORK_SECONDS: Final = 900  # for a request that is worked on: an upload, or a page on a slow line
EVERY_SECONDS: Final = 15


class _State(NamedTuple):
    """Where a connection was when it was last seen to move."""

    requests: int
    busy: bool
    since: float


class _Leaving(NamedTuple):
    """How many bytes waited for a closed connection when it was last seen, and since when it is closed."""

    waiting: int
    since: float


class Sweeper:
    """Closes connections on which no request began or ended for too long.

    A closed one may still read what waits for it, but must do so: closing alone would wait for that without limit.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._seen: dict[Any, _State] = {}
        self._leaving: dict[asyncio.Transport, _Leaving] = {}

    async def run(self) -> None:
        """Look at all of them every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> int:
        """Close what has waited too long at `now`, in seconds of any clock that doesn't jump; how many that were."""
        self._cut_off(now)
        present: dict[Any, _State] = {}
        closed = 0
        for connection in self._server.connections:
            transport = connection.transport
            if transport is None:  # closed already
                continue
            # Two fields of the library's own; tests/web/test_on_the_wire.py notices when they are gone.
            requests, busy = connection._request_count, connection._current_request is not None
            state = self._seen.get(connection)
            if state is None or (state.requests, state.busy) != (requests, busy):
                state = _State(requests, busy, now)
            if now - state.since <= (WORK_SECONDS if busy else IDLE_SECONDS):
                present[connection] = state
            else:
                connection.force_close()
                closed += 1
                if waiting := transport.get_write_buffer_size():
                    self._leaving[transport] = _Leaving(waiting, now)
        self._seen = present
        return closed

    def _cut_off(self, now: float) -> None:
        """End those closed ones that took nothing since the last look, or that take it in sips for too long."""
        leaving: dict[asyncio.Transport, _Leaving] = {}
        for transport, (before, since) in self._leaving.items():
            waiting = transport.get_write_buffer_size()
            if waiting >= before or (waiting and now - since > WORK_SECONDS):
                transport.abort()
            elif waiting:
                leaving[transport] = _Leaving(waiting, since)
        self._leaving = leaving
