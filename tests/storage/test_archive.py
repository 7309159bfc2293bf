"""What imports put back, on both engines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedblog.blog.ledger import Media, MediaId
from fedblog.blog.model import NewReply, PostId, PostStatus, ReactionKind, ReplyState, Visibility
from fedblog.errors import Conflict
from fedblog.storage import archive, listing, media, posts, reactions, replies, threads
from fedblog.storage.archive import Dates
from fedblog.storage.database import Database, Tx
from tests.storage.support import START, add_author
from tests.storage.support import text as post_text

URI = "https://blog.example/ap/posts/77"


def _put(tx: Tx, /, post_id: int = 77) -> PostId:
    author = add_author(tx) if posts.by_id(tx, PostId(77)) is None else None
    owner = author.id if author is not None else listing.list_of_author(tx, None, None)[0].author_id
    dates = Dates(100, 200, 300)
    post = archive.put_post(tx, post_text(), author_id=owner, post_id=PostId(post_id), dates=dates)
    archive.show_post(tx, post.id, uri=f"{URI}-{post_id}", publication=2, dates=dates)
    return post.id


def _reply(tx: Tx, /, post_id: PostId, name: str, parent: str = "", **options: bool) -> bool:
    person = archive.put_person(
        tx, uri=f"https://a.example/{name}", type="Person", username=name, domain="", name=name, url=""
    )
    above = replies.by_uri(tx, parent) if parent else None
    new = NewReply(
        uri=f"https://a.example/notes/{name}", url="", actor_id=person.id, in_reply_to=parent or URI,
        state=ReplyState.PUBLISHED, visibility=Visibility.PUBLIC, local=False, type="Note", name="",
        content_html="<p>x</p>", source="", content_warning="", language="", published_at=START - 50, edited_at=None,
        context="", attachments=(), remote_likes=0, remote_announces=0, reason="", original=b"",
    )  # fmt: skip
    parent_id = above.id if above is not None else None
    return archive.put_reply(tx, new, post_id=post_id, parent_id=parent_id, wanted_id=5, **options)[1]


async def test_LIFE_01_posts_and_threads_are_put_back(db: Database) -> None:
    post_id = await db.write(_put)
    stored = await db.read(posts.by_id, post_id)
    assert stored is not None
    assert (stored.id, stored.status, stored.created_at, stored.published_at, stored.edited_at) == (
        77, PostStatus.PUBLISHED, 100, 200, 300,
    )  # fmt: skip
    with pytest.raises(Conflict):
        await db.write(_put)
    assert await db.write(_reply, post_id, "one", removed=True)
    assert not await db.write(_reply, post_id, "one")
    assert await db.write(_reply, post_id, "two", "https://a.example/notes/one", imported=True)
    rows = await db.read(threads.thread, post_id)
    assert [(row.reply.state.value, row.reply.depth, row.reply.imported) for row in rows] == [
        ("removed", 1, False),
        ("published", 2, True),
    ]
    assert rows[0].reply.id == 5
    assert await db.read(threads.count_imported, post_id) == 1
    assert await db.read(archive.reply_uris, [5, 6]) == {5: "https://a.example/notes/one"}
    found = await db.read(lambda tx: archive.posts_after(tx, 0, author_id=stored.author_id, drafts=True, limit=5))
    assert [post.id for post in found] == [77]


async def test_LIFE_01_reactions_paths_and_names_are_put_back_once(db: Database) -> None:
    post_id = await db.write(_put)
    await db.write(_reply, post_id, "one")

    def react(tx: Tx) -> bool:
        row = threads.thread(tx, post_id)[0]
        return archive.put_reaction(
            tx, kind="like", actor_id=row.actor.id, post_id=post_id, reply_id=None, emoji="",
            activity_uri="https://a.example/like", created_at=400,
        )  # fmt: skip

    assert await db.write(react)
    assert not await db.write(react)
    (kept,) = await db.read(archive.reactions_after, post_id, 0, 5)
    assert (kept.kind, kept.created_at, kept.reply_uri) == ("like", 400, "")
    assert await db.read(lambda tx: reactions.count(tx, ReactionKind.LIKE, post_id=post_id)) == 1
    assert await db.write(archive.add_old_path, "/2019/x", post_id)
    assert await db.write(archive.add_old_path, "/2019/x", post_id)
    other = await db.write(_put, 78)
    assert not await db.write(archive.add_old_path, "/2019/x", other)
    assert await db.read(archive.old_paths, post_id) == ("/2019/x",)
    moved = await db.read(archive.by_old_path, "/2019/x")
    assert moved is not None
    assert moved.id == post_id
    await db.write(archive.note_import, "key", "post", post_id)
    await db.write(archive.note_import, "key", "post", 9)
    assert await db.read(archive.imported_as, "key") == post_id
    assert await db.read(archive.imported_as, "other") is None


async def test_LIFE_01_pictures_are_put_back_once(db: Database) -> None:
    post_id = await db.write(_put)
    stored = await db.read(posts.by_id, post_id)
    assert stored is not None
    picture = Media(MediaId(9), "p" + "0" * 20, "p", stored.author_id, "alt", "x.jpg", 4, 3, (480,), "", 99, 500)
    assert await db.write(archive.put_picture, picture, "f" * 64)
    assert not await db.write(archive.put_picture, picture, "f" * 64)
    assert await db.write(archive.put_picture, replace(picture, name="p" + "1" * 20), "e" * 64)
    kept = await db.read(archive.pictures, None, None, 5)
    assert {(one.name, source_hash) for one, source_hash in kept} == {
        ("p" + "0" * 20, "f" * 64),
        ("p" + "1" * 20, "e" * 64),
    }
    assert (await db.read(media.by_id, MediaId(9))).created_at == 500
