"""Inbox forwarding (ActivityPub §7.1.2): a public reply under a post of ours goes on to the post author's followers.

The bytes go on as they came, and only where something inside vouches for them: an FEP-8b32 proof or an LD signature.
The others could not believe it else. What has neither is found through our `replies` and `context` (DLV-04).
"""

from __future__ import annotations

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.activitypub.values import one_or_many
from fedblog.activitypub.vocab import Activity
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, ActorId, Reply, ReplyState
from fedblog.federation.context import Context, Effect, Trust
from fedblog.federation.reasons import Outcome
from fedblog.signatures.proofs import proof_key_id
from fedblog.storage import actors, outgoing, posts, replies
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience

MAX_BYTES = 100_000  # what we multiply for others stays small
_CHANGES = {"Update": Outcome.REPLY_EDITED, "Delete": Outcome.REPLY_REMOVED}


def with_forwarding(effect: Effect, ctx: Context, activity: Activity, sender: Actor, body: bytes) -> Effect:
    """The effect of an activity, and its bytes on their way to our followers where that is due.

    Loops end: only what was new here goes on, and what we pass on comes from the post's own server alone.
    """
    if ctx.trust is not Trust.SIGNED or activity.id is None or len(body) > MAX_BYTES or not is_sealed(activity):
        return effect
    if names_hidden(activity):
        return effect
    uri = maybe_uri(activity.object_id)
    if uri is None or ctx.ids.is_local(uri):
        return effect

    def act(tx: Tx) -> Outcome:
        before = replies.by_uri(tx, uri)
        outcome = effect(tx)
        if activity.type == "Create" and before is None and outcome is Outcome.REPLY_PUBLISHED:
            _forward_new(tx, ctx.ids, activity, sender, body, uri)
        elif _CHANGES.get(activity.type) is outcome:
            _forward_change(tx, activity, sender, body, uri)
        return outcome

    return act


def names_hidden(activity: Activity) -> bool:
    """Whether its sender left `bto` or `bcc` in it: nobody else is to read them, and they can't be taken out of what is
    sealed (VIS-06)."""
    return any(document.get(key) for document in (activity.raw, activity.object or {}) for key in ("bto", "bcc"))


def is_sealed(activity: Activity) -> bool:
    """Whether it carries something that others can check without us."""
    signature = activity.raw.get("signature")
    return proof_key_id(activity.raw) is not None or (
        isinstance(signature, dict) and isinstance(signature.get("signatureValue"), str)
    )


def _forward_new(tx: Tx, ids: LocalIds, activity: Activity, sender: Actor, body: bytes, uri: str) -> None:
    reply = replies.by_uri(tx, uri)
    if reply is None or reply.post_id is None or not _is_shown(reply):
        return
    post = posts.by_id(tx, reply.post_id)
    if post is None:
        return
    author, blog = actors.by_id(tx, post.author_id), actors.blog(tx)
    named = _named(activity)
    to_blog = blog.followers_uri in named
    if reply.parent_id is not None and author.followers_uri not in named and not to_blog:
        return
    _queue(tx, activity, sender, body, uri, author.id, (author.id, blog.id) if to_blog else (author.id,))


def _forward_change(tx: Tx, activity: Activity, sender: Actor, body: bytes, uri: str) -> None:
    """An Update or Delete goes where its reply went (DLV-05); an Update only while everybody may read it."""
    carried = outgoing.forwarded(tx, uri)
    if carried is None:
        return
    reply = replies.by_uri(tx, uri)
    if activity.type == "Update" and (reply is None or not _is_shown(reply)):
        return
    actor_id, followers_of = carried
    _queue(tx, activity, sender, body, uri, actor_id, followers_of)


def _is_shown(reply: Reply) -> bool:
    return reply.state is ReplyState.PUBLISHED and reply.visibility.is_public


def _named(activity: Activity) -> set[str]:
    """Everybody that `to`, `cc` and `audience` name, of the activity and of its object."""
    found = {*activity.to, *activity.cc}
    for document in (activity.raw, activity.object or {}):
        for key in ("to", "cc", "audience"):
            found.update(item for item in one_or_many(document.get(key)) if isinstance(item, str))
    return found


def _queue(
    tx: Tx,
    activity: Activity,
    sender: Actor,
    body: bytes,
    object_uri: str,
    actor_id: ActorId,
    followers_of: tuple[int, ...],
) -> None:
    """For the post author's key to sign the envelope. Not public: our outbox holds only what is ours."""
    uri = activity.id
    if uri is None:
        return
    if (known := outgoing.by_uri(tx, uri)) is not None and known.object_uri != object_uri:
        uri = f"{uri} {sender.uri}"  # a neighbour of the sender came first with this id: theirs is another activity
        known = outgoing.by_uri(tx, uri)
    if known is not None:
        return
    outgoing.add(
        tx,
        activity_id=ActivityId(tx.new_id()),
        uri=uri,
        actor_id=actor_id,
        type=activity.type,
        object_uri=object_uri,
        body=body,
        audience=Audience(followers_of=followers_of, not_hosts=(host_of(sender.uri),)),
        public=False,
    )
