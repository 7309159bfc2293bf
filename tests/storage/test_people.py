"""Actors, keys, followers and reactions."""

from __future__ import annotations

import asyncio
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from fedblog.blog.ledger import LocalKey, RemoteKey
from fedblog.blog.model import Actor, ActorId, Post, ReactionKind, ReplyState, Visibility
from fedblog.errors import ConfigError, Conflict, NotFound
from fedblog.storage import (
    actors,
    decisions,
    followers,
    heads,
    hiding,
    keys,
    moderation,
    posts,
    reactions,
    replies,
    threads,
)
from fedblog.storage.database import Database, Tx
from fedblog.storage.seal import Sealer, load_secret
from tests.storage.support import START, Clock, add_author, add_post, new_reply, profile


@pytest.fixture
async def alice(db: Database) -> Actor:
    return await db.write(add_author)


@pytest.fixture
async def bob(db: Database) -> Actor:
    return await db.write(actors.upsert_remote, profile())


@pytest.fixture
async def post(db: Database, alice: Actor) -> Post:
    return await db.write(add_post, alice)


async def test_local_actors_are_found_by_name_in_any_case(db: Database, alice: Actor) -> None:
    blog = await db.write(add_author, "blog", "blog")
    instance = await db.write(add_author, "instance", "instance")
    assert await db.read(actors.by_local_name, "ALICE") == alice
    assert await db.read(actors.by_local_name, "instance") is None
    assert await db.read(actors.blog) == blog
    assert await db.read(actors.instance) == instance
    assert await db.read(actors.local_actors) == [alice, blog, instance]
    assert await db.read(actors.by_ids, [alice.id, blog.id, ActorId(7)]) == {alice.id: alice, blog.id: blog}
    with pytest.raises(Conflict):
        await db.write(add_author, "Alice")


async def test_missing_actors_are_not_found(db: Database) -> None:
    for find in (actors.blog, actors.instance):
        with pytest.raises(NotFound):
            await db.read(find)
    with pytest.raises(NotFound):
        await db.read(actors.by_id, ActorId(1))
    assert await db.read(actors.by_uri, "https://x.example/1") is None


async def test_ACT_14_a_remote_profile_is_kept_and_renewed(db: Database, bob: Actor, clock: Clock) -> None:
    assert (bob.handle, bob.local, bob.fields, bob.fetched_at) == (
        "@bob@remote.example",
        "",
        (("Site", "https://bob.example"),),
        START,
    )
    await db.write(actors.set_standing, bob.id, 1)
    clock.forward(100)
    renewed = await db.write(actors.upsert_remote, profile(name="bob", fields=(), suspended=True))
    assert (renewed.id, renewed.fields, renewed.suspended_at, renewed.fetched_at) == (
        bob.id,
        (),
        START + 100,
        START + 100,
    )
    assert await db.read(actors.standing, bob.id) == 1
    clock.forward(100)
    assert (await db.write(actors.upsert_remote, profile(suspended=True))).suspended_at == START + 100
    assert (await db.write(actors.upsert_remote, profile())).suspended_at is None


async def test_ACT_15_a_thinner_document_renews_the_keys_only(db: Database, bob: Actor) -> None:
    key = RemoteKey(f"{bob.uri}#new", bob.uri, "ed25519", "NEW", START)
    kept = await db.write(actors.upsert_remote, profile(inbox="", username="", domain="", keys=(key,)))
    assert kept == bob
    assert await db.read(keys.actor_keys, bob.uri) == [key]


async def test_ours_are_found_without_a_look_at_everybody(db: Database) -> None:
    """Pages ask for them, and there may be a hundred thousand others."""
    names = [("blog", "blog"), ("alice", "author"), ("instance", "instance")]
    made = [await db.write(add_author, name, local) for name, local in names]

    def look(tx: Tx) -> list[str]:
        asked: list[tuple[str, tuple[Any, ...]]] = []
        ask = tx.all

        def record(sql: str, *params: Any) -> list[tuple[Any, ...]]:
            asked.append((sql, params))
            return ask(sql, *params)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tx, "all", record)
            assert actors.local_actors(tx) == made
            assert [actors.blog(tx), actors.instance(tx), actors.by_local_name(tx, "ALICE")] == [*made[::2], made[1]]
            assert actors.by_local_name(tx, "instance") is None
        if tx.engine != "sqlite":
            return []
        return [row[3] for sql, params in asked for row in ask(f"EXPLAIN QUERY PLAN {sql}", *params)]

    assert all("actors_" in step or "ORDER BY" in step for step in await db.read(look))


