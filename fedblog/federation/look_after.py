"""What is done for replies that came, a little later and for all of a thread's together.

A reply is taken when it is stored. That its thread is to be read elsewhere (`backfill`) and its likes are to be counted
(`counts`) is planned by one job a thread, which looks at what came since that job was made.
"""

from __future__ import annotations

from typing import Any

from fedblog.blog.model import PostId
from fedblog.config import Settings
from fedblog.federation.counts import schedule_counts
from fedblog.storage import arrivals, backfill, jobs
from fedblog.storage.database import Database, Tx

KIND = "look_after"
GATHER_SECONDS = 60


def look_after(tx: Tx, post_id: PostId, settings: Settings) -> None:
    """A public reply of somebody else came: plan what follows, in the transaction that stores it."""
    first = _first_step(settings)
    if first is not None:
        _plan(tx, post_id, tx.now, tx.now + min(GATHER_SECONDS, first // 10))


def _first_step(settings: Settings) -> int | None:
    """Seconds until something is to be done for a reply; None for never."""
    return min((*settings.federation.counts_after[:1], *settings.federation.backfill_after[:1]), default=None)


def _plan(tx: Tx, post_id: PostId, since: int, due_at: int) -> None:
    jobs.ensure(tx, KIND, str(post_id), {"post": post_id, "since": since}, due_at)


class LookAfter:
    """The job `look_after`: plans the reading of a thread, and of the counts of what came."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db, self._settings = db, settings

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `post`, and the second `since` when replies came."""
        await self._db.write(self._act, PostId(int(payload["post"])), int(payload["since"]))

    def _act(self, tx: Tx, post_id: PostId, since: int) -> None:
        jobs.drop(tx, KIND, str(post_id))
        # The second that is not over yet belongs to the next job, so that nothing is counted twice.
        until = tx.now
        federation = self._settings.federation
        if arrivals.came(tx, post_id, since, until):
            backfill.plan(tx, post_id, since, until, after=federation.backfill_after)
            schedule_counts(tx, post_id, since, until, after=federation.counts_after)
        if arrivals.came(tx, post_id, until, until + GATHER_SECONDS):
            _plan(tx, post_id, until, until + max(1, min(GATHER_SECONDS, (_first_step(self._settings) or 0) // 10)))
