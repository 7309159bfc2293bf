"""Statements that fail when they are told to, on a whole blog: what the tests of every storage call stand on."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Post
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.signatures.keys import generate_rsa
from fedblog.storage.database import SQLITE_NAME
from fedblog.web.passwords import hash_password
from tests.faults.studio import Studio
from tests.live import Live, live_app
from tests.samples import make_author, make_post
from tests.storage.filling import Everything, everything

PASSWORD = "correct horse battery"
KINDS = {
    "busy": sqlite3.SQLITE_BUSY,
    "full": sqlite3.SQLITE_FULL,
    "io": sqlite3.SQLITE_IOERR,
}
# After these SQLite has taken the whole transaction back by itself.
ROLLS_BACK = ("full", "io")
# Rows that say what was asked, or when, and not what came of it; and what is made anew from other rows.
NOT_EFFECTS: tuple[str, ...] = (
    "inbox_log",
    "login_attempts",
    "hosts",
    "drawn_pages",
    "stat_views",
    "stat_referrers",
    "stat_feeds",
)
NOT_EFFECTS += ("search_docs", "search_state", "search_index")
LIMITS = ("login_attempts", "inbox_per_minute", "remote_lookups_per_minute", "searches_per_minute")
# Of a log-in only that it is there.
NOT_SESSION = ("last_seen_at", "expires_at")
# Every so manieth statement fails; `make faults` takes each.
STEP = int(os.environ.get("FEDBLOG_FAULT_STEP", "3"))
Answer = tuple[int, dict[str, str]]


@dataclass
class Faults:
    """Counts the statements of all connections; the one numbered `fail_at` fails."""

    count: int = 0
    fail_at: int = 0
    kind: str = "busy"
    refused: str = ""  # statements that begin so fail, whatever their number
    failed: list[str] = field(default_factory=list)

    def arm(self, fail_at: int, kind: str) -> None:
        """The `fail_at`-th statement from now fails."""
        self.count, self.fail_at, self.kind = 0, fail_at, kind
        self.failed.clear()

    def disarm(self) -> list[str]:
        """No failures any more; the statement that failed."""
        self.fail_at = 0
        return list(self.failed)

    def step(self, connection: sqlite3.Connection, sql: str) -> None:
        """Called before each statement."""
        self.count += 1
        if self.count != self.fail_at and not (self.refused and sql.startswith(self.refused)):
            return
        self.failed.append(sql)
        if self.kind in ROLLS_BACK and connection.in_transaction:
            sqlite3.Connection.execute(connection, "ROLLBACK")
        error = sqlite3.OperationalError(f"{self.kind} (injected)")
        error.sqlite_errorcode = KINDS[self.kind]
        raise error


@dataclass
class Clock:
    """The time, or some seconds later; `still`: where it stands."""

    ahead: float = 0.0
    still: float = 0.0

    def __call__(self) -> float:
        return (self.still or time.time()) + self.ahead


@dataclass
class Rig:
    """A blog, a follower's server, somebody in the studio, and the faults."""

    live: Live
    clock: Clock
    faults: Faults
    peer: PeerServer
    bo: PeerActor
    post: Post
    studio: Studio
    watch: sqlite3.Connection
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def state(self) -> Everything:
        """All rows that are effects, and the files of pictures."""
        found = await self.live.services.db.read(partial(everything, without=NOT_EFFECTS))
        found["sessions"] = {tuple(pair for pair in row if pair[0] not in NOT_SESSION) for row in found["sessions"]}
        folder = self.live.services.settings.data_dir / "media"
        found["files"] = {(("name", str(path)),) for path in folder.rglob("*") if path.is_file()}
        return found

    def mark(self) -> tuple[int, int]:
        """Another one when anything was committed, or the files of pictures are others: cheaper than to read it all."""
        folder = self.live.services.settings.data_dir / "media"
        return self.watch.execute("PRAGMA data_version").fetchone()[0], sum(1 for _ in folder.rglob("*.*"))

    async def deliver(self, activity: dict[str, Any]) -> Answer:
        """One signed POST to the inbox."""
        body = json.dumps(activity).encode()
        headers = self.peer._signed("POST", f"{self.live.base_url}/inbox", body, self.bo.key, "cavage", None)
        answer = await self.live.request("POST", "/inbox", data=body, headers=headers)
        return answer.status, dict(answer.headers)


@contextlib.asynccontextmanager
async def open_rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """A blog whose connections to SQLite can be made to fail."""
    faults, real = Faults(), sqlite3.connect

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *params: Any) -> sqlite3.Cursor:
            faults.step(self, sql)
            return super().execute(sql, *params)

        def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
            faults.step(self, sql)
            return super().executemany(sql, rows)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Faulty, **kwargs))
    clock = Clock()
    async with (
        live_app(
            tmp_path,
            clock=clock,
            federation={"backfill_after": []},
            limits=dict.fromkeys(LIMITS, 1_000_000),
        ) as live,
        PeerServer(clock=clock) as peer,
    ):
        author = await make_author(live.services, password_hash=hash_password(PASSWORD))
        post = await make_post(live.services, author.actor_id)
        bo = peer.add_person("bo", key=generate_rsa(Uri("https://unnamed.invalid/#main-key")))
        studio = Studio(live.base_url, live.session)
        await studio.log_in("ana", PASSWORD)
        watch = real(live.services.settings.data_dir / SQLITE_NAME)
        yield Rig(live, clock, faults, peer, bo, post, studio, watch)
        watch.close()


async def check(
    rig: Rig,
    make: Callable[[], Awaitable[Callable[[], Awaitable[Answer]]]],
    good: int,
    *,
    changes: bool = True,
    keeps: tuple[str, ...] = (),
    state: Callable[[], Awaitable[Everything]] | None = None,
) -> int:
    """Let each statement of a request fail in turn, with each kind of error in turn; how many failed.

    `make` prepares a new request; `state` must not change when it fails, but for the tables that it `keeps`. A request
    that failed is sent again, with the next statement failing, until nothing fails any more: that it is good then is
    the recovery.
    """

    async def effects() -> Everything:
        found = await (state or rig.state)()
        return {table: rows for table, rows in found.items() if table not in keeps}

    send, before, mark = await make(), await effects(), rig.mark()
    count = 0
    for number, kind in zip(itertools.count(1, STEP), itertools.cycle(KINDS)):
        rig.faults.arm(number, kind)
        status, headers = await send()
        failed = rig.faults.disarm()
        if not failed:
            assert status == good, status
            assert not changes or await effects() != before
            return count
        count += 1
        if status == good:  # what failed serves something beside the request (the log, the time of a last visit)
            send, before, mark = await make(), await effects(), rig.mark()
            continue
        assert (status, "Retry-After" in headers) == (503, True), (status, failed, kind, number)
        if rig.mark() != mark:
            assert await effects() == before, (failed, kind)
            mark = rig.mark()
    raise AssertionError("unreachable")
