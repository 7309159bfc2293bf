"""Replies: the tree under each post (the bookkeeping is in `tree`), orphans, edits, removals and moderation.

Decisions: a reply below a held, hidden or private one is kept and not shown, and not counted, until that one is
approved; a removed one lets what is below it show under a placeholder. Rows of removed replies stay, emptied: so a
replayed Create finds its id taken and children keep their place. An edit never widens the audience.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fedblog.blog import audience
from fedblog.blog.heads import Spot
from fedblog.blog.model import ActorId, NewReply, PostId, Reply, ReplyId, ReplyState, Visibility
from fedblog.errors import Conflict, NotFound
from fedblog.storage import drawn, emoji, posts, reply_media, sources, tombstones, tree
from fedblog.storage.rows import REPLY, read_reply, write_attachments, write_json, write_url
from fedblog.storage.threads import (
    children_uris,
    count_children,
    count_held,
    count_public,
    public_uris,
    recent,
    recent_public,
    thread,
)
from fedblog.storage.tx import Tx, chunks, marks, put

__all__ = [
    "Added",
    "add",
    "add_at",
    "add_removed",
    "by_id",
    "by_uri",
    "children_uris",
    "count_children",
    "count_held",
    "count_public",
    "lock",
    "mark_seen",
    "own_of",
    "public_uris",
    "recent",
    "recent_public",
    "remove",
    "remove_all_of",
    "set_approval",
    "set_options",
    "set_remote_counts",
    "set_state",
    "thread",
    "update_remote",
]

_COUNT_LIMIT = 2**31 - 1


def by_id(tx: Tx, reply_id: ReplyId) -> Reply | None:
    """A reply in any state, or None."""
    row = tx.one(f"SELECT {REPLY} FROM replies r WHERE r.id = $1", reply_id)
    return None if row is None else read_reply(row)


def by_uri(tx: Tx, uri: str) -> Reply | None:
    """A reply by its ActivityPub id, in any state."""
    row = tx.one(f"SELECT {REPLY} FROM replies r WHERE r.uri = $1", uri)
    return None if row is None else read_reply(row)


def _get(tx: Tx, reply_id: ReplyId) -> Reply:
    reply = by_id(tx, reply_id)
    if reply is None:
        raise NotFound("there is no such reply")
    return reply


def lock(tx: Tx, reply_id: ReplyId, *, erases: bool = False) -> Reply:
    """The reply, with its whole thread kept from other writers; its page counts as changed.

    `erases`: drawn forms of it may not be kept anywhere either (see `drawn`).
    """
    reply = _get(tx, reply_id)
    if reply.post_id is None:
        tx.lock(reply.uri, reply.in_reply_to)
        reply = _get(tx, reply_id)
    if reply.post_id is not None:
        posts.bump(tx, reply.post_id, None if erases else (reply_id,))
        if erases:
            drawn.forget(tx, reply.post_id)
    return _get(tx, reply_id)


def add(
    tx: Tx, new: NewReply, *, post_id: PostId | None, parent_id: ReplyId | None, reply_id: ReplyId | None = None
) -> Reply:
    """Keep a reply and give it its place; the stored one when its id is known already. Our own answers bring the
    `reply_id` (from `tx.new_id`) that their URI is made of.

    `parent_id` for an answer to a reply, `post_id` for an answer to the post itself. Neither, or a parent that waits
    itself: it becomes an ORPHAN until what `in_reply_to` names arrives (INB-15). Everything that waited for this one
    is attached below it.
    """
    tx.lock(new.uri, new.in_reply_to)
    if (stored := by_uri(tx, new.uri)) is not None:
        return stored
    parent = _get(tx, parent_id) if parent_id is not None else None
    if parent is None and post_id is None:
        parent = by_uri(tx, new.in_reply_to)
    if parent is not None:
        post_id = parent.post_id
    reply_id = ReplyId(tx.new_id()) if reply_id is None else reply_id
    state = _state_of(new)
    place = tree.nowhere(state.value)
    if post_id is not None:
        tree.hold_waiting(tx, new.uri)
        posts.bump(tx, post_id, ())
        place = tree.find_place(
            tx,
            post_id,
            parent,
            published_at=new.published_at,
            state=state.value,
            visibility=new.visibility.value,
        )
    above = parent.uri if parent is not None else tx.value("SELECT uri FROM posts WHERE id = $1", post_id)
    _insert(tx, reply_id, new, place, above)
    tree.settle(tx, reply_id, new.uri, place)
    return _get(tx, reply_id)


class Added(NamedTuple):
    """A reply as it was stored; `has_adopted`: orphans may have found their place below it."""

    id: ReplyId
    uri: str
    post_id: PostId
    state: ReplyState
    visibility: Visibility
    reason: str
    has_adopted: bool


def add_at(tx: Tx, new: NewReply, spot: Spot, *, is_awaited: bool) -> Added:
    """Keep a reply whose id is not known, at a spot: both were looked up in this transaction, under a lock of its id
    (`heads`). `is_awaited`: orphans wait for it, and are held (`tree.hold_waiting`). The short way of `add`, for what
    arrives by the hundred."""
    added = add_all(tx, spot.post.id, [(new, spot)])[0]
    if is_awaited:
        tree.adopt(tx, spot.post.id, added.id, new.uri)
    return added._replace(has_adopted=is_awaited)


def add_all(tx: Tx, post_id: PostId, arrived: Sequence[tuple[NewReply, Spot]]) -> list[Added]:
    """`add_at` for several replies under a post that nobody waits for, none of which answers another."""
    newcomers = [
        tree.Newcomer(spot, new.published_at, _state_of(new).value, new.visibility.value) for new, spot in arrived
    ]
    places = tree.enter(tx, post_id, newcomers)
    rows, originals, added = [], [], []
    for (new, spot), place in zip(arrived, places, strict=True):
        reply_id = ReplyId(tx.new_id())
        rows.append(_row(tx, reply_id, new, place, spot.uri))
        originals.append((reply_id, new.original))
        added.append(Added(reply_id, new.uri, post_id, _state_of(new), new.visibility, new.reason, has_adopted=False))
    put(tx, _COLUMNS, rows)
    sources.keep_new(tx, originals)
    for (_, spot), place in zip(arrived, places, strict=True):
        tree.entered(tx, spot, place)
    return added


def _state_of(new: NewReply) -> ReplyState:
    return new.state if new.state in (ReplyState.HELD, ReplyState.HIDDEN) else ReplyState.PUBLISHED


def add_removed(tx: Tx, new: NewReply, *, post_id: PostId) -> Reply:
    """A row under the post that nobody wrote here (see `placeholders`): shown while something below it is."""
    reply_id = ReplyId(tx.new_id())
    place = tree.find_place(
        tx, post_id, None, published_at=new.published_at, state=ReplyState.REMOVED.value, visibility="public"
    )
    _insert(tx, reply_id, new, place, new.in_reply_to)
    tree.settle(tx, reply_id, new.uri, place)
    return _get(tx, reply_id)


_COLUMNS = (
    "replies (post_id, parent_id, path, depth, state, settled, shown, id, uri, url, actor_id, in_reply_to, visibility,"
    " local, type, name, content_html, source, content_warning, language, published_at, edited_at, received_at,"
    " like_count, announce_count, remote_likes, remote_announces, context, attachments, reason, options, emoji)"
)


def _insert(tx: Tx, reply_id: ReplyId, new: NewReply, place: tree.Place, above: str | None) -> None:
    put(tx, _COLUMNS, [_row(tx, reply_id, new, place, above)])
    sources.keep(tx, reply_id, new.original)


def _row(tx: Tx, reply_id: ReplyId, new: NewReply, place: tree.Place, above: str | None) -> tuple[object, ...]:
    """The values of `_COLUMNS`. `above`: the id of what it stands under; a remote reply that says just that needs not
    say it once more."""
    says_so = place.post_id is not None and not new.local and new.in_reply_to == above
    return (
        *place,
        reply_id,
        new.uri,
        write_url(new.uri, new.url),
        new.actor_id,
        "" if says_so else new.in_reply_to,
        new.visibility.value,
        int(new.local),
        new.type,
        new.name,
        new.content_html,
        new.source,
        new.content_warning,
        new.language,
        new.published_at,
        new.edited_at,
        tx.now,
        0,
        0,
        _clamp(new.remote_likes),
        _clamp(new.remote_announces),
        new.context,
        write_attachments(new.attachments),
        new.reason,
        write_json(new.options),
        emoji.row_text(tx, new.emoji, public=new.visibility.is_public),
    )


def _clamp(count: int) -> int:
    return min(max(count, 0), _COUNT_LIMIT)


def update_remote(tx: Tx, reply_id: ReplyId, new: NewReply) -> Reply:
    """Apply an author's edit (INB-16): the newer one wins, an older or equal one changes nothing but counts.

    Without `edited_at` the order of receipt decides, and only a changed text counts as an edit (INB-17). The audience
    can become narrower, not wider; held stays held, hidden stays hidden, removed stays removed.
    """
    reply = lock(tx, reply_id)
    if reply.state is ReplyState.REMOVED:
        return reply
    changed = _text_of(new) != (
        reply.name,
        reply.content_html,
        reply.source,
        reply.content_warning,
        reply.language,
        reply.type,
        reply.attachments,
    )
    set_remote_counts(tx, reply_id, new.remote_likes, new.remote_announces)
    set_options(tx, reply_id, new.options)
    visibility = audience.narrower(reply.visibility, new.visibility)
    if new.edited_at is not None and new.edited_at < (reply.edited_at or reply.published_at):
        return _get(tx, reply_id)
    edited_at = (new.edited_at or tx.now) if changed else reply.edited_at
    tx.run(
        "UPDATE replies SET url = $1, type = $2, name = $3, content_html = $4, source = $5, content_warning = $6,"
        " language = $7, attachments = $8, visibility = $9, edited_at = $10, emoji = $11 WHERE id = $12",
        write_url(reply.uri, new.url),
        new.type,
        new.name,
        new.content_html,
        new.source,
        new.content_warning,
        new.language,
        write_attachments(new.attachments),
        visibility.value,
        edited_at,
        emoji.row_text(tx, new.emoji, public=new.visibility.is_public),
        reply_id,
    )
    sources.keep(tx, reply_id, new.original)
    if visibility is not reply.visibility:
        tree.refresh(tx, reply)
    if visibility is not reply.visibility or new.attachments != reply.attachments:
        reply_media.forget_soon(tx, reply)
    return _get(tx, reply_id)


def _text_of(new: NewReply) -> tuple[object, ...]:
    return (new.name, new.content_html, new.source, new.content_warning, new.language, new.type, new.attachments)


def remove(tx: Tx, reply_id: ReplyId, *, tombstone: bool = True) -> None:
    """Its author deleted it (INB-19): the text goes, the branch below stays under a placeholder.

    An orphan goes altogether. With `tombstone` its id is remembered, so that a late Create is not taken.
    """
    reply = lock(tx, reply_id, erases=True)
    if reply.state is ReplyState.REMOVED:
        return
    if tombstone:
        # Of a remote reply that was here it is certain whose it was: nobody else's comes in its place.
        actor_uri = tx.value("SELECT uri FROM actors WHERE id = $1", reply.actor_id) if reply.local else ""
        tombstones.add(tx, reply.uri, reply.type, actor_uri, local=reply.local)
    tx.run("DELETE FROM reactions WHERE reply_id = $1", reply_id)
    tx.run("DELETE FROM reply_sources WHERE reply_id = $1", reply_id)
    reply_media.forget_soon(tx, reply)
    tx.run("DELETE FROM learned_from WHERE reply_id = $1", reply_id)
    if reply.state is ReplyState.ORPHAN:
        tx.run("DELETE FROM replies WHERE id = $1", reply_id)
        return
    tx.run(
        "UPDATE replies SET state = 'removed', url = '', name = '', content_html = '', source = '',"
        " content_warning = '', attachments = '[]', options = '[]', emoji = '[]', context = '', reason = '',"
        " like_count = 0, announce_count = 0, remote_likes = 0, remote_announces = 0 WHERE id = $1",
        reply_id,
    )
    tree.refresh(tx, reply)


def set_state(tx: Tx, reply_id: ReplyId, state: ReplyState, reason: str) -> Reply:
    """Publish (approve), hold or hide a reply; an orphan takes the state once it has its place.

    Raises `Conflict` for a removed one: there is nothing left to decide.
    """
    reply = lock(tx, reply_id)
    if reply.state is ReplyState.REMOVED or state in (ReplyState.ORPHAN, ReplyState.REMOVED):
        raise Conflict("this reply was deleted by its author", reason="reply_removed")
    if state is ReplyState.HIDDEN:
        reply_media.forget_soon(tx, reply)
    if reply.state is ReplyState.ORPHAN:
        tx.run("UPDATE replies SET settled = $1, reason = $2 WHERE id = $3", state.value, reason, reply_id)
    else:
        tx.run("UPDATE replies SET state = $1, reason = $2 WHERE id = $3", state.value, reason, reply_id)
        tree.refresh(tx, reply)
    return _get(tx, reply_id)


def set_remote_counts(tx: Tx, reply_id: ReplyId, likes: int, announces: int) -> bool:
    """Keep the counts that the reply's own server tells (COL-08b); whether they changed."""
    changed = tx.run(
        "UPDATE replies SET remote_likes = $1, remote_announces = $2"
        " WHERE id = $3 AND state <> 'removed' AND (remote_likes <> $1 OR remote_announces <> $2)",
        _clamp(likes),
        _clamp(announces),
        reply_id,
    )
    if changed:
        post_id = tx.value("SELECT post_id FROM replies WHERE id = $1", reply_id)
        if post_id is not None:
            posts.bump(tx, PostId(post_id), (reply_id,))
    return bool(changed)


