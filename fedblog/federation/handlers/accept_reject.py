"""Accept and Reject: they count for something that we asked for (INB-32).

No actor of ours follows anybody, so there is no Follow to be answered. What others decide about are our answers: the
author of the parent may approve one (GoToSocial's interaction policy, FEP-5624) or refuse it.
"""

from __future__ import annotations

from fedblog.activitypub.urls import maybe_uri, same_origin
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor, Reply
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.places import find_ours
from fedblog.federation.reasons import Outcome
from fedblog.storage import deliveries, jobs, replies
from fedblog.storage.database import Tx

APPROVED, REJECTED = "approved", "rejected"


async def answered(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Of an answer of ours, by the one whom it answers. An Accept brings the URL of its approval as `result`."""
    uri = activity.object_id
    if uri is None or ctx.trust is not Trust.SIGNED or not ctx.ids.is_local(uri):
        return ignored(Outcome.NOTHING_PENDING)
    result = maybe_uri(activity.result)
    if result is not None and not same_origin(result, sender.uri):
        result = None
    accepted = activity.type == "Accept"

    def settle(tx: Tx) -> Outcome:
        place = find_ours(tx, ctx.ids, uri)
        reply = place.reply if place is not None else None
        if reply is None or not _is_answered(tx, reply, sender) or (accepted and result is None):
            return Outcome.NOTHING_PENDING
        if accepted:
            return _approve(tx, reply, str(result))
        return _reject(tx, reply)

    return settle


def _is_answered(tx: Tx, reply: Reply, sender: Actor) -> bool:
    """Whether the sender wrote what our answer answers. Only they decide about it."""
    parent = replies.by_id(tx, reply.parent_id) if reply.parent_id is not None else None
    return parent is not None and parent.actor_id == sender.id


def _approve(tx: Tx, reply: Reply, approval: str) -> Outcome:
    """Kept, and told to everybody who has the answer: they may check it with the approval's own server."""
    if (reply.approval, reply.approved_by) != (APPROVED, approval):
        replies.set_approval(tx, reply.id, APPROVED, approval)
        jobs.add(tx, "tell_approved", str(reply.id), {"reply": reply.id}, tx.now)
    return Outcome.OWN_REPLY_APPROVED


def _reject(tx: Tx, reply: Reply) -> Outcome:
    """Nothing more of it is sent; the studio shows it."""
    replies.set_approval(tx, reply.id, REJECTED, "")
    deliveries.drop_waiting(tx, reply.uri)
    return Outcome.OWN_REPLY_REJECTED
