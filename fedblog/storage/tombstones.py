"""Ids that were deleted: ours answer 410, remote ones are not taken again (INB-19)."""

from __future__ import annotations

from fedblog.blog.ledger import Tombstone
from fedblog.storage.tx import Tx


def add(tx: Tx, uri: str, former_type: str, actor_uri: str, local: bool) -> None:
    """Remember that an id is gone; the first time counts."""
    tx.run(
        "INSERT INTO tombstones (uri, former_type, actor_uri, deleted_at, local) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (uri) DO NOTHING",
        uri,
        former_type,
        actor_uri,
        tx.now,
        int(local),
    )


def get(tx: Tx, uri: str) -> Tombstone | None:
    """The tombstone of an id, or None."""
    row = tx.one("SELECT uri, former_type, actor_uri, deleted_at, local FROM tombstones WHERE uri = $1", uri)
    return None if row is None else Tombstone(row[0], row[1], row[2], row[3], bool(row[4]))


def prune(tx: Tx, before: int) -> int:
    """Forget remote ids deleted before a time; ours stay for ever."""
    return tx.run("DELETE FROM tombstones WHERE local = 0 AND deleted_at < $1", before)
