"""/ap/quotes/ID: our authorizations of quotes (FEP-044f); one that was taken back answers 410."""

from __future__ import annotations

from aiohttp import web

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import MAX_ID, LocalIds
from fedblog.blog.model import PostStatus, QuoteState
from fedblog.errors import NotFound
from fedblog.federation.quotes import quoted_actor
from fedblog.storage import posts, quotes
from fedblog.storage.database import Tx
from fedblog.web.activitypub import Found, answer, gone
from fedblog.web.askers import for_askers
from fedblog.web.keys import SERVICES


def add_routes(router: web.UrlDispatcher) -> None:
    """/ap/quotes/ID"""
    router.add_get("/ap/quotes/{quote:[1-9][0-9]{0,18}}", for_askers(authorization))


async def authorization(request: web.Request) -> web.Response:
    """The document that other servers look at before they show a quote."""
    services, number = request.app[SERVICES], int(request.match_info["quote"])
    if number > MAX_ID:
        raise NotFound("no such object")
    found = await services.db.read(_read, services.ids, number)
    return gone(request, found.document) if found.is_gone else answer(request, found.document)


def _read(tx: Tx, ids: LocalIds, number: int) -> Found:
    quote = quotes.by_id(tx, number)
    post = posts.by_id(tx, quote.post_id) if quote is not None else None
    if quote is None or post is None or quote.state not in (QuoteState.ACCEPTED, QuoteState.REVOKED):
        raise NotFound("no such object")
    uri = ids.quote(quote.id)
    if quote.state is QuoteState.REVOKED or post.status is not PostStatus.PUBLISHED:
        stone = serialise.tombstone(uri, former_type="QuoteAuthorization", deleted_at=quote.created_at)
        return Found(stone, is_gone=True)
    document = serialise.quote_authorization(
        uri, actor=quoted_actor(tx, ids, quote), quoting=quote.uri, quoted=quote.target_uri
    )
    return Found(document)
