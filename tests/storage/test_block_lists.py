"""Many blocks at once: what they reach, what comes back when they are undone, and lists that are read again."""

from __future__ import annotations

import pytest

from fedblog.activitypub.block_lists import BlockList, Entry, Problem
from fedblog.blog.model import Actor, Post, ReactionKind, ReplyId, ReplyState
from fedblog.errors import Conflict
from fedblog.storage import (
    actors,
    block_effects,
    block_lists,
    block_subscriptions,
    followers,
    hiding,
    integrity,
    jobs,
    moderation,
    posts,
    reactions,
    replies,
)
from fedblog.storage.database import Database, Tx
from tests.storage.support import Clock, add_author, add_post, new_reply, profile

FAR = [Entry("domain", "far.example", "spam"), Entry("domain", "empty.example"), Entry("limit", "loud.example")]


class World:
    """An author, a post, and people of three servers who follow, reply and like."""

    alice: Actor
    post: Post
    people: dict[str, Actor]
    replies: dict[str, ReplyId]


@pytest.fixture
async def world(db: Database) -> World:
    made = World()

    def fill(tx: Tx) -> None:
        made.alice = add_author(tx)
        add_author(tx, "blog", "blog")
        made.post = add_post(tx, made.alice)
        made.people, made.replies = {}, {}
        for name, host in (("mia", "far.example"), ("sub", "deep.far.example"), ("tom", "near.example")):
            made.people[name] = actor = actors.upsert_remote(tx, profile(name, host))
            followers.add(
                tx,
                actor_id=actor.id,
                target_id=made.alice.id,
                state="accepted",
                follow_uri=f"x:{name}",
                follow_json="{}",
            )
            made.replies[name] = replies.add(
                tx, new_reply(actor.id, made.post.uri), post_id=made.post.id, parent_id=None
            ).id
            reactions.add(
                tx,
                kind=ReactionKind.LIKE,
                actor_id=actor.id,
                post_id=made.post.id,
                reply_id=None,
                emoji="",
                activity_uri=f"https://{host}/like",
                public=True,
            )

    await db.write(fill)
    return made


def shown(tx: Tx, world: World) -> dict[str, tuple[str, str]]:
    """State and reason of each reply."""
    found = {name: replies.by_id(tx, number) for name, number in world.replies.items()}
    return {name: (reply.state.value, reply.reason) for name, reply in found.items() if reply is not None}


def standing(tx: Tx, world: World) -> tuple[object, ...]:
    """All that a block changes."""
    post = posts.get(tx, world.post.id)
    follows = tx.all("SELECT actor_id, target_id, state, follow_uri, created_at FROM followers ORDER BY 1")
    return (shown(tx, world), follows, post.reply_count, post.like_count, integrity.problems(tx))


async def test_a_list_is_looked_at_applied_and_taken_back_as_one(db: Database, world: World) -> None:
    await db.write(moderation.block, "domain", "known.example", "by hand")
    before = await db.read(standing, world)
    entries = [*FAR, Entry("domain", "known.example"), Entry("domain", "below.known.example")]
    made = await db.write(block_lists.draft, "list.csv", entries, [Problem(3, "no_server", "x y")])
    draft = await db.read(block_lists.get, made)
    assert (draft.state, draft.known, draft.problems) == ("draft", 2, (Problem(3, "no_server", "x y"),))
    rows = await db.read(block_lists.rows, made)
    assert [row.value for row in rows] == ["far.example", "empty.example", "loud.example"]
    effects = await db.read(block_effects.effects, [row.key for row in rows])
    touched = effects["domain", "far.example"]
    assert {(one.actor.username, one.follows, one.replies) for one in touched} == {("mia", 1, 1), ("sub", 1, 1)}
    assert list(effects) == [("domain", "far.example")]
    assert await db.read(standing, world) == before

    applied = await db.write(block_lists.apply, made, {1, 3})
    assert (applied.added, applied.people) == (2, 2)
    assert [row.chosen for row in await db.read(block_lists.rows, made)] == [True, False, True]
    away = ("hidden", hiding.REASON)
    assert await db.read(shown, world) == {"mia": away, "sub": away, "tom": ("published", "")}
    assert await db.read(followers.count, world.alice.id) == 1
    assert await db.read(moderation.is_limited, "x.loud.example")
    assert not await db.read(moderation.is_blocked, actor_uri="", host="empty.example")
    for act in (block_lists.apply, block_lists.drop):
        with pytest.raises(Conflict):
            await db.write(act, made)

    undone = await db.write(block_lists.undo, made)
    assert (undone.removed, undone.people) == (2, 2)
    assert await db.read(standing, world) == before
    assert [one.value for one in await db.read(moderation.blocks)] == ["known.example"]
    with pytest.raises(Conflict):
        await db.write(block_lists.undo, made)


