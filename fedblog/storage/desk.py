"""What the studio's lists ask for: posts by title, conversations as one person may read them, what is unread."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fedblog.blog.model import ActorId, Post, PostId, PostStatus, ReactionKind, ReplyId, ThreadRow
from fedblog.storage.rows import (
    ACTOR_WIDTH,
    POST,
    POST_FROM,
    REPLY_WIDTH,
    THREAD_ROW,
    THREAD_ROW_FROM,
    read_post,
    read_thread_row,
)
from fedblog.storage.tx import Row, Tx, marks

THINNED_TO = 600


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: an author, and whether they look after everybody's posts (editors, the owner).

    A private reply is for the one whom it answers: nobody else of the blog reads it, whatever their role.
    """

    actor_id: ActorId
    everything: bool


_REPLIES = f"{THREAD_ROW_FROM} LEFT JOIN posts p ON p.id = r.post_id LEFT JOIN replies u ON u.id = r.parent_id"
_WITH_POSTS = f"{_REPLIES} LEFT JOIN threads th ON th.post_id = p.id"
# Whom a reply answers: one of ours where that is the parent, else the post's author.
_ANSWERED = "CASE WHEN u.local = 1 THEN u.actor_id ELSE p.author_id END"
_PRIVATE = "r.visibility NOT IN ('public', 'unlisted')"


_MOST_REPORTED = 500
_SHOWN = {
    "held": "r.state = 'held'",
    "hidden": "r.state = 'hidden'",
    "private": _PRIVATE,
    "letters": "r.post_id IS NULL",
    "first": "r.local = 0 AND a.approved = 0 AND NOT EXISTS (SELECT 1 FROM replies o WHERE o.actor_id = r.actor_id"
    " AND o.id < r.id AND o.state = 'published')",
}


def _readable(reader: Reader) -> str:
    """A condition for `_REPLIES`, with the reader as $1."""
    to_me = f"({_ANSWERED} = $1 OR (r.local = 1 AND r.actor_id = $1))"
    in_open = f"NOT {_PRIVATE}" if reader.everything else f"(NOT {_PRIVATE} AND p.author_id = $1)"
    return f"r.state IN ('published', 'held', 'hidden') AND ({to_me} OR {in_open})"


