"""What a person of another server may ask of a blog: everything that is kept about them, or that none of it is."""

from __future__ import annotations

import base64
from typing import Any

from fedblog.blog.model import ActorId
from fedblog.federation.pictures import RemotePictures
from fedblog.storage import actors, erasing, person_record
from fedblog.storage.database import Database, Tx
from fedblog.storage.erasing import Erased


async def held(db: Database, avatars: RemotePictures, actor_id: ActorId) -> dict[str, Any]:
    """Everything about somebody as plain JSON, pictures included. Raises `NotFound`."""

    def read(tx: Tx) -> dict[str, Any]:
        return person_record.held(tx, actors.by_id(tx, actor_id))

    found = await db.read(read)
    kept = await avatars.of(str(actor_id))
    found["pictures"] = [{"type": kind, "base64": base64.b64encode(data).decode()} for kind, data in kept]
    return found


async def erase(db: Database, avatars: RemotePictures, actor_id: ActorId) -> Erased:
    """Erase somebody, down to the words in the search index, in one transaction; then pictures. Raises `NotFound`,
    `Conflict` for one of ours."""

    def down_to_the_last_byte(tx: Tx) -> Erased:
        done = erasing.erase(tx, actor_id)
        erasing.tidy(tx)
        return done

    done = await db.write(down_to_the_last_byte)
    await avatars.forget([str(actor_id)])
    return done
