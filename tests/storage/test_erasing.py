"""Erasing a person, on both engines: counters and the tree stay right, and digests keep what they wrote away."""

from __future__ import annotations

import json

from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, ReactionKind, ReplyState
from fedblog.storage import (
    actors,
    erased,
    erasing,
    followers,
    heads,
    moderation,
    outgoing,
    person_record,
    posts,
    reactions,
    replies,
    tombstones,
)
from fedblog.storage.database import Database, Tx
from tests.storage.support import START, Clock, add_author, add_post, new_reply, profile


async def test_a_person_goes_and_the_branch_below_stays(db: Database, clock: Clock) -> None:
    made: dict[str, int] = {}

    def fill(tx: Tx) -> tuple[Actor, Actor]:
        alice, _, _ = add_author(tx), add_author(tx, "blog", "blog"), add_author(tx, "instance", "instance")
        post = add_post(tx, alice)
        bob, eve = (actors.upsert_remote(tx, profile(name)) for name in ("bob", "eve"))
        first = replies.add(tx, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
        below = replies.add(tx, new_reply(eve.id, first.uri), post_id=post.id, parent_id=first.id)
        leaf = replies.add(tx, new_reply(bob.id, below.uri), post_id=post.id, parent_id=below.id)
        held = new_reply(bob.id, post.uri, state=ReplyState.HELD)
        replies.add(tx, held, post_id=post.id, parent_id=None)
        for reply_id in (None, below.id):
            reactions.add(
                tx,
                kind=ReactionKind.LIKE,
                actor_id=bob.id,
                post_id=None if reply_id else post.id,
                reply_id=reply_id,
                activity_uri=f"like:{reply_id}",
            )
        followers.add(
            tx, actor_id=bob.id, target_id=alice.id, state="accepted", follow_uri="follow:1", follow_json="{}"
        )
        moderation.add_report(tx, activity_uri="flag:1", reporter_uri=eve.uri, objects=(bob.uri, leaf.uri), content="?")
        moderation.add_report(tx, activity_uri="flag:2", reporter_uri=eve.uri, objects=(bob.uri, post.uri), content="?")
        made.update(post=post.id, first=first.id, below=below.id)
        return bob, alice

    bob, alice = await db.write(fill)
    assert [one.uri for one in await db.read(person_record.find, "@BOB@remote.example")] == [bob.uri]
    assert [one.uri for one in await db.read(person_record.find, bob.url)] == [bob.uri]
    told = await db.read(person_record.held, bob)
    assert {name: len(told[name]) for name in ("replies", "reactions", "follows", "reports_about_them")} == {
        "replies": 3,
        "reactions": 2,
        "follows": 1,
        "reports_about_them": 2,
    }
    for kind, value in (("account", "bob@remote.example"), ("limit", "example"), ("domain", "elsewhere.example")):
        await db.write(moderation.block, kind, value, "")
    blocks = (await db.read(person_record.held, bob))["blocks"]
    assert {one["kind"] for one in blocks} == {"account", "limit"}, "also those that reach them by a wider name"
    for kind, value in (("account", "bob@remote.example"), ("limit", "example")):
        await db.write(moderation.unblock, kind, value)
    uris = [one["uri"] for one in told["replies"]]
    done = await db.write(erasing.erase, bob.id)
    await db.write(erasing.tidy)
    assert (done.replies, done.reactions, done.follows) == (3, 2, 1)
    post = await db.read(posts.get, made["post"])  # type: ignore[arg-type]
    assert (post.reply_count, post.like_count) == (1, 0)
    place = await db.read(replies.by_id, made["first"])  # type: ignore[arg-type]
    assert place is not None
    assert (place.state, place.content_html) == (ReplyState.REMOVED, "")
    assert erasing.GONE_HOST in place.uri
    child = await db.read(replies.by_id, made["below"])  # type: ignore[arg-type]
    assert child is not None
    assert (child.in_reply_to, child.like_count) == (post.uri, 0)
    assert await db.read(actors.by_uri, bob.uri) is None
    assert [one.objects for one in await db.read(moderation.reports)] == [(post.uri,)]
    assert await db.read(followers.count, alice.id) == 0

    for uri in uris:
        assert await db.read(erased.holds, uri)
        assert await db.read(tombstones.is_deleted_by, uri, bob.uri)
        await db.write(tombstones.add, uri, "Note", bob.uri, local=False)
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM tombstones")) == 0

    def gone(tx: Tx, uri: str, at: int) -> bool:
        found = heads.standing(tx, uri=uri, actor_id=bob.id, actor_uri=bob.uri, host="remote.example", published_at=at)
        return found.is_deleted_by(bob.uri)

    assert await db.read(gone, uris[0], START + 9_999_999)
    assert await db.read(gone, "https://remote.example/other", int(clock.now))
    assert not await db.read(gone, "https://remote.example/other", int(clock.now) + 1)


async def test_what_others_are_told_too_goes_on_to_them(db: Database) -> None:
    """A Move or an Undo goes to many: that one of them is erased is no reason to tell nobody."""

    def fill(tx: Tx) -> tuple[Actor, Actor]:
        alice, _, _ = add_author(tx), add_author(tx, "blog", "blog"), add_author(tx, "instance", "instance")
        bob, eve = (actors.upsert_remote(tx, profile(name)) for name in ("bob", "eve"))
        told = {
            "Move": outgoing.Audience(followers_of=(alice.id,), actors=(bob.id, eve.id)),
            "Undo": outgoing.Audience(actors=(bob.id, eve.id)),
            "Accept": outgoing.Audience(personal=(bob.id,)),
            "Reject": outgoing.Audience(personal=(int(f"{bob.id}7"),)),
        }
        for kind, audience in told.items():
            outgoing.add(
                tx,
                activity_id=ActivityId(tx.new_id()),
                uri=f"act:{kind}",
                actor_id=alice.id,
                type=kind,
                object_uri=alice.uri,
                body=b"{}",
                audience=audience,
                public=False,
            )
        return bob, eve

    bob, eve = await db.write(fill)
    await db.write(erasing.erase, bob.id)
    left: dict[str, str] = dict(await db.read(lambda tx: tx.all("SELECT type, audience FROM outgoing")))
    assert left.keys() == {"Move", "Undo", "Reject"}
    assert json.loads(left["Move"])["actors"] == json.loads(left["Undo"])["actors"] == [eve.id]