async def test_undoing_a_list_leaves_what_was_decided_otherwise(db: Database, world: World) -> None:
    """A reply hidden by hand, a block made by hand meanwhile, a second list, and somebody who is gone."""
    await db.write(replies.set_state, world.replies["tom"], ReplyState.HIDDEN, "hidden_by_author")
    made = await db.write(block_lists.draft, "one", [Entry("domain", "far.example"), Entry("domain", "near.example")])
    await db.write(block_lists.apply, made)
    other = await db.write(block_lists.draft, "two", [Entry("domain", "deep.far.example")])
    assert await db.read(block_lists.rows, other) == []  # covered by the block above it
    await db.write(moderation.block, "actor", world.people["mia"].uri, "by hand")
    await db.write(actors.mark_deleted, world.people["sub"].id)
    blog = await db.read(actors.blog)
    await db.write(moderation.blocked_by_add, world.people["tom"].id, blog.id)
    await db.write(block_lists.undo, made)
    now = await db.read(shown, world)
    assert now["mia"] == ("hidden", hiding.REASON)
    assert now["tom"] == ("hidden", "hidden_by_author")
    follows = await db.read(lambda tx: tx.all("SELECT actor_id FROM followers"))
    assert follows == [(world.people["tom"].id,)]
    # A block that somebody made by hand of what a list had brought is theirs from then on.
    made = await db.write(block_lists.draft, "three", [Entry("domain", "far.example")])
    await db.write(block_lists.apply, made)
    await db.write(moderation.block, "domain", "far.example", "I mean it")
    await db.write(block_lists.undo, made)
    assert await db.read(moderation.is_blocked, actor_uri="", host="far.example")
    assert await db.read(integrity.problems) == []


async def test_accounts_are_blocked_by_id_and_those_unknown_when_they_come(db: Database, world: World) -> None:
    entries = [Entry("account", "mia@far.example"), Entry("account", "eve@evil.example", "")]
    made = await db.write(block_lists.draft, "accounts", entries)
    effects = await db.read(block_effects.effects, [("account", "mia@far.example")])
    assert [one.actor.username for one in effects["account", "mia@far.example"]] == ["mia"]
    await db.write(block_lists.apply, made)
    known = {(one.kind, one.value) for one in await db.read(moderation.blocks)}
    assert known == {("actor", world.people["mia"].uri), ("account", "eve@evil.example")}
    assert (await db.read(shown, world))["mia"] == ("hidden", hiding.REASON)
    assert await db.read(moderation.blocked_handles) == ["eve@evil.example", "mia@far.example"]
    again = await db.write(block_lists.draft, "accounts", entries)
    assert (await db.read(block_lists.get, again)).known == 2

    eve = await db.write(actors.upsert_remote, profile("Eve", "evil.example"))
    assert await db.read(moderation.is_blocked, actor_uri=eve.uri, host="evil.example")
    assert not await db.read(moderation.is_blocked, actor_uri="", host="evil.example")
    await db.write(block_lists.undo, made)
    assert await db.read(moderation.blocks) == []
    assert (await db.read(shown, world))["mia"] == ("published", "")


async def test_a_list_that_is_read_again_waits_as_a_draft(db: Database, world: World, clock: Clock) -> None:
    def read(*names: str) -> BlockList:
        return BlockList([Entry("domain", name) for name in names])

    async def asks(found: BlockList) -> list[tuple[str, str]]:
        made = await db.write(block_subscriptions.read, sub.id, found)
        return [(row.act, row.value) for row in await db.read(block_lists.rows, made)] if made else []

    sub = await db.write(block_subscriptions.subscribe, "https://lists.example/a.csv")
    assert (await db.write(block_subscriptions.subscribe, sub.url)).id == sub.id
    made = await db.write(block_subscriptions.read, sub.id, read("far.example", "empty.example", "no.example"))
    assert made is not None
    assert await db.read(moderation.blocks) == []
    assert await db.write(block_subscriptions.read, sub.id, read("far.example", "empty.example", "no.example")) == made
    await db.write(block_lists.apply, made, {1, 2})
    clock.forward(block_subscriptions.EVERY)
    job = await db.read(jobs.get, block_subscriptions.KIND, str(sub.id))
    assert job is not None
    assert job.due_at == clock.now  # tomorrow, as it was then
    assert await asks(read("far.example", "empty.example", "no.example")) == []  # what was left out isn't asked again
    assert await asks(read("empty.example", "more.example")) == [("add", "more.example"), ("remove", "far.example")]
    waiting = [one for one in await db.read(block_lists.imports) if one.state == "draft"]
    assert len(waiting) == 1
    await db.write(block_lists.apply, waiting[0].id)
    assert (await db.read(shown, world))["mia"] == ("published", "")
    await db.write(block_lists.undo, waiting[0].id)
    assert (await db.read(shown, world))["mia"] == ("hidden", hiding.REASON)
    assert {one.value for one in await db.read(moderation.blocks)} == {"far.example", "empty.example"}
    await db.write(block_lists.undo, made)  # the first import's block, though it was away in between
    assert await db.read(moderation.blocks) == []
    await db.write(block_subscriptions.failed, sub.id, "x" * 999)
    assert len((await db.read(block_subscriptions.get, sub.id)).error) == 300
    await db.write(block_subscriptions.unsubscribe, sub.id)
    assert await db.read(jobs.get, block_subscriptions.KIND, str(sub.id)) is None
    await db.write(block_subscriptions.failed, sub.id, "late")
    assert await db.write(block_subscriptions.read, sub.id, read("x.example")) is None


async def test_old_drafts_and_ended_follows_are_forgotten(db: Database, world: World, clock: Clock) -> None:
    made = await db.write(block_lists.draft, "one", FAR)
    await db.write(block_lists.draft, "two", [Entry("domain", "x.example")])
    await db.write(block_lists.apply, made)
    clock.forward(block_lists.KEEP_DRAFTS + 1)
    await db.write(lambda tx: block_lists.prune(tx, tx.now - block_lists.KEEP_DRAFTS))
    assert [one.id for one in await db.read(block_lists.imports)] == [made]
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM block_import_follows")) == 0
    await db.write(block_lists.undo, made)
    assert (await db.read(shown, world))["mia"] == ("published", "")
