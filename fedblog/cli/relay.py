"""What processes of one server tell each other: that something changed. It serves speed, never correctness.

Lines over a socket to the process that started them, which passes them on to the others: `post 123`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

from fedblog.storage.database import Database, Event

READY = b"ready\n"
GATHER_SECONDS = 0.01
MOST_WAITING = 256 * 1024  # bytes that wait for a process that doesn't read: more are not told


class Relay:
    """One process's end. Events of this database go out, those of others come in as if they had happened here."""

    def __init__(self, db: Database, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._db, self._reader, self._writer = db, reader, writer
        self._told: dict[Event, None] = {}
        self._hears = False
        db.add_listener(self._on_event)

    @classmethod
    async def open(cls, db: Database, end: socket.socket) -> Relay:
        """A relay over one end of a socket pair."""
        return cls(db, *await asyncio.open_connection(sock=end))

    def ready(self) -> None:
        """Tell the one who started us that requests are answered now."""
        self._writer.write(READY)

    async def run(self, orphaned: Callable[[], object]) -> None:
        """Hear the others until the process that started us is gone; then call `orphaned`."""
        while line := await self._reader.readline():
            if (event := read_event(line)) is not None:
                self._hears = True
                try:
                    self._db.tell(event)
                finally:
                    self._hears = False
        orphaned()

    def _on_event(self, event: Event) -> None:
        if self._hears:
            return
        if not self._told:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._send)
        self._told[event] = None

    def _send(self) -> None:
        told, self._told = self._told, {}
        send_lines(self._writer, b"".join(b"%s %d\n" % (event.kind.encode(), event.id) for event in told))


def read_event(line: bytes) -> Event | None:
    """The event of a line; None for anything else."""
    kind, _, number = line.decode("ascii", "replace").strip().partition(" ")
    return Event(kind, int(number)) if kind.isalpha() and number.removeprefix("-").isdecimal() else None


def send_lines(writer: asyncio.StreamWriter, lines: bytes) -> None:
    """Write them, unless whoever reads has fallen behind or is gone."""
    if lines and not writer.is_closing() and writer.transport.get_write_buffer_size() < MOST_WAITING:
        writer.write(lines)
