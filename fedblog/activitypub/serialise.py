"""Our own actors, posts, answers, activities and collections as ActivityStreams dicts.

This module gathers the functions of `serialise_actor`, `serialise_object`, `serialise_activity` and
`serialise_collection`. None of them adds `@context`: call `with_context` last, once, on what is sent or served.

    with_context(document) -> dict

    actor_document(actor: Actor, *, ids, settings, keys: Sequence[tuple[key_id, algorithm, public_pem]]) -> dict
        Person, Group or Application by `actor.local`; algorithms are "rsa" and "ed25519"

    key_document(actor_document: dict) -> dict                           what anybody may know: who, and which keys

    article(post: Post, *, author: Actor, blog: Actor, ids, settings,
            mentions: Sequence[tuple[href, acct]] = (),                  acct with its leading @: "@name@host"
            pictures: Mapping[url, Media] = {}) -> dict                  those of its pictures that are ours
    note(reply: Reply, *, actor: Actor, ids, in_reply_to_actor: Actor | None,
         mentions: Sequence[tuple[href, acct]] = ()) -> dict             in_reply_to_actor gets a Mention and cc
    tombstone(uri, *, former_type: str, deleted_at: int) -> dict

    create(document, *, activity_id, published: int) -> dict             actor and audience are the object's
    update(document, *, activity_id, published: int) -> dict             an object or an actor document
    delete(uri, *, actor: Actor, activity_id, former_type, deleted_at, to: Sequence[str],
           cc: Sequence[str] = ()) -> dict                               with a Tombstone
    delete_actor(actor: Actor, *, activity_id) -> dict
    announce(document: dict | str, *, actor: Actor, activity_id, published: int, cc: Sequence[str] = ()) -> dict
    accept(follow: dict, *, actor: Actor, activity_id) -> dict           follow as received
    reject(follow: dict, *, actor: Actor, activity_id) -> dict
    follow(target_uri, *, actor: Actor, activity_id) -> dict
    like(object_uri, *, actor: Actor, activity_id, to: Sequence[str] = ()) -> dict
    undo(activity: dict, *, activity_id) -> dict                         of an activity of ours
    accept_quote(request: dict, *, actor, activity_id, authorization) -> dict; reject_quote(request: dict, ...)
    reject_reply(reply_uri, *, actor, activity_id, to) -> dict; quote_authorization(uri, *, actor, quoting, quoted)
    move(actor, target_uri, *, activity_id, published) -> dict
    flag(objects, *, actor, activity_id, content, to) -> dict
    pin("Add" | "Remove", object_uri, *, actor, activity_id, target) -> dict

    collection(uri, *, total: int, first: str | None = None, last: str | None = None, items=None,
               attributed_to: str = "", ordered: bool = True) -> dict
    collection_page(uri, *, part_of, items, next_uri=None, prev_uri=None, total=None, ordered: bool = True) -> dict
"""

from __future__ import annotations

from fedblog.activitypub.context import PUBLIC, with_context
from fedblog.activitypub.serialise_activity import (
    accept,
    accept_quote,
    announce,
    create,
    delete,
    delete_actor,
    flag,
    follow,
    like,
    move,
    pin,
    reject,
    reject_quote,
    reject_reply,
    undo,
    update,
)
from fedblog.activitypub.serialise_actor import actor_document, key_document
from fedblog.activitypub.serialise_collection import collection, collection_page
from fedblog.activitypub.serialise_object import article, note, quote_authorization, tombstone

__all__ = [
    "PUBLIC",
    "accept",
    "accept_quote",
    "actor_document",
    "announce",
    "article",
    "collection",
    "collection_page",
    "create",
    "delete",
    "delete_actor",
    "flag",
    "follow",
    "key_document",
    "like",
    "move",
    "note",
    "pin",
    "quote_authorization",
    "reject",
    "reject_quote",
    "reject_reply",
    "tombstone",
    "undo",
    "update",
    "with_context",
]
