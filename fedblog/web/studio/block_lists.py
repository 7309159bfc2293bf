"""/studio/blocks/lists: many blocks at once, from a file or an address; looked at first, and taken back as one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import web

from fedblog.activitypub.block_lists import Problem, blocked_accounts, blocked_domains, read_block_list
from fedblog.activitypub.urls import maybe_uri
from fedblog.errors import Conflict, FedblogError, InvalidInput, StorageUnavailable
from fedblog.federation.services import Services
from fedblog.storage import block_effects, block_lists, block_subscriptions, moderation
from fedblog.storage.block_effects import Touched
from fedblog.storage.block_lists import BlockImport, ImportRow
from fedblog.storage.database import Tx
from fedblog.web.csv_answer import download
from fedblog.web.i18n import gettext as _
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, done, number_in_path, show
from fedblog.web.studio.forms import Form

HOME = "/studio/blocks/lists"
SHOWN = 150  # boxes of one form; the rest is named in a text
NAMES_SHOWN = 1_000
MOST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A row that reaches somebody: whom, and what it would take with it."""

    row: ImportRow
    people: list[Touched]

    @property
    def follows(self) -> int:
        """Follows that end."""
        return sum(one.follows for one in self.people)

    @property
    def replies(self) -> int:
        """Replies that show now."""
        return sum(one.replies for one in self.people)


@dataclass(frozen=True, slots=True)
class Seen:
    """One import, with what it does to people who are known here."""

    whole: BlockImport
    lines: list[Line]
    others: list[ImportRow]


async def lists_page(request: web.Request, who: Who) -> web.StreamResponse:
    """What is read, what waits, what was done; and the forms for more."""
    return await _page(request, who)


async def _page(request: web.Request, who: Who, *, problem: str = "", text: str = "", url: str = "") -> web.Response:
    def read(tx: Tx) -> tuple[list[BlockImport], list[block_subscriptions.Subscription]]:
        return block_lists.imports(tx), block_subscriptions.subscriptions(tx)

    imports, subscriptions = await request.app[SERVICES].db.read(read)
    return await show(
        request,
        who,
        "block_lists.html",
        status=400 if problem else 200,
        imports=imports,
        subscriptions=subscriptions,
        problem=problem,
        text=text[:100_000],
        url=url,
    )


