"""/card/ID/KEY.png: the picture of a post's link card, where the post has no cover. Its key says what is on it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from aiohttp import web

from fedblog.blog.model import Actor, Post, PostId
from fedblog.config import Settings
from fedblog.errors import NotFound
from fedblog.media.cards import CardFacts
from fedblog.storage import actors, posts
from fedblog.storage.database import Tx
from fedblog.web.documents import is_public
from fedblog.web.i18n import direction
from fedblog.web.keys import ADDRESS, CARDS, LIMITS, RENDERER, SERVICES
from fedblog.web.looks.look import Look, shades
from fedblog.web.looks.themes import THEMES
from fedblog.web.media import FOREVER, send_picture

PER_MINUTE = 1200
MOST_TITLE = 200
_SERIF = frozenset({"charter", "bookish", "slab"})


def facts_of(post: Post, author: Actor, look: Look, settings: Settings) -> CardFacts:
    """What is on a post's card, in the colours of the blog."""
    return CardFacts(
        title=(post.title or settings.blog.title)[:MOST_TITLE],
        author=author.display_name[:MOST_TITLE],
        site=(settings.blog.title if post.title else settings.domain)[:MOST_TITLE],
        **_dress(look),
        rtl=direction(post.language) == "rtl",
    )


@lru_cache(8)
def _dress(look: Look) -> dict[str, Any]:
    """Colours and kind of letters; contrasts take a moment to reckon."""
    theme = THEMES[look.theme]
    palette = theme.dark if look.scheme == "dark" else theme.light
    return {
        "paper": palette.paper,
        "ink": palette.ink,
        "soft": palette.ink_soft,
        "accent": shades(look.accent or palette.accent, palette).accent,
        "serif": (look.heading_font or theme.heading) in _SERIF,
    }


def card_url(post: Post, author: Actor, look: Look, settings: Settings) -> str:
    """Where that picture is."""
    return f"{settings.base_url}/card/{post.id}/{facts_of(post, author, look, settings).key}.png"


async def card(request: web.Request) -> web.StreamResponse:
    """The picture; an address of how it was before leads to how it is."""
    request.app[LIMITS].take("card", request[ADDRESS], PER_MINUTE)
    services, renderer = request.app[SERVICES], request.app[RENDERER]
    number = int(request.match_info["id"])
    if number >= 2**63:
        raise NotFound("no such picture")
    await renderer.refresh(services.db)
    post, author = await services.db.read(_find, PostId(number))
    facts = facts_of(post, author, renderer.look.look, services.settings)
    if facts.key != request.match_info["key"]:
        where = card_url(post, author, renderer.look.look, services.settings)
        return web.Response(status=302, headers={"Location": where, "Cache-Control": "no-cache"})
    return await send_picture(await request.app[CARDS].get(facts), "image/png", FOREVER)


def _find(tx: Tx, post_id: PostId) -> tuple[Post, Actor]:
    post = posts.by_id(tx, post_id)
    if post is None or not is_public(post):
        raise NotFound("no such picture")
    return post, actors.by_id(tx, post.author_id)