async def test_ours_are_never_overwritten_from_outside(db: Database, alice: Actor) -> None:
    hostile = profile(uri=alice.uri, keys=(RemoteKey(f"{alice.uri}#main-key", alice.uri, "rsa", "EVIL", 0),))
    assert await db.write(actors.upsert_remote, hostile) == alice
    assert await db.read(keys.public_keys, alice.id) == []


@pytest.mark.proves("SEC-006")
async def test_SIG_keys_of_others_cant_be_claimed(db: Database, bob: Actor) -> None:
    bobs = f"{bob.uri}#main-key"
    neighbour = profile("mallory", keys=(RemoteKey(bobs, "x", "rsa", "EVIL", START + 5),))
    stranger = profile("mallory", "evil.example", keys=(RemoteKey(bobs, "x", "rsa", "EVIL", START + 5),))
    mallory = await db.write(actors.upsert_remote, neighbour)
    await db.write(actors.upsert_remote, stranger)
    found = await db.read(keys.remote_key, bobs)
    assert found is not None
    assert (found.actor_uri, found.public_pem) == (bob.uri, "PEM")
    theirs = await db.read(keys.remote_key, bobs, mallory.uri)
    assert theirs is not None
    assert theirs.actor_uri == mallory.uri
    assert await db.read(keys.actor_keys, stranger.uri) == []
    assert await db.read(keys.remote_key, "https://x.example/none") is None


async def test_a_changed_face_changes_the_pages_it_is_on(db: Database, bob: Actor, post: Post) -> None:
    await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    version = await db.read(posts.thread_version, post.id)
    await db.write(actors.upsert_remote, profile(summary_html="<p>other</p>"))
    assert await db.read(posts.thread_version, post.id) == version
    await db.write(actors.upsert_remote, profile(name="bob", icon_url="https://remote.example/new.png"))
    assert await db.read(posts.thread_version, post.id) == version + 1


async def test_a_local_profile_is_changed(db: Database, alice: Actor, post: Post, bob: Actor) -> None:
    version = await db.read(posts.thread_version, post.id)
    change = {"summary_source": "*hi*", "summary_html": "<em>hi</em>", "icon_url": "i", "image_url": "j"}

    def update(tx: Tx, actor_id: ActorId) -> Actor:
        return actors.update_local_profile(
            tx, actor_id, name="New", fields=(("a", "b"),), manually_approves=True, **change
        )

    changed = await db.write(update, alice.id)
    assert (changed.name, changed.fields, changed.manually_approves) == ("New", (("a", "b"),), True)
    assert await db.read(actors.summary_source, alice.id) == "*hi*"
    assert await db.read(posts.thread_version, post.id) == version + 1
    with pytest.raises(NotFound):
        await db.write(update, bob.id)


async def test_approval_looks_at_published_public_replies(db: Database, bob: Actor, post: Post) -> None:
    letter = new_reply(bob.id, post.uri, visibility=Visibility.DIRECT)
    await db.write(replies.add, letter, post_id=post.id, parent_id=None)
    assert not await db.read(actors.has_published_reply, bob.id)
    await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    assert await db.read(actors.has_published_reply, bob.id)


