"""Which part of a conversation a request asks for, and the addresses of its other parts.

`?reply=ID` is the permalink of a reply: it answers with the page that the reply stands on now, however many came
before it. `?replyto=ID` is that page with the form bound to the reply. The addresses are relative to the post's page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fedblog.blog.model import PostId, Reply, ReplyId, ReplyState, ThreadOrder
from fedblog.errors import NotFound
from fedblog.storage import replies, threads
from fedblog.storage.database import Tx
from fedblog.web import cursors

FIRST_ROWS = 60  # what everybody loads stays below 100 kB with them (V5)
ROWS_PER_PAGE = 200  # of those who go on


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a conversation: the replies after the one that the cursor `after` names ("" from the beginning).

    `answers`: the reply that the form is bound to.
    """

    order: ThreadOrder = ThreadOrder.OLDEST
    after: str = ""
    answers: ReplyId | None = None

    @property
    def rows(self) -> int:
        """How many replies it holds at most."""
        return ROWS_PER_PAGE if self.after else FIRST_ROWS

    def next(self, last: ReplyId) -> str:
        """The address of the page after `last`."""
        query = {"after": cursors.encode(last)}
        if self.order is not ThreadOrder.OLDEST:
            query["sort"] = self.order.value
        return f"?{urlencode(query)}#thoughts"


def order_href(order: ThreadOrder) -> str:
    """The address of a conversation in that order."""
    return "?#thoughts" if order is ThreadOrder.OLDEST else f"?sort={order.value}#thoughts"


def reply_href(reply_id: ReplyId) -> str:
    """The permalink of a reply, as a link on its post's page."""
    return f"?reply={reply_id}#reply-{reply_id}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the query says, before anything was looked up. `reply`: the page that holds it is meant."""

    part: Part
    reply: ReplyId | None = None


def read_wanted(query: Mapping[str, str]) -> Wanted:
    """Raises `NotFound` for a reply's number that is none; an unknown order is the usual one."""
    sort = query.get("sort", "")
    order = ThreadOrder(sort) if sort in list(ThreadOrder) else ThreadOrder.OLDEST
    answers, reply = _reply_id(query.get("replyto", "")), _reply_id(query.get("reply", ""))
    if answers is not None or reply is not None:
        return Wanted(Part(answers=answers), answers or reply)
    return Wanted(Part(order, query.get("after", "")))


def _reply_id(text: str) -> ReplyId | None:
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) >= 2**63:
        raise NotFound("no such reply")
    return ReplyId(int(text))


def find_part(tx: Tx, post_id: PostId, wanted: Wanted, *, public_only: bool) -> Part:
    """The page that is meant. Raises `NotFound` for a reply that the asker may not see."""
    if wanted.reply is None:
        return wanted.part
    reply = reply_under(tx, post_id, wanted.reply, public_only=public_only)
    start = threads.page_start(tx, reply, FIRST_ROWS, ROWS_PER_PAGE, public_only=public_only)
    return Part(after="" if start is None else cursors.encode(start), answers=wanted.part.answers)


def reply_under(tx: Tx, post_id: PostId, reply_id: ReplyId, *, public_only: bool) -> Reply:
    """A reply under the post that the asker may see. Raises `NotFound`."""
    reply = replies.by_id(tx, reply_id)
    if reply is None or reply.post_id != post_id or not (reply.shown or not public_only):
        raise NotFound("no such reply")
    if reply.state is ReplyState.REMOVED and not reply.shown:
        raise NotFound("no such reply")
    return reply
