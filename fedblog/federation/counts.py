"""Likes on remote replies are read, not received (COL-08b).

A Like goes to the liked Note's own server only. So "Liked by 3 people" under somebody's reply is what that server says:
re-read on a slowing schedule after the reply came (`federation.counts_after`), and then left alone.
"""

from __future__ import annotations

import logging
from typing import Any

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Reply, ReplyId
from fedblog.errors import FetchFailed, FetchGone, FetchTemporary, Refused
from fedblog.federation.resolver import Resolver
from fedblog.storage import jobs, replies
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)


def schedule_counts(tx: Tx, reply_id: ReplyId, *, after: tuple[int, ...], step: int = 0) -> None:
    """Plan the next reading of a remote reply's counts, in the transaction that stores it; none past the last step."""
    if step < len(after):
        waited = after[step - 1] if step else 0
        jobs.add(
            tx, "refresh_counts", f"{reply_id} {step}", {"reply": reply_id, "step": step}, tx.now + after[step] - waited
        )


class CountReader:
    """The job `refresh_counts`: asks a reply's origin for its totals."""

    def __init__(self, db: Database, resolver: Resolver, *, after: tuple[int, ...]) -> None:
        """`after`: seconds after its arrival at which a reply's counts are read (`federation.counts_after`)."""
        self._db, self._resolver, self._after = db, resolver, after

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `reply`'s id and the `step` of the schedule."""
        reply_id, step = ReplyId(int(payload["reply"])), int(payload["step"])
        reply = await self._db.read(replies.by_id, reply_id)
        if reply is None or reply.local or not reply.visibility.is_public or reply.state == "removed":
            return
        try:
            totals = await self._totals(reply)
        except (FetchGone, FetchTemporary, FetchFailed, Refused) as exc:
            log.info("counts of %s can't be read: %s", reply.uri, exc)
            totals = None
        await self._db.write(_keep, reply_id, totals, step + 1, self._after)

    async def _totals(self, reply: Reply) -> tuple[int, int] | None:
        """(likes, boosts) as the origin embeds them in the Note; None where it tells neither."""
        note = await self._resolver.note(Uri(reply.uri))
        if note.likes_total is None and note.shares_total is None:
            return None
        return note.likes_total or 0, note.shares_total or 0


def _keep(tx: Tx, reply_id: ReplyId, totals: tuple[int, int] | None, step: int, after: tuple[int, ...]) -> None:
    if totals is not None:
        replies.set_remote_counts(tx, reply_id, *totals)
    schedule_counts(tx, reply_id, after=after, step=step)
