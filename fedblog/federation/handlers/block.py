"""Block: somebody wants nothing to do with one of ours (INB-29)."""

from __future__ import annotations

from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.places import find_actor
from fedblog.federation.reasons import Outcome
from fedblog.storage import followers, moderation
from fedblog.storage import inbox as inbox_store
from fedblog.storage.database import Tx


async def block(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Drop the follow and send them nothing more. A Block that has a `target` bans from a community: not from us."""
    object_uri, elsewhere = activity.object_id, activity.target
    if object_uri is None or ctx.trust is not Trust.SIGNED:
        return ignored(Outcome.OBJECT_MISSING)
    if elsewhere is not None and not ctx.ids.is_local(elsewhere):
        return ignored(Outcome.NOT_OURS)

    def keep(tx: Tx) -> Outcome:
        target = find_actor(tx, ctx.ids, object_uri)
        if target is None:
            return Outcome.NOT_OURS
        if inbox_store.was_undone(tx, sender.uri, "Block", target.uri, activity.id or ""):
            return Outcome.UNDONE_BEFORE
        followers.remove(tx, sender.id, target.id)
        moderation.blocked_by_add(tx, sender.id, target.id)
        return Outcome.BLOCK_KEPT

    return keep
