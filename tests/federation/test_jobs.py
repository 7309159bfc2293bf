"""Jobs at work: slow kinds have places of their own, what fails is tried again, stopping waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.errors import FetchTemporary
from fedblog.federation.jobs import AT_ONCE, SLOW_AT_ONCE, JobRunner
from fedblog.storage import jobs
from fedblog.storage.database import Database


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(str(tmp_path / "jobs.sqlite3"))
    await opened.migrate()
    yield opened
    await opened.close()


class Hold:
    """A kind of job that lasts until the test lets it go; the most that ran at once."""

    def __init__(self) -> None:
        self.gate, self.started = asyncio.Event(), asyncio.Semaphore(0)
        self.running = self.most = 0

    async def __call__(self, payload: dict[str, Any]) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.started.release()
        await self.gate.wait()
        self.running -= 1


async def add(db: Database, kind: str, count: int) -> None:
    for number in range(count):
        await db.write(jobs.add, kind, str(number), {}, 0)


async def test_slow_jobs_never_hold_up_the_others(db: Database) -> None:
    """Twenty that last, and the quick ones are done meanwhile; then the rest of the twenty, three at a time."""
    slow, done = Hold(), asyncio.Semaphore(0)

    async def quick(_: dict[str, Any]) -> None:
        done.release()

    runner = JobRunner(db, {"slow": slow, "quick": quick}, clock=lambda: 2e9, slow=("slow",))
    await add(db, "slow", 20)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        for _ in range(SLOW_AT_ONCE):
            await slow.started.acquire()
        await add(db, "quick", 30)
        for _ in range(30):
            await done.acquire()
        assert slow.most == SLOW_AT_ONCE
        slow.gate.set()
        for _ in range(20 - SLOW_AT_ONCE):
            await slow.started.acquire()
        await runner.stop()
        await task
    assert slow.most == SLOW_AT_ONCE
    assert await db.read(jobs.next_due) is None


async def test_a_handful_at_once_and_stopping_waits_for_them(db: Database) -> None:
    held = Hold()
    runner = JobRunner(db, {"held": held}, clock=lambda: 2e9)
    await add(db, "held", AT_ONCE + 4)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(10):
        for _ in range(AT_ONCE):
            await held.started.acquire()
        await runner.stop()
        assert not task.done()
        held.gate.set()
        await task
    assert held.most == AT_ONCE
    assert len(await db.write(jobs.claim, 100, 60)) == 4


async def test_a_job_that_fails_for_now_is_tried_again(db: Database) -> None:
    """Not at once, and not for ever."""
    tries = []

    async def fails(_: dict[str, Any]) -> None:
        tries.append(1)
        raise FetchTemporary("not now", retry_after=3_000)

    runner = JobRunner(db, {"fails": fails}, clock=lambda: 0.0)  # so that what is put off is due already
    await add(db, "fails", 1)
    assert await runner.run_due()
    job = await db.read(jobs.get, "fails", "0")
    assert job is not None
    assert (job.attempts, job.due_at) == (1, 3_000)
    await runner.drain()
    assert len(tries) == 8
    assert await db.read(jobs.get, "fails", "0") is None
