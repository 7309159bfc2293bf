"""What time makes superfluous goes: hourly, a little at a time, so that nothing grows for ever."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from fedblog.errors import StorageUnavailable
from fedblog.federation.pictures import RemotePictures
from fedblog.storage import (
    block_lists,
    branches,
    deliveries,
    emoji,
    erasing,
    hosts,
    inbox,
    keys,
    planning,
    posts,
    reply_media,
    tombstones,
)
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

HOUR = 3_600
DAY = 86_400
ORPHAN_DAYS = 30  # INB-15
TOMBSTONE_DAYS = 90  # at least 30 (INB-19)
DELIVERY_DAYS = 30
HOST_DAYS = 90
HOSTS_AT_ONCE = 1_000
KEY_DAYS = 7  # ACT-11, LIFE-03
TRASH_DAYS = 30
TRASH_AT_ONCE = 100
FORGOTTEN_AT_ONCE = 100


def tidy(tx: Tx) -> None:
    """Forget old inbox records, orphans whose parent never came, old remote tombstones, settled deliveries and what lay
    in the trash for a month; publish what is overdue. In the first hour of a day, emoji that nothing names any more and
    pictures of hidden replies."""
    inbox.prune(tx)
    branches.drop_orphans(tx, tx.now - ORPHAN_DAYS * DAY)
    tombstones.prune(tx, tx.now - TOMBSTONE_DAYS * DAY)
    deliveries.prune(tx, tx.now - DELIVERY_DAYS * DAY)
    hosts.prune(tx, tx.now - HOST_DAYS * DAY, HOSTS_AT_ONCE)
    keys.drop_retired(tx, tx.now - KEY_DAYS * DAY)
    block_lists.prune(tx, tx.now - block_lists.KEEP_DRAFTS)
    if tx.now % DAY < HOUR:
        emoji.forget_unused(tx)
        reply_media.forget_soon(tx)
    planning.overdue(tx)
    for post_id in planning.trashed(tx, tx.now - TRASH_DAYS * DAY, TRASH_AT_ONCE):
        posts.delete(tx, post_id)


async def forget_unused(db: Database, now: int, days: int) -> list[str]:
    """Forget some people who left nothing here, or whose accounts are gone, for so many days (0: keep them all).

    Who they are is read beside the writers, since it takes a look at everybody.
    """
    before = now - days * DAY
    found = await db.read(erasing.unused, before, FORGOTTEN_AT_ONCE) if days else []
    gone = await db.write(erasing.forget_unused, found, before) if found else []
    return [str(actor_id) for actor_id in gone]


class Housekeeper:
    """Tidies up at the start and then every hour until it is stopped; harmless in several processes at once."""

    def __init__(
        self,
        db: Database,
        *,
        avatars: RemotePictures | None = None,
        unused_days: int = 0,
        clock: Callable[[], float] = time.time,
        every: float = HOUR,
    ) -> None:
        self._db, self._every, self._clock = db, every, clock
        self._avatars, self._unused_days = avatars, unused_days
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stop.is_set():
            try:
                await self._db.write(tidy)
                forgotten = await forget_unused(self._db, int(self._clock()), self._unused_days)
                if forgotten and self._avatars is not None:
                    await self._avatars.forget(forgotten)
            except StorageUnavailable as exc:
                log.warning("tidying up waits: %s", exc)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stop.wait()

    async def stop(self) -> None:
        """`run` returns soon after."""
        self._stop.set()
