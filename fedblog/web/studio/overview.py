"""/studio: what is going on, at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.ledger import DeliveryCounts
from fedblog.blog.model import Post, PostStatus
from fedblog.storage import accounts, deliveries, desk, followers
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, show
from fedblog.web.studio.conversations import Item, items_for
from fedblog.web.studio.delivery import progress_words

DRAFTS, PUBLISHED, ITEMS = 5, 5, 8


@dataclass(frozen=True, slots=True)
class Glance:
    """Everything on the page, from one read."""

    drafts: list[Post]
    published: list[tuple[Post, DeliveryCounts]]
    items: list[Item]
    followers: int
    pending: int


async def overview(request: web.Request, who: Who) -> web.StreamResponse:
    """The page."""
    services = request.app[SERVICES]
    glance = await services.db.read(_look, who, services.ids)
    return await show(
        request,
        who,
        "overview.html",
        drafts=glance.drafts,
        # Words are found here: the storage thread knows nothing of the reader's language.
        published=[(post, progress_words(counts)) for post, counts in glance.published],
        items=glance.items,
        followers=glance.followers,
        pending=glance.pending,
    )


def _look(tx: Tx, who: Who, ids: LocalIds) -> Glance:
    since = accounts.seen_at(tx, who.account.id)
    drafts = desk.posts(tx, author_id=who.scope, status=PostStatus.DRAFT, title="", skip=0, limit=DRAFTS)
    out = desk.posts(tx, author_id=who.scope, status=PostStatus.PUBLISHED, title="", skip=0, limit=PUBLISHED)
    items = items_for(tx, who, ids, show="all", since=since, before_id=None, limit=ITEMS)
    return Glance(
        drafts=drafts,
        published=[(post, deliveries.counts_of_object(tx, post.uri)) for post in out],
        items=[item for item in items if not item.mine],
        followers=followers.count(tx, who.actor.id),
        pending=desk.count_pending(tx, who.actor.id),
    )
