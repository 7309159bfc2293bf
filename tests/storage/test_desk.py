"""What the studio's lists ask for, on both engines."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fedblog.blog.model import Actor, Post, PostStatus, ReactionKind, Reply, ReplyState, Visibility
from fedblog.storage import actors, decisions, desk, followers, posts, reactions, replies
from fedblog.storage.database import Database
from fedblog.storage.desk import Reader
from fedblog.storage.tx import Tx
from tests.storage.support import Clock, add_author, add_post, new_reply, profile, text


@dataclass(frozen=True)
class Scene:
    """Two authors with a post each, and Bob, who writes under Alice's."""

    alice: Actor
    carol: Actor
    bob: Actor
    post: Post
    other: Post
    open: Reply
    secret: Reply
    held: Reply


def _set_up(tx: Tx) -> Scene:
    alice, carol = add_author(tx, "alice"), add_author(tx, "carol")
    bob = actors.upsert_remote(tx, profile())
    post, other = add_post(tx, alice, title="Rye 100%"), add_post(tx, carol, title="Wheat_")

    def reply(**changes: object) -> Reply:
        return replies.add(tx, new_reply(bob.id, post.uri, **changes), post_id=post.id, parent_id=None)

    return Scene(
        alice=alice,
        carol=carol,
        bob=bob,
        post=post,
        other=other,
        open=reply(),
        secret=reply(visibility=Visibility.DIRECT),
        held=reply(state=ReplyState.HELD),
    )


@pytest.fixture
async def scene(db: Database) -> Scene:
    """The set-up."""
    return await db.write(_set_up)


async def shown(db: Database, reader: Reader, **query: object) -> list[int]:
    """Ids of the replies in a reader's conversations."""
    asked: dict[str, object] = {"show": "", "since": 0, "before_id": None, "limit": 50, **query}
    return [row.reply.id for row, _ in await db.read(desk.conversation, reader, **asked)]  # type: ignore[arg-type]


@pytest.mark.proves("SEC-090")
async def test_a_private_reply_shows_to_the_one_it_answers_only(db: Database, scene: Scene) -> None:
    mine = [scene.held.id, scene.secret.id, scene.open.id]
    assert await shown(db, Reader(scene.alice.id, False)) == mine
    assert await shown(db, Reader(scene.alice.id, True)) == mine
    assert await shown(db, Reader(scene.carol.id, True)) == [scene.held.id, scene.open.id]
    assert await shown(db, Reader(scene.carol.id, False)) == []
    assert await db.read(desk.reply_for, Reader(scene.carol.id, True), scene.secret.id) is None
    found = await db.read(desk.reply_for, Reader(scene.alice.id, False), scene.secret.id)
    assert found is not None
    assert found[1] is not None
    assert found[1].id == scene.post.id


async def test_filters_and_pages(db: Database, scene: Scene, clock: Clock) -> None:
    reader = Reader(scene.alice.id, False)
    assert await shown(db, reader, show="held") == [scene.held.id]
    assert await shown(db, reader, show="private") == [scene.secret.id]
    assert await shown(db, reader, before_id=scene.secret.id) == [scene.open.id]
    assert await shown(db, reader, limit=1) == [scene.held.id]
    assert await shown(db, reader, show="unread", since=int(clock())) == []
    assert len(await shown(db, reader, show="unread", since=int(clock()) - 1)) == 3


async def test_unread_counts_replies_likes_and_boosts_of_others(db: Database, scene: Scene, clock: Clock) -> None:
    for kind in ReactionKind:
        await db.write(
            reactions.add, kind=kind, actor_id=scene.bob.id, post_id=scene.post.id, activity_uri=f"https://x/{kind}"
        )
    since = int(clock()) - 1
    assert await db.read(desk.count_unread, Reader(scene.alice.id, False), since) == 5
    assert await db.read(desk.count_unread, Reader(scene.carol.id, True), since) == 4
    assert await db.read(desk.count_unread, Reader(scene.carol.id, False), since) == 0
    assert await db.read(desk.count_unread, Reader(scene.alice.id, False), since + 1) == 0


@pytest.mark.parametrize(
    ("title", "found"), [("", 2), ("rye", 1), ("0%", 1), ("%", 1), ("_", 1), ("\\", 0), ("RYE 1", 1)]
)
@pytest.mark.proves("SEC-102")
async def test_titles_are_searched_as_they_are_written(db: Database, scene: Scene, title: str, found: int) -> None:
    rows = await db.read(desk.posts, author_id=None, status=None, title=title, skip=0, limit=10)
    assert len(rows) == found


