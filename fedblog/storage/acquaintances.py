"""Who signed with which key a moment ago, and whether that still holds."""

from __future__ import annotations

from typing import NamedTuple

from fedblog.activitypub.urls import host_of
from fedblog.blog.ledger import RemoteKey
from fedblog.blog.model import Actor
from fedblog.storage.moderation import domains_of
from fedblog.storage.rows import ACTOR, ACTOR_WIDTH, read_actor
from fedblog.storage.tx import Tx, marks


class Acquaintance(NamedTuple):
    """A remote actor in good standing, with one of the keys that it lists."""

    actor: Actor
    key: RemoteKey


def find(tx: Tx, key_id: str, actor_uri: str) -> Acquaintance | None:
    """The actor and the key, if it lists one with exactly that id; None for who is suspended or gone."""
    row = tx.one(
        f"SELECT {ACTOR}, k.key_id, a.uri, k.algorithm, k.public_pem, k.fetched_at"
        " FROM keys k JOIN actors a ON a.id = k.actor_id WHERE k.key_id = $1 AND a.uri = $2 AND a.local = ''"
        " AND a.suspended_at IS NULL AND a.deleted_at IS NULL",
        key_id,
        actor_uri,
    )
    return None if row is None else Acquaintance(read_actor(row), RemoteKey(*row[ACTOR_WIDTH:]))


def still_holds(tx: Tx, known: Acquaintance) -> bool:
    """Whether all of it is still so: the same key, the same document, not blocked. Asked by the transaction that acts
    on it, so that it holds whichever process changed something."""
    actor, key = known
    hosts = dict.fromkeys((*domains_of(host_of(actor.uri)), *domains_of(host_of(key.key_id))))
    found = tx.one(
        "SELECT 1 FROM keys k JOIN actors a ON a.id = k.actor_id WHERE k.key_id = $1 AND k.actor_id = $2"
        " AND k.public_pem = $3 AND a.fetched_at = $4 AND a.followers_uri = $5 AND a.suspended_at IS NULL"
        " AND a.deleted_at IS NULL AND NOT (EXISTS (SELECT 1 FROM blocks)"
        " AND EXISTS (SELECT 1 FROM blocks b WHERE (b.kind = 'actor' AND b.value = $6)"
        f" OR (b.kind = 'domain' AND b.value IN ({marks(len(hosts), 7)}))))",
        key.key_id,
        actor.id,
        key.public_pem,
        actor.fetched_at,
        actor.followers_uri,
        actor.uri,
        *hosts,
    )
    return found is not None
