"""Likes, boosts and emoji reactions: one of a kind for each actor and object (INB-23, INB-24)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fedblog.activitypub.urls import host_of
from fedblog.blog.emoji import Emoji
from fedblog.blog.model import Actor, ActorId, PostId, Reaction, ReactionKind, ReplyId
from fedblog.storage import emoji as emoji_store
from fedblog.storage import moderation, posts
from fedblog.storage.rows import ACTOR, read_actor
from fedblog.storage.tx import Event, Row, Tx, chunks, marks, put

_REACTION = (
    f"x.id, x.kind, x.post_id, x.reply_id, x.emoji, x.activity_uri, x.public, x.created_at, x.emoji_key, {ACTOR}"
)
_FROM = "reactions x JOIN actors a ON a.id = x.actor_id"
_PUBLIC, _HIDDEN = 1, 2  # 0: told to some only; hidden: would be public, but its actor is blocked or gone
_COLUMN = {ReactionKind.LIKE: "like_count", ReactionKind.ANNOUNCE: "announce_count"}


def _read(row: Row) -> Reaction:
    return Reaction(
        id=row[0],
        kind=ReactionKind(row[1]),
        actor=read_actor(row, 9),
        post_id=row[2],
        reply_id=row[3],
        emoji=row[4],
        activity_uri=row[5],
        public=row[6] == _PUBLIC,
        created_at=row[7],
        emoji_key=row[8],
    )


def is_kept_out(tx: Tx, actor: Actor) -> bool:
    """Whether a remote actor has been blocked meanwhile, or has left. Asked first in the transaction that adds: whoever
    hides or removes what the actor has here waits for it, and then sees what was added."""
    tx.lock(_name(actor.id))
    gone = "SELECT 1 FROM actors WHERE id = $1 AND (suspended_at IS NOT NULL OR deleted_at IS NOT NULL)"
    return tx.one(gone, actor.id) is not None or moderation.is_blocked(tx, actor_uri=actor.uri, host=host_of(actor.uri))


def _name(actor_id: ActorId) -> str:
    return f"reactions:{actor_id}"


def add(
    tx: Tx,
    *,
    kind: ReactionKind,
    actor_id: ActorId,
    post_id: PostId | None = None,
    reply_id: ReplyId | None = None,
    emoji: str = "",
    picture: Emoji | None = None,
    activity_uri: str,
    public: bool = True,
) -> bool:
    """Keep a reaction to a post or a reply; False if this actor's was there (its emoji and activity are renewed)."""
    column, target = _target(post_id, reply_id)
    key = "" if picture is None else picture.key
    if picture is not None:
        emoji_store.keep(tx, [picture], public=public)
    inserted = tx.run(
        "INSERT INTO reactions (id, kind, actor_id, post_id, reply_id, emoji, activity_uri, public, created_at,"
        f" emoji_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT ({column}, kind, actor_id)"
        f" WHERE {column} IS NOT NULL DO NOTHING",
        tx.new_id(),
        kind.value,
        actor_id,
        post_id,
        reply_id,
        emoji,
        activity_uri,
        int(public),
        tx.now,
        key,
    )
    if inserted:
        _count_new(tx, kind, post_id, reply_id, int(public))
        return True
    _bump(tx, post_id, reply_id)
    was_public = tx.value(
        f"SELECT public FROM reactions WHERE {column} = $1 AND kind = $2 AND actor_id = $3",
        target,
        kind.value,
        actor_id,
    )
    tx.run(
        f"UPDATE reactions SET emoji = $1, activity_uri = $2, public = $3, emoji_key = $4"
        f" WHERE {column} = $5 AND kind = $6 AND actor_id = $7",
        emoji,
        activity_uri,
        was_public or int(public),
        key,
        target,
        kind.value,
        actor_id,
    )
    if public and not was_public:
        _count(tx, kind, post_id, reply_id, 1)
    return False


class New(NamedTuple):
    """A public reaction that is not here yet."""

    kind: ReactionKind
    actor_id: ActorId
    emoji: str
    picture: Emoji | None
    activity_uri: str


