"""/studio/quotes: who quotes the posts, and who asks whether they may."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.model import Actor, ActorId, Post, Quote, QuoteState
from fedblog.errors import NotFound
from fedblog.storage import actors, desk, quotes
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.forms import Form

_MOST = 200


async def list_quotes(request: web.Request, who: Who) -> web.StreamResponse:
    """The newest first, with what was decided about them."""
    services = request.app[SERVICES]
    rows, authors = await services.db.read(_rows, who.scope)
    items = [(quote, post, services.ids.post_page(authors[post.author_id].username, post.slug)) for quote, post in rows]
    return await show(request, who, "quotes.html", items=items)


def _rows(tx: Tx, scope: ActorId | None) -> tuple[list[tuple[Quote, Post]], dict[ActorId, Actor]]:
    found = quotes.recent(tx, scope, _MOST)
    posts = desk.posts_by_id(tx, {quote.post_id for quote in found})
    rows = [(quote, posts[quote.post_id]) for quote in found if posts[quote.post_id].uri]
    return rows, actors.by_ids(tx, {post.author_id for post in posts.values()})


async def decide(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=accept` allows it, `do=reject` refuses it or takes back what was allowed."""
    services = request.app[SERVICES]
    quote = await services.db.read(_quote_for, number_in_path(request), who.scope)
    if form.choice("do", ("accept", "reject")) == "accept":
        await services.publisher.decide_quote(quote.id, QuoteState.ACCEPTED)
        return done("/studio/quotes", "quote_accepted")
    was_accepted = quote.state is QuoteState.ACCEPTED
    await services.publisher.decide_quote(quote.id, QuoteState.REVOKED if was_accepted else QuoteState.REJECTED)
    return done("/studio/quotes", "quote_rejected")


def _quote_for(tx: Tx, quote_id: int, scope: ActorId | None) -> Quote:
    quote = quotes.by_id(tx, quote_id)
    post = desk.posts_by_id(tx, {quote.post_id}).get(quote.post_id) if quote is not None else None
    if quote is None or post is None or not quote.public or scope not in (None, post.author_id):
        raise NotFound("no such quote")
    return quote