@pytest.mark.proves("SEC-091")
async def test_private_keys_lie_sealed(db: Database, alice: Actor, tmp_path: Path) -> None:
    secret = load_secret(tmp_path / "data" / "secret")
    assert load_secret(tmp_path / "data" / "secret") == secret
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]
    sealer = Sealer(secret)
    pairs = [
        LocalKey(f"{alice.uri}#ed25519-key", alice.id, "ed25519", "PUB2", "PRIVATE2"),
        LocalKey(f"{alice.uri}#main-key", alice.id, "rsa", "PUB", "PRIVATE"),
    ]
    for pair in pairs:
        await db.write(keys.add_local, pair, sealer)
    assert await db.read(keys.local_keys, alice.id, sealer) == pairs[::-1]
    assert await db.read(keys.public_keys, alice.id) == [
        (pairs[1].key_id, "rsa", "PUB"),
        (pairs[0].key_id, "ed25519", "PUB2"),
    ]
    stored = await db.read(lambda tx: tx.all("SELECT private_sealed FROM keys"))
    assert all(b"PRIVATE" not in bytes(row[0]) for row in stored)
    assert await db.read(keys.remote_key, pairs[0].key_id) is None
    with pytest.raises(ConfigError, match="secret"):
        await db.read(keys.local_keys, alice.id, Sealer(bytes(32)))


@pytest.mark.proves("SEC-091")
def test_what_is_sealed_has_one_spelling() -> None:
    """A decoder of base 64 leaves out what it doesn't know: who counts sealed marks would count each spelling anew."""
    sealer = Sealer(bytes(32))
    sealed = sealer.seal(b"a mark")
    assert sealer.open(sealed) == b"a mark"
    others = [
        sealed + b"=",
        sealed + b"\n",
        sealed[:9] + b"!" + sealed[9:],
        b" " + sealed,
        sealed.replace(b"_", b"/"),
        b"",
    ]
    for other in others:
        if other != sealed:
            with pytest.raises(ConfigError):
                sealer.open(other)


@pytest.mark.parametrize("content", [b"", b"short", b"%%%%", b"QUJD" * 20])
def test_a_damaged_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(ConfigError, match="secret"):
        load_secret(tmp_path / "secret")
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(content)


async def test_INB_21_a_repeated_follow_renews_its_id(db: Database, alice: Actor, bob: Actor) -> None:
    def add(tx: Tx, state: str, uri: str) -> None:
        followers.add(
            tx, actor_id=bob.id, target_id=alice.id, state=state, follow_uri=uri, follow_json=f'{{"id":"{uri}"}}'
        )

    await db.write(add, "pending", "f1")
    assert await db.read(followers.count, alice.id) == 0
    assert len(await db.read(followers.list, alice.id, limit=5, state="pending")) == 1
    assert await db.write(followers.accept, bob.id, alice.id)
    assert not await db.write(followers.accept, bob.id, alice.id)
    await db.write(add, "pending", "f2")
    found = await db.read(followers.get, bob.id, alice.id)
    assert found is not None
    assert (found.state, found.follow_uri, found.follow_json, found.actor) == ("accepted", "f2", '{"id":"f2"}', bob)
    assert not await db.write(followers.remove_by_follow_uri, bob.id, "f1")
    assert await db.write(followers.remove_by_follow_uri, bob.id, "f2")
    assert not await db.write(followers.remove, bob.id, alice.id)
    assert await db.read(followers.get, bob.id, alice.id) is None


async def test_COL_02_followers_in_pages_without_those_who_are_gone(db: Database, alice: Actor) -> None:
    people = [await db.write(actors.upsert_remote, profile(f"u{n}")) for n in range(5)]
    for person in people:
        await db.write(
            followers.add, actor_id=person.id, target_id=alice.id, state="accepted", follow_uri="f", follow_json="{}"
        )
    await db.write(actors.set_suspended, people[0].id, START)
    await db.write(actors.mark_deleted, people[4].id)
    assert await db.read(followers.count, alice.id) == 3
    first = await db.read(followers.uris_page, alice.id, 0, 2)
    assert first == [(people[1].id, people[1].uri), (people[2].id, people[2].uri)]
    assert await db.read(followers.uris_page, alice.id, first[-1][0], 2) == [(people[3].id, people[3].uri)]
    assert len(await db.read(followers.list, alice.id, after=people[0].id, limit=2)) == 2


async def test_INB_31_a_moved_follower_follows_once(db: Database, alice: Actor, bob: Actor) -> None:
    dora = await db.write(add_author, "dora")
    new = await db.write(actors.upsert_remote, profile("bob", "new.example"))
    for actor, target in ((bob, alice), (bob, dora), (new, dora)):
        await db.write(
            followers.add, actor_id=actor.id, target_id=target.id, state="accepted", follow_uri="f", follow_json="{}"
        )
    assert await db.write(followers.move, bob.id, new.id) == []
    assert await db.read(followers.count, alice.id) == await db.read(followers.count, dora.id) == 1


