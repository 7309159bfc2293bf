"""/studio/rules: words that hold a reply, what the spam filter learned, and what a rule would have done."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.block_lists import domain_name
from fedblog.blog.suspicion import Learned
from fedblog.errors import Conflict, NotFound
from fedblog.storage import learning, rehearsal, suspecting
from fedblog.storage.database import Tx
from fedblog.storage.learning import WordRule
from fedblog.storage.rehearsal import Rehearsal, Would
from fedblog.text.excerpt import excerpt
from fedblog.text.tokens import rule_of
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import ngettext
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.forms import Form

HOME = "/studio/rules"
_EXCERPT = 220
KINDS = ("word", "server", "first", "filter")


@dataclass(frozen=True, slots=True)
class Tried:
    """A rule that somebody asked about. `value`: as typed."""

    kind: str
    value: str
    found: Rehearsal


async def rules_page(request: web.Request, who: Who) -> web.StreamResponse:
    """The rules there are; `?kind=` and `?value=` try one on the last 90 days."""
    return await _page(request, who)


async def _page(request: web.Request, who: Who, problem: str = "") -> web.Response:
    services, kind = request.app[SERVICES], request.query.get("kind", "")
    value = " ".join(request.query.get("value", "").split())[:200]
    least = services.settings.comments.hold_spam_points
    most = least or 5

    def read(tx: Tx) -> tuple[list[WordRule], Learned, Tried | None]:
        return learning.word_rules(tx), learning.learned(tx, ()), _tried(tx, kind, value, most)

    if not problem and kind in ("word", "server") and not (rule_of(value) if kind == "word" else _host(value)):
        problem = _("Write a word.") if kind == "word" else _("That is no name of a server.")
    rules, learned, tried = await services.db.read(read)
    return await show(
        request,
        who,
        "rules.html",
        status=400 if problem else 200,
        problem=problem,
        rules=rules,
        learned=learned,
        least=least,
        kind=kind if kind in KINDS else "word",
        value=value,
        tried=None if problem else tried,
        lines=[] if problem or tried is None else _lines(tried.found),
        sentence="" if problem or tried is None else _sentence(tried.found),
        days=rehearsal.DAYS,
    )


def _host(value: str) -> str:
    return domain_name(value) or ""


def _tried(tx: Tx, kind: str, value: str, most: int) -> Tried | None:
    if kind == "word" and rule_of(value):
        return Tried(kind, value, rehearsal.words(tx, value))
    if kind == "server" and _host(value):
        return Tried(kind, _host(value), rehearsal.server(tx, _host(value)))
    if kind == "first":
        return Tried(kind, "", rehearsal.first_timers(tx))
    return Tried(kind, "", rehearsal.filter_points(tx, most)) if kind == "filter" else None


def _sentence(found: Rehearsal) -> str:
    return ngettext(
        "It would have touched %(num)s reply of the %(all)s that show.",
        "It would have touched %(num)s replies of the %(all)s that show.",
        found.total,
    ) % {"num": f"{found.total:,}", "all": f"{found.looked_at:,}"}


def _lines(found: Rehearsal) -> list[tuple[Would, str]]:
    return [(one, excerpt(one.reply.content_html, _EXCERPT)) for one in found.shown]


async def add_rule(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Hold every reply with these words from now on."""
    written = form.line("value", limit=200)
    words = rule_of(written)
    if not words:
        return await _page(request, who, _("Write a word."))
    try:
        await request.app[SERVICES].db.write(learning.add_word, words, written, by=who.account.id)
    except Conflict:
        return await _page(request, who, _("That are too many words."))
    return done(HOME, "word_added")


async def remove_rule(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Take a rule away; replies that waited for nothing else show."""
    rule_id = number_in_path(request)

    def write(tx: Tx) -> bool:
        removed = bool(learning.remove_word(tx, rule_id))
        if removed:
            suspecting.release(tx)
        return removed

    if not await request.app[SERVICES].db.write(write):
        raise NotFound("no such rule")
    return done(HOME, "word_removed")


async def forget_learned(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """The filter begins anew."""
    await request.app[SERVICES].db.write(learning.forget)
    return done(HOME, "filter_forgot")
