"""What a person of another server may ask of a blog: everything that is kept about them, or that none of it is."""

from __future__ import annotations

import base64
from typing import Any

from fedblog.blog.model import ActorId
from fedblog.federation.pictures import RemotePictures
from fedblog.storage import actors, erasing, person_record, reply_media
from fedblog.storage.database import Database, Tx
from fedblog.storage.erasing import Erased


async def held(db: Database, avatars: RemotePictures, attached: RemotePictures, actor_id: ActorId) -> dict[str, Any]:
    """Everything about somebody as plain JSON, pictures included. Raises `NotFound`."""

    def read(tx: Tx) -> tuple[dict[str, Any], list[str]]:
        return person_record.held(tx, actors.by_id(tx, actor_id)), reply_media.owners(tx, actor_id)

    found, hung = await db.read(read)
    kept = [*await avatars.of([str(actor_id)]), *await attached.of(frozenset(hung))]
    found["pictures"] = [{"type": kind, "base64": base64.b64encode(data).decode()} for kind, data in kept]
    return found


async def erase(db: Database, avatars: RemotePictures, attached: RemotePictures, actor_id: ActorId) -> Erased:
    """Erase somebody, in one transaction, then the pictures. Raises `NotFound`, `Conflict` for one of ours."""

    def do(tx: Tx) -> tuple[list[str], Erased]:
        return reply_media.owners(tx, actor_id), erasing.erase(tx, actor_id)

    hung, done = await db.write(do)
    await avatars.forget([str(actor_id)])
    await attached.forget(hung)
    return done


class IndexTidier:
    """The job after an erasure, which takes its time in a large blog: the search index holds no word of it any more."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` is empty. Raises what the database raises."""
        await self._db.write(erasing.tidy)
