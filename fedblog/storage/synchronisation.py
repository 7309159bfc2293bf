"""Which of an actor's followers live on one host: what followers synchronisation compares (FEP-8fcf, DLV-14)."""

from __future__ import annotations

import json

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import Delivery
from fedblog.blog.model import ActorId
from fedblog.signatures.digest import followers_digest
from fedblog.storage.tx import Tx

HEADER = "Collection-Synchronization"
PATH = "/followers_synchronization"


def followers_on(tx: Tx, target_id: ActorId, host: str) -> list[str]:
    """Ids of the accepted followers of one of ours whose ids are on `host` (with its port, if it has one)."""
    found: list[str] = []
    for scheme in ("http", "https"):
        # A range of ids, so that the index is used: "0" is what comes after "/".
        rows = tx.all(
            "SELECT a.uri FROM actors a JOIN followers f ON f.actor_id = a.id WHERE a.uri >= $1 AND a.uri < $2"
            " AND f.target_id = $3 AND f.state = 'accepted' AND a.deleted_at IS NULL ORDER BY a.uri",
            f"{scheme}://{host}/",
            f"{scheme}://{host}0",
            target_id,
        )
        found.extend(row[0] for row in rows)
    return found


def headers_for(tx: Tx, delivery: Delivery) -> dict[str, str]:
    """The header that tells a host whom of it we count as followers; none where the activity is not for them.

    Only for what the actor says itself, not for what is forwarded.
    """
    row = tx.one(
        "SELECT o.uri, o.audience, a.uri, a.followers_uri FROM outgoing o JOIN actors a ON a.id = o.actor_id"
        " WHERE o.id = $1",
        delivery.activity_id,
    )
    if row is None or delivery.actor_id not in json.loads(row[1])["followers_of"]:
        return {}
    activity, actor, followers_uri = maybe_uri(row[0]), maybe_uri(row[2]), str(row[3])
    if activity is None or actor is None or host_of(activity) != host_of(actor):
        return {}
    known = followers_on(tx, delivery.actor_id, delivery.host)
    if not known:
        return {}
    digest = followers_digest(known)
    return {HEADER: f'collectionId="{followers_uri}", url="{actor}{PATH}", digest="{digest}"'}
