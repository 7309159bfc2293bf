"""The first page of a post's replies, as its rows were drawn last; and the little that tells which of them still fit.

A row fits while neither it nor what it answers has changed since the version of the page that it was drawn for, and
nothing has changed that can touch any row (`posts.bump`). What the data says is the web room's business: here
it is compressed, and the `recipe` names what it was made with.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

from fedblog.blog.model import ActorId, PostId, ReplyId
from fedblog.storage.tx import Tx

_LEVEL = 6  # decides the size, and is the fastest to read


class Kept(NamedTuple):
    """A page drawn at one `version` of it; `now` is its version now."""

    version: int
    data: bytes
    now: int


class Outline(NamedTuple):
    """Where a shown reply stands, and the version of the page at which it changed last."""

    id: ReplyId
    parent_id: ReplyId | None
    path: str
    depth: int
    actor_id: ActorId
    changed: int


def load(tx: Tx, post_id: PostId, recipe: str) -> Kept | None:
    """What is kept for a post, if it was made by this recipe and can still be of use."""
    row = tx.one(
        "SELECT d.version, d.pack, th.thread_version FROM drawn_pages d JOIN threads th ON th.post_id = d.post_id"
        " WHERE d.post_id = $1 AND d.recipe = $2 AND th.redrawn <= d.version",
        post_id,
        recipe,
    )
    return None if row is None else Kept(row[0], zlib.decompress(row[1]), row[2])


def pack(data: bytes) -> bytes:
    """Data as `store` takes it; CPU work, for a thread."""
    return zlib.compress(data, _LEVEL)


def store(tx: Tx, post_id: PostId, recipe: str, version: int, packed: bytes) -> None:
    """Keep it, unless something newer is there or a row of it was erased meanwhile."""
    tx.run(
        "INSERT INTO drawn_pages (post_id, recipe, version, pack)"
        " SELECT th.post_id, $2, $3, $4 FROM threads th WHERE th.post_id = $1 AND th.redrawn <= $3"
        " ON CONFLICT (post_id) DO UPDATE SET recipe = excluded.recipe, version = excluded.version,"
        " pack = excluded.pack WHERE drawn_pages.recipe <> excluded.recipe OR drawn_pages.version <= excluded.version",
        post_id,
        recipe,
        version,
        packed,
    )


def forget(tx: Tx, post_id: PostId) -> None:
    """Keep nothing for this post."""
    tx.run("DELETE FROM drawn_pages WHERE post_id = $1", post_id)


def redrawn(tx: Tx, post_id: PostId) -> int:
    """The version of the page since which rows can be used again at all."""
    return int(tx.value("SELECT redrawn FROM threads WHERE post_id = $1", post_id) or 0)


def outline(tx: Tx, post_id: PostId, limit: int) -> list[Outline]:
    """The first shown replies of a post in tree order, at most `limit`."""
    rows = tx.all(
        "SELECT r.id, r.parent_id, r.path, r.depth, r.actor_id, r.changed FROM replies r"
        " WHERE r.post_id = $1 AND r.shown = 1 ORDER BY r.path LIMIT $2",
        post_id,
        limit,
    )
    return [Outline._make(row) for row in rows]
