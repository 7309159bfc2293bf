"""Move: somebody is at home somewhere else now (INB-31)."""

from __future__ import annotations

import json

from fedblog.activitypub.urls import host_of, maybe_uri, same_id
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.handlers.follow import answer_follow
from fedblog.federation.reasons import Outcome
from fedblog.storage import actors, followers, moderation
from fedblog.storage.database import Tx

ONCE_IN = 7 * 86_400


async def move(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """The old account says so itself, and the new one, asked now, names the old one in `alsoKnownAs`. Then the new
    account follows in its place, and what the old one wrote shows the new address."""
    target_uri = maybe_uri(activity.target)
    if activity.object_id is None or target_uri is None or ctx.trust is not Trust.SIGNED:
        return ignored(Outcome.OBJECT_MISSING)
    if not same_id(activity.object_id, sender.uri) or ctx.ids.is_local(target_uri):
        return ignored(Outcome.NOT_THE_AUTHOR)
    if same_id(target_uri, sender.uri):
        return ignored(Outcome.MOVE_NOT_CONFIRMED)
    if await ctx.db.read(_is_blocked, target_uri):
        return ignored(Outcome.BLOCKED_HERE)
    target, aliases = await ctx.resolver.actor_with_aliases(target_uri, budget=ctx.budget)
    if not any(maybe_uri(alias) is not None and same_id(alias, sender.uri) for alias in aliases):
        return ignored(Outcome.MOVE_NOT_CONFIRMED)

    def repoint(tx: Tx) -> Outcome:
        if _is_blocked(tx, target.uri):
            return Outcome.BLOCKED_HERE
        before = actors.moved_at(tx, sender.id)
        if before is not None and tx.now - before < ONCE_IN:
            return Outcome.MOVED_LATELY
        for accepted in followers.move(tx, sender.id, target.id):
            followed = actors.by_id(tx, accepted.target_id)
            answer_follow(tx, ctx.ids, followed, accepted.actor, json.loads(accepted.follow_json), kind="Accept")
        actors.set_moved(tx, sender.id, target.uri)
        return Outcome.ACTOR_MOVED

    return repoint


def _is_blocked(tx: Tx, uri: str) -> bool:
    """A follow doesn't come back by another way (INB-29)."""
    return moderation.is_blocked(tx, actor_uri=uri, host=host_of(uri))
