"""Pages of a conversation: every reply on exactly one of them, in each order, and found again by its permalink."""

from __future__ import annotations

import itertools
import random

import pytest

from fedblog.blog.model import Post, Reply, ReplyId, ReplyState, ThreadOrder, ThreadRow, Visibility
from fedblog.storage import actors, replies, threads
from fedblog.storage.database import Database, Tx
from tests.storage.support import START, add_post, new_reply, profile

SIZES = (1, 4, 7, 100)


def grow(tx: Tx, chance: random.Random) -> Post:
    """A post with a conversation of all shapes."""
    post = add_post(tx)
    people = [actors.upsert_remote(tx, profile(name)).id for name in ("bob", "mia", "kai")]
    there: list[Reply] = []
    for _ in range(60):
        above = chance.choice([None, *there[-6:]])
        state = chance.choice([ReplyState.PUBLISHED] * 5 + [ReplyState.HELD])
        visibility = chance.choice([Visibility.PUBLIC] * 6 + [Visibility.DIRECT])
        new = new_reply(
            chance.choice(people),
            above.uri if above else post.uri,
            state=state,
            visibility=visibility,
            published_at=START + chance.randrange(1000),
            remote_likes=chance.randrange(4),
        )
        parent = None if above is None else above.id
        there.append(replies.add(tx, new, post_id=None if parent else post.id, parent_id=parent))
    for reply in chance.sample(there, 6):
        replies.remove(tx, reply.id)
    return post


def pages(tx: Tx, post: Post, order: ThreadOrder, size: int, *, public_only: bool) -> list[list[ThreadRow]]:
    """All pages, each from the last row of the one before."""
    found: list[list[ThreadRow]] = []
    after: Reply | None = None
    while rows := threads.page(tx, post.id, order, after=after, limit=size, public_only=public_only):
        found.append(rows)
        after = rows[-1].reply
    return found


def likes(row: ThreadRow) -> int:
    return max(row.reply.remote_likes, row.reply.like_count)


@pytest.mark.parametrize("seed", range(4))
async def test_pages_hold_every_reply_exactly_once(db: Database, seed: int) -> None:
    post = await db.write(grow, random.Random(seed))

    def check(tx: Tx) -> None:
        for public_only in (True, False):
            whole = [row.reply.id for row in threads.thread(tx, post.id, public_only=public_only)]
            for order in ThreadOrder:
                for size in SIZES:
                    found = pages(tx, post, order, size, public_only=public_only)
                    flat = [row for page in found for row in page]
                    assert sorted(row.reply.id for row in flat) == sorted(whole)
                    assert all(len(page) == size for page in found[:-1])
                    check_order(flat, order)

    await db.read(check)


@pytest.mark.parametrize("order", list(ThreadOrder))
async def test_a_branch_that_is_hidden_meanwhile_sends_nobody_to_the_beginning(
    db: Database, order: ThreadOrder
) -> None:
    """Somebody has a page open whose last branch is hidden before they go on."""

    def fill(tx: Tx) -> Post:
        post = add_post(tx)
        bob = actors.upsert_remote(tx, profile("bob")).id
        for number in range(6):
            new = new_reply(bob, post.uri, published_at=START + number, remote_likes=number % 3)
            replies.add(tx, new, post_id=post.id, parent_id=None)
        return post

    post = await db.write(fill)
    first = await db.read(threads.page, post.id, order, limit=3)
    before = {row.reply.id for row in await db.read(threads.page, post.id, order, limit=10)}
    seen = {row.reply.id for row in first}
    await db.write(replies.set_state, first[-1].reply.id, ReplyState.HIDDEN, "")
    rest = await db.read(threads.page, post.id, order, after=first[-1].reply, limit=10)
    assert {row.reply.id for row in rest} == before - seen


def check_order(rows: list[ThreadRow], order: ThreadOrder) -> None:
    """The direct answers stand in that order; everything else right below what it answers, oldest first."""
    tops = [row for row in rows if row.reply.depth == 1]
    branches = [row.reply.path[:10] for row in rows]
    assert [each for at, each in enumerate(branches) if at == 0 or branches[at - 1] != each] == [
        row.reply.path for row in tops
    ]
    for top in tops:
        below = [row.reply.path for row in rows if row.reply.path.startswith(top.reply.path)]
        assert below == sorted(below)
    if order is ThreadOrder.LIKED:
        assert [likes(row) for row in tops] == sorted((likes(row) for row in tops), reverse=True)
    else:
        times = [row.reply.published_at for row in tops]
        assert times == sorted(times, reverse=order is ThreadOrder.NEWEST)


@pytest.mark.parametrize("seed", range(2))
async def test_a_permalink_finds_the_page_of_every_reply(db: Database, seed: int) -> None:
    post = await db.write(grow, random.Random(seed))

    def check(tx: Tx) -> None:
        for first, others in itertools.product(SIZES, SIZES):
            for row in threads.thread(tx, post.id):
                start = threads.page_start(tx, row.reply, first, others)
                after = None if start is None else replies.by_id(tx, ReplyId(start))
                size = first if after is None else others
                page = threads.page(tx, post.id, ThreadOrder.OLDEST, after=after, limit=size)
                assert row.reply.id in [each.reply.id for each in page]

    await db.read(check)
