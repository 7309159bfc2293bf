"""After an inbox said 404 or 410: is anybody still there? (DLV-08, OUT-08)"""

from __future__ import annotations

import logging
from typing import Any

from fedblog.activitypub.urls import Uri, host_of
from fedblog.blog.model import ActorId
from fedblog.errors import FetchFailed, FetchGone
from fedblog.federation.resolver import Resolver
from fedblog.storage import actors, jobs, recipients
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

CHECKED_AT_ONCE = 20
NOT_FOUND_TRIES = 3
NOT_FOUND_PAUSE = 3_600


class InboxCheck:
    """The job `check_inbox`: asks the actors behind a refusing inbox at their own ids."""

    def __init__(self, db: Database, resolver: Resolver) -> None:
        self._db, self._resolver = db, resolver

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `inbox`, the refused `delivery`'s id and how many `tries` this had."""
        inbox, delivery_id, tries = str(payload["inbox"]), int(payload["delivery"]), int(payload.get("tries", 0))
        behind = await self._db.read(recipients.actors_at_inbox, inbox)
        shared = [actor for actor in behind if actor[2] != inbox]
        missing = False
        for actor_id, uri, _ in behind[:CHECKED_AT_ONCE]:
            missing = await self._is_missing(actor_id, Uri(uri), tries) or missing
        if shared:
            await self._db.write(_fall_back, delivery_id, inbox, [personal for _, _, personal in shared])
        if missing and tries + 1 < NOT_FOUND_TRIES:
            await self._db.write(_look_again, inbox, delivery_id, tries + 1)

    async def _is_missing(self, actor_id: ActorId, uri: Uri, tries: int) -> bool:
        """Ask for the actor anew. 410 ends everything it left here; 404 ends its follows at the third time."""
        try:
            await self._resolver.actor(uri, refresh=True)
        except FetchGone as exc:
            if exc.http_status == 410:
                log.info("%s is gone: what it left here goes too", uri)
                await self._db.write(actors.mark_deleted, actor_id)
                return False
            if tries + 1 >= NOT_FOUND_TRIES:
                log.info("%s wasn't found %s times: it follows us no more", uri, NOT_FOUND_TRIES)
                await self._db.write(recipients.drop_follows_of, actor_id)
            return True
        except FetchFailed as exc:
            log.info("%s can't be asked now: %s", uri, exc)
        return False


def _fall_back(tx: Tx, delivery_id: int, inbox: str, personal: list[str]) -> None:
    recipients.forget_shared_inbox(tx, inbox)
    by_host: dict[str, list[str]] = {}
    for own in personal:
        by_host.setdefault(host_of(own), []).append(own)
    for host, inboxes in by_host.items():
        recipients.send_personally(tx, delivery_id, inboxes, host=host, due_at=tx.now)


def _look_again(tx: Tx, inbox: str, delivery_id: int, tries: int) -> None:
    jobs.add(
        tx,
        "check_inbox",
        f"{inbox} {tries}",
        {"inbox": inbox, "delivery": delivery_id, "tries": tries},
        tx.now + NOT_FOUND_PAUSE,
    )
