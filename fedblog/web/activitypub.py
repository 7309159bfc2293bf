"""Our actors, posts, answers and activities as ActivityStreams, at their ids and, by `Accept`, at their pages.

What is not public looks exactly like what never was (ART-23); what was public and is deleted answers 410 with its
Tombstone (ART-22).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from fedblog.activitypub import serialise, wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.vocab import Json
from fedblog.blog.model import Actor, Post, PostId, Reply, ReplyId, ReplyState
from fedblog.config import Settings
from fedblog.errors import NotFound, Refused
from fedblog.storage import actors, keys, outgoing, posts, replies, tombstones
from fedblog.storage.database import Tx
from fedblog.web.askers import admit, for_askers, sealed
from fedblog.web.conditional import PUBLIC, PUBLIC_ACTOR, conditional
from fedblog.web.documents import article_of, is_public, note_of
from fedblog.web.headers import allow_other_origins
from fedblog.web.keys import SERVICES, SETTINGS

Finder = Callable[[Tx], Actor | None]


def add_routes(router: web.UrlDispatcher) -> None:
    """/ap/… but for inboxes and collections."""
    router.add_get("/ap/actors/{name}", actor_by_id)
    router.add_get("/ap/instance", instance)
    router.add_get("/ap/posts/{post}", for_askers(post_by_id))
    router.add_get("/ap/notes/{note}", for_askers(note_by_id))
    router.add_get("/ap/activities/{activity}", for_askers(activity_by_id))


def answer(request: web.Request, document: Json, *, status: int = 200, cache_control: str = PUBLIC) -> web.Response:
    """A document with `@context` as `application/activity+json` (NEG-02), readable for other sites' scripts."""
    body = wire.dump(serialise.with_context(document))
    response = conditional(request, body, wire.ACTIVITY_JSON, cache_control=cache_control)
    if status != 200:
        response.set_status(status)
    allow_other_origins(response)
    return response


def gone(request: web.Request, document: Json) -> web.Response:
    """A Tombstone with 410."""
    return answer(request, document, status=410, cache_control="public, max-age=3600")


async def actor_by_id(request: web.Request) -> web.Response:
    """/ap/actors/NAME"""
    return await actor_answer(request, request.match_info["name"])


async def actor_answer(request: web.Request, name: str) -> web.Response:
    """An author or the blog as ActivityStreams; to whom authorized fetch keeps out, its keys (NEG-07)."""
    services = request.app[SERVICES]
    find: Finder = partial(actors.by_local_name, name=name)
    found = await services.db.read(_read_actor, services.ids, request.app[SETTINGS], find)
    if found.is_gone:
        return gone(request, found.document)
    try:
        await admit(request)
    except Refused as refused:
        if refused.status in (403, 429):
            raise
        return sealed(request, answer(request, serialise.key_document(found.document)))
    return sealed(request, answer(request, found.document, cache_control=PUBLIC_ACTOR))


async def instance(request: web.Request) -> web.Response:
    """/ap/instance: served without a signature always, or two careful servers could never begin (ACT-10)."""
    services = request.app[SERVICES]
    found = await services.db.read(_read_actor, services.ids, request.app[SETTINGS], actors.instance)
    return answer(request, found.document, cache_control=PUBLIC_ACTOR)


@dataclass(frozen=True, slots=True)
class Found:
    """A document, or the Tombstone in its place."""

    document: Json
    is_gone: bool = False


def _read_actor(tx: Tx, ids: LocalIds, settings: Settings, find: Finder) -> Found:
    actor = find(tx)
    if actor is None:
        raise NotFound("no such actor")
    if actor.deleted_at is not None:
        return Found(serialise.tombstone(actor.uri, former_type=actor.type, deleted_at=actor.deleted_at), is_gone=True)
    public_keys = keys.public_keys(tx, actor.id)
    return Found(serialise.actor_document(actor, ids=ids, settings=settings, keys=public_keys))


async def post_by_id(request: web.Request) -> web.Response:
    """/ap/posts/ID or /ap/posts/ID-N"""
    ids = request.app[SERVICES].ids
    uri = f"{ids.base_url}{request.path}"
    return await _post(request, lambda tx: _post_at(tx, ids, uri), uri)


