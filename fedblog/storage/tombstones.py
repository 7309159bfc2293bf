"""Ids that were deleted: ours answer 410, remote ones are not taken again (INB-19)."""

from __future__ import annotations

from fedblog.blog.ledger import Tombstone
from fedblog.storage import erased
from fedblog.storage.tx import Tx

MAX_SPEAKERS = 8  # of an id that nobody here ever saw: its neighbours may say that they deleted it


def add(tx: Tx, uri: str, former_type: str, actor_uri: str, local: bool) -> None:
    """Remember that an id is gone; the first time counts.

    Of a remote one, everybody who says so is kept (the latest of them): only its author's word counts, and who that is
    may be known later.
    """
    stone = _get(tx, uri)
    if stone is None and not local and erased.holds(tx, uri):
        return  # a digest of it is kept, and nothing else
    if stone is not None and not (stone.local or local):
        speakers = stone.actor_uri.split()
        if actor_uri and speakers and actor_uri not in speakers:
            told = " ".join([*speakers, actor_uri][-MAX_SPEAKERS:])
            tx.run("UPDATE tombstones SET actor_uri = $1 WHERE uri = $2", told, uri)
        elif not actor_uri:
            tx.run("UPDATE tombstones SET actor_uri = '' WHERE uri = $1", uri)
        return
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
    """The tombstone of an id, or None. One that was erased counts as deleted by its author."""
    stone = _get(tx, uri)
    if stone is None and erased.holds(tx, uri):
        return Tombstone(uri, "", "", 0, local=False)
    return stone


def _get(tx: Tx, uri: str) -> Tombstone | None:
    row = tx.one("SELECT uri, former_type, actor_uri, deleted_at, local FROM tombstones WHERE uri = $1", uri)
    return None if row is None else Tombstone(row[0], row[1], row[2], row[3], bool(row[4]))


def is_deleted_by(tx: Tx, uri: str, author_uri: str) -> bool:
    """Whether an id is gone by the word of its author, or by its own server's answer."""
    stone = get(tx, uri)
    return stone is not None and (not stone.actor_uri or author_uri in stone.actor_uri.split())


def prune(tx: Tx, before: int) -> int:
    """Forget remote ids deleted before a time; ours stay for ever."""
    return tx.run("DELETE FROM tombstones WHERE local = 0 AND deleted_at < $1", before)
