"""Answering in the thread: a Note for everybody in that branch, changed or deleted later."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.model import Reply, ReplyId, ThreadRow
from fedblog.errors import InvalidInput, NotFound
from fedblog.storage import desk
from fedblog.web.i18n import gettext
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, requested_post, safe_back, show
from fedblog.web.studio.forms import Form

_HOME = "/studio/conversations"


async def requested_reply(request: web.Request, who: Who) -> ThreadRow:
    """The reply that the URL names, if this person may read it. Raises `NotFound`."""
    reply_id = ReplyId(number_in_path(request))
    found = await request.app[SERVICES].db.read(desk.reply_for, who.reader, reply_id)
    if found is None:
        raise NotFound("no such reply")
    return found[0]


async def answer(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Answer a reply, in public or to its author alone, as the reply itself was."""
    row = await requested_reply(request, who)
    stored = await request.app[SERVICES].publisher.answer(
        author_id=who.actor.id, reply_id=row.reply.id, source=_source(form)
    )
    return done(_back(form, stored), "answered")


async def like(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Like somebody's reply, or take that back; its author is told."""
    row = await requested_reply(request, who)
    publisher = request.app[SERVICES].publisher
    change = publisher.unlike_reply if form.choice("do", ("like", "unlike")) == "unlike" else publisher.like_reply
    await change(row.reply.id, author_id=who.actor.id)
    return done(_back(form, row.reply))


async def answer_post(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """A first comment under the post itself."""
    post = await requested_post(request, who)
    stored = await request.app[SERVICES].publisher.answer(author_id=who.actor.id, post_id=post.id, source=_source(form))
    return done(_back(form, stored), "answered")


async def edit_answer(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Change an own answer."""
    reply = await _own_answer(request, who)
    await request.app[SERVICES].publisher.edit_answer(reply.id, author_id=who.actor.id, source=_source(form))
    return done(_back(form, reply), "answer_edited")


async def ask_delete_answer(request: web.Request, who: Who) -> web.StreamResponse:
    """The question before deleting an answer."""
    reply = await _own_answer(request, who)
    back = safe_back(request.query.get("back", ""), _HOME)
    return await show(
        request,
        who,
        "confirm.html",
        question=gettext("Delete your answer?"),
        lines=[gettext("Everybody who has it is asked to delete it too. What others answered to it stays.")],
        target=f"/studio/answers/{reply.id}/delete",
        button=gettext("Delete"),
        fields={"back": back},
        back=back,
    )


async def delete_answer(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Delete an own answer."""
    reply = await _own_answer(request, who)
    await request.app[SERVICES].publisher.delete_answer(reply.id, author_id=who.actor.id)
    return done(safe_back(form.text("back"), _HOME), "answer_deleted")


async def _own_answer(request: web.Request, who: Who) -> Reply:
    row = await requested_reply(request, who)
    if not row.reply.local or row.actor.id != who.actor.id:
        raise NotFound("no such answer")
    return row.reply


def _source(form: Form) -> str:
    source = form.text("source").strip()
    if not source:
        raise InvalidInput(gettext("An answer needs some text."), reason="answer_empty")
    return source


def _back(form: Form, reply: Reply) -> str:
    return f"{safe_back(form.text('back'), _HOME)}#reply-{reply.id}"
