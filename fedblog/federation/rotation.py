"""New keys for an actor of ours: the old ones are listed for another week, and everybody is told (ACT-11)."""

from __future__ import annotations

import asyncio

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import LocalKey
from fedblog.blog.model import Actor
from fedblog.config import Settings
from fedblog.federation.outbox import Outbox
from fedblog.federation.people import People
from fedblog.signatures.keys import PrivateKey, generate_ed25519, generate_rsa, private_to_pem
from fedblog.storage import actors, keys
from fedblog.storage.database import Database, Tx
from fedblog.storage.seal import Sealer


async def rotate_keys(db: Database, ids: LocalIds, settings: Settings, sealer: Sealer, actor: Actor) -> Actor:
    """Give an actor new RSA and Ed25519 key pairs with ids of their own, so that who sees a signature by one of them
    looks it up; retire the old ones, and send the actor's Update. Raises `NotFound`."""
    number = await db.write(_number)
    rsa, ed25519 = await asyncio.gather(
        asyncio.to_thread(generate_rsa, Uri(f"{ids.main_key(actor.uri)}-{number}")),
        asyncio.to_thread(generate_ed25519, Uri(f"{ids.ed25519_key(actor.uri)}-{number}")),
    )
    return await db.write(_rotate, ids, settings, sealer, actor, (rsa, ed25519))


def _number(tx: Tx) -> int:
    return tx.new_id()


def _rotate(
    tx: Tx, ids: LocalIds, settings: Settings, sealer: Sealer, actor: Actor, made: tuple[PrivateKey, PrivateKey]
) -> Actor:
    keys.retire(tx, actor.id)
    for key in made:
        keys.add_local(tx, LocalKey(key.key_id, actor.id, key.algorithm, key.public.pem, private_to_pem(key)), sealer)
    outbox = Outbox(ids, {actor.id: made[1]})
    return People(ids, settings, outbox).send_profile(tx, actors.by_id(tx, actor.id).id)