def set_options(tx: Tx, reply_id: ReplyId, options: tuple[tuple[str, int], ...]) -> bool:
    """Keep a poll's choices and counts as its server tells them (INB-17); whether they changed."""
    told = write_json([[name, _clamp(count)] for name, count in options])
    changed = tx.run(
        "UPDATE replies SET options = $1 WHERE id = $2 AND state <> 'removed' AND options <> $1", told, reply_id
    )
    post_id = tx.value("SELECT post_id FROM replies WHERE id = $1", reply_id) if changed else None
    if post_id is not None:
        posts.bump(tx, PostId(post_id), (reply_id,))
    return bool(changed)


def set_approval(tx: Tx, reply_id: ReplyId, approval: str, approved_by: str) -> Reply:
    """What the author of its parent said to an answer of ours (INB-32): approved or rejected."""
    lock(tx, reply_id)
    tx.run("UPDATE replies SET approval = $1, approved_by = $2 WHERE id = $3", approval, approved_by, reply_id)
    return _get(tx, reply_id)


def mark_seen(tx: Tx, ids: list[ReplyId]) -> None:
    """The author has looked at these."""
    for some in chunks(ids):
        tx.run(f"UPDATE replies SET seen = 1 WHERE id IN ({marks(len(some))})", *some)


def own_of(tx: Tx, actor_id: ActorId) -> list[ReplyId]:
    """Answers that an actor of ours wrote and that stand."""
    rows = tx.all("SELECT id FROM replies WHERE actor_id = $1 AND local = 1 AND state <> 'removed'", actor_id)
    return [ReplyId(row[0]) for row in rows]


def remove_all_of(tx: Tx, actor_id: ActorId) -> None:
    """Remove every reply of an actor."""
    for (reply_id,) in tx.all("SELECT id FROM replies WHERE actor_id = $1 AND state <> 'removed'", actor_id):
        remove(tx, ReplyId(reply_id))
