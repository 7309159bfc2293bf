"""What the acts keep, on both engines: quotes, placeholders, pins, polls, emoji, moves and retired keys."""

from __future__ import annotations

from fedblog.blog.ledger import LocalKey
from fedblog.blog.model import Actor, Post, Quote, QuotePolicy, QuoteState, ReactionKind, ReplyPolicy
from fedblog.storage import actors, branches, keys, listing, moderation, placeholders, posts, quotes, reactions, replies
from fedblog.storage.database import Database
from fedblog.storage.seal import Sealer
from tests.storage.support import Clock, add_author, add_post, new_reply, profile

SEALER = Sealer(b"s" * 32)


async def quote(db: Database, post: Post, actor: Actor, state: QuoteState, *, request: str = "") -> Quote:
    return await db.write(
        quotes.add,
        uri=f"{actor.uri}/q",
        url="",
        actor_id=actor.id,
        post_id=post.id,
        target_uri=post.uri,
        state=state,
        public=True,
        listed=state is not QuoteState.REJECTED,
        request=request,
        published_at=1,
    )


async def test_INB_33_a_request_settles_a_claim_and_a_decision_stays(db: Database) -> None:
    post = await db.write(add_post)
    bob = await db.write(actors.upsert_remote, profile())
    await quote(db, post, bob, QuoteState.PENDING)
    asked = await quote(db, post, bob, QuoteState.ACCEPTED, request="{}")
    assert (asked.state, asked.request) == (QuoteState.ACCEPTED, "{}")
    claimed = await quote(db, post, bob, QuoteState.PENDING)
    assert (claimed.state, claimed.request) == (QuoteState.ACCEPTED, "{}")
    await db.write(quotes.set_state, asked.id, QuoteState.REVOKED, listed=False)
    assert (await quote(db, post, bob, QuoteState.ACCEPTED)).state is QuoteState.REVOKED
    assert await db.read(quotes.shown, post.id, 9) == []
    author = await db.read(actors.by_id, post.author_id)
    assert len(await db.read(quotes.recent, author.id, 9)) == len(await db.read(quotes.recent, None, 9)) == 1
    assert await db.read(quotes.recent, bob.id, 9) == []
    assert bob.id in await db.read(posts.participants, post.id)


async def test_ART_19_quotes_hide_with_a_block_and_where_they_are_replies(db: Database) -> None:
    post = await db.write(add_post)
    bob = await db.write(actors.upsert_remote, profile())
    eve = await db.write(actors.upsert_remote, profile("eve", "sub.bad.example"))
    for actor in (bob, eve):
        await quote(db, post, actor, QuoteState.ACCEPTED)
    assert len(await db.read(quotes.shown, post.id, 9)) == 2
    await db.write(moderation.block, "domain", "bad.example", "")
    assert [one.actor.uri for one in await db.read(quotes.shown, post.id, 9)] == [bob.uri]
    await db.write(replies.add, new_reply(bob.id, post.uri, uri=f"{bob.uri}/q"), post_id=post.id, parent_id=None)
    assert await db.read(quotes.shown, post.id, 9) == []
    assert await db.write(quotes.remove, f"{bob.uri}/q", bob.id)
    assert not await db.write(quotes.remove, f"{eve.uri}/q", bob.id)


async def test_BACK_02_a_placeholder_holds_a_place_and_gives_it_up(db: Database) -> None:
    post = await db.write(add_post)
    bob = await db.write(actors.upsert_remote, profile())
    ghost = await db.write(add_author, "instance", "instance")
    missing = "https://gone.example/1"
    await db.write(replies.add, new_reply(bob.id, missing), post_id=None, parent_id=None)
    made = await db.write(
        placeholders.add, missing, post_id=post.id, post_uri=post.uri, actor_id=ghost.id, published_at=1
    )
    assert placeholders.is_placeholder(made)
    assert made.shown
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert found.reply_count == 1
    filled = await db.write(placeholders.fill, made, new_reply(bob.id, post.uri, uri=missing, context="c"))
    assert (filled.id, filled.actor_id, filled.shown) == (made.id, bob.id, True)
    found = await db.read(posts.by_id, post.id)
    assert found is not None
    assert found.reply_count == 2
    assert await db.read(placeholders.post_of_context, "c") == post.id
    assert [one.id for one in await db.read(branches.below, made.id)] != []


