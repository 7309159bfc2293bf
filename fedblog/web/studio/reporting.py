"""/studio/replies/ID/report: tell the moderators of a reply's server about it."""

from __future__ import annotations

from aiohttp import web

from fedblog.errors import InvalidInput, NotFound
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, safe_back, show
from fedblog.web.studio.answers import requested_reply
from fedblog.web.studio.forms import Form

_HOME = "/studio/conversations"
_MAX_WORDS = 5_000


async def ask_report(request: web.Request, who: Who) -> web.StreamResponse:
    """The form: what is wrong with it?"""
    return await _page(request, who, safe_back(request.query.get("back", ""), _HOME))


async def report(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Send it. The blog reports, not the person; their server learns the words and nothing else."""
    row, back = await requested_reply(request, who), safe_back(form.text("back"), _HOME)
    words = form.text("words").strip()
    if len(words) > _MAX_WORDS:
        problem = f"A report has at most {_MAX_WORDS:,} characters."
        return await _page(request, who, back, words=words, problem=problem, status=400)
    try:
        await request.app[SERVICES].publisher.report_reply(row.reply.id, words)
    except InvalidInput as error:
        return await _page(request, who, back, words=words, problem=str(error), status=400)
    return done(f"{back}#reply-{row.reply.id}", "reported")


async def _page(
    request: web.Request, who: Who, back: str, *, words: str = "", problem: str = "", status: int = 200
) -> web.Response:
    row = await requested_reply(request, who)
    if row.reply.local:
        raise NotFound("no such reply")
    return await show(request, who, "report.html", row=row, back=back, words=words, problem=problem, status=status)
