"""Putting our own activities into the queue: in the transaction of the act itself (DLV-12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fedblog.activitypub import serialise, wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.activitypub.vocab import Json
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, ActorId
from fedblog.signatures.keys import PrivateKey, private_from_pem
from fedblog.signatures.proofs import create_proof
from fedblog.storage import keys, outgoing
from fedblog.storage.database import Database, Tx
from fedblog.storage.outgoing import Audience
from fedblog.storage.seal import Sealer

# A Group that acts like a person is refused by servers that know communities (ACT-02).
BLOG_SAYS = frozenset({"Accept", "Reject", "Announce", "Update", "Delete"})

ProofKeys = Mapping[ActorId, PrivateKey]


@dataclass(frozen=True, slots=True)
class Outbox:
    """What is needed to queue an activity. `proof_keys` come from `open_outbox`, before the transaction."""

    ids: LocalIds
    proof_keys: ProofKeys

    def add(
        self,
        tx: Tx,
        make: Callable[[str], Json],
        *,
        actor: Actor,
        object_uri: str,
        audience: Audience,
        public: bool,
    ) -> Json:
        """Queue the activity that `make` builds for its new id; returns it without `@context` and proof.

        Public ones carry a FEP-8b32 proof, so that others may pass them on (OUT-10); never the others.
        """
        activity_id = ActivityId(tx.new_id())
        uri = self.ids.activity(activity_id)
        activity = make(uri)
        if actor.local == "blog" and activity["type"] not in BLOG_SAYS:
            raise ValueError(f"the blog doesn't send {activity['type']}")
        document = serialise.with_context(activity)
        key = self.proof_keys.get(actor.id)
        if public and key is not None:
            document = create_proof(document, key, now=tx.now)
        outgoing.add(
            tx,
            activity_id=activity_id,
            uri=uri,
            actor_id=actor.id,
            type=str(activity["type"]),
            object_uri=object_uri,
            body=wire.dump(document),
            audience=audience,
            public=public,
        )
        return activity


async def open_outbox(db: Database, ids: LocalIds, sealer: Sealer, actor_ids: Iterable[ActorId]) -> Outbox:
    """An outbox with the Ed25519 keys of those who will speak."""
    found: dict[ActorId, PrivateKey] = {}
    for actor_id in dict.fromkeys(actor_ids):
        for key in await db.read(keys.local_keys, actor_id, sealer):
            if key.algorithm == "ed25519":
                found[actor_id] = private_from_pem(key.private_pem, Uri(key.key_id))
    return Outbox(ids, found)