async def test_posts_of_an_author_in_a_status(db: Database, scene: Scene) -> None:
    mine = await db.read(desk.posts, author_id=scene.alice.id, status=PostStatus.PUBLISHED, title="", skip=0, limit=10)
    assert [post.id for post in mine] == [scene.post.id]
    assert await db.read(desk.posts, author_id=None, status=PostStatus.DRAFT, title="", skip=0, limit=10) == []
    assert len(await db.read(desk.posts, author_id=None, status=None, title="", skip=1, limit=10)) == 1
    assert set(await db.read(desk.posts_by_id, {scene.post.id, 5})) == {scene.post.id}
    assert await db.read(desk.posts_by_id, set()) == {}


async def test_pending_followers_are_counted(db: Database, scene: Scene) -> None:
    assert await db.read(desk.count_pending, scene.alice.id) == 0
    await db.write(
        followers.add,
        actor_id=scene.bob.id,
        target_id=scene.alice.id,
        state="pending",
        follow_uri="https://remote.example/f",
        follow_json="{}",
    )
    assert await db.read(desk.count_pending, scene.alice.id) == 1


async def test_autosaves_leave_a_version_each_ten_minutes(db: Database, scene: Scene, clock: Clock) -> None:
    for minute in range(25):
        clock.forward(60)
        saved = await db.write(
            posts.save_text,
            scene.post.id,
            text(source=str(minute)),
            editor_id=scene.alice.id,
            expected_version=None,
        )
        await db.write(desk.thin_revisions, scene.post.id, saved.version)
    kept = [revision.source for revision in await db.read(posts.revisions, scene.post.id)]
    assert kept[0] == "24"
    assert len(kept) == 4
    other = await db.write(posts.save_text, scene.post.id, text(), editor_id=scene.carol.id, expected_version=None)
    await db.write(desk.thin_revisions, scene.post.id, other.version)
    versions = await db.read(posts.revisions, scene.post.id)
    assert versions[0].editor_id == scene.carol.id
    clock.forward(60)
    again = await db.write(posts.save_text, scene.post.id, text(), editor_id=scene.alice.id, expected_version=None)
    await db.write(desk.thin_revisions, scene.post.id, again.version)
    assert [one.editor_id for one in await db.read(posts.revisions, scene.post.id)][:2] == [
        scene.alice.id,
        scene.carol.id,
    ]


async def test_talks_are_by_post_with_what_is_new_first(db: Database, scene: Scene, clock: Clock) -> None:
    alice, everybody = Reader(scene.alice.id, False), Reader(scene.carol.id, True)
    since = clock.now
    clock.now += 60
    found = await db.read(desk.talks, alice, since=int(since), skip=0, limit=10)
    assert [(one.post_id, one.replies, one.unread, one.held) for one in found] == [(scene.post.id, 3, 0, 1)]

    def add(tx: Tx) -> None:
        replies.add(tx, new_reply(scene.bob.id, scene.other.uri), post_id=scene.other.id, parent_id=None)
        replies.set_state(tx, scene.held.id, ReplyState.PUBLISHED, "")
        for target in ({"post_id": scene.post.id}, {"reply_id": scene.open.id}):
            reactions.add(
                tx, kind=ReactionKind.LIKE, actor_id=scene.bob.id, activity_uri=f"https://b/{target}", **target
            )

    await db.write(add)
    found = await db.read(desk.talks, everybody, since=int(since), skip=0, limit=10)
    assert [(one.post_id, one.replies, one.unread, one.likes) for one in found] == [
        (scene.other.id, 1, 1, 0),
        (scene.post.id, 2, 0, 2),
    ]
    assert await db.read(desk.talks, everybody, since=int(since), skip=2, limit=10) == []


async def test_first_timers_and_the_hidden(db: Database, scene: Scene) -> None:
    alice = Reader(scene.alice.id, False)
    assert await shown(db, alice, show="first") == [scene.open.id]
    await db.write(actors.set_standing, scene.bob.id, 1)
    assert await shown(db, alice, show="first") == []
    decision = await db.write(decisions.decide, scene.open.id, "hide", ReplyState.HIDDEN, "hidden_by_author", by=None)
    assert await shown(db, alice, show="hidden") == [scene.open.id]
    assert await db.read(decisions.last_of, [scene.open.id]) == {scene.open.id: decision}
    assert await db.write(decisions.undo, decision) is not None
    assert await db.read(decisions.last_of, [scene.open.id]) == {}
    assert await shown(db, alice, show="hidden") == []
