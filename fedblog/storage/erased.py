"""Ids that were erased on somebody's wish: only their digests are kept, so that what comes again is not taken."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from fedblog.storage.tx import Tx


def digest(uri: str) -> str:
    """What is kept of an id."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()


def add(tx: Tx, uris: Iterable[str]) -> None:
    """Remember that these ids are erased; a later time counts."""
    tx.many(
        "INSERT INTO erased (digest, erased_at) VALUES ($1, $2)"
        " ON CONFLICT (digest) DO UPDATE SET erased_at = excluded.erased_at",
        [(digest(uri), tx.now) for uri in dict.fromkeys(uris)],
    )


def holds(tx: Tx, uri: str) -> bool:
    """Whether this very id was erased."""
    return tx.one("SELECT 1 FROM erased WHERE digest = $1", digest(uri)) is not None


def covers(tx: Tx, uri: str, actor_uri: str, published_at: int) -> bool:
    """Whether something was erased: its id, or everything of its author up to a time after it was published."""
    found = tx.one(
        "SELECT 1 FROM erased WHERE digest = $1 OR (digest = $2 AND erased_at >= $3)",
        digest(uri),
        digest(actor_uri),
        published_at,
    )
    return found is not None
