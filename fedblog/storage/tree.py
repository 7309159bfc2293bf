"""The tree's bookkeeping: who stands where, what everybody may see, and the post's count.

A reply lets the public pass to what is below it when it is public or unlisted and published or removed; a held,
hidden or private one closes its whole branch. `shown` is kept in its row: 1 for a published public reply whose chain
is open, and for a removed one (the placeholder) while something below it is shown. `threads.reply_count` counts
the shown published ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fedblog.blog.heads import Spot
from fedblog.blog.model import PostId, Reply, ReplyId, ReplyState
from fedblog.blog.thread import child_path
from fedblog.storage.rows import REPLY, read_reply
from fedblog.storage.tx import Event, Tx, chunks, marks


class _Node(NamedTuple):
    """What decides whether a reply is shown."""

    id: int
    parent_id: int | None
    state: str
    visibility: str
    shown: int

    @property
    def is_public(self) -> bool:
        return self.visibility in ("public", "unlisted")

    @property
    def lets_pass(self) -> bool:
        return self.is_public and self.state in ("published", "removed")


_NODE = "r.id, r.parent_id, r.state, r.visibility, r.shown"


class Place(NamedTuple):
    """Where a reply stands, as its row says."""

    post_id: PostId | None
    parent_id: ReplyId | None
    path: str
    depth: int
    state: str
    settled: str
    shown: int


def nowhere(state: str) -> Place:
    """The place of an orphan that takes `state` once its parent is here."""
    return Place(None, None, "", 0, ReplyState.ORPHAN.value, state, 0)


def find_place(
    tx: Tx, post_id: PostId, parent: Reply | None, *, published_at: int, state: str, visibility: str
) -> Place:
    """The next place under the post (`parent` None) or under a reply that has one."""
    number = tx.value("UPDATE threads SET next_reply = next_reply + 1 WHERE post_id = $1 RETURNING next_reply", post_id)
    above = None if parent is None else _node(tx, parent.id)
    own = _Node(0, None, state, visibility, shown=0)
    return Place(
        post_id=post_id,
        parent_id=None if parent is None else parent.id,
        path=child_path("" if parent is None else parent.path, published_at, number),
        depth=1 if parent is None else parent.depth + 1,
        state=state,
        settled="",
        shown=int(state == "published" and own.is_public and _is_open_below(tx, above)),
    )


class Newcomer(NamedTuple):
    """A reply that gets its place at a spot."""

    spot: Spot
    published_at: int
    state: str
    visibility: str


def enter(tx: Tx, post_id: PostId, newcomers: Sequence[Newcomer]) -> list[Place]:
    """The next places under a post, at spots that were read in this transaction; the page changes, and the post's count
    with it."""
    shown = [_is_shown_at(tx, one) for one in newcomers]
    last = tx.value(
        "UPDATE threads SET next_reply = next_reply + $1, thread_version = thread_version + 1,"
        " reply_count = reply_count + $2 WHERE post_id = $3 RETURNING next_reply",
        len(newcomers),
        sum(shown),
        post_id,
    )
    tx.emit(Event("post", post_id))
    first = last - len(newcomers) + 1
    return [
        Place(
            post_id=post_id,
            parent_id=one.spot.reply_id,
            path=child_path("" if one.spot.reply is None else one.spot.reply.path, one.published_at, first + place),
            depth=1 if one.spot.reply is None else one.spot.reply.depth + 1,
            state=one.state,
            settled="",
            shown=shown[place],
        )
        for place, one in enumerate(newcomers)
    ]


def _is_shown_at(tx: Tx, one: Newcomer) -> int:
    above = None
    if (parent := one.spot.reply) is not None:
        above = _Node(parent.id, parent.parent_id, parent.state.value, parent.visibility.value, int(parent.shown))
    own = _Node(0, None, one.state, one.visibility, shown=0)
    return int(one.state == "published" and own.is_public and _is_open_below(tx, above))


def entered(tx: Tx, spot: Spot, place: Place) -> None:
    """After a reply was stored at the place that it got by `enter`: a removed one right above may show now."""
    if place.shown and spot.reply is not None and spot.reply.state is ReplyState.REMOVED:
        _settle_placeholders(tx, spot.reply.id)


def settle(tx: Tx, reply_id: ReplyId, uri: str, place: Place) -> None:
    """What follows from a reply that was stored at a place: the count, placeholders above, orphans below."""
    if place.post_id is not None:
        _count_in(tx, place)
        adopt(tx, place.post_id, reply_id, uri)


def hold_waiting(tx: Tx, uri: str) -> None:
    """Before `adopt`, and before the post is kept from others: whoever keeps, changes or deletes an orphan locks what
    it waits for. Else one that comes at this moment would wait for ever, and one that goes would be counted."""
    names, seen = [uri], {uri}
    while names and tx.engine == "postgresql":
        found = list[str]()
        for some in chunks(names):
            sql = f"SELECT uri FROM replies WHERE state = 'orphan' AND in_reply_to IN ({marks(len(some))})"
            found += [row[0] for row in tx.all(sql, *some)]
        names = [name for name in found if name not in seen]
        seen.update(names)
        if names:
            tx.lock(*names)


def adopt(tx: Tx, post_id: PostId, reply_id: ReplyId, uri: str) -> None:
    """Orphans that wait for a reply get their places below it, and those that wait for them."""
    waiting = [(reply_id, uri)]
    while waiting:
        above_id, above_uri = waiting.pop()
        orphans = tx.all(
            "SELECT id, uri, published_at, settled, visibility FROM replies WHERE state = 'orphan' AND in_reply_to = $1"
            " ORDER BY published_at, id",
            above_uri,
        )
        if not orphans:
            continue
        above = read_reply(tx.all(f"SELECT {REPLY} FROM replies r WHERE r.id = $1", above_id)[0])
        for orphan_id, orphan_uri, published_at, state, visibility in orphans:
            found = find_place(tx, post_id, above, published_at=published_at, state=state, visibility=visibility)
            tx.run(
                "UPDATE replies SET post_id = $1, parent_id = $2, path = $3, depth = $4, state = $5, settled = $6,"
                " shown = $7, in_reply_to = '' WHERE id = $8",
                *found,
                orphan_id,
            )
            _count_in(tx, found)
            waiting.append((orphan_id, orphan_uri))


def _count_in(tx: Tx, place: Place) -> None:
    if place.shown and place.post_id is not None:
        _count(tx, place.post_id, 1)
        _settle_placeholders(tx, place.parent_id)


def refresh(tx: Tx, before: Reply) -> None:
    """Set `shown` and the post's count after a reply's state or visibility changed; `before` is the old record."""
    if before.post_id is None:
        return
    top = _node(tx, before.id)
    is_open = _is_open_below(tx, None if top.parent_id is None else _node(tx, top.parent_id))
    had_passed = before.visibility.is_public and before.state in (ReplyState.PUBLISHED, ReplyState.REMOVED)
    # Without a change of the gate nothing changes below it, however long the branch is.
    below = _descendants(tx, top) if is_open and top.lets_pass != had_passed else []
    target = _shown_ids([top, *below]) if is_open else set()
    if not below and is_open and top.lets_pass and top.state == "removed" and _has_shown_child(tx, top.id):
        target.add(top.id)
    shown = [node.id for node in below if node.id in target and not node.shown]
    hidden = [node.id for node in below if node.id not in target and node.shown]
    _set_shown(tx, [*shown, *([top.id] if top.id in target else [])], 1)
    _set_shown(tx, [*hidden, *([top.id] if top.id not in target else [])], 0)
    published = {node.id for node in below if node.state == "published"}
    change = len(published.intersection(shown)) - len(published.intersection(hidden))
    change += int(top.id in target and top.state == "published")
    change -= int(before.shown and before.state is ReplyState.PUBLISHED)
    _count(tx, before.post_id, change)
    _settle_placeholders(tx, top.parent_id)


def _node(tx: Tx, reply_id: int) -> _Node:
    return _Node(*tx.all(f"SELECT {_NODE} FROM replies r WHERE r.id = $1", reply_id)[0])


def _is_open_below(tx: Tx, above: _Node | None) -> bool:
    """Whether the public may pass `above` (None: the post) and everything over it."""
    while above is not None:
        if not above.lets_pass:
            return False
        if above.shown:
            return True
        if above.state != "removed":
            return False
        above = None if above.parent_id is None else _node(tx, above.parent_id)
    return True


def _descendants(tx: Tx, top: _Node) -> list[_Node]:
    """Everything below that a change of `top` can show or hide, parents before children."""
    rows = tx.all(
        f"WITH RECURSIVE branch (id, parent_id, state, visibility, shown, depth) AS ("
        f" SELECT {_NODE}, r.depth FROM replies r WHERE r.parent_id = $1"
        f" UNION ALL SELECT {_NODE}, r.depth FROM branch b JOIN replies r ON r.parent_id = b.id"
        " WHERE b.visibility IN ('public', 'unlisted') AND b.state IN ('published', 'removed'))"
        " SELECT id, parent_id, state, visibility, shown FROM branch ORDER BY depth, id",
        top.id,
    )
    return [_Node(*row) for row in rows]


def _shown_ids(branch: list[_Node]) -> set[int]:
    """Who is shown of a branch (parents before children) whose top stands open."""
    passing: set[int] = set()
    for number, node in enumerate(branch):
        if node.lets_pass and (number == 0 or node.parent_id in passing):
            passing.add(node.id)
    shown: set[int] = set()
    with_shown_child: set[int | None] = set()
    for node in reversed(branch):
        if node.id in passing and (node.state == "published" or node.id in with_shown_child):
            shown.add(node.id)
            with_shown_child.add(node.parent_id)
    return shown


def _set_shown(tx: Tx, ids: Iterable[int], value: int) -> None:
    for some in chunks(ids):
        tx.run(f"UPDATE replies SET shown = {value} WHERE id IN ({marks(len(some))})", *some)


def _count(tx: Tx, post_id: PostId, change: int) -> None:
    if change:
        tx.run("UPDATE threads SET reply_count = reply_count + $1 WHERE post_id = $2", change, post_id)


def _has_shown_child(tx: Tx, reply_id: int) -> bool:
    return tx.one("SELECT 1 FROM replies WHERE parent_id = $1 AND shown = 1 LIMIT 1", reply_id) is not None


def _settle_placeholders(tx: Tx, reply_id: int | None) -> None:
    """Show or hide the removed replies right above a change, as far up as that changes something."""
    while reply_id is not None:
        node = _node(tx, reply_id)
        if node.state != "removed" or not node.is_public:
            return
        above = None if node.parent_id is None else _node(tx, node.parent_id)
        shown = int(_has_shown_child(tx, node.id) and _is_open_below(tx, above))
        if shown == node.shown:
            return
        _set_shown(tx, [node.id], shown)
        reply_id = node.parent_id
