"""Search over public posts and replies. Nothing is kept of what was looked for, and no search engine lists the page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor
from fedblog.errors import NotFound
from fedblog.storage import listing, search
from fedblog.storage.database import Tx
from fedblog.storage.search import MOST, Hit, Scope
from fedblog.text.markup import strip_bad_characters
from fedblog.text.plain import plain_text, text_of
from fedblog.text.search import MAX_QUERY, Piece, Term, mark, parse_query, snippet
from fedblog.web.i18n import gettext
from fedblog.web.keys import ADDRESS, LIMITS, RENDERER, SERVICES, SETTINGS
from fedblog.web.public.items import TagLink, tag_links
from fedblog.web.public.parts import reply_href
from fedblog.web.render import render

PER_PAGE = 10
TAGS_SHOWN = 30
_NOT_SHOWN = frozenset({".footnote-ref"})


@dataclass(frozen=True, slots=True)
class Found:
    """One hit, ready for the template; `warning` stands in for the text of something with a content warning."""

    hit: Hit
    url: str
    title: list[Piece]
    pieces: list[Piece]
    warning: str

    @property
    def person(self) -> Actor:
        """Who wrote what was found."""
        return self.hit.row.actor if self.hit.row else self.hit.author


async def search_page(request: web.Request) -> web.Response:
    """/search?q=[&in=posts|replies][&page=]"""
    services = request.app[SERVICES]
    text = " ".join(strip_bad_characters(request.query.get("q", "")).split())[:MAX_QUERY]
    scope = _scope(request.query.get("in", ""))
    number = _page_number(request.query.get("page", "1"))
    terms = parse_query(text)
    await request.app[RENDERER].refresh(services.db)
    found, total = list[Found](), 0
    if terms:
        request.app[LIMITS].take("search", request[ADDRESS], request.app[SETTINGS].limits.searches_per_minute)
        hits, total = await services.db.read(
            search.find, terms, scope=scope, limit=PER_PAGE, offset=(number - 1) * PER_PAGE
        )
        if not hits and number > 1:
            raise NotFound("no such page")
        found = await asyncio.to_thread(_make, hits, terms, services.ids)
    tags = [] if found else await services.db.read(_tags, services.ids)

    def link(**change: Any) -> str:
        values = {"q": text, "in": scope if scope != "all" else "", "page": 1, **change}
        return "/search?" + urlencode({key: value for key, value in values.items() if value not in ("", 1)})

    return render(
        request,
        "public/search.html",
        query=text,
        scope=scope,
        found=found,
        total=total,
        most=MOST,
        tags=tags,
        nothing=_why_nothing(text, bool(terms), bool(found)),
        scopes=[(key, label, link(**{"in": key if key != "all" else ""})) for key, label in _labels()],
        newer=link(page=number - 1) if number > 1 else "",
        older=link(page=number + 1) if total > number * PER_PAGE else "",
    )


def _scope(text: str) -> Scope:
    return "posts" if text == "posts" else "replies" if text == "replies" else "all"


def _labels() -> tuple[tuple[Scope, str], ...]:
    return ("all", gettext("Everything")), ("posts", gettext("Posts")), ("replies", gettext("Replies"))


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST // PER_PAGE):
        raise NotFound("no such page")
    return int(text[:4])


def _why_nothing(text: str, usable: bool, found: bool) -> str:
    if not text or found:
        return ""
    if not usable:
        return gettext("There is no word in that to look for. Letters and digits are what counts.")
    return gettext("Nothing was found. Try fewer words, or another spelling; accents and capitals don't matter.")


def _tags(tx: Tx, ids: LocalIds) -> tuple[TagLink, ...]:
    """The tags that are used most, as a way on where nothing was found."""
    known = sorted(listing.tags(tx), key=lambda tag: (-tag[2], tag[0]))[:TAGS_SHOWN]
    return tag_links([name for _, name, _ in known], ids)


def _make(hits: list[Hit], terms: tuple[Term, ...], ids: LocalIds) -> list[Found]:
    return [_found(hit, terms, ids) for hit in hits]


def _found(hit: Hit, terms: tuple[Term, ...], ids: LocalIds) -> Found:
    page = ids.post_page(hit.author.username, hit.post.slug)
    title = mark(hit.post.title, terms)
    if hit.row is not None:
        reply = hit.row.reply
        text = snippet(plain_text(reply.content_html), terms)
        warning = reply.content_warning or hit.post.content_warning
        return Found(hit, f"{page}{reply_href(reply.id)}", title, text, warning)
    text = snippet(text_of(hit.post.content_html, without=_NOT_SHOWN), terms)
    return Found(hit, page, title, text, hit.post.content_warning)