async def post_answer(request: web.Request, name: str, slug: str) -> web.Response:
    """A post by its page's address; the document's id is another URL (DISC-13)."""
    await admit(request)
    return sealed(request, await _post(request, lambda tx: _post_named(tx, name, slug), ""))


async def _post(request: web.Request, find: Callable[[Tx], Post | None], uri: str) -> web.Response:
    services, settings = request.app[SERVICES], request.app[SETTINGS]

    def read(tx: Tx) -> Callable[[], Json] | Found:
        post = find(tx)
        if post is None or not post.uri or not is_public(post):
            return _tombstone_at(tx, uri)
        return article_of(tx, post, ids=services.ids, settings=settings)

    found = await services.db.read(read)
    if isinstance(found, Found):
        return gone(request, found.document)
    return answer(request, await asyncio.to_thread(found))


def _post_at(tx: Tx, ids: LocalIds, uri: str) -> Post | None:
    """The post whose id is this very URL: a withdrawn publication's is not (ART-01)."""
    target = ids.parse(uri)
    if target is None or target.kind != "post" or target.id is None:
        return None
    post = posts.by_id(tx, PostId(target.id))
    return post if post is not None and post.uri == ids.post(target.id, target.publication) else None


def _post_named(tx: Tx, name: str, slug: str) -> Post | None:
    author = actors.by_local_name(tx, name)
    if author is None:
        return None
    return posts.by_slug(tx, author.id, posts.redirect_slug(tx, author.id, slug) or slug)


async def note_by_id(request: web.Request) -> web.Response:
    """/ap/notes/ID"""
    services = request.app[SERVICES]
    uri = f"{services.ids.base_url}{request.path}"

    def read(tx: Tx) -> Found:
        reply = note_at(tx, services.ids, uri)
        if reply is None:
            return _tombstone_at(tx, uri)
        return Found(note_of(tx, reply, ids=services.ids))

    found = await services.db.read(read)
    return gone(request, found.document) if found.is_gone else answer(request, found.document)


def note_at(tx: Tx, ids: LocalIds, uri: str) -> Reply | None:
    """The public answer of ours with this id."""
    target = ids.parse(uri)
    if target is None or target.kind != "note" or target.id is None:
        return None
    reply = replies.by_id(tx, ReplyId(target.id))
    if reply is None or not reply.local or reply.uri != uri:
        return None
    return reply if reply.state is ReplyState.PUBLISHED and reply.visibility.is_public else None


def _tombstone_at(tx: Tx, uri: str) -> Found:
    stone = tombstones.get(tx, uri) if uri else None
    if stone is None or not stone.local:
        raise NotFound("no such object")
    return Found(serialise.tombstone(uri, former_type=stone.former_type, deleted_at=stone.deleted_at), is_gone=True)


async def activity_by_id(request: web.Request) -> web.Response:
    """/ap/activities/ID: public ones, as sent; without what was deleted since."""
    services = request.app[SERVICES]
    uri = f"{services.ids.base_url}{request.path}"
    body = await services.db.read(_public_activity, uri)
    response = conditional(request, body, wire.ACTIVITY_JSON)
    allow_other_origins(response)
    return response


def _public_activity(tx: Tx, uri: str) -> bytes:
    """The bytes of a public activity. One whose object is gone or not public any more is not found (ART-23); a Create
    holds its object as it was told last, and an Update that another one followed is not found: what was edited away
    is not to be had here."""
    activity = outgoing.by_uri(tx, uri)
    if activity is None or not activity.public:
        raise NotFound("no such activity")
    if activity.type in ("Create", "Announce", "Update") and not _still_public(tx, activity.object_uri):
        raise NotFound("no such activity")
    newest = outgoing.last_told(tx, activity.object_uri) if activity.type in ("Create", "Update") else None
    if newest is None or newest.id == activity.id:
        return activity.body
    if activity.type == "Update":
        raise NotFound("no such activity")
    told = {**wire.parse_object(activity.body), "object": wire.parse_object(newest.body).get("object")}
    told.pop("proof", None)  # it was made over the old words
    return wire.dump(told)


def _still_public(tx: Tx, object_uri: str) -> bool:
    if tombstones.get(tx, object_uri) is not None:
        return False
    post = posts.by_uri(tx, object_uri)
    return post is None or is_public(post)
