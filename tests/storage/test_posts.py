"""Posts: drafts, publication under ids that never return, slugs that redirect, and the public lists."""

from __future__ import annotations

import pytest

from fedblog.blog.model import Actor, Post, PostId, PostStatus, ReactionKind, Visibility
from fedblog.errors import Conflict, NotFound
from fedblog.storage import actors, listing, posts, reactions, replies, tombstones
from fedblog.storage.database import Database, Event
from tests.storage.support import START, Clock, add_author, add_post, new_reply, post_uri, profile, text


@pytest.fixture
async def alice(db: Database) -> Actor:
    return await db.write(add_author)


async def draft(db: Database, alice: Actor, **changes: object) -> Post:
    return await db.write(posts.create_draft, text(**changes), author_id=alice.id, editor_id=alice.id)


async def save(db: Database, post: Post, version: int | None = None, **changes: object) -> Post:
    return await db.write(posts.save_text, post.id, text(**changes), editor_id=post.author_id, expected_version=version)


async def test_a_draft_is_nobody_elses(db: Database, alice: Actor) -> None:
    post = await draft(db, alice, mentions=("https://r.example/u",), pictures=True, image_alt="Ein Bild")
    assert (post.status, post.uri, post.published_at, post.version) == (PostStatus.DRAFT, "", None, 1)
    assert (post.tags, post.mentions, post.pictures) == (("Fediverse", "Python"), ("https://r.example/u",), True)
    assert await db.read(posts.by_id, post.id) == await db.read(posts.by_slug, alice.id, "hello") == post
    assert await db.read(listing.list_public, limit=10) == []
    assert await db.read(listing.tags) == []
    assert not posts.is_public(post)


async def test_a_slug_is_unique_for_its_author(db: Database, alice: Actor) -> None:
    dora = await db.write(add_author, "dora")
    slugs = [(await draft(db, alice)).slug for _ in range(3)]
    assert slugs == ["hello", "hello-2", "hello-3"]
    assert (await draft(db, dora)).slug == "hello"


async def test_an_old_slug_redirects_and_is_not_given_away(db: Database, alice: Actor) -> None:
    post = await db.write(add_post, alice)
    await save(db, post, slug="second")
    await save(db, post, slug="third")
    for old in ("hello", "second"):
        assert await db.read(posts.redirect_slug, alice.id, old) == "third"
    assert (await draft(db, alice)).slug == "hello-2"
    back = await save(db, post, slug="hello")
    assert back.slug == "hello"
    assert await db.read(posts.redirect_slug, alice.id, "hello") is None
    assert await db.read(posts.redirect_slug, alice.id, "third") == "hello"


async def test_saving_keeps_history_and_sees_conflicts(db: Database, alice: Actor, clock: Clock) -> None:
    post = await draft(db, alice)
    clock.forward(10)
    saved = await save(db, post, version=1, source="new", tags=("Python",))
    assert (saved.version, saved.source, saved.edited_at, saved.tags) == (2, "new", None, ("Python",))
    with pytest.raises(Conflict):
        await save(db, post, version=1)
    history = await db.read(posts.revisions, post.id)
    assert [(each.number, each.source, each.created_at) for each in history] == [
        (2, "new", START + 10),
        (1, "# Hello", START),
    ]
    await db.write(posts.publish, post.id, post_uri)
    clock.forward(10)
    assert (await save(db, post, version=2)).edited_at == START + 20
    with pytest.raises(NotFound):
        await db.write(posts.save_text, PostId(5), text(), editor_id=alice.id, expected_version=None)


