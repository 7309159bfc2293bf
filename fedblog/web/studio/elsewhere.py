"""How others will see what stands in the editor: the document that would be sent, put through the simulators."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from aiohttp import web

from fedblog.activitypub import serialise
from fedblog.activitypub.looks import Look, PageFacts, looks_of
from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, Post, PostId, PostStatus, PostText
from fedblog.federation.services import Services
from fedblog.media.figures import only_ours
from fedblog.media.library import pictures_of
from fedblog.storage import actors
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.public.items import lede
from fedblog.web.studio.access import Who


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """All views of a text, and who is seen as its author."""

    looks: list[Look]
    author: Actor

    def at(self, place: str) -> Look | None:
        """One view; None for a place that there is not (or where the post doesn't go)."""
        return next((look for look in self.looks if look.place == place), None)


async def see_elsewhere(request: web.Request, who: Who, text: PostText, post: Post | None, only: str = "") -> Elsewhere:
    """What other servers, readers and cards would show (or `only` one); CPU work is done beside the event loop."""
    services = request.app[SERVICES]
    facts = await services.db.read(_facts, services, who.actor, text, post)
    return Elsewhere(await asyncio.to_thread(_look, services, *facts, only), facts[0])


def _facts(
    tx: Tx, services: Services, writer: Actor, text: PostText, post: Post | None
) -> tuple[Actor, Actor, Post, list[Actor], dict[str, Media]]:
    author = actors.by_id(tx, post.author_id) if post is not None else writer
    people = [found for uri in text.mentions if (found := actors.by_uri(tx, uri)) is not None]
    pictures = pictures_of(tx, services.settings.base_url, text.content_html, text.image_url)
    return author, actors.blog(tx), _as_post(services, author, text, post), people, dict(pictures)


def _as_post(services: Services, author: Actor, text: PostText, post: Post | None) -> Post:
    """The text as if it were published now."""
    now = int(services.clock())
    post_id = post.id if post is not None else PostId(0)
    return Post(
        id=post_id,
        uri=(post.uri if post is not None else "") or services.ids.post(post_id),
        author_id=author.id,
        slug=text.slug,
        title=text.title,
        source=text.source,
        source_type=text.source_type,
        content_html=text.content_html,
        summary=text.summary,
        content_warning=text.content_warning,
        language=text.language,
        image_url=text.image_url,
        image_alt=text.image_alt,
        pictures=text.pictures,
        tags=text.tags,
        mentions=text.mentions,
        word_count=text.word_count,
        status=PostStatus.PUBLISHED,
        visibility=text.visibility,
        comments_open=text.comments_open,
        created_at=post.created_at if post is not None else now,
        published_at=(post.published_at if post is not None else None) or now,
        edited_at=None,
        deleted_at=None,
        version=1,
        thread_version=1,
        reply_count=0,
        like_count=0,
        announce_count=0,
        reply_policy=text.reply_policy,
        quote_policy=text.quote_policy,
        federated=text.federated,
    )


def _look(
    services: Services,
    author: Actor,
    blog: Actor,
    post: Post,
    people: list[Actor],
    pictures: dict[str, Media],
    only: str,
) -> list[Look]:
    settings = services.settings
    article = serialise.article(
        post,
        author=author,
        blog=blog,
        ids=services.ids,
        settings=settings,
        mentions=[(person.uri, person.handle) for person in people],
        pictures=pictures,
    )
    page = PageFacts(
        title=post.title,
        site=settings.blog.title,
        description=lede(post),
        url=services.ids.post_page(author.username, post.slug),
        image=post.image_url,
        image_alt=post.image_alt,
        creator=author.handle,
        html=post.content_html,
    )
    found = looks_of(article, page, federated=post.federated, only=only)
    return [replace(look, html=only_ours(look.html, settings.base_url)) for look in found]
