"""Key pairs of our actors (the private halves sealed) and the public keys that remote actors list."""

from __future__ import annotations

from fedblog.blog.ledger import LocalKey, RemoteKey
from fedblog.blog.model import ActorId
from fedblog.storage.seal import Sealer
from fedblog.storage.tx import Row, Tx

_REMOTE = "k.key_id, a.uri, k.algorithm, k.public_pem, k.fetched_at"
_FROM = "keys k JOIN actors a ON a.id = k.actor_id"


def add_local(tx: Tx, key: LocalKey, sealer: Sealer) -> None:
    """Keep a key pair of ours, or replace the one with this id."""
    tx.run(
        "INSERT INTO keys (key_id, actor_id, algorithm, public_pem, private_sealed, fetched_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (key_id, actor_id) DO UPDATE SET algorithm = excluded.algorithm,"
        " public_pem = excluded.public_pem, private_sealed = excluded.private_sealed, fetched_at = excluded.fetched_at",
        key.key_id,
        key.actor_id,
        key.algorithm,
        key.public_pem,
        sealer.seal(key.private_pem.encode()),
        tx.now,
    )


def local_keys(tx: Tx, actor_id: ActorId, sealer: Sealer) -> list[LocalKey]:
    """Key pairs that an actor of ours signs with, opened; RSA first. Raises `ConfigError` with the wrong secret."""
    rows = tx.all(
        "SELECT key_id, actor_id, algorithm, public_pem, private_sealed FROM keys"
        " WHERE actor_id = $1 AND private_sealed IS NOT NULL AND retired_at IS NULL ORDER BY algorithm DESC, key_id",
        actor_id,
    )
    return [LocalKey(row[0], ActorId(row[1]), row[2], row[3], sealer.open(row[4]).decode()) for row in rows]


def public_keys(tx: Tx, actor_id: ActorId) -> list[tuple[str, str, str]]:
    """(key id, algorithm, public PEM) of an actor; RSA first, those that sign before those that are retired."""
    rows = tx.all(
        "SELECT key_id, algorithm, public_pem FROM keys WHERE actor_id = $1"
        " ORDER BY algorithm DESC, coalesce(retired_at, 0), key_id",
        actor_id,
    )
    return [(key_id, algorithm, pem) for key_id, algorithm, pem in rows]


def retire(tx: Tx, actor_id: ActorId) -> int:
    """The key pairs of an actor of ours sign no more; they are listed until `drop_retired`. How many they are."""
    return tx.run(
        "UPDATE keys SET retired_at = $1 WHERE actor_id = $2 AND private_sealed IS NOT NULL AND retired_at IS NULL",
        tx.now,
        actor_id,
    )


def drop_retired(tx: Tx, before: int) -> int:
    """Forget key pairs that were retired, or whose actor of ours was deleted, before a time (ACT-11, LIFE-03)."""
    return tx.run(
        "DELETE FROM keys WHERE private_sealed IS NOT NULL AND (retired_at < $1 OR actor_id IN"
        " (SELECT id FROM actors WHERE local <> '' AND deleted_at < $1))",
        before,
    )


def remote_key(tx: Tx, key_id: str, actor_uri: str | None = None) -> RemoteKey | None:
    """A remote actor's public key by id.

    Several actors of one origin may list the same id: say `actor_uri`, or the one whose URI begins the key's id comes.
    """
    rows = tx.all(f"SELECT {_REMOTE} FROM {_FROM} WHERE k.key_id = $1 AND a.local = '' ORDER BY k.fetched_at", key_id)
    found = [_read(row) for row in rows if actor_uri is None or row[1] == actor_uri]
    return max(found, key=lambda key: key_id.startswith(key.actor_uri), default=None)


def actor_keys(tx: Tx, actor_uri: str) -> list[RemoteKey]:
    """All public keys that a remote actor lists."""
    rows = tx.all(f"SELECT {_REMOTE} FROM {_FROM} WHERE a.uri = $1 AND a.local = '' ORDER BY k.key_id", actor_uri)
    return [_read(row) for row in rows]


def _read(row: Row) -> RemoteKey:
    return RemoteKey(*row)
