"""The page of an author, or of the blog's own actor; the same URL answers ActivityStreams (DISC-13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fedblog.activitypub.urls import maybe_uri
from fedblog.activitypub.wire import wants_activity
from fedblog.blog.model import Actor
from fedblog.errors import Gone, NotFound
from fedblog.storage import actors, followers, listing
from fedblog.storage.database import Tx
from fedblog.text.excerpt import excerpt
from fedblog.web.activitypub import actor_answer
from fedblog.web.i18n import gettext
from fedblog.web.keys import SERVICES, SETTINGS
from fedblog.web.pages import alternate_link, page
from fedblog.web.public.items import PostList, make_items, pages_of, read_list


@dataclass(frozen=True, slots=True)
class _Field:
    """A profile field: a link where the value is a URL, else text."""

    name: str
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class _Found:
    actor: Actor
    total: int
    followers: int
    listed: PostList


async def author(request: web.Request) -> web.Response:
    """/@NAME"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    name = request.match_info["name"]
    if wants_activity(request.headers.get("Accept"), False):
        return await actor_answer(request, name)
    found = await services.db.read(_read, name, request.query.get("before", ""), settings.blog.posts_per_page)
    actor = found.actor
    if actor.username != name:
        raise web.HTTPMovedPermanently(services.ids.profile_page(actor.username))

    def context() -> dict[str, Any]:
        return {
            "actor": actor,
            "fields": [_field(key, value) for key, value in actor.fields],
            "description": excerpt(actor.summary_html, 200)
            or gettext("Posts by %(name)s on %(site)s") % {"name": actor.display_name, "site": settings.blog.title},
            "total": found.total,
            "followers": found.followers,
            "items": make_items(found.listed, services.ids),
            "covers": found.listed.covers,
            "with_author": actor.local == "blog",
            "canonical": services.ids.profile_page(actor.username),
            "feed": f"/@{actor.username}/feed",
            **pages_of(request, found.listed),
        }

    version = (actor, found.total, found.followers, found.listed.version)
    return await page(request, "public/author.html", version, context, (alternate_link(actor.uri),))


def find_actor(tx: Tx, name: str) -> Actor:
    """An author or the blog by name, without case. Raises `NotFound`, or `Gone` for a deleted one."""
    actor = actors.by_local_name(tx, name)
    if actor is None:
        raise NotFound("nobody here has that name")
    if actor.deleted_at is not None:
        raise Gone("this account was deleted")
    return actor


def _read(tx: Tx, name: str, before: str, limit: int) -> _Found:
    actor = find_actor(tx, name)
    author_id = actor.id if actor.local == "author" else None
    return _Found(
        actor=actor,
        total=listing.count_public(tx, author_id),
        followers=followers.count(tx, actor.id),
        listed=read_list(tx, author_id=author_id, before=before, limit=limit, pinned=True),
    )


def _field(name: str, value: str) -> _Field:
    url = maybe_uri(value) or ""
    return _Field(name, value.partition("://")[2].removesuffix("/") if url else value, url)
