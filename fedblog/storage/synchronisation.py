"""Which of an actor's followers live on one host: what followers synchronisation compares (FEP-8fcf, DLV-14)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.model import ActorId
from fedblog.signatures.digest import followers_digest
from fedblog.storage.tx import Tx

HEADER = "Collection-Synchronization"
PATH = "/followers_synchronization"


def followers_on(tx: Tx, target_id: ActorId, host: str) -> list[str]:
    """Ids of the accepted followers of one of ours whose ids are on `host` (with its port, if it has one)."""
    found: list[str] = []
    for scheme in ("http", "https"):
        # A range of ids, so that the index is used: "0" is what comes after "/". SQLite begins a CROSS JOIN with it; by
        # itself it would look at all followers for each host.
        rows = tx.all(
            "SELECT a.uri FROM actors a CROSS JOIN followers f WHERE f.actor_id = a.id AND a.uri >= $1 AND a.uri < $2"
            " AND f.target_id = $3 AND f.state = 'accepted' AND a.deleted_at IS NULL ORDER BY a.uri",
            f"{scheme}://{host}/",
            f"{scheme}://{host}0",
            target_id,
        )
        found.extend(row[0] for row in rows)
    return found


def headers_for(tx: Tx, sent: Iterable[tuple[int, str]]) -> dict[tuple[int, str], dict[str, str]]:
    """The header that tells a host whom of it we count as followers, by (activity, host); none where the activity is
    not for them.

    Only for what the actor says itself, not for what is forwarded.
    """
    speakers: dict[int, _Speaker | None] = {}
    digests: dict[tuple[int, str], str] = {}
    found: dict[tuple[int, str], dict[str, str]] = {}
    for activity_id, host in sent:
        if activity_id not in speakers:
            speakers[activity_id] = _speaker(tx, activity_id)
        speaker = speakers[activity_id]
        if speaker is None:
            continue
        whose = (speaker.actor_id, host)
        if whose not in digests:
            known = followers_on(tx, speaker.actor_id, host)
            digests[whose] = followers_digest(known) if known else ""
        if digests[whose]:
            value = f'collectionId="{speaker.collection}", url="{speaker.uri}{PATH}", digest="{digests[whose]}"'
            found[activity_id, host] = {HEADER: value}
    return found


@dataclass(frozen=True, slots=True)
class _Speaker:
    """One of ours who says something to followers; `collection` is the id of that collection."""

    actor_id: ActorId
    uri: str
    collection: str


def _speaker(tx: Tx, activity_id: int) -> _Speaker | None:
    row = tx.one(
        "SELECT o.uri, o.audience, a.id, a.uri, a.followers_uri FROM outgoing o JOIN actors a ON a.id = o.actor_id"
        " WHERE o.id = $1",
        activity_id,
    )
    if row is None or row[2] not in json.loads(row[1])["followers_of"]:
        return None
    activity, actor = maybe_uri(row[0]), maybe_uri(row[3])
    if activity is None or actor is None or host_of(activity) != host_of(actor):
        return None
    return _Speaker(ActorId(row[2]), actor, str(row[4]))
