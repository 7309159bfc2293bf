"""Reading replies: the page, the feeds, the collections and the author's conversations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from fedblog.blog.model import ActorId, Post, PostId, Reply, ReplyId, ReplyState, ThreadOrder, ThreadRow
from fedblog.blog.thread import SEGMENT
from fedblog.storage.rows import (
    ACTOR_WIDTH,
    POST,
    POST_FROM,
    REPLY,
    REPLY_WIDTH,
    THREAD_ROW,
    THREAD_ROW_FROM,
    read_post,
    read_reply,
    read_thread_row,
    read_thread_rows,
)
from fedblog.storage.tx import Row, Tx, chunks, marks

_PUBLISHED = "r.shown = 1 AND r.state = 'published'"
# What has an address that others can ask: imported comments have none.
_ADDRESSED = f"{_PUBLISHED} AND r.imported = 0"
# What the author sees as well; an emptied row only where something still stands below it.
_KNOWN = (
    "(r.state <> 'removed' OR r.shown = 1 OR EXISTS (SELECT 1 FROM replies c WHERE c.parent_id = r.id"
    " AND c.state <> 'removed'))"
)
_LIKES = "CASE WHEN r.remote_likes > r.like_count THEN r.remote_likes ELSE r.like_count END"
_ORDERS = {ThreadOrder.NEWEST: "r.path DESC", ThreadOrder.LIKED: f"{_LIKES} DESC, r.path"}
_BEHIND = {  # a branch whose first reply is `s`
    ThreadOrder.NEWEST: "r.path <= s.path",
    ThreadOrder.LIKED: f"({_LIKES} < {_LIKES.replace('r.', 's.')}"
    f" OR ({_LIKES} = {_LIKES.replace('r.', 's.')} AND r.path >= s.path))",
}
# No LIMIT on either engine: PostgreSQL has ALL, SQLite a negative number.
_EVERYTHING = 2**62


def thread(
    tx: Tx, post_id: PostId, *, after_path: str = "", limit: int | None = None, public_only: bool = True
) -> list[ThreadRow]:
    """A post's replies with their actors in tree order, from the one after `after_path`.

    Public: what everybody may see, with removed ones as placeholders where something below them is shown. With
    `public_only=False` held, hidden and private ones as well, for the studio.
    """
    visible = "r.shown = 1" if public_only else _KNOWN
    rows = tx.all(
        f"SELECT {THREAD_ROW} FROM {THREAD_ROW_FROM} WHERE r.post_id = $1 AND r.path > $2 AND {visible}"
        " ORDER BY r.path LIMIT $3",
        post_id,
        after_path,
        _EVERYTHING if limit is None else limit,
    )
    return read_thread_rows(rows)


def page(
    tx: Tx, post_id: PostId, order: ThreadOrder, *, after: Reply | None = None, limit: int, public_only: bool = True
) -> list[ThreadRow]:
    """At most `limit` rows as `thread`, from the one after `after`; `order` says which direct answers come first.

    Below a direct answer all is in tree order: a talk reads from its beginning.
    """
    if order is ThreadOrder.OLDEST:
        after_path = "" if after is None else after.path
        return thread(tx, post_id, after_path=after_path, limit=limit, public_only=public_only)
    visible = "r.shown = 1" if public_only else _KNOWN
    start = after.path[:SEGMENT] if after is not None else ""
    # The branch of `after` says where to go on, also where it was hidden meanwhile.
    behind = f" JOIN replies s ON s.post_id = r.post_id AND s.path = $2 AND {_BEHIND[order]}" if start else ""
    tops = tx.all(
        f"SELECT r.path FROM replies r{behind} WHERE r.post_id = $1 AND r.depth = 1 AND {visible}"
        f" ORDER BY {_ORDERS[order]}",
        post_id,
        *([start] if start else []),
    )
    found: list[Row] = []
    for (path,) in tops:
        # The segments' letters all come before "~", so this is the answer and everything below it.
        found += tx.all(
            f"SELECT {THREAD_ROW} FROM {THREAD_ROW_FROM} WHERE r.post_id = $1 AND r.path >= $2 AND r.path < $3"
            f" AND r.path > $4 AND {visible} ORDER BY r.path LIMIT $5",
            post_id,
            path,
            f"{path}~",
            after.path if after is not None and path == start else "",
            limit - len(found),
        )
        if len(found) >= limit:
            break
    return read_thread_rows(found)


def page_start(tx: Tx, reply: Reply, first: int, others: int, *, public_only: bool = True) -> ReplyId | None:
    """The last reply before the page, oldest first, on which `reply` stands; None for the first page, which holds
    `first` replies, the others as many as they say."""
    visible = "r.shown = 1" if public_only else _KNOWN
    where = f"FROM replies r WHERE r.post_id = $1 AND {visible}"
    before = int(tx.value(f"SELECT count(*) {where} AND r.path < $2", reply.post_id, reply.path))
    if before < first:
        return None
    start = before - (before - first) % others
    return ReplyId(tx.value(f"SELECT r.id {where} ORDER BY r.path LIMIT 1 OFFSET $2", reply.post_id, start - 1))


def public_counts(tx: Tx, post_ids: Collection[PostId]) -> dict[PostId, int]:
    """How many replies posts show, of those that everybody may read."""
    found: dict[PostId, int] = {}
    for some in chunks(post_ids):
        rows = tx.all(
            f"SELECT p.id, th.reply_count FROM {POST_FROM} WHERE p.status = 'published'"
            f" AND p.visibility IN ('public', 'unlisted') AND p.id IN ({marks(len(some))})",
            *some,
        )
        found.update((PostId(post_id), count) for post_id, count in rows)
    return found


def arrived(tx: Tx, uri: str, *, since: int) -> Reply | None:
    """A public reply under a post that came with this id after `since`, shown or held; None for any other."""
    row = tx.one(
        f"SELECT {REPLY} FROM replies r WHERE r.uri = $1 AND r.post_id IS NOT NULL AND r.local = 0"
        " AND r.visibility IN ('public', 'unlisted') AND (r.shown = 1 OR (r.state = 'held' AND r.received_at > $2))",
        uri,
        since,
    )
    return None if row is None else read_reply(row)


def rows_by_id(tx: Tx, ids: Collection[ReplyId]) -> dict[ReplyId, ThreadRow]:
    """Replies with their actors, whatever their state."""
    found: list[Row] = []
    for some in chunks(ids):
        found += tx.all(f"SELECT {THREAD_ROW} FROM {THREAD_ROW_FROM} WHERE r.id IN ({marks(len(some))})", *some)
    return {row.reply.id: row for row in read_thread_rows(found)}


def recent_public(tx: Tx, post_id: PostId, limit: int) -> list[ThreadRow]:
    """The newest shown replies of a post, newest first: its comments feed."""
    rows = tx.all(
        f"SELECT {THREAD_ROW} FROM {THREAD_ROW_FROM} WHERE r.post_id = $1 AND {_PUBLISHED}"
        " ORDER BY r.published_at DESC, r.id DESC LIMIT $2",
        post_id,
        limit,
    )
    return _with_parents(tx, read_thread_rows(rows))


def _with_parents(tx: Tx, rows: list[ThreadRow]) -> list[ThreadRow]:
    """The rows with the id of the reply above them where only the tree says it."""
    above = {row.reply.parent_id for row in rows if not row.reply.in_reply_to} - {None}
    uris = {parent.reply.id: parent.reply.uri for parent in rows}
    for some in chunks(above - uris.keys()):
        uris |= dict(tx.all(f"SELECT id, uri FROM replies WHERE id IN ({marks(len(some))})", *some))
    return [
        replace(row, reply=replace(row.reply, in_reply_to=uris[row.reply.parent_id]))
        if row.reply.parent_id is not None and not row.reply.in_reply_to
        else row
        for row in rows
    ]


def for_machines(tx: Tx, post_id: PostId, limit: int) -> list[ThreadRow]:
    """The first replies that search engines may show (LIFE-07), among the first fifty of the conversation."""
    rows = tx.all(
        f"SELECT {THREAD_ROW} FROM (SELECT id FROM replies WHERE post_id = $1 AND shown = 1 ORDER BY path LIMIT 50) f"
        " JOIN replies r ON r.id = f.id JOIN actors a ON a.id = r.actor_id WHERE r.state = 'published'"
        " AND r.visibility = 'public' AND r.content_warning = '' AND a.indexable = 1 ORDER BY r.path LIMIT $2",
        post_id,
        limit,
    )
    return read_thread_rows(rows)


def newest(tx: Tx, limit: int) -> list[tuple[ThreadRow, Post]]:
    """The newest public replies under public posts, by arrival: the feed of all replies."""
    rows = tx.all(
        f"SELECT {THREAD_ROW}, {POST} FROM {THREAD_ROW_FROM} JOIN posts p ON p.id = r.post_id"
        f" JOIN threads th ON th.post_id = p.id WHERE {_PUBLISHED}"
        " AND r.visibility = 'public' AND p.status = 'published' AND p.visibility = 'public'"
        " ORDER BY r.received_at DESC, r.id DESC LIMIT $1",
        limit,
    )
    at = REPLY_WIDTH + ACTOR_WIDTH
    found = _with_parents(tx, [read_thread_row(row) for row in rows])
    return [(reply, read_post(row, at)) for reply, row in zip(found, rows, strict=True)]


def public_uris(tx: Tx, post_id: PostId, *, after: int = 0, limit: int) -> list[tuple[ReplyId, str]]:
    """(id, ActivityPub id) of all shown replies of a post in order of arrival, from the one after id `after`."""
    return _uris(tx, "r.post_id = $1", post_id, after, limit)


def children_uris(
    tx: Tx,
    *,
    post_id: PostId | None = None,
    parent_id: ReplyId | None = None,
    local: bool | None = None,
    after: int = 0,
    limit: int,
) -> list[tuple[ReplyId, str]]:
    """As `public_uris`, direct answers only: to the reply `parent_id`, or else to the post itself.

    `local`: only our own answers, or only those of others (COL-03).
    """
    where = "r.post_id = $1 AND r.parent_id IS NULL" if parent_id is None else "r.parent_id = $1"
    if local is not None:
        where += f" AND r.local = {int(local)}"
    return _uris(tx, where, post_id if parent_id is None else parent_id, after, limit)


def count_children(tx: Tx, *, post_id: PostId | None = None, parent_id: ReplyId | None = None) -> int:
    """How many shown direct answers the reply or the post has."""
    where = "r.post_id = $1 AND r.parent_id IS NULL" if parent_id is None else "r.parent_id = $1"
    count = tx.value(
        f"SELECT count(*) FROM replies r WHERE {where} AND {_ADDRESSED}", post_id if parent_id is None else parent_id
    )
    return int(count)


def count_imported(tx: Tx, post_id: PostId) -> int:
    """How many of the shown replies came from another system's file and have no address."""
    sql = f"SELECT count(*) FROM replies r WHERE r.post_id = $1 AND r.imported = 1 AND {_PUBLISHED}"
    return int(tx.value(sql, post_id))