async def test_INB_31_a_wish_to_follow_takes_what_the_old_account_had(db: Database, alice: Actor, bob: Actor) -> None:
    dora = await db.write(add_author, "dora")
    new = await db.write(actors.upsert_remote, profile("bob", "new.example"))
    for actor, target, state in (
        (bob, alice, "accepted"),
        (new, alice, "pending"),
        (bob, dora, "pending"),
        (new, dora, "pending"),
    ):
        await db.write(
            followers.add,
            actor_id=actor.id,
            target_id=target.id,
            state=state,
            follow_uri=actor.uri,
            follow_json="{}",
        )
    moved = await db.write(followers.move, bob.id, new.id)
    assert [(one.actor.id, one.target_id, one.state, one.follow_uri) for one in moved] == [
        (new.id, alice.id, "accepted", new.uri)
    ]
    waiting = await db.read(followers.get, new.id, dora.id)
    assert waiting is not None
    assert waiting.state == "pending"
    assert await db.read(followers.get, bob.id, dora.id) is None


async def test_INB_23_one_like_for_each_actor_and_object(db: Database, bob: Actor, post: Post) -> None:
    reply = await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)

    def react(tx: Tx, uri: str, emoji: str = "", kind: ReactionKind = ReactionKind.LIKE) -> tuple[bool, bool]:
        of_post = reactions.add(tx, kind=kind, actor_id=bob.id, post_id=post.id, emoji=emoji, activity_uri=uri)
        of_reply = reactions.add(tx, kind=kind, actor_id=bob.id, reply_id=reply.id, emoji=emoji, activity_uri=f"{uri}r")
        return of_post, of_reply

    assert await db.write(react, "l1") == (True, True)
    assert await db.write(react, "l2", "🎉") == (False, False)
    assert await db.write(react, "d1", "", ReactionKind.DISLIKE) == (True, True)
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert (found.like_count, found.announce_count) == (1, 0)
    liked = await db.read(reactions.of_post, post.id, ReactionKind.LIKE, 10)
    assert [(each.emoji, each.activity_uri, each.actor) for each in liked] == [("🎉", "l2", bob)]
    of_reply = await db.read(reactions.of_replies, [reply.id])
    assert [each.activity_uri for each in of_reply[reply.id]] == ["l2r", "d1r"]
    assert await db.read(reactions.count, ReactionKind.LIKE, reply_id=reply.id) == 1
    recent = await db.read(reactions.recent, limit=10, author_id=post.author_id)
    assert [each.activity_uri for each in recent] == ["l2"]
    assert len(await db.read(reactions.recent, limit=10)) == 2
    assert not await db.write(reactions.remove, actor_id=bob.id, activity_uri="l1")
    assert await db.write(reactions.remove, actor_id=bob.id, activity_uri="l2r")
    assert await db.write(reactions.remove, kind=ReactionKind.LIKE, actor_id=bob.id, post_id=post.id)
    after = await db.read(posts.by_id, post.id)
    assert after is not None
    assert after.like_count == 0
    with pytest.raises(ValueError, match="which reaction"):
        await db.write(reactions.remove, actor_id=bob.id)
    with pytest.raises(ValueError, match="to a post or to a reply"):
        await db.write(reactions.add, kind=ReactionKind.LIKE, actor_id=bob.id, activity_uri="x")


async def test_INB_24_a_private_boost_is_not_counted(db: Database, bob: Actor, post: Post) -> None:
    def boost(tx: Tx, public: bool) -> bool:
        return reactions.add(
            tx, kind=ReactionKind.ANNOUNCE, actor_id=bob.id, post_id=post.id, activity_uri="a", public=public
        )

    assert await db.write(boost, False)
    assert await db.read(reactions.of_post, post.id, ReactionKind.ANNOUNCE, 10) == []
    assert not await db.write(boost, True)
    assert not await db.write(boost, False)
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert found.announce_count == 1


