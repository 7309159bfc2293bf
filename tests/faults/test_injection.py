"""Every storage call of a request fails once: a clear 503, nothing half done, and then it works without a restart."""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Post, Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.errors import StorageUnavailable
from fedblog.signatures.keys import generate_rsa
from fedblog.storage import deliveries, search
from fedblog.web.drawn_rows import DrawnKeeper
from fedblog.web.keys import COUNTS, RENDERER
from fedblog.web.notices.teller import NewsPlanner
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
class Clock:
    """The time, or some seconds later."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


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
    clock = Clock()
    async with (
        live_app(tmp_path, clock=clock, federation={"backfill_after": []}) as live,
        PeerServer(clock=clock) as peer,
    ):
        author = await make_author(live.services, password_hash=hash_password(PASSWORD))
        post = await make_post(live.services, author.actor_id)
        bo = peer.add_person("bo", key=generate_rsa(Uri("https://unnamed.invalid/#main-key")))
        studio = Studio(live.base_url, live.session)
        await studio.log_in("ana", PASSWORD)
        yield Rig(live, clock, faults, peer, bo, post, studio)


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
        assert (status, "Retry-After" in headers) == (503, True), (failed, kind, number)
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


Act = Callable[[int, bool], tuple[str, dict[str, str]]]


def studio_acts(post: int, other: int, reply: int) -> dict[str, Act]:
    """Path and form of what is done in the studio, by a number that is new each time and a turn to and fro."""
    posts, replies = f"/studio/posts/{post}", f"/studio/replies/{reply}"
    return {
        "looks": lambda n, _: ("/studio/looks", {"theme": "paper", "accent": f"#10{n:04x}", "scheme": "auto"}),
        "profile": lambda n, _: ("/studio/profile", {"name": f"Ana {n}", "bio": "Bakes"}),
        "notices": lambda n, _: ("/studio/notifications/settings", {"mail": "daily", "email": f"a{n}@mail.example"}),
        "decision": lambda _, to: (f"{replies}/state", {"do": "hide" if to else "approve"}),
        "like": lambda _, to: (f"{replies}/like", {"do": "like" if to else "unlike"}),
        "answer": lambda n, _: (f"{replies}/answer", {"source": f"Word {n}"}),
        "pin": lambda _, to: (f"{posts}/pin", {"do": "pin" if to else "unpin"}),
        "trash": lambda _, to: (f"/studio/posts/{other}/{'trash' if to else 'untrash'}", {}),
        "block": lambda n, _: ("/studio/blocks", {"choice": f"domain h{n}.example", "reason": "Spam"}),
        "several": lambda n, _: ("/studio/posts/bulk", {"act": "tag", "post": str(other), "tag": f"tag{n}"}),
        "aliases": lambda n, _: ("/studio/moving/aliases", {"aliases": ""}),
    }


@pytest.mark.proves("SEC-127")
async def test_everything_else_that_the_studio_stores(rig: Rig) -> None:
    """Looks, profile, notices, decisions, likes, answers, pins, the trash, blocks: whole or not at all."""
    publisher = rig.live.services.publisher
    text = await publisher.compose(Writing(title="A draft", source="Not yet"))
    other = await publisher.save_draft(text, author_id=rig.post.author_id)
    note = payloads.note(rig.bo, rig.post.uri, "A reply")
    assert (await rig.deliver(payloads.create(rig.bo, note)))[0] == 202
    reply = await rig.live.services.db.read(lambda tx: tx.value("SELECT id FROM replies"))
    token = (await rig.studio.form("/studio/account"))["csrf"]
    for name, act in studio_acts(rig.post.id, other.id, reply).items():
        turns = itertools.cycle((True, False))

        async def make(act: Act = act, turns: Iterator[bool] = turns) -> Callable[[], Awaitable[Answer]]:
            path, fields = act(next(rig.numbers), next(turns))

            async def send() -> Answer:
                status, body, headers = await rig.studio.send("POST", path, {"csrf": token, **fields})
                assert status in (303, 503), f"{path}: {status} {body}"
                return status, headers

            return send

        assert await check(rig, make, 303, changes=name != "aliases") > 3, name


async def test_a_mention_is_not_lost_where_nobody_could_be_asked(rig: Rig) -> None:
    """Somebody who isn't found stays plain text for good; who can't be looked up now is no such person."""
    source = f"With thanks to @ana@{rig.live.services.settings.domain}"
    for number in itertools.count(1):
        rig.faults.arm(number, "busy")
        text = None
        with contextlib.suppress(StorageUnavailable):
            text = await rig.live.services.publisher.compose(Writing(title="Thanks", source=source))
        failed = rig.faults.disarm()
        assert text is None or len(text.mentions) == 1
        if not failed:
            break
    assert number > 1


@pytest.mark.proves("SEC-127")
async def test_work_in_the_background_waits_and_goes_on(rig: Rig) -> None:
    """Every second statement of a round of each worker fails once: it raises nothing but that the database is away,
    and what was not done is done later."""
    live, parts = rig.live, rig.live.services
    assert (await rig.deliver(payloads.follow(rig.bo, f"{live.base_url}/ap/actors/ana")))[0] == 202
    rounds: dict[str, Callable[[], Awaitable[object]]] = {
        "deliveries": parts.worker.drain,
        "jobs": parts.jobs.drain,
        "search": parts.indexer.catch_up,
        "counts": live.app[COUNTS].flush,
        "drawn": DrawnKeeper(parts.db, live.app[RENDERER].rows).flush,
        "news": NewsPlanner(parts.db, parts.settings).look,
    }
    seen = 0
    for name, work in rounds.items():
        for number, kind in zip(itertools.count(1, 2), itertools.cycle(KINDS)):
            note = payloads.note(rig.bo, rig.post.uri, f"{name} {number}")
            assert (await rig.deliver(payloads.create(rig.bo, note)))[0] == 202
            assert (
                await live.get("/@ana/first-light", headers={"User-Agent": "Mozilla/5.0 Firefox/130.0"})
            ).status == 200
            seen += 1
            if name == "deliveries":
                text = await parts.publisher.compose(Writing(title="First light", source=f"Edit {number}"))
                await parts.publisher.edit(rig.post.id, text, editor_id=rig.post.author_id)
            rig.faults.arm(number, kind)
            with contextlib.suppress(StorageUnavailable):
                await work()
            if not rig.faults.disarm():
                break
            rig.clock.ahead += 3_600
            await work()
        assert number > 1, name
    rig.clock.ahead += 86_400
    for work in rounds.values():
        await work()
    assert await parts.db.read(search.outdated, 0, 10) == ([], None)
    assert await parts.db.read(deliveries.count_waiting) == 0
    sent = await parts.db.read(lambda tx: tx.all("SELECT uri FROM outgoing WHERE type IN ('Accept', 'Update')"))
    assert {uri for (uri,) in sent} <= {one.activity["id"] for one in rig.peer.inbox}
    assert await parts.db.read(lambda tx: tx.value("SELECT sum(views) FROM stat_views WHERE post_id <> 0")) == seen


@pytest.mark.parametrize("path", ["/", "/@ana/first-light", "/ap/actors/ana", "/@ana/feed.atom", "/studio"])
async def test_reading(rig: Rig, path: str) -> None:
    async def make() -> Callable[[], Awaitable[Answer]]:
        await rig.deliver(payloads.create(rig.bo, payloads.note(rig.bo, rig.post.uri, "So that no page is kept")))

        async def send() -> Answer:
            status, _, headers = await rig.studio.send("GET", path)
            return status, headers

        return send

    await check(rig, make, 200, changes=False)
