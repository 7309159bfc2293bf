"""Workers go on after whatever the storage does to them: nothing has to be restarted."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.demo.peer import PeerServer
from fedblog.federation.jobs import LEASE_SECONDS as JOB_LEASE
from fedblog.signatures.keys import generate_rsa
from fedblog.storage import followers, jobs
from fedblog.storage.database import Tx
from tests.faults.injection import KINDS, Faults
from tests.federation.test_delivery import Clock
from tests.live import live_app
from tests.samples import make_author, make_post


async def test_every_statement_of_the_workers_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever fails, every post arrives and every job is done, by the same worker."""
    faults, real = Faults(), sqlite3.connect

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *params: Any) -> sqlite3.Cursor:
            faults.step(self, sql)
            return super().execute(sql, *params)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Faulty, **kwargs))
    clock, done = Clock(1_800_000_000), list[dict[str, Any]]()

    async def job(payload: dict[str, Any]) -> None:
        done.append(payload)

    async with live_app(tmp_path, clock=clock) as live, PeerServer(clock=clock) as peer:
        parts = live.services
        author = await make_author(parts)
        person = peer.add_person("bo", key=generate_rsa(Uri("https://unnamed.invalid/#main-key")))
        bo = await parts.resolver.actor(Uri(person.id))

        def follow(tx: Tx) -> None:
            followers.add(
                tx,
                actor_id=bo.id,
                target_id=author.actor_id,
                state="accepted",
                follow_uri=f"{bo.uri}/follow",
                follow_json="{}",
            )

        await parts.db.write(follow)
        parts.jobs._handlers = {"mark": job}
        tasks = [asyncio.create_task(parts.worker.run()), asyncio.create_task(parts.jobs.run())]
        for number, kind in zip(range(1, 60), itertools.cycle(KINDS), strict=False):
            post = await make_post(parts, author.actor_id, f"Post {number}")
            await parts.db.write(jobs.add, "mark", str(number), {"number": number}, int(clock.now))
            faults.arm(number, kind)
            async with asyncio.timeout(60):
                while not (_came(peer, post.uri) and {"number": number} in done):
                    assert [task.done() for task in tasks] == [False, False], (number, faults.failed)
                    if faults.failed:  # what was taken on has to wait for its lease
                        clock.now += JOB_LEASE
                        parts.worker.wake()
                        parts.jobs.wake()
                    await asyncio.sleep(0.02)
            faults.disarm()
        await asyncio.gather(parts.worker.stop(), parts.jobs.stop(), *tasks)
        assert await parts.db.integrity() == []


def _came(peer: PeerServer, uri: str | None) -> bool:
    return any(seen.type == "Create" and seen.activity["object"]["id"] == uri for seen in list(peer.inbox))