async def test_LIFE_05_a_reply_that_comes_while_its_author_is_blocked_does_not_stay(
    db: Database, bob: Actor, post: Post
) -> None:
    """It was found to be nobody's who is blocked, and is stored after the block (PostgreSQL has several writers)."""
    looked, go = threading.Event(), threading.Event()
    new = new_reply(bob.id, post.uri)

    def arrive(tx: Tx) -> None:
        tx.lock(new.uri, new.in_reply_to)
        known = heads.standing(tx, uri=new.uri, actor_id=bob.id, actor_uri=bob.uri, host=bob.domain)
        looked.set()
        go.wait(20)
        if not known.is_blocked:
            replies.add(tx, new, post_id=post.id, parent_id=None)

    def block(tx: Tx) -> None:
        moderation.block(tx, "actor", bob.uri, "")
        hiding.hide_all_of(tx, bob.id)

    arriving = asyncio.create_task(db.write(arrive))
    await asyncio.to_thread(looked.wait, 20)
    blocking = asyncio.create_task(db.write(block))
    await asyncio.wait({blocking}, timeout=0.3)  # it would be done long since, if it did not wait
    go.set()
    await asyncio.gather(arriving, blocking)
    assert await db.read(threads.thread, post.id) == []


async def test_LIFE_05_a_reply_that_is_deleted_at_that_moment_keeps_no_block_from_its_author(
    db: Database, bob: Actor, post: Post
) -> None:
    for _ in range(2):
        await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    first, second = [row.reply.id for row in await db.read(threads.thread, post.id)]
    removed, other_is_done = threading.Event(), threading.Event()

    def delete(tx: Tx) -> None:
        replies.remove(tx, first)
        removed.set()
        other_is_done.wait(0.3)  # it waits for this one, and finds out only then

    async def block() -> int:
        await asyncio.to_thread(removed.wait, 20)
        return await db.write(hiding.hide_all_of, bob.id)

    await asyncio.gather(db.write(delete), block())
    other_is_done.set()
    states = [reply.state for each in (first, second) if (reply := await db.read(replies.by_id, each)) is not None]
    assert states == [ReplyState.REMOVED, ReplyState.HIDDEN]


@pytest.mark.parametrize("leave", [False, True])
async def test_LIFE_05_a_like_that_comes_while_its_author_goes_is_not_counted(
    db: Database, bob: Actor, post: Post, leave: bool
) -> None:
    """Blocked, or gone altogether, between the look and the like (PostgreSQL has several writers)."""
    looked, go = threading.Event(), threading.Event()

    def arrive(tx: Tx) -> None:
        kept_out = reactions.is_kept_out(tx, bob)
        looked.set()
        go.wait(20)
        if not kept_out:
            reactions.add(tx, kind=ReactionKind.LIKE, actor_id=bob.id, post_id=post.id, activity_uri="a")

    def end(tx: Tx) -> None:
        if leave:
            actors.mark_deleted(tx, bob.id)
        else:
            moderation.block(tx, "actor", bob.uri, "")
            hiding.hide_all_of(tx, bob.id)

    arriving = asyncio.create_task(db.write(arrive))
    await asyncio.to_thread(looked.wait, 20)
    ending = asyncio.create_task(db.write(end))
    await asyncio.wait({ending}, timeout=0.3)  # it would be done long since, if it did not wait
    go.set()
    await asyncio.gather(arriving, ending)
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert found.like_count == 0
    assert await db.write(reactions.is_kept_out, bob)


async def test_two_who_decide_at_once_each_know_what_they_changed(db: Database, bob: Actor, post: Post) -> None:
    """What a decision takes back when it is undone is what it found, not what was there before another one."""
    reply = await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    states = {"hide": (ReplyState.HIDDEN, "hidden_by_author"), "approve": (ReplyState.PUBLISHED, "")}
    made = await asyncio.gather(
        *(db.write(decisions.decide, reply.id, kind, *states[kind], by=None) for kind in ("hide", "approve") * 6)
    )
    before = ("published", "")
    for decision in sorted(made, key=lambda one: one.id):
        assert (decision.before_state, decision.before_reason) == before
        state, reason = states[decision.kind]
        before = (state.value, reason)
