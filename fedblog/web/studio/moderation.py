"""Deciding about a reply: show it, take it off the page, call it spam; and taking a decision back."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.model import ReplyId
from fedblog.errors import NotFound
from fedblog.storage import decisions, desk
from fedblog.storage.database import Tx
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, is_number, number_in_path, safe_back
from fedblog.web.studio.answers import requested_reply
from fedblog.web.studio.forms import Form

_HOME = "/studio/conversations"
MOST = 100
_DONE = {"approve": "approved", "hide": "hidden", "spam": "spam"}


async def decide(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=approve` shows it (and trusts its author from now on), `hide` takes it off the page, `spam` does that and
    holds whatever its author writes next. The page after it offers to undo that."""
    row = await requested_reply(request, who)
    if row.reply.local:
        raise NotFound("no such reply")
    chosen = form.choice("do", ("approve", "hide", "spam"))
    publisher, reply_id, by = request.app[SERVICES].publisher, row.reply.id, who.account.id
    match chosen:
        case "approve":
            decision = await publisher.approve_reply(reply_id, by=by)
        case "spam":
            decision = await publisher.mark_spam(reply_id, by=by)
        case _:
            decision = await publisher.hide_reply(reply_id, by=by)
    where, _, _ = safe_back(form.text("back"), _HOME).partition("#")
    if not where.startswith("/studio"):  # a public page says nothing of what was done
        return done(f"{where}#reply-{reply_id}")
    mark = "&" if "?" in where else "?"
    return done(f"{where}{mark}undo={decision.id}#reply-{reply_id}", _DONE[chosen])


async def decide_several(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """The same about all replies that are ticked; the page after it offers to take all of it back."""
    chosen = form.choice("do", ("approve", "hide", "spam"))
    back = safe_back(form.text("back"), _HOME)
    ids = [ReplyId(int(one)) for one in form.texts("reply") if is_number(one)][:MOST]
    services = request.app[SERVICES]
    mine = await services.db.read(_decidable, who, ids)
    if not mine:
        return done(back, "several_nothing")
    made = await services.publisher.decide_replies(mine, chosen, by=who.account.id)
    mark = "&" if "?" in back else "?"
    return done(f"{back}{mark}undo_all={','.join(str(one.id) for one in made)}", "several_decided")


def _decidable(tx: Tx, who: Who, ids: list[ReplyId]) -> list[ReplyId]:
    """Those that are there, are others', and that this person may decide about."""
    rows = {one: desk.reply_for(tx, who.reader, one) for one in dict.fromkeys(ids)}
    return [
        one
        for one, found in rows.items()
        if found is not None and not found[0].reply.local and found[0].reply.visibility.is_public
    ]


async def undo_several(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take several decisions back, those that still stand."""
    services = request.app[SERVICES]
    ids = [int(one) for one in form.line("ids", limit=4_000).split(",") if is_number(one)][:MOST]
    taken = 0
    for decision_id in ids:
        if await services.db.read(_may_undo, who, decision_id):
            taken += await services.publisher.undo_decision(decision_id) is not None
    return done(safe_back(form.text("back"), _HOME), "undone" if taken else "too_late")


async def undo(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take a decision back, where it still stands."""
    services, decision_id = request.app[SERVICES], number_in_path(request)
    if not await services.db.read(_may_undo, who, decision_id):
        raise NotFound("no such decision")
    reply = await services.publisher.undo_decision(decision_id)
    back = safe_back(form.text("back"), _HOME)
    return done(f"{back}#reply-{reply.id}" if reply else back, "undone" if reply else "too_late")


def _may_undo(tx: Tx, who: Who, decision_id: int) -> bool:
    decision = decisions.by_id(tx, decision_id)
    return decision is not None and desk.reply_for(tx, who.reader, decision.reply_id) is not None
