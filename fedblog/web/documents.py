"""Posts and answers as documents, with the rows that belong to them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.values import one_or_many
from fedblog.activitypub.vocab import Json
from fedblog.activitypub.wire import parse_object
from fedblog.blog.model import Actor, Post, PostStatus, Reply
from fedblog.config import Settings
from fedblog.media.library import pictures_of
from fedblog.storage import actors, outgoing, posts, replies
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
    pictures = pictures_of(tx, settings.base_url, post.content_html, post.image_url)
    return partial(
        serialise.article,
        post,
        author=author,
        blog=blog,
        ids=ids,
        settings=settings,
        mentions=mentions,
        pictures=pictures,
    )


def note_of(tx: Tx, reply: Reply, *, ids: LocalIds) -> Json:
    """An answer of ours as a Note."""
    actor, mentions = actors.by_id(tx, reply.actor_id), _mentions(tx, reply)
    return serialise.note(reply, actor=actor, ids=ids, in_reply_to_actor=_answered(tx, reply), mentions=mentions)


def _mentions(tx: Tx, reply: Reply) -> list[tuple[str, str]]:
    """Whom it names, as it was sent: who they are was looked up then."""
    told = outgoing.last_told(tx, reply.uri)
    sent = parse_object(told.body).get("object") if told is not None else None
    if not isinstance(sent, dict):
        return []
    tags = [tag for tag in one_or_many(sent.get("tag")) if isinstance(tag, dict) and tag.get("type") == "Mention"]
    return [(str(tag.get("href")), str(tag.get("name"))) for tag in tags]


def _answered(tx: Tx, reply: Reply) -> Actor | None:
    """Who wrote what it answers."""
    if reply.parent_id is not None:
        parent = replies.by_id(tx, reply.parent_id)
        return actors.by_id(tx, parent.actor_id) if parent is not None else None
    post = posts.by_id(tx, reply.post_id) if reply.post_id is not None else None
    return actors.by_id(tx, post.author_id) if post is not None else None
