"""/studio/posts/{id}/reach: which servers have a post, which don't and why; and what became of it for one reader."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.discovery import parse_acct
from fedblog.blog.model import Post
from fedblog.errors import InvalidInput
from fedblog.storage import reach
from fedblog.storage.database import Tx
from fedblog.storage.reach import Parcel, Reached
from fedblog.web.filters import long_date, short_time
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import grouped, ngettext
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, requested_post, show
from fedblog.web.studio.forms import Form

SHOWN = 500


@dataclass(frozen=True, slots=True)
class Line:
    """One server's part of it, in words."""

    parcel: Parcel
    reason: str


async def reach_page(request: web.Request, who: Who) -> web.StreamResponse:
    """The page; `?who=@name@host` asks about one reader, `?show=` about some servers."""
    post = await requested_post(request, who)
    handle = " ".join(request.query.get("who", "").split())[:300]
    found = await request.app[SERVICES].db.read(reach.parcels, post)
    counts = Counter(one.state for one in found)
    chosen = request.query.get("show", "")
    chosen = chosen if chosen in reach.STATES else ""
    shown = [one for one in found if chosen in ("", one.state)]
    tried = [one.first_try_at for one in found if one.first_try_at is not None]
    taken = [one.done_at for one in found if one.state == "done" and one.done_at is not None]
    problem, answer, again = "", "", ""
    if handle:
        problem, answer, again = await _answer(request, post, handle)
    return await show(
        request,
        who,
        "reach.html",
        post=post,
        lines=[Line(one, reason_of(one)) for one in shown[:SHOWN]],
        left_out=max(0, len(shown) - SHOWN),
        counts={state: counts[state] for state in reach.STATES},
        total=len(found),
        lost=sum(one.followers for one in found if one.state != "done"),
        first=min(tried, default=None),
        last=max(taken, default=None),
        chosen=chosen,
        handle=handle,
        answer=answer,
        again=again,
        problem=problem,
    )


async def _answer(request: web.Request, post: Post, handle: str) -> tuple[str, str, str]:
    """(problem, words, server that can be tried again) about one reader."""
    try:
        named = parse_acct(handle)
    except InvalidInput:
        return _("Write the address as @name@server."), "", ""
    found = await request.app[SERVICES].db.read(reach.why, post, named.name, named.host)
    parcel = found.parcel
    return "", words_of(post, handle, found), parcel.host if parcel is not None and parcel.state != "done" else ""


async def retry(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Try again now, at one server or at all that don't have it."""
    post = await requested_post(request, who)
    host = form.line("host", limit=300)

    def write(tx: Tx) -> int:
        return reach.try_again(tx, post, host)

    await request.app[SERVICES].db.write(write)
    return done(f"/studio/posts/{post.id}/reach", "retried")


def reason_of(parcel: Parcel) -> str:
    """What a server's answer means, and what comes next; "" for one that has it."""
    if parcel.state == "done":
        return ""
    words = cause(parcel.last_status, parcel.last_error)
    if parcel.state == "failed":
        return words
    after = _("Next try: %(time)s.") % {"time": short_time(parcel.due_at)}
    return f"{words} {after}" if parcel.attempts else _("On its way.")


def cause(status: int | None, error: str) -> str:
    """What the answer of a server that did not take something means, or that there was none."""
    if error == "host_dead":
        return _("The server has not answered for a week.")
    if status is None:
        return _("The server can't be reached: %(error)s.") % {"error": error[:200].rstrip(".")}
    known = {
        400: _("The server did not understand it."),
        401: _("The server could not check our signature."),
        403: _("The server refuses us: it may block this blog."),
        404: _("There is no such inbox any more."),
        410: _("There is no such inbox any more."),
        413: _("It was too large for the server."),
        429: _("The server asked us to slow down."),
    }
    if status in known:
        return known[status]
    if status >= 500:
        return _("The server is in trouble (it answered %(status)s).") % {"status": status}
    return _("The server answered %(status)s.") % {"status": status}


def words_of(post: Post, handle: str, found: Reached) -> str:
    """What an author can tell a reader who says that they did not get it."""
    name = f"@{handle.removeprefix('@')}"
    parcel = found.parcel
    if found.code == "unknown":
        return _("%(name)s is not known here: they don't follow, and never wrote here.") % {"name": name}
    if found.code == "blocked":
        return _("%(name)s gets nothing: one of you blocks the other.") % {"name": name}
    if found.code == "not_following":
        return _("%(name)s does not follow you or the blog, so nothing is sent to them.") % {"name": name}
    if found.code == "not_sent" or parcel is None:
        since = long_date(found.follows_since or 0)
        if found.follows_since is not None and found.follows_since > (post.published_at or 0):
            return _(
                "%(name)s follows since %(day)s, after this post came out. Their server gets what is new from then on;"
                " they find older posts by searching for their address."
            ) % {"name": name, "day": since}
        return _("%(name)s follows since %(day)s, but this post was not sent there.") % {"name": name, "day": since}
    values = {"name": name, "host": parcel.host, "reason": reason_of(parcel)}
    if found.code == "done":
        return _(
            "The server %(host)s took it on %(time)s. If %(name)s doesn't see it, the reason is there: a filter, a"
            " mute, or a list that hides it."
        ) % {**values, "time": short_time(parcel.done_at or 0)}
    if found.code == "waiting":
        return _("%(host)s has not taken it yet. %(reason)s") % values
    return _("%(host)s did not take it. %(reason)s") % values


def summary(total: int, reached: int) -> str:
    """`214 of 220 servers have it`."""
    if not total:
        return _("No other server to tell yet")
    return ngettext("%(reached)s of %(num)s server has it", "%(reached)s of %(num)s servers have it", total) % {
        "reached": grouped(reached),
        "num": grouped(total),
    }
