"""What happens to a post at a time of its own, and drafts on their way out or away: schedule, trash, preview links.

A time is a job in the database (`jobs`) that names the time in its key: a later change of mind makes another job,
and the one that is out of date finds that its time is not the post's any more.
"""

from __future__ import annotations

from fedblog.blog.model import ActorId, Post, PostId, PostStatus, PostText
from fedblog.errors import Conflict, NotFound
from fedblog.storage import jobs
from fedblog.storage.rows import POST, POST_FROM, read_post
from fedblog.storage.tx import Event, Tx

PUBLISH, CLOSE = "publish_post", "close_comments"
DAY = 86_400
PRESSED_TWICE = 60


def schedule(tx: Tx, post_id: PostId, at: int | None) -> Post:
    """Publish a draft, or a withdrawn post, at `at`; None: not any more.

    Raises `NotFound`, `Conflict` when it is published or in the trash.
    """
    post = _lock(tx, post_id)
    if post.status is PostStatus.PUBLISHED:
        raise Conflict("this post is published already", reason="already_published")
    if at is not None and post.trashed_at is not None:
        raise Conflict("this post is in the trash", reason="in_trash")
    tx.run("UPDATE posts SET scheduled_at = $1 WHERE id = $2", at, post_id)
    if at is not None:
        jobs.add(tx, PUBLISH, f"{post_id}:{at}", {"post": post_id, "at": at}, at)
    return _get(tx, post_id)


def sent_already(
    tx: Tx, post_id: PostId | None, text: PostText, version: int | None, *, author_id: ActorId, at: int | None
) -> Post | None:
    """The post as which this very text went out, or was planned for `at`, a moment ago: somebody pressed twice, or sent
    the form again because the answer got lost. `post_id` None: it was a new post of that author; else one whose
    `version` this text was not written for any more."""
    since = tx.now - PRESSED_TWICE
    if post_id is None:
        tx.lock(f"slugs:{author_id}")
        whose, who = f"author_id = $1 AND created_at >= {since}", int(author_id)
    else:
        if version == _lock(tx, post_id).version:
            return None
        whose, who = "id = $1", int(post_id)
    gone, when = ("status = 'published' AND published_at >= $2", since)
    if at is not None:
        gone, when = ("status <> 'published' AND scheduled_at = $2", at)
    found = tx.value(
        f"SELECT id FROM posts WHERE {whose} AND {gone} AND title = $3 AND source = $4 ORDER BY id DESC LIMIT 1",
        who,
        when,
        text.title,
        text.source,
    )
    return None if found is None else _get(tx, PostId(found))


def is_due(post: Post, at: int, now: int) -> bool:
    """Whether the post is still to be published by the plan made for `at`."""
    return post.scheduled_at == at <= now and post.status in (PostStatus.DRAFT, PostStatus.UNPUBLISHED)


def overdue(tx: Tx) -> int:
    """Plan anew what should be out already and has no job (a server that failed too often in itself); how many."""
    rows = tx.all("SELECT id, scheduled_at FROM posts WHERE scheduled_at IS NOT NULL AND scheduled_at <= $1", tx.now)
    for post_id, at in rows:
        jobs.add(tx, PUBLISH, f"{post_id}:{at}", {"post": post_id, "at": at}, at)
    return len(rows)


def closes_at(post: Post) -> int | None:
    """When the comments of a published post close by themselves, or None."""
    if post.published_at is None or not post.close_after_days:
        return None
    return post.published_at + post.close_after_days * DAY


def plan_closing(tx: Tx, post: Post) -> None:
    """Have the comments closed when it is time, if the post is out and says so."""
    at = closes_at(post)
    if at is not None and post.comments_open and post.status is PostStatus.PUBLISHED:
        jobs.add(tx, CLOSE, f"{post.id}:{at}", {"post": post.id, "at": at}, at)


def trash(tx: Tx, post_id: PostId) -> Post:
    """Put a draft or a withdrawn post into the trash; its plan and its preview link go.

    Raises `NotFound`, `Conflict` when it is published.
    """
    post = _lock(tx, post_id)
    if post.status is PostStatus.PUBLISHED:
        raise Conflict("what is published is unpublished first, or deleted for good", reason="published")
    tx.run(
        "UPDATE posts SET trashed_at = coalesce(trashed_at, $1), scheduled_at = NULL, preview_key = '' WHERE id = $2",
        tx.now,
        post_id,
    )
    return _get(tx, post_id)


def untrash(tx: Tx, post_id: PostId) -> Post:
    """Take it out of the trash. Raises `NotFound`."""
    _lock(tx, post_id)
    tx.run("UPDATE posts SET trashed_at = NULL WHERE id = $1", post_id)
    return _get(tx, post_id)


def trashed(tx: Tx, before: int, limit: int) -> list[PostId]:
    """Posts that lie in the trash since before that time, the longest first."""
    rows = tx.all(
        "SELECT id FROM posts WHERE trashed_at < $1 AND status <> 'deleted' ORDER BY trashed_at, id LIMIT $2",
        before,
        limit,
    )
    return [PostId(row[0]) for row in rows]


def set_preview_key(tx: Tx, post_id: PostId, key: str) -> Post:
    """Open a draft to whoever has the link with this key; "" closes it. Raises `NotFound`, `Conflict` when it is out or
    in the trash."""
    post = _lock(tx, post_id)
    if key and (post.status is PostStatus.PUBLISHED or post.trashed_at is not None):
        raise Conflict("only drafts have preview links", reason="not_a_draft")
    tx.run("UPDATE posts SET preview_key = $1 WHERE id = $2", key, post_id)
    return _get(tx, post_id)


def _get(tx: Tx, post_id: PostId) -> Post:
    row = tx.one(f"SELECT {POST} FROM {POST_FROM} WHERE p.id = $1 AND p.status <> 'deleted'", post_id)
    if row is None:
        raise NotFound("there is no such post")
    return read_post(row)


def _lock(tx: Tx, post_id: PostId) -> Post:
    """The post, kept from other writers until the end."""
    tx.run("UPDATE threads SET thread_version = thread_version + 1 WHERE post_id = $1", post_id)
    tx.emit(Event("post", post_id))
    return _get(tx, post_id)
