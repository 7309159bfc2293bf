"""/studio/replies/ID: one reply in its place, with what it answers above it and what was answered below."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import ReplyId
from fedblog.errors import NotFound
from fedblog.storage import branches, desk
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_path, show
from fedblog.web.studio.conversations import Item, reply_items

_ABOVE = 12
_BELOW = 30


@dataclass(frozen=True, slots=True)
class InPlace:
    """A reply with its surroundings, as far as the reader may see them."""

    above: list[Item]
    item: Item
    below: list[Item]


async def show_reply(request: web.Request, who: Who) -> web.StreamResponse:
    """The page."""
    services = request.app[SERVICES]
    found = await services.db.read(_read, who, services.ids, ReplyId(number_in_path(request)))
    if found is None:
        raise NotFound("no such reply")
    return await show(request, who, "reply.html", found=found, open=None, draft="")


def _read(tx: Tx, who: Who, ids: LocalIds, reply_id: ReplyId) -> InPlace | None:
    asked = desk.reply_for(tx, who.reader, reply_id)
    if asked is None:
        return None
    chain, parent = [asked], asked[0].reply.parent_id
    while parent is not None and len(chain) <= _ABOVE:
        one = desk.reply_for(tx, who.reader, parent)
        if one is None:
            break
        chain.append(one)
        parent = one[0].reply.parent_id
    answers = [desk.reply_for(tx, who.reader, below) for below in branches.children(tx, reply_id, _BELOW)]
    items = reply_items(tx, who, ids, chain[::-1] + [one for one in answers if one is not None], tx.now)
    return InPlace(items[: len(chain) - 1], items[len(chain) - 1], items[len(chain) :])