async def import_list(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Keep a file, or what was pasted, as a draft, and show what it would do."""
    services, upload, text = request.app[SERVICES], form.upload("file"), form.text("text")
    try:
        title = _("Pasted list")
        if upload is not None:
            title = " ".join(upload.filename.split())[:200] or title
            text = _as_text(await asyncio.to_thread(upload.file.read, MOST_BYTES + 1))
        found = await asyncio.to_thread(read_block_list, text, own=_own(services))
        if not found.entries:
            raise InvalidInput(_("No line of this list can be used."), reason="list_empty")
    except StorageUnavailable:
        raise
    except FedblogError as error:
        return await _page(request, who, problem=_why(error), text="" if upload else text)
    made = await services.db.write(block_lists.draft, title, found.entries, found.problems, by=who.account.id)
    return done(f"/studio/blocks/imports/{made}")


def _own(services: Services) -> tuple[str, str]:
    return services.settings.domain, services.settings.authority


def _as_text(body: bytes) -> str:
    if len(body) > MOST_BYTES:
        raise InvalidInput("too large", reason="list_too_long")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("no text", reason="list_unreadable") from None


def _why(error: FedblogError) -> str:
    known = {
        "list_unreadable": _("This can't be read as a list: it should be a CSV file as Mastodon exports it."),
        "list_too_long": _("This list is too long."),
        "list_empty": _("No line of this list can be used."),
    }
    return known.get(error.reason, str(error))


async def subscribe(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """Read the list at an address, now and every day."""
    url = form.line("url", limit=2_000)
    if maybe_uri(url) is None:
        return await _page(request, who, problem=_("Write the address of the list, with https:// before it."), url=url)
    try:
        await request.app[SERVICES].db.write(block_subscriptions.subscribe, url)
    except Conflict:
        return await _page(request, who, problem=_("That are too many lists."), url=url)
    return done(HOME, "list_subscribed")


async def change_subscription(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=read` reads it now, `remove` never again."""
    db, list_id = request.app[SERVICES].db, number_in_path(request)
    if form.choice("do", ("read", "remove")) == "read":
        await db.write(block_subscriptions.read_soon, list_id)
        return done(HOME, "list_read_soon")
    await db.write(block_subscriptions.unsubscribe, list_id)
    return done(HOME, "list_unsubscribed")


async def import_page(request: web.Request, who: Who) -> web.StreamResponse:
    """What an import would do, or did: people who are known here by name, the rest as a list of names."""
    return await _import_page(request, who, number_in_path(request))


async def _import_page(request: web.Request, who: Who, import_id: int, problem: str = "") -> web.Response:
    seen = await request.app[SERVICES].db.read(_look, import_id)
    return await show(
        request,
        who,
        "block_import.html",
        status=400 if problem else 200,
        problem=problem,
        whole=seen.whole,
        lines=seen.lines,
        others=seen.others[:NAMES_SHOWN],
        more=max(0, len(seen.others) - NAMES_SHOWN),
        others_total=len(seen.others),
        follows=sum(line.follows for line in seen.lines if line.row.kind != "limit"),
        replies=sum(line.replies for line in seen.lines if line.row.kind != "limit"),
        problems=[(one, _problem(one)) for one in seen.whole.problems],
    )


def _look(tx: Tx, import_id: int) -> Seen:
    whole = block_lists.get(tx, import_id)
    rows = block_lists.rows(tx, import_id, chosen_only=whole.state != "draft")
    if whole.state != "draft":
        return Seen(whole, [], rows)
    touched = block_effects.effects(tx, {row.key for row in rows if row.act == "add"})
    lines = [Line(row, touched.get(row.key, [])) for row in rows if row.act == "remove" or row.key in touched]
    lines = sorted(lines, key=lambda line: (-line.replies, -line.follows, line.row.number))[:SHOWN]
    shown = {line.row.number for line in lines}
    return Seen(whole, lines, [row for row in rows if row.number not in shown])


def _problem(one: Problem) -> str:
    return {
        "obfuscated": _("Parts of the name are hidden."),
        "no_server": _("That is no name of a server."),
        "no_account": _("That is no address of an account."),
        "top_level": _("That would block a whole part of the internet."),
        "severity": _("This severity is not known here."),
        "nothing": _("The list asks for nothing that would be done here."),
        "own": _("That is this blog itself."),
    }.get(one.code, one.code)


async def decide(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """`do=apply` the rows that are ticked, and the others but for those named in `except`; `drop` it; `undo` it."""
    db, import_id = request.app[SERVICES].db, number_in_path(request)
    do = form.choice("do", ("apply", "drop", "undo"))
    here = f"/studio/blocks/imports/{import_id}"
    if do == "drop":
        await db.write(block_lists.drop, import_id)
        return done(HOME, "list_dropped")
    if do == "undo":
        await db.write(block_lists.undo, import_id)
        return done(here, "list_undone")
    rows = await db.read(block_lists.rows, import_id)
    numbers = _chosen(form, rows)
    if not numbers:
        return await _import_page(request, who, import_id, _("Nothing was chosen."))
    await db.write(block_lists.apply, import_id, numbers)
    return done(here, "list_applied")


def _chosen(form: Form, rows: list[ImportRow]) -> frozenset[int]:
    """Numbers of the rows that were chosen: what had a box by its box, all others together."""
    ticked = {int(one) for one in form.texts("row", limit=10) if one.isascii() and one.isdigit()}
    boxed = {int(one) for one in form.text("boxes", limit=2_000).split() if one.isascii() and one.isdigit()}
    left_out = {name.lower().removeprefix("@") for name in form.text("except", limit=200_000).split()}
    return frozenset(
        row.number
        for row in rows
        if (row.number in ticked if row.number in boxed else form.flag("others") and row.value not in left_out)
    )


async def domains_csv(request: web.Request, who: Who) -> web.StreamResponse:
    """Blocked servers, as an admin of Mastodon imports them."""
    found = await request.app[SERVICES].db.read(moderation.blocks)
    return download("blocked_domains.csv", blocked_domains(found))


async def accounts_csv(request: web.Request, who: Who) -> web.StreamResponse:
    """Blocked people, as Mastodon imports them."""
    found = await request.app[SERVICES].db.read(moderation.blocked_handles)
    return download("blocked_accounts.csv", blocked_accounts(found))
