"""Who may reply to a post, asked when a reply arrives and again when an orphan finds its place (ART-17, ART-18)."""

from __future__ import annotations

from fedblog.activitypub import serialise, wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import same_id
from fedblog.blog.heads import PostHead
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, ActorId, ReplyId, ReplyPolicy, ReplyState
from fedblog.blog.policy import may_reply
from fedblog.storage import actors, branches, followers, outgoing, replies, sources
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience

COMMENTS_CLOSED, NOT_PERMITTED = "comments_closed", "not_permitted"
# What is kept for the author's eyes, and never shown by itself.
REFUSALS = frozenset({COMMENTS_CLOSED, NOT_PERMITTED})


def refusal(tx: Tx, post: PostHead, author: Actor) -> str:
    """Why `author` may not reply to a post in public: a reason code, "" where they may."""
    if author.local:
        return ""
    if not post.comments_open:
        return COMMENTS_CLOSED
    permitted = may_reply(
        post.reply_policy,
        is_follower=post.reply_policy is ReplyPolicy.FOLLOWERS and is_follower(tx, author.id, post.author_id),
        is_mentioned=post.reply_policy is ReplyPolicy.MENTIONED
        and any(same_id(uri, author.uri) for uri in post.mentions),
    )
    return "" if permitted else NOT_PERMITTED


def is_follower(tx: Tx, actor_id: ActorId, author_id: ActorId) -> bool:
    """Whether somebody's follow of an author of ours is accepted."""
    found = followers.get(tx, actor_id, author_id)
    return found is not None and found.state == "accepted"


def recheck_below(tx: Tx, ids: LocalIds, post: PostHead, top: ReplyId) -> None:
    """Orphans that found their place below `top` were judged before anybody knew under which post they belong."""
    for reply in branches.below(tx, top):
        author = actors.by_id(tx, reply.actor_id)
        reason = refusal(tx, post, author) if reply.visibility.is_public else ""
        if reason and reply.state in (ReplyState.PUBLISHED, ReplyState.HELD):
            replies.set_state(tx, reply.id, ReplyState.HIDDEN, reason)
            tell_refused(tx, ids, post, author, reply.id, reply.uri)


def tell_refused(tx: Tx, ids: LocalIds, post: PostHead, author: Actor, reply_id: ReplyId, uri: str) -> None:
    """A Reject for servers that understand it: those whose notes say themselves who may reply (ART-18)."""
    if b'"canReply"' not in (sources.original(tx, reply_id) or b""):
        return
    activity_id = ActivityId(tx.new_id())
    activity_uri = ids.activity(activity_id)
    speaker = actors.by_id(tx, post.author_id)
    document = serialise.reject_reply(uri, actor=speaker, activity_id=activity_uri, to=author.uri)
    outgoing.add(
        tx,
        activity_id=activity_id,
        uri=activity_uri,
        actor_id=speaker.id,
        type="Reject",
        object_uri=uri,
        body=wire.dump(serialise.with_context(document)),
        audience=Audience(personal=(author.id,)),
        public=False,
    )
