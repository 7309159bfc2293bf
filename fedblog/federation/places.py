"""Where an URI points in our house: a post, one of our answers, or a remote reply that we keep in a thread."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.activitypub.ids import LocalIds, LocalTarget
from fedblog.blog.heads import Spot
from fedblog.blog.model import Actor, Post, PostId, PostStatus, Reply, ReplyId, ReplyState
from fedblog.storage import actors, heads, posts, replies
from fedblog.storage.database import Tx

_ACTOR_KINDS = ("actor", "profile_page", "instance")


@dataclass(frozen=True, slots=True)
class Place:
    """A spot in a thread: the post, and the reply under it when it is not the post itself."""

    post: Post
    reply: Reply | None

    @property
    def post_id(self) -> PostId | None:
        """For storage functions that want one of both: the post when it is the post itself."""
        return self.post.id if self.reply is None else None

    @property
    def reply_id(self) -> ReplyId | None:
        """The reply, or None for the post itself."""
        return None if self.reply is None else self.reply.id

    @property
    def uri(self) -> str:
        """The id of the post or reply."""
        return self.post.uri if self.reply is None else self.reply.uri


def find_ours(tx: Tx, ids: LocalIds, uri: str) -> Place | None:
    """The published post or the answer of ours that `uri` names, by id or page, with query or fragment (INB-14)."""
    target = ids.parse(uri)
    if target is None:
        return None
    if target.kind == "note" and target.id is not None:
        return _place_of_reply(tx, replies.by_id(tx, ReplyId(target.id)))
    post = _post_of(tx, ids, target)
    return Place(post, None) if post is not None else None


def find_parent(tx: Tx, ids: LocalIds, uri: str) -> Place | None:
    """Like `find_ours`, and remote replies that stand in a thread of ours."""
    if ids.is_local(uri):
        return find_ours(tx, ids, uri)
    return _place_of_reply(tx, replies.by_uri(tx, uri))


def our_spot(tx: Tx, ids: LocalIds, uri: str) -> Spot | None:
    """`find_ours` for units that write: only what it takes to put something there."""
    target = ids.parse(uri)
    if target is None:
        return None
    if target.kind == "note" and target.id is not None:
        return heads.reply_spot(tx, reply_id=ReplyId(target.id))
    if target.kind == "post" and target.id is not None:
        spot = heads.post_spot(tx, PostId(target.id))
        # a withdrawn id never returns
        return spot if spot is not None and spot.uri == ids.post(spot.post.id, target.publication) else None
    post = _post_of(tx, ids, target)
    return None if post is None else heads.post_spot(tx, post.id)


def spot_of(tx: Tx, ids: LocalIds, uri: str) -> Spot | None:
    """`find_parent` for units that write."""
    return our_spot(tx, ids, uri) if ids.is_local(uri) else heads.reply_spot(tx, uri=uri)


def find_actor(tx: Tx, ids: LocalIds, uri: str) -> Actor | None:
    """The local actor (author, blog or instance) that `uri` names, by id or profile page."""
    target = ids.parse(uri)
    if target is None or target.kind not in _ACTOR_KINDS:
        return None
    actor = actors.instance(tx) if target.kind == "instance" else actors.by_local_name(tx, target.name)
    return actor if actor is not None and actor.deleted_at is None else None


def names_actor(ids: LocalIds, uri: str) -> bool:
    """Whether `uri` has the form of a local actor's id or page; nothing is looked up."""
    target = ids.parse(uri)
    return target is not None and target.kind in _ACTOR_KINDS


def _post_of(tx: Tx, ids: LocalIds, target: LocalTarget) -> Post | None:
    post: Post | None = None
    if target.kind == "post" and target.id is not None:
        post = posts.by_id(tx, PostId(target.id))
        if post is not None and post.uri != ids.post(post.id, target.publication):
            return None  # a withdrawn id never returns
    elif target.kind == "post_page":
        author = actors.by_local_name(tx, target.name)
        if author is not None:
            post = _post_by_slug(tx, author, target.slug)
    # What is not federated has no id, and nothing answers it.
    return post if post is not None and post.uri and post.status is PostStatus.PUBLISHED else None


def _post_by_slug(tx: Tx, author: Actor, slug: str) -> Post | None:
    found = posts.by_slug(tx, author.id, slug)
    if found is None and (renamed := posts.redirect_slug(tx, author.id, slug)):
        found = posts.by_slug(tx, author.id, renamed)
    return found


def _place_of_reply(tx: Tx, reply: Reply | None) -> Place | None:
    if reply is None or reply.post_id is None or (reply.local and reply.state is ReplyState.REMOVED):
        return None
    post = posts.by_id(tx, reply.post_id)
    if post is None or post.status is not PostStatus.PUBLISHED:
        return None
    return Place(post, reply)
