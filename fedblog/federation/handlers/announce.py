"""Announce: a boost of ours or of a reply in our threads (INB-24), or a group that passes an activity on (INB-25)."""

from __future__ import annotations

from fedblog.activitypub.normalise import id_of, type_of
from fedblog.activitypub.urls import maybe_uri
from fedblog.activitypub.vocab import ACTIVITY_TYPES, Activity
from fedblog.blog.audience import audience_of
from fedblog.blog.model import Actor, ReactionKind
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.handlers.inner import take_inner
from fedblog.federation.places import spot_of
from fedblog.federation.reasons import Outcome
from fedblog.storage import inbox as inbox_store
from fedblog.storage import reactions
from fedblog.storage.database import Tx


async def announce(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Count a public boost; an embedded copy of the object is thrown away, only its id counts."""
    if activity.object is not None and type_of(activity.object) in ACTIVITY_TYPES:
        return await take_inner(ctx, activity.object)
    named = [found for item in activity.objects if (found := id_of(item)) and maybe_uri(found) is not None]
    object_uri = next((found for found in named if ctx.ids.is_local(found)), next(iter(named), None))
    if ctx.trust is not Trust.SIGNED or object_uri is None:
        return ignored(Outcome.NOT_OURS)
    if not audience_of(activity.to, activity.cc, sender.followers_uri, False).is_public:
        return ignored(Outcome.NOT_PUBLIC)

    def count(tx: Tx) -> Outcome:
        if reactions.is_kept_out(tx, sender):
            return Outcome.BLOCKED_HERE
        place = spot_of(tx, ctx.ids, object_uri)
        if place is None:
            return Outcome.NOT_OURS
        if inbox_store.was_undone(tx, sender.uri, "Announce", place.uri, activity.id or ""):
            return Outcome.UNDONE_BEFORE
        reactions.add(
            tx,
            kind=ReactionKind.ANNOUNCE,
            actor_id=sender.id,
            post_id=place.post_id,
            reply_id=place.reply_id,
            activity_uri=activity.id or "",
        )
        return Outcome.REACTION_KEPT

    return count
