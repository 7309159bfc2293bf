"""What is known of replies elsewhere: turns and leases, bounds, and what the page is told, on both engines."""

from __future__ import annotations

import json

import pytest

from fedblog.blog.model import Actor, Post, Reply, ReplyId, ReplyState, Visibility
from fedblog.storage import actors, arrivals, backfill, jobs, moderation, replies, tombstones
from fedblog.storage.database import Database, Tx
from tests.storage.support import Clock, add_author, add_post, new_reply, profile

AFTER = (900, 3_600)


@pytest.fixture
async def post(db: Database) -> Post:
    await db.write(add_author)
    return await db.write(add_post)


@pytest.fixture
async def bob(db: Database) -> Actor:
    return await db.write(actors.upsert_remote, profile())


async def comes(db: Database, post: Post, bob: Actor, parent: Reply | None = None) -> Reply:
    """A reply arrives and is planned for."""

    def add(tx: Tx) -> Reply:
        made = new_reply(bob.id, parent.uri if parent is not None else post.uri)
        stored = replies.add(tx, made, post_id=post.id, parent_id=parent.id if parent is not None else None)
        backfill.plan(tx, post.id, tx.now, tx.now + 1, after=AFTER)
        return stored

    return await db.write(add)


async def due_jobs(db: Database) -> list[tuple[int, int]]:
    """(turn, time) of the planned jobs."""
    rows = await db.read(lambda tx: tx.all("SELECT payload, due_at FROM jobs WHERE kind = 'backfill' ORDER BY due_at"))
    return [(json.loads(payload)["turn"], due_at) for payload, due_at in rows]


async def test_BACK_04_one_turn_after_the_other(db: Database, clock: Clock, post: Post, bob: Actor) -> None:
    """The job of another turn does nothing, a lease keeps others out and runs out by itself, a run cools down."""
    start = int(clock.now)
    reply = await comes(db, post, bob)
    assert await due_jobs(db) == [(0, start + 900)]
    clock.forward(900)
    assert await db.write(backfill.begin, post.id, 5, 100, after=AFTER) is None
    assert await db.write(backfill.begin, post.id, 0, 100, after=AFTER) == backfill.Run(0, 0, 0)
    assert await db.write(backfill.begin, post.id, 0, 100, after=AFTER) is None
    assert await db.read(backfill.is_busy, post.id)
    clock.forward(101)
    assert not await db.read(backfill.is_busy, post.id)
    assert await db.write(backfill.begin, post.id, 0, 100, after=AFTER) is not None
    source = await db.read(backfill.next_source, post.id)
    assert source == backfill.Source(reply.uri, "note", reply.id, "", 0, reply.received_at)
    await db.write(backfill.spend, post.id, pages=3, items=4)
    await db.write(backfill.finish, post.id, cool_down=900, exhausted=False)
    assert await db.write(backfill.begin, post.id, 1, 100, after=AFTER) == backfill.Run(1, 3, 4), "still the same run"
    due = int(clock.now) + 50
    await db.write(backfill.settle_source, post.id, source, state="whole", told=None, cursor="", due_at=due, reads=1)
    await db.write(backfill.finish, post.id, cool_down=900, exhausted=False)
    assert (2, int(clock.now) + 900) in await due_jobs(db)
    assert await db.write(backfill.begin, post.id, 2, 100, after=AFTER) == backfill.Run(2, 0, 0)


async def test_BACK_04_what_is_above_a_new_reply_is_read_anew(
    db: Database, clock: Clock, post: Post, bob: Actor
) -> None:
    """And a quiet thread's other places as well; not what is gone."""
    first, other, gone = [await comes(db, post, bob) for _ in range(3)]
    clock.forward(900)
    await db.write(backfill.begin, post.id, 0, 100, after=AFTER)
    while (source := await db.read(backfill.next_source, post.id)) is not None:
        state = "gone" if source.uri == gone.uri else "whole"
        await db.write(backfill.settle_source, post.id, source, state=state, told=None, cursor="", due_at=None, reads=6)
    await db.write(backfill.finish, post.id, cool_down=900, exhausted=False)
    clock.forward(90_000)
    now = int(clock.now)
    await comes(db, post, bob, first)
    rows = await db.read(lambda tx: tx.all("SELECT uri, due_at, reads FROM backfill_sources"))
    assert set(rows) == {(first.uri, now + 900, 0), (other.uri, now + 3_600, 6), (gone.uri, None, 6)}


