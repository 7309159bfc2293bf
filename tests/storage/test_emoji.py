"""Custom emoji in rows: kept with what names them, gone with it."""

from __future__ import annotations

from dataclasses import replace

from fedblog.blog.emoji import Emoji, named
from fedblog.blog.model import ReactionKind, Visibility
from fedblog.storage import actors, emoji, moderation, reactions, replies
from fedblog.storage.database import Database
from tests.storage.support import add_post, new_reply, profile

HOST = "remote.example"


def cat(host: str = HOST, name: str = "cat") -> Emoji:
    return Emoji(name, f"https://files.example/{name}.png", host)


def test_keys_tell_servers_and_pictures_apart() -> None:
    keys = {cat().key, cat("other.example").key, cat(name="dog").key, replace(cat(), url="https://x.example/").key}
    assert len(keys) == 4
    assert replace(cat(), name="tom").key == cat().key
    assert {len(key) for key in keys} == {12}


async def test_they_live_as_long_as_something_names_them(db: Database) -> None:
    post = await db.write(add_post)
    face = cat(name="face")
    bob = await db.write(actors.upsert_remote, profile(emoji=named([face]), pictures=(face,)))
    assert bob.emoji == (("face", face.key),)
    new = new_reply(bob.id, post.uri, content_html="<p>:cat:</p>", emoji=(cat(), cat(name="dog")))
    reply = await db.write(replies.add, new, post_id=post.id, parent_id=None)
    assert reply.emoji == (("cat", cat().key), ("dog", cat(name="dog").key))
    liked = cat(name="party")
    for _ in range(2):
        await db.write(
            reactions.add, kind=ReactionKind.LIKE, actor_id=bob.id, post_id=post.id, emoji=":party:", picture=liked,
            activity_uri="https://remote.example/l",
        )  # fmt: skip
    assert await db.read(reactions.emoji_of_post, post.id, 9) == [(":party:", 1, liked.key)]
    assert [one.emoji_key for one in await db.read(reactions.of_post, post.id, ReactionKind.LIKE, 9)] == [liked.key]
    assert await db.write(emoji.forget_unused) == 0
    for one in (face, liked, cat()):
        assert await db.read(emoji.source, one.key) == (one.url, True)

    edited = await db.write(replies.update_remote, reply.id, replace(new, emoji=(cat(),)))
    assert edited.emoji == (("cat", cat().key),)
    assert await db.write(emoji.forget_unused) == 1
    assert await db.read(emoji.source, cat(name="dog").key) is None
    await db.write(actors.mark_deleted, bob.id)
    gone = await db.read(replies.by_id, reply.id)
    assert gone is not None
    assert gone.emoji == ()
    assert await db.write(emoji.forget_unused) == 3


async def test_what_only_private_notes_name_is_not_public(db: Database) -> None:
    post = await db.write(add_post)
    bob = await db.write(actors.upsert_remote, profile())
    private = new_reply(bob.id, post.uri, visibility=Visibility.DIRECT, emoji=(cat(),))
    await db.write(replies.add, private, post_id=post.id, parent_id=None)
    assert await db.read(emoji.source, cat().key) == (cat().url, False)
    await db.write(replies.add, new_reply(bob.id, post.uri, emoji=(cat(),)), post_id=post.id, parent_id=None)
    assert await db.read(emoji.source, cat().key) == (cat().url, True)
    await db.write(emoji.keep, [cat()], public=False)
    assert await db.read(emoji.source, cat().key) == (cat().url, True)


async def test_those_of_a_blocked_server_are_not_shown(db: Database) -> None:
    await db.write(emoji.keep, [cat(), cat("other.example")], public=True)
    await db.write(moderation.block, "domain", HOST, "")
    assert await db.read(emoji.source, cat().key) is None
    assert await db.read(emoji.source, cat("other.example").key) is not None
    await db.write(moderation.unblock, "domain", HOST)
    assert await db.read(emoji.source, cat().key) is not None
