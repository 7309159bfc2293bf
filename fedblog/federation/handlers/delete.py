"""Delete: of a reply by its author, or of an actor by itself (INB-19, INB-20, KEY-10)."""

from __future__ import annotations

from fedblog.activitypub.normalise import type_of
from fedblog.activitypub.urls import Uri, maybe_uri, same_id, same_origin
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.errors import FetchGone
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.handlers.refetch import refetch_deleted
from fedblog.federation.reasons import Outcome
from fedblog.storage import actors, placeholders, quotes, reactions, replies, tombstones
from fedblog.storage.database import Tx


async def delete(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """The reply goes, its children stay; the id is remembered, so that a late Create stays out."""
    uri = maybe_uri(activity.object_id)
    if uri is None:
        return ignored(Outcome.OBJECT_MISSING)
    if ctx.ids.is_local(uri):
        return ignored(Outcome.NOT_OURS)
    if same_id(uri, sender.uri):
        return await _delete_actor(ctx, sender)
    if ctx.trust is Trust.HEARSAY:
        return await refetch_deleted(ctx, uri)
    former_type = type_of(activity.object) if activity.object is not None else ""

    def remove(tx: Tx) -> Outcome:
        return _remove(tx, uri, former_type, sender)

    return remove


def _remove(tx: Tx, uri: str, former_type: str, sender: Actor) -> Outcome:
    reply = replies.by_uri(tx, uri)
    if reply is not None and not placeholders.is_placeholder(reply):
        if reply.actor_id != sender.id:
            return Outcome.NOT_THE_AUTHOR
        replies.remove(tx, reply.id)
        tombstones.add(tx, uri, reply.type, sender.uri, local=False)
        return Outcome.REPLY_REMOVED
    if not same_origin(uri, sender.uri):
        return Outcome.NOT_THE_AUTHOR
    if reactions.remove(tx, kind=None, actor_id=sender.id, activity_uri=uri):
        return Outcome.REACTION_REMOVED
    tombstones.add(tx, uri, former_type, sender.uri, local=False)
    return Outcome.QUOTE_REMOVED if quotes.remove(tx, uri, sender.id) else Outcome.TOMBSTONE_KEPT


async def _delete_actor(ctx: Context, sender: Actor) -> Effect:
    """Everything that this actor left here goes. What somebody else tells is asked for at the actor's own URL."""
    if ctx.trust is Trust.HEARSAY and not await _is_gone(ctx, sender):
        return ignored(Outcome.OBJECT_STILL_THERE)

    def remove(tx: Tx) -> Outcome:
        actors.mark_deleted(tx, sender.id)
        return Outcome.ACTOR_DELETED

    return remove


async def _is_gone(ctx: Context, sender: Actor) -> bool:
    try:
        await ctx.resolver.actor(Uri(sender.uri), budget=ctx.budget, refresh=True)
    except FetchGone as exc:
        return exc.http_status == 410
    return False