async def test_BACK_03_BACK_08_which_ids_are_remembered(db: Database, post: Post, bob: Actor) -> None:
    """Not what is here, was deleted or is blocked; five hundred of a source, a thousand of a thread; each once."""
    here = await comes(db, post, bob)
    await db.write(replies.set_state, here.id, ReplyState.HIDDEN, "hidden_by_author")
    await db.write(tombstones.add, "https://remote.example/gone", "Note", "", False)
    await db.write(moderation.block, "domain", "bad.example", "")
    barred = [here.uri, "https://remote.example/gone", "https://www.bad.example/1"]

    def ids(name: str, count: int) -> list[str]:
        return [f"https://{name}.example/{number}" for number in range(count)]

    assert await db.write(backfill.add_items, post.id, "a", [*barred, *ids("a", 2), *ids("a", 3)]) == 3
    assert await db.write(backfill.add_items, post.id, "a", ids("a", 700)) == 497
    assert await db.write(backfill.add_items, post.id, "b", ids("b", 490)) == 490
    assert await db.write(backfill.add_items, post.id, "c", ids("c", 490)) == 10
    assert await db.write(backfill.add_items, post.id, "a", ids("a", 2)) == 0


@pytest.mark.parametrize(
    ("state", "told", "number"),
    [
        ("partial", 9, 8),
        ("failed", 9, 8),
        ("closed", 9, 8),
        ("whole", 9, 2),
        ("partial", 2**50, 500),
        ("failed", None, 2),
    ],
)
async def test_BACK_03_what_is_missing(
    db: Database, clock: Clock, post: Post, bob: Actor, state: str, told: int | None, number: int
) -> None:
    """A place that was read whole has what it named; another one has what it says, within reason."""
    parent = await comes(db, post, bob)
    await comes(db, post, bob, parent)
    clock.forward(900)
    await db.write(backfill.begin, post.id, 0, 100, after=AFTER)
    source = backfill.Source(parent.uri, "note", parent.id, "", 0, 0)
    await db.write(backfill.add_items, post.id, parent.uri, [f"https://x.example/{one}" for one in range(3)])
    await db.write(backfill.settle_item, post.id, "https://x.example/0", "gone", None)
    await db.write(backfill.settle_source, post.id, source, state=state, told=told, cursor="", due_at=None, reads=1)
    version = await db.read(lambda tx: tx.value("SELECT thread_version FROM threads WHERE post_id = $1", post.id))
    assert await db.read(backfill.elsewhere, post.id) == []
    await db.write(backfill.finish, post.id, cool_down=900, exhausted=False)
    assert await db.read(backfill.elsewhere, post.id) == [backfill.Missing(parent.url, "remote.example", number)]
    assert (
        await db.read(lambda tx: tx.value("SELECT thread_version FROM threads WHERE post_id = $1", post.id)) > version
    )
    await db.write(replies.set_state, parent.id, ReplyState.HIDDEN, "hidden_by_author")
    assert await db.read(backfill.elsewhere, post.id) == [], "nobody is led to what is hidden here"


async def test_what_came_is_found_by_its_time(db: Database, clock: Clock, post: Post, bob: Actor) -> None:
    """Others' public replies that have a place; nothing is planned where the schedule is empty."""
    start = int(clock.now)

    def add(tx: Tx) -> list[ReplyId]:
        replies.add(tx, new_reply(bob.id, "https://x.example/"), post_id=None, parent_id=None)
        private = new_reply(bob.id, post.uri, visibility=Visibility.DIRECT)
        replies.add(tx, private, post_id=post.id, parent_id=None)
        return [replies.add(tx, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None).id for _ in range(3)]

    first, second, third = await db.write(add)
    await db.write(replies.remove, second)
    assert await db.read(arrivals.came, post.id, start, start + 1)
    assert not await db.read(arrivals.came, post.id, start - 9, start)
    assert not await db.read(arrivals.came, post.id, start + 1, start + 9)
    found = await db.read(arrivals.next_ones, post.id, start, start + 1, after=ReplyId(0), limit=9)
    assert found == [first, third]
    assert await db.read(arrivals.next_ones, post.id, start, start + 1, after=first, limit=1) == [third]
    await db.write(backfill.plan, post.id, start, start + 1, after=())
    assert await db.read(jobs.next_due) is None


@pytest.mark.proves("SEC-036")
async def test_a_neighbours_word_keeps_nothing_from_being_asked_for(db: Database) -> None:
    """A note that nobody here saw, deleted by somebody of its server; one that its own server says is gone."""
    await db.write(tombstones.add, "https://m.example/seen", "Note", "https://m.example/neighbour", False)
    await db.write(tombstones.add, "https://m.example/gone", "Note", "", False)
    assert not await db.read(backfill.is_barred, "https://m.example/seen")
    assert await db.read(backfill.is_barred, "https://m.example/gone")
