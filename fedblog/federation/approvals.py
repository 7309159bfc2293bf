"""After others approved an answer of ours: it goes out again with the approval (INB-32)."""

from __future__ import annotations

from typing import Any

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.values import one_or_many
from fedblog.activitypub.wire import parse_object
from fedblog.blog.model import Actor, Reply, ReplyId
from fedblog.federation.answers import Answering
from fedblog.federation.outbox import open_outbox
from fedblog.storage import actors, outgoing, replies
from fedblog.storage.database import Database, Tx
from fedblog.storage.seal import Sealer


class ApprovalTeller:
    """The job `tell_approved`: an Update of the answer, with `approvedBy`, to everybody who has it."""

    def __init__(self, db: Database, ids: LocalIds, sealer: Sealer) -> None:
        self._db, self._ids, self._sealer = db, ids, sealer

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `reply`'s id."""
        reply_id = ReplyId(int(payload["reply"]))
        reply = await self._db.read(replies.by_id, reply_id)
        if reply is None or not reply.local:
            return
        outbox = await open_outbox(self._db, self._ids, self._sealer, [reply.actor_id])
        await self._db.write(_tell, Answering(self._ids, outbox), reply)


def _tell(tx: Tx, answering: Answering, reply: Reply) -> None:
    answering.tell_approved(tx, reply.id, _mentioned(tx, reply))


def _mentioned(tx: Tx, reply: Reply) -> list[Actor]:
    """Whom the answer names, as it was sent."""
    told = outgoing.last_told(tx, reply.uri)
    sent = parse_object(told.body).get("object") if told is not None else None
    tags = one_or_many(sent.get("tag")) if isinstance(sent, dict) else []
    named = [str(tag.get("href")) for tag in tags if isinstance(tag, dict) and tag.get("type") == "Mention"]
    return [actor for actor in actors.by_uris(tx, named).values() if actor.deleted_at is None]