def posts(
    tx: Tx, *, author_id: ActorId | None, status: PostStatus | None, title: str, skip: int, limit: int
) -> list[Post]:
    """Posts of an author (None: of everybody) in a status (None: all but deleted) whose title holds `title`;
    what is in the trash is left out.

    The last touched come first; `skip` of them are left out.
    """
    where, params = ["p.status <> 'deleted' AND p.trashed_at IS NULL"], list[object]()
    if author_id is not None:
        params.append(author_id)
        where.append(f"p.author_id = ${len(params)}")
    if status is not None:
        params.append(status.value)
        where.append(f"p.status = ${len(params)}")
    if title:
        params.append("%" + title.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        where.append(f"lower(p.title) LIKE lower(${len(params)}) ESCAPE '\\'")
    params += [limit, skip]
    rows = tx.all(
        f"SELECT {POST} FROM {POST_FROM} WHERE {' AND '.join(where)}"
        " ORDER BY coalesce(p.edited_at, p.published_at, p.created_at) DESC, p.id DESC"
        f" LIMIT ${len(params) - 1} OFFSET ${len(params)}",
        *params,
    )
    return [read_post(row) for row in rows]


def conversation(
    tx: Tx,
    reader: Reader,
    *,
    show: str,
    since: int,
    before_id: int | None,
    limit: int,
    post_id: PostId | None = None,
) -> list[tuple[ThreadRow, Post | None]]:
    """Replies that the reader may see, newest first, their own answers among them, with the posts they are under.

    `show`: "" for all, `unread` (those of others since `since`), `held`, `first` (of people of whom nothing showed
    before), `reported`, `hidden`, `private`, or `letters` (outside of any post). `post_id`: only those under one post.
    `before_id`: the last one of the page before.
    """
    where, params = [_readable(reader)], list[object]([reader.actor_id])
    if show == "unread":
        params.append(since)
        where.append(f"r.local = 0 AND r.received_at > ${len(params)}")
    elif show == "reported":
        uris = _reported(tx)
        places = marks(len(uris), len(params) + 1)
        params += uris
        where.append(f"r.local = 0 AND (r.uri IN ({places}) OR a.uri IN ({places}))" if uris else "1 = 0")
    elif show in _SHOWN:
        where.append(_SHOWN[show])
    if post_id is not None:
        params.append(post_id)
        where.append(f"r.post_id = ${len(params)}")
    if before_id is not None:
        params.append(before_id)
        where.append(f"r.id < ${len(params)}")
    params.append(limit)
    rows = tx.all(
        f"SELECT {THREAD_ROW}, {POST} FROM {_WITH_POSTS} WHERE {' AND '.join(where)}"
        f" ORDER BY r.id DESC LIMIT ${len(params)}",
        *params,
    )
    return [_reply_and_post(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Talk:
    """The conversation under one post (None: letters and mentions outside of any): what is new in it."""

    post_id: PostId | None
    replies: int
    unread: int
    held: int
    likes: int = 0
    boosts: int = 0


def _reported(tx: Tx) -> list[str]:
    """Ids of replies and people that open reports name, the newest reports first."""
    rows = tx.all("SELECT objects FROM reports WHERE resolved_at IS NULL ORDER BY id DESC LIMIT 200")
    return list(dict.fromkeys(uri for row in rows for uri in json.loads(row[0])))[:_MOST_REPORTED]


def talks(tx: Tx, reader: Reader, *, since: int, skip: int, limit: int) -> list[Talk]:
    """Conversations of the reader, those with something new since `since` first, then by their last reply."""
    fresh = "sum(CASE WHEN r.local = 0 AND r.received_at > $2 THEN 1 ELSE 0 END)"
    waiting = "sum(CASE WHEN r.state = 'held' THEN 1 ELSE 0 END)"
    rows = tx.all(
        f"SELECT r.post_id, count(*), {fresh}, {waiting} FROM {_REPLIES} WHERE {_readable(reader)} GROUP BY r.post_id"
        f" ORDER BY CASE WHEN {fresh} > 0 OR {waiting} > 0 THEN 0 ELSE 1 END, max(r.id) DESC LIMIT $3 OFFSET $4",
        reader.actor_id,
        since,
        limit,
        skip,
    )
    reacted = _reactions_since(tx, reader, since)
    found = [
        Talk(PostId(post) if post else None, replies, int(new), int(held), *reacted.pop(post, (0, 0)))
        for post, replies, new, held in rows
    ]
    if skip == 0:  # posts that were liked or boosted, and never answered, have no row of their own
        known = _with_replies(tx, list(reacted))
        found = [Talk(PostId(post), 0, 0, 0, *counts) for post, counts in reacted.items() if post not in known] + found
    return found


def _reactions_since(tx: Tx, reader: Reader, since: int) -> dict[int, tuple[int, int]]:
    """New likes and boosts by post, those of its replies included."""
    mine = "$1 = $1" if reader.everything else "(p.author_id = $1 OR r.actor_id = $1)"
    rows = tx.all(
        "SELECT p.id, sum(CASE WHEN x.kind = $3 THEN 1 ELSE 0 END), sum(CASE WHEN x.kind = $4 THEN 1 ELSE 0 END)"
        " FROM reactions x LEFT JOIN replies r ON r.id = x.reply_id"
        " JOIN posts p ON p.id = coalesce(x.post_id, r.post_id)"
        f" JOIN actors a ON a.id = x.actor_id WHERE {mine} AND x.created_at > $2 AND a.local = '' GROUP BY p.id",
        reader.actor_id,
        since,
        ReactionKind.LIKE.value,
        ReactionKind.ANNOUNCE.value,
    )
    return {row[0]: (int(row[1]), int(row[2])) for row in rows if row[1] or row[2]}


def _with_replies(tx: Tx, post_ids: list[int]) -> set[int]:
    if not post_ids:
        return set()
    rows = tx.all(f"SELECT DISTINCT post_id FROM replies WHERE post_id IN ({marks(len(post_ids))})", *post_ids)
    return {row[0] for row in rows}


def reply_for(tx: Tx, reader: Reader, reply_id: ReplyId) -> tuple[ThreadRow, Post | None] | None:
    """One reply with its post, if the reader may see it."""
    row = tx.one(
        f"SELECT {THREAD_ROW}, {POST} FROM {_WITH_POSTS} WHERE {_readable(reader)} AND r.id = $2",
        reader.actor_id,
        reply_id,
    )
    return None if row is None else _reply_and_post(row)


def _reply_and_post(row: Row) -> tuple[ThreadRow, Post | None]:
    at = REPLY_WIDTH + ACTOR_WIDTH
    return read_thread_row(row), None if row[at] is None else read_post(row, at)


def count_unread(tx: Tx, reader: Reader, since: int) -> int:
    """Replies, likes and boosts of others for this reader that came after `since`."""
    replies = tx.value(
        f"SELECT count(*) FROM {_REPLIES} WHERE {_readable(reader)} AND r.local = 0 AND r.received_at > $2",
        reader.actor_id,
        since,
    )
    mine = "$1 = $1" if reader.everything else "(p.author_id = $1 OR r.actor_id = $1)"
    reactions = tx.value(
        "SELECT count(*) FROM reactions x LEFT JOIN replies r ON r.id = x.reply_id"
        " JOIN posts p ON p.id = coalesce(x.post_id, r.post_id)"
        f" WHERE {mine} AND x.created_at > $2 AND x.kind <> $3 AND x.public <> 2",
        reader.actor_id,
        since,
        ReactionKind.DISLIKE.value,
    )
    return int(replies) + int(reactions)


def posts_by_id(tx: Tx, ids: set[int]) -> dict[int, Post]:
    """Posts by id; unknown ids are left out."""
    wanted = sorted(ids)
    if not wanted:
        return {}
    rows = tx.all(f"SELECT {POST} FROM {POST_FROM} WHERE p.id IN ({marks(len(wanted))})", *wanted)
    return {row[0]: read_post(row) for row in rows}


def first_published(tx: Tx, author_id: ActorId | None) -> int | None:
    """The day (UTC, since 1970) of the first post of an author, or of anybody (None); None without any."""
    mine, params = ("", []) if author_id is None else (" AND author_id = $1", [author_id])
    first: int | None = tx.value(f"SELECT min(published_at) FROM posts WHERE status = 'published'{mine}", *params)
    return None if first is None else first // 86_400


def count_pending(tx: Tx, target_id: ActorId) -> int:
    """How many wait to be let in as followers of one of ours."""
    return int(tx.value("SELECT count(*) FROM followers WHERE target_id = $1 AND state = 'pending'", target_id))


def thin_revisions(tx: Tx, post_id: PostId, newest: int) -> None:
    """After an autosave made revision `newest`: drop the one before it, where an older one of the same ten minutes and
    the same hand stays. So a long evening leaves a version each ten minutes, not one each breath."""
    tx.run(
        "DELETE FROM revisions WHERE post_id = $1 AND number = $2 AND EXISTS (SELECT 1 FROM revisions m"
        " WHERE m.post_id = $1 AND m.number < $2 AND m.created_at > $3 AND m.editor_id = revisions.editor_id)",
        post_id,
        newest - 1,
        tx.now - THINNED_TO,
    )
