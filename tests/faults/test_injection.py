"""Every storage call of a request fails once: a clear 503, nothing half done, and then it works without a restart."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Post
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.signatures.keys import generate_rsa
from fedblog.web.passwords import hash_password
from tests.faults.studio import Studio, post_id
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
# Rows that say what was asked, or when, and not what came of it.
NOT_EFFECTS = ("inbox_log", "sessions", "login_attempts", "hosts")
Answer = tuple[int, dict[str, str]]


@dataclass
class Faults:
    """Counts the statements of all connections; the one numbered `fail_at` fails."""

    count: int = 0
    fail_at: int = 0
    kind: str = "busy"
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
        if self.count != self.fail_at:
            return
        self.failed.append(sql)
        if self.kind in ROLLS_BACK and connection.in_transaction:
            sqlite3.Connection.execute(connection, "ROLLBACK")
        error = sqlite3.OperationalError(f"{self.kind} (injected)")
        error.sqlite_errorcode = KINDS[self.kind]
        raise error


@dataclass
class Rig:
    """A blog, a follower's server, somebody in the studio, and the faults."""

    live: Live
    faults: Faults
    peer: PeerServer
    bo: PeerActor
    post: Post
    studio: Studio
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    async def state(self) -> Everything:
        """All rows that are effects."""
        found = await self.live.services.db.read(everything)
        return {table: rows for table, rows in found.items() if table not in NOT_EFFECTS}

    async def deliver(self, activity: dict[str, Any]) -> Answer:
        """One signed POST to the inbox."""
        body = json.dumps(activity).encode()
        headers = self.peer._signed("POST", f"{self.live.base_url}/inbox", body, self.bo.key, "cavage", None)
        answer = await self.live.request("POST", "/inbox", data=body, headers=headers)
        return answer.status, dict(answer.headers)


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    faults, real = Faults(), sqlite3.connect

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *params: Any) -> sqlite3.Cursor:
            faults.step(self, sql)
            return super().execute(sql, *params)

        def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
            faults.step(self, sql)
            return super().executemany(sql, rows)

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **kwargs: real(*args, factory=Faulty, **kwargs))
    async with live_app(tmp_path) as live, PeerServer() as peer:
        author = await make_author(live.services, password_hash=hash_password(PASSWORD))
        post = await make_post(live.services, author.actor_id)
        bo = peer.add_person("bo", key=generate_rsa(Uri("https://unnamed.invalid/#main-key")))
        studio = Studio(live.base_url, live.session)
        await studio.log_in("ana", PASSWORD)
        yield Rig(live, faults, peer, bo, post, studio)


async def check(
    rig: Rig,
    make: Callable[[], Awaitable[Callable[[], Awaitable[Answer]]]],
    good: int,
    *,
    changes: bool = True,
    state: Callable[[], Awaitable[Everything]] | None = None,
) -> int:
    """Let each statement of a request fail in turn, with each kind of error in turn; how many there are.

    `make` prepares a new request; `state` is what must not change when it fails.
    """
    state = state or rig.state
    for number, kind in zip(itertools.count(1), itertools.cycle(KINDS)):
        send = await make()
        before = await state()
        rig.faults.arm(number, kind)
        status, headers = await send()
        failed = rig.faults.disarm()
        if not failed:
            assert status == good
            return number - 1
        if status == good:  # what failed serves something beside the request (the log, the time of a last visit)
            continue
        assert (status, "Retry-After" in headers) == (503, True), (failed, kind)
        assert await state() == before, (failed, kind)
        status, _ = await send()
        assert status == good, (failed, kind)
        if changes:
            assert await state() != before
    raise AssertionError("unreachable")


@pytest.mark.proves("SEC-127")
async def test_a_reply_is_stored_whole_or_not_at_all(rig: Rig) -> None:
    async def make() -> Callable[[], Awaitable[Answer]]:
        created = payloads.create(rig.bo, payloads.note(rig.bo, rig.post.uri, "A reply"))
        return lambda: rig.deliver(created)

    assert await check(rig, make, 202) > 10


async def test_the_first_act_of_somebody_unknown(rig: Rig) -> None:
    """Keys and profile are fetched and kept on the way; that nothing of it is remembered wrongly is what counts."""
    keys = rig.bo.key

    async def make() -> Callable[[], Awaitable[Answer]]:
        rig.bo = rig.peer.add_person(f"new{next(rig.numbers)}", key=keys)
        followed = payloads.follow(rig.bo, f"{rig.live.base_url}/ap/actors/ana")
        return lambda: rig.deliver(followed)

    async def acts() -> Everything:
        """Actor and keys may stay: they are true whatever becomes of the act."""
        return {table: rows for table, rows in (await rig.state()).items() if table not in ("actors", "keys")}

    assert await check(rig, make, 202, state=acts) > 10


@pytest.mark.parametrize("act", ["like", "announce", "delete"])
async def test_other_acts(rig: Rig, act: str) -> None:
    async def make() -> Callable[[], Awaitable[Answer]]:
        note = payloads.note(rig.bo, rig.post.uri, "To act on")
        assert (await rig.deliver(payloads.create(rig.bo, note)))[0] == 202
        rig.bo = rig.peer.add_person(f"fan{next(rig.numbers)}", key=rig.bo.key) if act != "delete" else rig.bo
        target = note["id"] if act == "delete" else rig.post.uri
        made = getattr(payloads, act)(rig.bo, target)
        await rig.deliver(payloads.follow(rig.bo, f"{rig.live.base_url}/ap/actors/ana"))  # so that its key is known
        return lambda: rig.deliver(made)

    assert await check(rig, make, 202) > 10


@pytest.mark.proves("SEC-127")
async def test_publishing_and_editing(rig: Rig) -> None:
    made: list[int] = []

    async def publish() -> Callable[[], Awaitable[Answer]]:
        title = f"Post {next(rig.numbers)}"
        form = await rig.studio.form("/studio/posts/new", title=title, source="Text", action="publish")

        async def send() -> Answer:
            status, _, headers = await rig.studio.send("POST", "/studio/posts/new", form)
            if status == 303:
                made.append(post_id(headers))
            return status, headers

        return send

    async def edit() -> Callable[[], Awaitable[Answer]]:
        path = f"/studio/posts/{made[0]}"
        form = await rig.studio.form(path, title="Edited", source=f"Text {next(rig.numbers)}", action="save")

        async def send() -> Answer:
            status, _, headers = await rig.studio.send("POST", path, form)
            return status, headers

        return send

    async def public() -> Everything:
        """A new text is saved before it is published: a draft may be left, and nothing of it is seen or sent."""
        found = await rig.state()
        found["posts"] = {row for row in found["posts"] if ("status", "draft") not in row}
        numbers = {value for row in found["posts"] for column, value in row if column == "id"}
        found["revisions"] = {row for row in found["revisions"] if dict(row)["post_id"] in numbers}
        return found

    assert await check(rig, publish, 303, state=public) > 10
    assert await check(rig, edit, 303) > 10


@pytest.mark.parametrize("path", ["/", "/@ana/first-light", "/ap/actors/ana", "/@ana/feed.atom", "/studio"])
async def test_reading(rig: Rig, path: str) -> None:
    async def make() -> Callable[[], Awaitable[Answer]]:
        await rig.deliver(payloads.create(rig.bo, payloads.note(rig.bo, rig.post.uri, "So that no page is kept")))

        async def send() -> Answer:
            status, _, headers = await rig.studio.send("GET", path)
            return status, headers

        return send

    await check(rig, make, 200, changes=False)
