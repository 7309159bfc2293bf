"""Daily numbers: they add up, are kept apart by scope, and nobody's names make them grow without end."""

from __future__ import annotations

import asyncio

from fedblog.blog.model import ReactionKind
from fedblog.storage import actors, echo_stats, followers, reactions, replies, stats
from fedblog.storage.database import Database, Tx
from fedblog.storage.stats import DAY, OTHER, WHOLE_BLOG, Counts, DayViews, FeedReader, Scope
from tests.storage.support import START, Clock, add_author, add_post, new_reply, profile

TODAY = START // DAY


def counts(post: int, views: int = 1, day: int = TODAY) -> Counts:
    return Counts(
        views={(day, post, ""): [views, 1], (day, 0, WHOLE_BLOG): [views, 1], (day, 0, "/tag/x"): [1, 1]},
        referrers={(day, post, "far.example"): [views]},
        feeds={(day, "/feed.atom", "Feedly"): [2, 1, 16], (day, "/feed.atom", "Miniflux"): [3, 2, 0]},
    )


async def test_counts_of_several_processes_add_up(db: Database) -> None:
    first = await db.write(add_post)
    second = await db.write(lambda tx: add_post(tx, add_author(tx, "carol"), slug="other"))
    await asyncio.gather(*(db.write(stats.add, counts(post.id, 2)) for post in (first, second) for _ in range(5)))
    await db.write(stats.add, counts(first.id, 7, TODAY - 1))
    whole, week = Scope(TODAY, TODAY), Scope(TODAY - 6, TODAY)
    assert await db.read(stats.views_by_day, whole) == [DayViews(TODAY, 20, 10)]
    assert await db.read(stats.views_by_day, week) == [DayViews(TODAY - 1, 7, 1), DayViews(TODAY, 20, 10)]
    assert await db.read(stats.views_by_day, Scope(TODAY, TODAY, post_id=first.id)) == [DayViews(TODAY, 10, 5)]
    carol = Scope(TODAY - 6, TODAY, author_id=second.author_id)
    assert await db.read(stats.views_by_day, carol) == [DayViews(TODAY, 10, 5)]
    assert await db.read(stats.top_posts, week, 9) == [(first.id, 17, 6), (second.id, 10, 5)]
    assert await db.read(stats.top_posts, carol, 9) == [(second.id, 10, 5)]
    assert await db.read(stats.top_pages, whole, 9) == [("/tag/x", 10)]
    assert await db.read(stats.referrers, carol, 9) == [("far.example", 10)]
    found_readers = await db.read(stats.feed_readers, whole, 9)
    assert found_readers == [FeedReader("Miniflux", 30, 20), FeedReader("Feedly", 20, 16)]
    assert await db.read(stats.views_of_posts, [first.id, second.id]) == {first.id: 17, second.id: 10}
    assert await db.read(stats.first_day) == TODAY - 1


async def test_names_that_strangers_choose_are_bounded(db: Database) -> None:
    for part in range(4):
        numbers = range(part * 100, part * 100 + 100)
        flood = Counts(
            referrers={(TODAY, 0, f"{number}.example"): [1] for number in numbers},
            feeds={(TODAY, "/feed.atom", f"Reader {number}"): [1, 1, 0] for number in numbers},
        )
        await db.write(stats.add, flood)
    await db.write(stats.add, Counts(referrers={(TODAY, 0, "0.example"): [9]}))
    found = await db.read(stats.referrers, Scope(TODAY, TODAY), 1000)
    assert found[0] == (OTHER, 400 - stats.MAX_HOSTS)
    assert found[1] == ("0.example", 10)
    assert len(found) == stats.MAX_HOSTS + 1
    assert len(await db.read(stats.feed_readers, Scope(TODAY, TODAY), 1000)) == stats.MAX_READERS + 1


def _echoes(tx: Tx) -> tuple[int, int]:
    add_author(tx, "all", "instance")
    post = add_post(tx)
    bob = actors.upsert_remote(tx, profile())
    reply = replies.add(tx, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    reactions.add(tx, kind=ReactionKind.LIKE, actor_id=bob.id, post_id=post.id, activity_uri="https://x.example/1")
    reactions.add(tx, kind=ReactionKind.LIKE, actor_id=bob.id, reply_id=reply.id, activity_uri="https://x.example/2")
    reactions.add(
        tx,
        kind=ReactionKind.ANNOUNCE,
        actor_id=bob.id,
        post_id=post.id,
        activity_uri="https://x.example/3",
        public=False,
    )
    followers.add(
        tx,
        actor_id=bob.id,
        target_id=post.author_id,
        state="accepted",
        follow_uri="https://x.example/4",
        follow_json="{}",
    )
    return post.id, post.author_id


async def test_what_the_fediverse_did_by_day(db: Database, clock: Clock) -> None:
    post_id, author_id = await db.write(_echoes)
    for scope in (
        Scope(TODAY - 3, TODAY),
        Scope(TODAY, TODAY, author_id=author_id),  # type: ignore[arg-type]
        Scope(TODAY, TODAY, post_id=post_id),  # type: ignore[arg-type]
    ):
        found = [await db.read(echo_stats.by_day, scope, kind) for kind in echo_stats.KINDS]
        assert found == [{TODAY: 1}, {TODAY: 2}, {}]
    assert await db.read(echo_stats.by_day, Scope(TODAY, TODAY, author_id=1), "reply") == {}  # type: ignore[arg-type]
    # Nobody wrote down the first days; from then on what was written counts, whoever left since.
    clock.forward(2 * DAY)
    assert await db.read(echo_stats.totals_by_day, author_id, TODAY - 1, TODAY + 2) == [  # type: ignore[arg-type]
        (TODAY - 1, 0),
        (TODAY, 1),
        (TODAY + 1, 1),
        (TODAY + 2, 1),
    ]
    await db.write(echo_stats.keep_totals)
    await db.write(lambda tx: tx.run("DELETE FROM followers"))
    clock.forward(DAY)
    await db.write(echo_stats.keep_totals)
    await db.write(echo_stats.keep_totals)
    later = await db.read(echo_stats.totals_by_day, author_id, TODAY + 2, TODAY + 4)  # type: ignore[arg-type]
    assert later == [(TODAY + 2, 1), (TODAY + 3, 0), (TODAY + 4, 0)]
    assert await db.read(echo_stats.totals_by_day, None, TODAY + 2, TODAY + 4) == later
    assert await db.read(echo_stats.first_follow_day, None) is None