def add_new(tx: Tx, post_id: PostId, new: Sequence[New]) -> None:
    """`add` for several reactions to a post, of which this transaction knows that none is here."""
    emoji_store.keep(tx, [one.picture for one in new if one.picture is not None], public=True)
    put(
        tx,
        "reactions (id, kind, actor_id, post_id, reply_id, emoji, emoji_key, activity_uri, public, created_at)",
        [
            (
                tx.new_id(),
                one.kind.value,
                one.actor_id,
                post_id,
                None,
                one.emoji,
                "" if one.picture is None else one.picture.key,
                one.activity_uri,
                _PUBLIC,
                tx.now,
            )
            for one in new
        ],
    )
    posts.bump(tx, post_id, ())
    for kind in _COLUMN:
        if number := sum(one.kind is kind for one in new):
            _count(tx, kind, post_id, None, number)


def _target(post_id: PostId | None, reply_id: ReplyId | None) -> tuple[str, int]:
    if (post_id is None) == (reply_id is None):
        raise ValueError("a reaction is to a post or to a reply")
    return ("post_id", post_id) if post_id is not None else ("reply_id", int(reply_id or 0))


def _bump(tx: Tx, post_id: PostId | None, reply_id: ReplyId | None) -> None:
    if reply_id is not None:
        post_id = tx.value("SELECT post_id FROM replies WHERE id = $1", reply_id)
    if post_id is not None:
        posts.bump(tx, post_id, () if reply_id is None else (reply_id,))


def _count_new(tx: Tx, kind: ReactionKind, post_id: PostId | None, reply_id: ReplyId | None, change: int) -> None:
    column = _COLUMN.get(kind)
    if post_id is None or column is None:
        _bump(tx, post_id, reply_id)
        if change:
            _count(tx, kind, post_id, reply_id, change)
        return
    tx.run(
        f"UPDATE threads SET thread_version = thread_version + 1, {column} = {column} + $1 WHERE post_id = $2",
        change,
        post_id,
    )
    tx.emit(Event("post", post_id))


def _count(tx: Tx, kind: ReactionKind, post_id: int | None, reply_id: int | None, change: int) -> None:
    column = _COLUMN.get(kind)
    if column is None:
        return
    where, target = ("threads", post_id) if post_id is not None else ("replies", reply_id)
    key = "post_id" if post_id is not None else "id"
    tx.run(f"UPDATE {where} SET {column} = {column} + $1 WHERE {key} = $2", change, target)


def remove(
    tx: Tx,
    *,
    kind: ReactionKind | None = None,
    actor_id: ActorId,
    post_id: PostId | None = None,
    reply_id: ReplyId | None = None,
    activity_uri: str | None = None,
) -> bool:
    """Take back an actor's reaction, named by its object or by its activity; False if there was none.

    `kind` None: whatever it is (an Undo by bare id).
    """
    where, params = "actor_id = $1", list[object]([actor_id])
    named = {
        "kind": kind.value if kind else None,
        "post_id": post_id,
        "reply_id": reply_id,
        "activity_uri": activity_uri,
    }
    for column, value in named.items():
        if value is not None:
            params.append(value)
            where += f" AND {column} = ${len(params)}"
    if post_id is None and reply_id is None and activity_uri is None:
        raise ValueError("say which reaction to remove")
    return _remove(tx, where, params) > 0


def remove_all_of(tx: Tx, actor_id: ActorId) -> int:
    """Take back every reaction of an actor; how many there were."""
    tx.lock(_name(actor_id))
    return _remove(tx, "actor_id = $1", [actor_id])


def _remove(tx: Tx, where: str, params: list[object]) -> int:
    found = tx.all(f"SELECT id, kind, post_id, reply_id FROM reactions WHERE {where}", *params)
    removed = 0
    for reaction_id, kind, post_id, reply_id in found:
        _bump(tx, post_id, reply_id)
        public = tx.value("DELETE FROM reactions WHERE id = $1 RETURNING public", reaction_id)
        if public is None:
            continue
        removed += 1
        if public == _PUBLIC:
            _count(tx, ReactionKind(kind), post_id, reply_id, -1)
    return removed


