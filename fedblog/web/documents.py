"""Posts and answers as documents, with the rows that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.vocab import Json
from fedblog.blog.model import Actor, Post, PostStatus, Reply
from fedblog.config import Settings
from fedblog.storage import actors, posts, replies
from fedblog.storage.database import Tx


def is_public(post: Post) -> bool:
    """Whether everybody may read it; everything else looks like what never was (ART-23)."""
    return post.status is PostStatus.PUBLISHED and post.visibility.is_public


def article_of(tx: Tx, post: Post, *, ids: LocalIds, settings: Settings) -> Callable[[], Json]:
    """Reads what a post's Article needs and returns the making of it, which is CPU work for outside the transaction."""
    author = actors.by_id(tx, post.author_id)
    mentioned = [actor for uri in post.mentions if (actor := actors.by_uri(tx, uri)) is not None]
    mentions = [(actor.uri, actor.handle) for actor in mentioned]
    blog = actors.blog(tx)
    return partial(serialise.article, post, author=author, blog=blog, ids=ids, settings=settings, mentions=mentions)


def note_of(tx: Tx, reply: Reply, *, ids: LocalIds) -> Json:
    """An answer of ours as a Note."""
    actor = actors.by_id(tx, reply.actor_id)
    return serialise.note(reply, actor=actor, ids=ids, in_reply_to_actor=_answered(tx, reply))


def _answered(tx: Tx, reply: Reply) -> Actor | None:
    """Who wrote what it answers."""
    if reply.parent_id is not None:
        parent = replies.by_id(tx, reply.parent_id)
        return actors.by_id(tx, parent.actor_id) if parent is not None else None
    post = posts.by_id(tx, reply.post_id) if reply.post_id is not None else None
    return actors.by_id(tx, post.author_id) if post is not None else None
