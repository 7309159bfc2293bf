"""Deciding about a reply: show it, or take it off the page."""

from __future__ import annotations

from aiohttp import web

from fedblog.errors import NotFound
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, safe_back
from fedblog.web.studio.answers import requested_reply
from fedblog.web.studio.forms import Form


async def decide(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=approve` shows it (and trusts its author from now on), `do=hide` and `do=spam` take it off the page."""
    row = await requested_reply(request, who)
    if row.reply.local:
        raise NotFound("no such reply")
    decision = form.choice("do", ("approve", "hide", "spam"))
    publisher = request.app[SERVICES].publisher
    if decision == "approve":
        await publisher.approve_reply(row.reply.id)
    elif decision == "spam":
        await publisher.hide_reply(row.reply.id, reason="spam")
    else:
        await publisher.hide_reply(row.reply.id)
    back = safe_back(form.text("back"), "/studio/conversations").partition("#")[0]
    return done(f"{back}#reply-{row.reply.id}", "approved" if decision == "approve" else "hidden")
