"""Likes on remote replies are read, not received (COL-08b).

A Like goes to the liked Note's own server only. So "Liked by 3 people" under somebody's reply is what that server says:
re-read on a slowing schedule after the reply came (`federation.counts_after`), and then left alone.
"""

from __future__ import annotations

import logging
from typing import Any

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import PostId, Reply, ReplyId
from fedblog.errors import FetchFailed, FetchGone, FetchTemporary, Refused
from fedblog.federation.resolver import Resolver
from fedblog.storage import arrivals, jobs, replies
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)


KIND = "refresh_counts"
REPLIES_A_JOB = 10


def schedule_counts(tx: Tx, post_id: PostId, since: int, until: int, *, after: tuple[int, ...], step: int = 0) -> None:
    """Plan the next reading of the counts of what came to a thread from `since` to before `until`, counted from the
    first of them; none past the last step."""
    if step < len(after):
        _plan(tx, {"post": post_id, "since": since, "until": until, "step": step, "last": 0}, since + after[step])


def _plan(tx: Tx, batch: dict[str, int], due_at: int) -> None:
    jobs.add(tx, KIND, " ".join(str(value) for value in batch.values()), batch, due_at)


class CountReader:
    """The job `refresh_counts`: asks a reply's origin for its totals."""

    def __init__(self, db: Database, resolver: Resolver, *, after: tuple[int, ...]) -> None:
        """`after`: seconds after its arrival at which a reply's counts are read (`federation.counts_after`)."""
        self._db, self._resolver, self._after = db, resolver, after

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `post`, the time `since` and `until` when replies came, the `step` of the schedule, and
        the `last` reply that was looked at. Jobs of earlier versions are for one `reply`."""
        if "reply" in payload:
            await self._read_one(ReplyId(int(payload["reply"])), int(payload["step"]))
            return
        batch = {name: int(payload[name]) for name in ("post", "since", "until", "step", "last")}
        found = await self._db.read(_next_ones, batch)
        for reply_id in found:
            await self._read(reply_id)
        await self._db.write(self._go_on, batch, found)

    async def _read_one(self, reply_id: ReplyId, step: int) -> None:
        await self._read(reply_id)
        reply = await self._db.read(replies.by_id, reply_id)
        if reply is not None and reply.post_id is not None:
            came = reply.received_at
            await self._db.write(schedule_counts, reply.post_id, came, came + 1, after=self._after, step=step + 1)

    def _go_on(self, tx: Tx, batch: dict[str, int], found: list[ReplyId]) -> None:
        """With the next replies at once, or with the next step when its time is there."""
        if len(found) == REPLIES_A_JOB:
            _plan(tx, {**batch, "last": found[-1]}, tx.now)
            return
        post_id, step = PostId(batch["post"]), batch["step"] + 1
        schedule_counts(tx, post_id, batch["since"], batch["until"], after=self._after, step=step)

    async def _read(self, reply_id: ReplyId) -> None:
        reply = await self._db.read(replies.by_id, reply_id)
        if reply is None or reply.local or not reply.visibility.is_public or reply.state == "removed":
            return
        try:
            totals = await self._totals(reply)
        except (FetchGone, FetchTemporary, FetchFailed, Refused) as exc:
            log.info("counts of %s can't be read: %s", reply.uri, exc)
            totals = None
        if totals is not None:
            await self._db.write(replies.set_remote_counts, reply_id, *totals)

    async def _totals(self, reply: Reply) -> tuple[int, int] | None:
        """(likes, boosts) as the origin embeds them in the Note; None where it tells neither."""
        note = await self._resolver.note(Uri(reply.uri))
        if note.likes_total is None and note.shares_total is None:
            return None
        return note.likes_total or 0, note.shares_total or 0


def _next_ones(tx: Tx, batch: dict[str, int]) -> list[ReplyId]:
    return arrivals.next_ones(
        tx,
        PostId(batch["post"]),
        batch["since"],
        batch["until"],
        after=ReplyId(batch["last"]),
        limit=REPLIES_A_JOB,
    )