def hide_all_of(tx: Tx, actor_id: ActorId) -> None:
    """Count and show nothing of what an actor liked or boosted, until `show_all_of`."""
    _turn(tx, actor_id, _PUBLIC, _HIDDEN, -1)


def show_all_of(tx: Tx, actor_id: ActorId) -> None:
    """Count and show it again."""
    _turn(tx, actor_id, _HIDDEN, _PUBLIC, 1)


def _turn(tx: Tx, actor_id: ActorId, before: int, after: int, change: int) -> None:
    tx.lock(_name(actor_id))
    found = tx.all(
        "UPDATE reactions SET public = $1 WHERE actor_id = $2 AND public = $3 RETURNING id, kind, post_id, reply_id",
        after,
        actor_id,
        before,
    )
    for _, kind, post_id, reply_id in sorted(found, key=lambda row: int(row[0])):
        _bump(tx, post_id, reply_id)
        _count(tx, ReactionKind(kind), post_id, reply_id, change)


def of_post(tx: Tx, post_id: PostId, kind: ReactionKind, limit: int) -> list[Reaction]:
    """The public reactions of a kind to a post, newest first."""
    rows = tx.all(
        f"SELECT {_REACTION} FROM {_FROM} WHERE x.post_id = $1 AND x.kind = $2 AND x.public = 1"
        " ORDER BY x.id DESC LIMIT $3",
        post_id,
        kind.value,
        limit,
    )
    return [_read(row) for row in rows]


def emoji_of_post(tx: Tx, post_id: PostId, limit: int) -> list[tuple[str, int, str]]:
    """(emoji, how many, key of its picture or "") of the public reactions to a post, the most used first (INB-23)."""
    rows = tx.all(
        "SELECT emoji, count(*), emoji_key FROM reactions WHERE post_id = $1 AND kind = 'like' AND public = 1"
        " AND emoji <> '' GROUP BY emoji, emoji_key ORDER BY count(*) DESC, emoji, emoji_key LIMIT $2",
        post_id,
        limit,
    )
    return [(emoji, int(number), key) for emoji, number, key in rows]


def of_replies(tx: Tx, reply_ids: Sequence[ReplyId]) -> dict[ReplyId, list[Reaction]]:
    """The public reactions to some replies, oldest first; replies without any are left out."""
    found: dict[ReplyId, list[Reaction]] = {}
    for some in chunks(reply_ids):
        for row in tx.all(
            f"SELECT {_REACTION} FROM {_FROM} WHERE x.reply_id IN ({marks(len(some))}) AND x.public = 1 ORDER BY x.id",
            *some,
        ):
            found.setdefault(ReplyId(row[3]), []).append(_read(row))
    return found


def recent(
    tx: Tx, *, before_id: int | None = None, limit: int, author_id: ActorId | None = None, since: int | None = None
) -> list[Reaction]:
    """Reactions to posts and answers of an author (None: of everybody) that came after `since`, newest first."""
    where, params = f"x.kind <> 'dislike' AND x.public <> {_HIDDEN}", list[object]()
    if since is not None:
        params.append(since)
        where += f" AND x.created_at > ${len(params)}"
    if before_id is not None:
        params.append(before_id)
        where += f" AND x.id < ${len(params)}"
    if author_id is not None:
        params.append(author_id)
        number = len(params)
        where += (
            f" AND (x.post_id IN (SELECT p.id FROM posts p WHERE p.author_id = ${number})"
            f" OR x.reply_id IN (SELECT r.id FROM replies r WHERE r.actor_id = ${number}))"
        )
    params.append(limit)
    rows = tx.all(f"SELECT {_REACTION} FROM {_FROM} WHERE {where} ORDER BY x.id DESC LIMIT ${len(params)}", *params)
    return [_read(row) for row in rows]


def count(tx: Tx, kind: ReactionKind, *, post_id: PostId | None = None, reply_id: ReplyId | None = None) -> int:
    """How many public reactions of a kind a post or a reply has."""
    column, target = _target(post_id, reply_id)
    return int(
        tx.value(f"SELECT count(*) FROM reactions WHERE {column} = $1 AND kind = $2 AND public = 1", target, kind.value)
    )
