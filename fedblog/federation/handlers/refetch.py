"""What its origin says about an object now: the only truth about what others told us (INB-25..27)."""

from __future__ import annotations

from fedblog.activitypub.urls import Uri
from fedblog.errors import FetchGone, FetchTemporary
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.edits import edit_note
from fedblog.federation.notes import fetch, keep_note, off_loop, plan_fetch
from fedblog.federation.reasons import Outcome
from fedblog.storage import replies, tombstones
from fedblog.storage.database import Tx


async def refetch(ctx: Context, uri: Uri) -> Effect:
    """Ask the origin: a known object is brought up to date, an unknown one kept if it belongs here, a gone one
    removed. Raises `FetchFailed`; `FetchTemporary` only where the actor itself told us."""
    known = await ctx.db.read(replies.by_uri, uri) is not None
    try:
        arrived = await fetch(ctx, uri, None)
    except FetchGone:
        return remove_gone(uri) if known else ignored(Outcome.OBJECT_UNFETCHABLE)
    except FetchTemporary:
        if ctx.trust is Trust.SIGNED:
            raise
        return plan_fetch(uri)
    if known:
        return await off_loop(edit_note, ctx, arrived)
    return await off_loop(keep_note, ctx, arrived) if arrived.visibility.is_public else ignored(Outcome.NOT_PUBLIC)


async def refetch_deleted(ctx: Context, uri: Uri) -> Effect:
    """A Delete that somebody else brought: believed only when the origin answers 404, 410 or a Tombstone (INB-27)."""
    if await ctx.db.read(replies.by_uri, uri) is None:
        return ignored(Outcome.NOT_OURS)
    try:
        await fetch(ctx, uri, None)
    except FetchGone:
        return remove_gone(uri)
    except FetchTemporary:
        return plan_fetch(uri)
    return ignored(Outcome.OBJECT_STILL_THERE)


def remove_gone(uri: str) -> Effect:
    """Take away what its origin says is gone."""

    def remove(tx: Tx) -> Outcome:
        reply = replies.by_uri(tx, uri)
        if reply is None or reply.local:
            return Outcome.NOT_OURS
        replies.remove(tx, reply.id)
        tombstones.add(tx, uri, reply.type, "", local=False)
        return Outcome.REPLY_REMOVED

    return remove
