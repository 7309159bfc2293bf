"""What workers have in common: they look for work in the database, go on after whatever fails, and end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from fedblog.errors import StorageUnavailable
from fedblog.storage.database import Database, Event, Tx

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0  # a command in another process may have left something to do
LEAST_SLEEP = 0.05
CLOCK_SLACK = 5.0  # a clock that is put right by less is none that was set back


class Worker(ABC):
    """Does rounds until it is stopped; several processes may each have one, since the tables say who has what."""

    #: How its work is called in the log, and the kind of event that means that there is some.
    name: str
    event_kind: str

    def __init__(self, db: Database, clock: Callable[[], float]) -> None:
        self._db, self._clock = db, clock
        self._wake = asyncio.Event()
        self._stopping = False
        self._latest: float | None = None
        db.add_listener(self._on_event)

    def wake(self) -> None:
        """There may be work: look now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`; what is under way then is brought to an end."""
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    await self._keep_time()
                    if not await self._round():
                        await self._sleep(await self._db.read(self._next_due))
                except StorageUnavailable as exc:
                    log.warning("%s waits: %s", self.name, exc)
                    await self._sleep(None)
                except Exception:
                    log.exception("%s failed in itself and goes on", self.name)
                    await self._sleep(None)
        finally:
            await self._finish()

    async def stop(self) -> None:
        """Take nothing new; `run` returns soon after."""
        self._stopping = True
        self._wake.set()

    async def _keep_time(self) -> None:
        """At the start, and when the clock went back: no lease and no pause may last longer than it was meant to."""
        now = self._clock()
        if self._latest is None or now < self._latest - CLOCK_SLACK:
            await self._db.write(self._mend)
        self._latest = now

    async def _sleep(self, due: int | None) -> None:
        """Until something happens, `due` has come, or the poll interval is over."""
        wait = POLL_SECONDS if due is None else min(POLL_SECONDS, max(LEAST_SLEEP, due - self._clock()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    def _on_event(self, event: Event) -> None:
        if event.kind == self.event_kind:
            self._wake.set()

    @abstractmethod
    async def _round(self) -> bool:
        """Start what is due and has a place; whether to look again at once."""

    @abstractmethod
    async def _finish(self) -> None:
        """Bring to an end what is under way."""

    @staticmethod
    @abstractmethod
    def _next_due(tx: Tx) -> int | None:
        """When the next thing that isn't due now will be; None where nothing is known of."""

    @staticmethod
    @abstractmethod
    def _mend(tx: Tx) -> None:
        """Take back times that lie further ahead than they can have been set."""
