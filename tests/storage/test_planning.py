"""What the studio asks about a post beyond its text, and what happens at a time of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fedblog.blog.model import HoldPolicy, Post, PostId, PostKind, PostStatus
from fedblog.errors import Conflict, NotFound
from fedblog.storage import desk, jobs, listing, planning, posts, tombstones
from fedblog.storage.database import Database
from tests.storage.support import START, Clock, add_author, add_post, post_uri, text

OPTIONS: dict[str, Any] = {
    "federated": False,
    "series": "Über das Lesen",
    "series_position": 3,
    "canonical_url": "https://old.example/a",
    "show_history": True,
    "hold_policy": HoldPolicy.ALL,
    "close_after_days": 14,
}


@pytest.fixture
async def draft(db: Database) -> Post:
    """A draft of alice's with every option."""
    alice = await db.write(add_author)
    return await db.write(posts.create_draft, text(**OPTIONS), author_id=alice.id, editor_id=alice.id)


async def test_what_is_asked_is_kept(db: Database, draft: Post) -> None:
    stored = await db.read(posts.get, draft.id)
    assert stored == draft
    assert {name: getattr(stored, name) for name in OPTIONS} == OPTIONS
    assert (stored.kind, stored.series_slug) == (PostKind.POST, "uber-das-lesen")
    saved = await db.write(
        posts.save_text, draft.id, text(kind=PostKind.PAGE), editor_id=draft.author_id, expected_version=1, note="why"
    )
    assert (saved.kind, saved.series, saved.series_slug, saved.hold_policy) == (PostKind.PAGE, "", "", HoldPolicy.BLOG)
    assert [one.note for one in await db.read(posts.revisions, draft.id)] == ["why", ""]


async def test_pages_are_in_no_list_and_what_is_not_federated_has_no_id(db: Database) -> None:
    page = await db.write(add_post, slug="about", kind=PostKind.PAGE, federated=False)
    here = await db.write(add_post, slug="here", federated=False)
    both = await db.write(add_post, slug="both")
    assert (page.uri, here.uri, both.uri) == ("", "", post_uri(both.id, 1))
    assert {post.id for post in await db.read(listing.list_public, limit=9)} == {here.id, both.id}
    assert await db.read(listing.count_public) == 2
    await db.write(posts.set_pinned, here.id, START)
    assert await db.read(listing.featured, both.author_id) == [both.uri]
    assert await db.read(listing.tags) == [("fediverse", "Fediverse", 2), ("python", "Python", 2)]
    with pytest.raises(Conflict, match="unpublish"):
        await db.write(posts.save_text, both.id, text(federated=False), editor_id=both.author_id, expected_version=None)
    await db.write(posts.unpublish, here.id)
    await db.write(posts.delete, here.id)
    assert await db.read(lambda tx: tx.value("SELECT count(*) FROM tombstones")) == 0
    await db.write(posts.unpublish, both.id)
    assert await db.read(tombstones.get, both.uri) is not None


async def test_a_silent_save_leaves_the_date(db: Database, clock: Clock) -> None:
    post = await db.write(add_post)
    clock.forward(10)
    silent: dict[str, Any] = {"editor_id": post.author_id, "expected_version": None, "mark_edited": False}
    assert (await db.write(posts.save_text, post.id, text(), **silent)).edited_at is None
    loud = await db.write(posts.save_text, post.id, text(), editor_id=post.author_id, expected_version=None)
    clock.forward(10)
    assert (await db.write(posts.save_text, post.id, text(), **silent)).edited_at == loud.edited_at == START + 10


async def test_a_plan_is_the_last_one_made(db: Database, draft: Post, clock: Clock) -> None:
    await db.write(planning.schedule, draft.id, START + 100)
    planned = await db.write(planning.schedule, draft.id, START + 200)
    assert planned.scheduled_at == START + 200
    clock.forward(150)
    claimed = await db.write(jobs.claim, 9, 60)
    assert [job.key for job in claimed] == [f"{draft.id}:{START + 100}"]
    assert not planning.is_due(planned, START + 100, START + 150)
    assert not planning.is_due(planned, START + 200, START + 199)
    assert planning.is_due(planned, START + 200, START + 200)
    assert not planning.is_due(replace(planned, status=PostStatus.PUBLISHED), START + 200, START + 200)
    out = await db.write(posts.publish, draft.id, post_uri)
    assert out.scheduled_at is None
    with pytest.raises(Conflict):
        await db.write(planning.schedule, draft.id, START + 900)
    with pytest.raises(NotFound):
        await db.write(planning.schedule, PostId(5), START + 900)


async def test_what_is_overdue_gets_its_job_back(db: Database, draft: Post, clock: Clock) -> None:
    await db.write(planning.schedule, draft.id, START + 100)
    clock.forward(100)
    (job,) = await db.write(jobs.claim, 9, 60)
    await db.write(jobs.done, job.id)
    assert await db.write(planning.overdue) == 1
    assert await db.read(jobs.get, planning.PUBLISH, f"{draft.id}:{START + 100}") is not None


async def test_comments_close_by_themselves(db: Database, draft: Post, clock: Clock) -> None:
    out = await db.write(posts.publish, draft.id, post_uri)
    at = START + 14 * planning.DAY
    assert planning.closes_at(out) == at
    job = await db.read(jobs.get, planning.CLOSE, f"{draft.id}:{at}")
    assert job is not None
    assert job.due_at == at
    await db.write(
        posts.save_text, out.id, text(**{**OPTIONS, "close_after_days": 1}), editor_id=out.author_id, expected_version=1
    )
    assert await db.read(jobs.get, planning.CLOSE, f"{draft.id}:{START + planning.DAY}") is not None


async def test_the_trash(db: Database, draft: Post, clock: Clock) -> None:
    await db.write(planning.schedule, draft.id, START + 100)
    await db.write(planning.set_preview_key, draft.id, "k")
    gone = await db.write(planning.trash, draft.id)
    assert (gone.trashed_at, gone.scheduled_at, gone.preview_key) == (START, None, "")
    assert await db.read(listing.list_of_author, draft.author_id, None) == []
    assert await db.read(desk.posts, author_id=None, status=None, title="", skip=0, limit=9) == []
    for act in (lambda tx: planning.schedule(tx, draft.id, 5), lambda tx: planning.set_preview_key(tx, draft.id, "x")):
        with pytest.raises(Conflict):
            await db.write(act)
    assert await db.read(planning.trashed, START, 9) == []
    assert await db.read(planning.trashed, START + 1, 9) == [draft.id]
    assert (await db.write(planning.untrash, draft.id)).trashed_at is None
    await db.write(planning.trash, draft.id)
    assert (await db.write(posts.publish, draft.id, post_uri)).trashed_at is None
    with pytest.raises(Conflict, match="unpublished first"):
        await db.write(planning.trash, draft.id)