def _uris(tx: Tx, where: str, key: int | None, after: int, limit: int) -> list[tuple[ReplyId, str]]:
    rows = tx.all(
        f"SELECT r.id, r.uri FROM replies r WHERE {where} AND {_ADDRESSED} AND r.id > $2 ORDER BY r.id LIMIT $3",
        key,
        after,
        limit,
    )
    return [(ReplyId(reply_id), uri) for reply_id, uri in rows]


def recent(
    tx: Tx,
    *,
    before_id: int | None = None,
    limit: int,
    author_id: ActorId | None = None,
    states: Collection[ReplyState] = (ReplyState.PUBLISHED, ReplyState.HELD, ReplyState.HIDDEN),
) -> list[tuple[ThreadRow, Post | None]]:
    """Replies of others for the author's conversations, newest first, private ones included.

    `author_id`: only those under this author's posts. `before_id`: the last one of the page before.
    """
    params: list[object] = [state.value for state in states]
    where = f"r.local = 0 AND r.state IN ({marks(len(params))})"
    if before_id is not None:
        params.append(before_id)
        where += f" AND r.id < ${len(params)}"
    if author_id is not None:
        params.append(author_id)
        where += f" AND p.author_id = ${len(params)}"
    params.append(limit)
    rows = tx.all(
        f"SELECT {THREAD_ROW}, {POST} FROM {THREAD_ROW_FROM} LEFT JOIN posts p ON p.id = r.post_id"
        f" LEFT JOIN threads th ON th.post_id = p.id WHERE {where} ORDER BY r.id DESC LIMIT ${len(params)}",
        *params,
    )
    at = REPLY_WIDTH + ACTOR_WIDTH
    return [(read_thread_row(row), None if row[at] is None else read_post(row, at)) for row in rows]


def count_held(tx: Tx, author_id: ActorId | None = None) -> int:
    """How many replies wait for a decision, under one author's posts or all."""
    if author_id is None:
        return int(tx.value("SELECT count(*) FROM replies WHERE state = 'held'"))
    return int(
        tx.value(
            "SELECT count(*) FROM replies r JOIN posts p ON p.id = r.post_id"
            " WHERE r.state = 'held' AND p.author_id = $1",
            author_id,
        )
    )


def count_public(tx: Tx) -> int:
    """How many shown replies there are under published posts."""
    return int(
        tx.value(
            f"SELECT coalesce(sum(th.reply_count), 0) FROM {POST_FROM}"
            " WHERE p.status = 'published' AND p.visibility = 'public'"
        )
    )