async def test_a_withdrawn_id_never_returns(db: Database, alice: Actor, clock: Clock) -> None:
    post = await db.write(add_post, alice)
    assert post.uri == f"https://blog.example/ap/posts/{post.id}"
    assert await db.write(posts.publish, post.id, post_uri) == await db.read(posts.by_uri, post.uri)
    clock.forward(10)
    hidden = await db.write(posts.unpublish, post.id)
    assert (hidden.status, hidden.uri, hidden.source) == (PostStatus.UNPUBLISHED, "", "# Hello")
    stone = await db.read(tombstones.get, post.uri)
    assert stone is not None
    assert (stone.former_type, stone.actor_uri, stone.local, stone.deleted_at) == (
        "Article",
        alice.uri,
        True,
        START + 10,
    )
    again = await db.write(posts.publish, post.id, post_uri)
    assert (again.uri, again.published_at) == (f"{post.uri}-2", START)
    assert await db.read(posts.by_uri, post.uri) is None


async def test_a_deleted_post_is_empty(db: Database, alice: Actor) -> None:
    post = await db.write(add_post, alice)
    gone = await db.write(posts.delete, post.id)
    assert (gone.status, gone.source, gone.title, gone.uri, gone.deleted_at) == (PostStatus.DELETED, "", "", "", START)
    assert await db.read(tombstones.get, post.uri) is not None
    assert await db.read(posts.revisions, post.id) == []
    assert await db.read(listing.list_of_author, alice.id, None) == []
    with pytest.raises(NotFound):
        await db.write(posts.publish, post.id, post_uri)
    with pytest.raises(NotFound):
        await save(db, post)
    assert (await db.write(posts.delete, post.id)).deleted_at == START


async def test_public_lists(db: Database, alice: Actor, clock: Clock) -> None:
    made = []
    for number in range(5):
        made.append(await db.write(add_post, alice, slug=f"p{number}", tags=("Straße",) if number % 2 else ("python",)))
        clock.forward(number % 2)
    await db.write(add_post, alice, slug="unlisted", visibility=Visibility.UNLISTED, tags=("python",))
    first = await db.read(listing.list_public, limit=3)
    last = first[-1]
    assert last.published_at is not None
    rest = await db.read(listing.list_public, limit=3, before=(last.published_at, last.id))
    assert [post.id for post in first + rest] == [post.id for post in reversed(made)]
    assert await db.read(listing.count_public) == await db.read(listing.count_public, alice.id) == 5
    assert await db.read(listing.count_public, tag="STRASSE") == 2
    assert [post.slug for post in await db.read(listing.list_public, author_id=alice.id, tag="straße", limit=9)] == [
        "p3",
        "p1",
    ]
    assert await db.read(listing.tags) == [("python", "python", 3), ("strasse", "Straße", 2)]
    assert await db.read(listing.featured, alice.id, 2) == [made[4].uri, made[3].uri]
    assert len(await db.read(listing.list_of_author, alice.id, PostStatus.PUBLISHED)) == 6
    assert await db.read(listing.list_of_author, None, PostStatus.DRAFT) == []


async def test_every_change_of_the_page_raises_its_version(db: Database, alice: Actor) -> None:
    post = await db.write(add_post, alice)
    told: list[Event] = []
    db.add_listener(told.append)
    version = await db.read(posts.thread_version, post.id)
    await db.write(posts.bump, post.id)
    await db.write(posts.set_comments_open, post.id, False)
    assert await db.read(posts.thread_version, post.id) == version + 2
    assert told == [Event("post", post.id)] * 2
    assert await db.read(posts.thread_version, PostId(1)) == 0


async def test_DLV_01_participants_are_all_who_interacted(db: Database, alice: Actor) -> None:
    post = await db.write(add_post, alice)
    bob, carol, eve = [await db.write(actors.upsert_remote, profile(name)) for name in ("bob", "carol", "eve")]
    reply = await db.write(replies.add, new_reply(bob.id, post.uri), post_id=post.id, parent_id=None)
    await db.write(replies.add, new_reply(alice.id, reply.uri), post_id=None, parent_id=reply.id)
    await db.write(
        reactions.add, kind=ReactionKind.LIKE, post_id=post.id, actor_id=carol.id, activity_uri="https://r.example/1"
    )
    gone = await db.write(replies.add, new_reply(eve.id, post.uri), post_id=post.id, parent_id=None)
    await db.write(replies.remove, gone.id)
    assert set(await db.read(posts.participants, post.id)) == {bob.id, carol.id}
