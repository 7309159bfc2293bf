"""Follow of an author or of the blog: kept, and answered in the same unit of work (INB-21)."""

from __future__ import annotations

import json

from fedblog.activitypub import serialise, wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import host_of
from fedblog.activitypub.vocab import Activity, Json
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.places import find_actor
from fedblog.federation.reasons import Outcome
from fedblog.storage import followers, moderation, outgoing
from fedblog.storage import inbox as inbox_store
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience


async def follow(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Follow of one of ours; the Accept (or Reject) goes to the personal inbox with the Follow inside."""
    if activity.object_id is None or ctx.trust is not Trust.SIGNED:
        return ignored(Outcome.OBJECT_MISSING)
    target_uri = activity.object_id

    def keep(tx: Tx) -> Outcome:
        target = find_actor(tx, ctx.ids, target_uri)
        if target is None:
            return Outcome.NOT_OURS
        if inbox_store.was_undone(tx, sender.uri, "Follow", target.uri, activity.id or ""):
            return Outcome.UNDONE_BEFORE
        if moderation.is_blocked(tx, actor_uri=sender.uri, host=host_of(sender.uri)):
            return Outcome.BLOCKED_HERE
        if target.local == "instance":
            answer_follow(tx, ctx.ids, target, sender, activity.raw, kind="Reject")
            return Outcome.FOLLOW_REJECTED
        asks = target.manually_approves or ctx.settings.federation.manually_approve_followers
        before = followers.get(tx, sender.id, target.id)
        accepted = not asks or (before is not None and before.state == "accepted")
        followers.add(
            tx,
            actor_id=sender.id,
            target_id=target.id,
            state="accepted" if accepted else "pending",
            follow_uri=activity.id or "",
            follow_json=json.dumps(activity.raw, ensure_ascii=False),
        )
        if not accepted:
            return Outcome.FOLLOW_PENDING
        answer_follow(tx, ctx.ids, target, sender, activity.raw, kind="Accept")
        return Outcome.FOLLOW_ACCEPTED

    return keep


def answer_follow(tx: Tx, ids: LocalIds, target: Actor, follower: Actor, received: Json, *, kind: str) -> None:
    """Queue an Accept or Reject of a received Follow for the follower's personal inbox (DLV-02)."""
    activity_id = ActivityId(tx.new_id())
    uri = ids.activity(activity_id)
    make = serialise.accept if kind == "Accept" else serialise.reject
    document = serialise.with_context(make(received, actor=target, activity_id=uri))
    outgoing.add(
        tx,
        activity_id=activity_id,
        uri=uri,
        actor_id=target.id,
        type=kind,
        object_uri=str(received.get("id") or follower.uri),
        body=wire.dump(document),
        audience=Audience(personal=(follower.id,)),
        public=False,
    )