async def test_ACT_13_ART_17_pins_and_policies_are_kept(db: Database, clock: Clock) -> None:
    first = await db.write(
        add_post, slug="one", reply_policy=ReplyPolicy.MENTIONED, quote_policy=QuotePolicy.NOBODY, comments_open=False
    )
    assert (first.reply_policy, first.quote_policy) == (ReplyPolicy.MENTIONED, QuotePolicy.NOBODY)
    second = await db.write(add_post, slug="two")
    assert await db.read(listing.featured, first.author_id) == [second.uri, first.uri]
    await db.write(posts.set_pinned, first.id, 5)
    assert await db.read(listing.featured, first.author_id) == [first.uri]
    await db.write(posts.delete, first.id)
    assert await db.read(listing.pinned, first.author_id) == []


async def test_INB_23_INB_17_emoji_and_polls_are_counted(db: Database) -> None:
    post = await db.write(add_post)
    actor = await db.write(actors.upsert_remote, profile())
    for name, emoji in (("a", "🎉"), ("b", "🎉"), ("c", ":x:"), ("d", "")):
        one = await db.write(actors.upsert_remote, profile(name))
        await db.write(
            reactions.add,
            kind=ReactionKind.LIKE,
            actor_id=one.id,
            post_id=post.id,
            emoji=emoji,
            activity_uri=f"{one.uri}/l",
        )
    assert await db.read(reactions.emoji_of_post, post.id, 9) == [("🎉", 2, ""), (":x:", 1, "")]
    reply = await db.write(
        replies.add, new_reply(actor.id, post.uri, options=(("Tea", 1),)), post_id=post.id, parent_id=None
    )
    assert reply.options == (("Tea", 1),)
    assert not await db.write(replies.set_options, reply.id, (("Tea", 1),))
    assert await db.write(replies.set_options, reply.id, (("Tea", -5), ("Coffee", 2**40)))
    changed = await db.read(replies.by_id, reply.id)
    assert changed is not None
    assert changed.options == (("Tea", 0), ("Coffee", 2**31 - 1))


async def test_ACT_11_INB_31_keys_retire_and_actors_move(db: Database, clock: Clock) -> None:
    alice = await db.write(add_author)
    for number in (1, 2):
        await db.write(keys.add_local, LocalKey(f"{alice.uri}#k{number}", alice.id, "rsa", "PUB", "PRIV"), SEALER)
        if number == 1:
            assert await db.write(keys.retire, alice.id) == 1
    assert [key.key_id[-1] for key in await db.read(keys.local_keys, alice.id, SEALER)] == ["2"]
    assert [key_id[-1] for key_id, _, _ in await db.read(keys.public_keys, alice.id)] == ["2", "1"]
    assert await db.write(keys.drop_retired, int(clock.now)) == 0
    assert await db.write(keys.drop_retired, int(clock.now) + 1) == 1
    await db.write(actors.set_aliases, alice.id, ("https://old.example/a",))
    await db.write(actors.set_moved, alice.id, "https://new.example/a")
    found = (await db.read(actors.by_uris, [alice.uri, "https://nobody.example/"]))[alice.uri]
    assert (found.also_known_as, found.moved_to) == (("https://old.example/a",), "https://new.example/a")
    assert await db.read(actors.moved_at, alice.id) == int(clock.now)
    await db.write(actors.delete_local, alice.id)
    assert (await db.read(actors.by_id, alice.id)).deleted_at is not None
