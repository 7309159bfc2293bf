"""Jobs: what needs another server first, kept in a table until it is done.

The runner knows only leases and pauses; what a kind of job does is a function in the table it is given.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from fedblog.blog.ledger import Job
from fedblog.errors import FedblogError, FetchTemporary, Refused, StorageUnavailable
from fedblog.federation.worker import Worker
from fedblog.storage import backfill, jobs
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

Payload = dict[str, Any]
JobHandler = Callable[[Payload], Awaitable[None]]

LEASE_SECONDS = 120
AT_ONCE = 8
SLOW_AT_ONCE = 3
MAX_ATTEMPTS = 8
FIRST_PAUSE, MOST_PAUSE = 60, 86_400


class JobRunner(Worker):
    """Runs due jobs until it is stopped, a few at a time; slow kinds never hold up the others."""

    name, event_kind = "jobs", "job"

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, JobHandler],
        *,
        clock: Callable[[], float],
        slow: Collection[str] = (),
    ) -> None:
        """`handlers` maps each kind of job to the function that does it; that function is given the payload. Of the
        `slow` kinds only a few run at once, in places of their own."""
        super().__init__(db, clock)
        self._handlers, self._slow = handlers, slow
        self._under_way: dict[asyncio.Task[None], bool] = {}

    async def drain(self) -> None:
        """Do everything that is due now, and what follows from it at once; for commands and tests."""
        while await self.run_due():
            pass

    async def run_due(self) -> bool:
        """Do one handful of due jobs; whether there were any."""
        try:
            claimed = await self._db.write(jobs.claim, AT_ONCE, LEASE_SECONDS)
        except StorageUnavailable:
            log.warning("jobs wait: the database can't be written now")
            return False
        await asyncio.gather(*(self._do(job) for job in claimed))
        return bool(claimed)

    async def _round(self) -> bool:
        slow = sum(self._under_way.values())
        quick = len(self._under_way) - slow
        started = await self._start(AT_ONCE - quick, is_slow=False)
        if self._slow:
            started += await self._start(SLOW_AT_ONCE - slow, is_slow=True)
        return started > 0

    async def _start(self, places: int, *, is_slow: bool) -> int:
        if places <= 0:
            return 0
        only, without = (self._slow, ()) if is_slow else ((), self._slow)
        claimed = await self._db.write(jobs.claim, places, LEASE_SECONDS, only=only, without=without)
        for job in claimed:
            task = asyncio.create_task(self._do(job), name=f"job {job.kind}")
            self._under_way[task] = is_slow
            task.add_done_callback(self._ended)
        return len(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("a job waits for its lease to end: %s", error)

    async def _do(self, job: Job) -> None:
        handler = self._handlers.get(job.kind)
        if handler is None:
            log.error("no handler for jobs of kind %s", job.kind)
            await self._db.write(jobs.done, job.id)
            return
        try:
            await handler(json.loads(job.payload))
        except FetchTemporary as exc:
            await self._again(job, str(exc), exc.retry_after)
        except StorageUnavailable as exc:
            log.warning("job %s waits: %s", job.id, exc)  # its lease runs out by itself
        except Refused as exc:
            if exc.status >= 500:
                await self._again(job, str(exc), exc.retry_after)
            else:
                await self._give_up(job, exc)
        except FedblogError as exc:
            await self._give_up(job, exc)
        except Exception as exc:
            log.exception("job %s (%s) failed in itself", job.id, job.kind)
            await self._again(job, repr(exc), None)
        else:
            await self._db.write(jobs.done, job.id)

    async def _again(self, job: Job, error: str, retry_after: int | None) -> None:
        if job.attempts + 1 >= MAX_ATTEMPTS:
            log.info("job %s (%s %s) given up: %s", job.id, job.kind, job.key, error)
            await self._db.write(jobs.done, job.id)
            return
        pause = max(min(FIRST_PAUSE * 4**job.attempts, MOST_PAUSE), retry_after or 0)
        await self._db.write(jobs.retry, job.id, int(self._clock()) + pause, error)

    async def _give_up(self, job: Job, error: FedblogError) -> None:
        log.info("job %s (%s %s) came to nothing: %s", job.id, job.kind, job.key, error)
        await self._db.write(jobs.done, job.id)

    async def _sleep(self, due: int | None) -> None:
        # What is due and wasn't started waits for a place: `_ended` wakes us.
        waits_for_place = due is not None and due <= self._clock() and bool(self._under_way)
        await super()._sleep(None if waits_for_place else due)

    async def _finish(self) -> None:
        """The jobs under way are done, or cut off by whoever runs us."""
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @staticmethod
    def _next_due(tx: Tx) -> int | None:
        return jobs.next_due(tx)

    @staticmethod
    def _mend(tx: Tx) -> None:
        jobs.mend_leases(tx, LEASE_SECONDS)
        backfill.mend_leases(tx, LEASE_SECONDS)
