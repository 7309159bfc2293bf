"""`fedblog inbox` and `fedblog reports`: what came from other servers, and why it did what it did."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from fedblog.blog.ledger import InboxLogEntry, Report
from fedblog.cli.program import Program, clean, json_option, pass_program, print_json, print_table, when
from fedblog.errors import NotFound
from fedblog.federation.services import Services
from fedblog.storage import inbox as inbox_store
from fedblog.storage import moderation
from fedblog.storage.database import Tx

_LONGEST_ID = 19  # digits of 63 bits
_LIMIT = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most."
)


@click.group()
def inbox() -> None:
    """What came from other servers, and what became of it."""


@inbox.command("log")
@_LIMIT
@click.option("--refused", is_flag=True, help="Only what was refused.")
@click.option("--host", default=None, help="Only from this server.")
@json_option
@pass_program
def show_log(program: Program, limit: int, refused: bool, host: str | None, as_json: bool) -> None:
    """List the inbox's decisions, the newest first."""

    async def work(services: Services) -> list[InboxLogEntry]:
        return await services.db.read(inbox_store.entries, limit=limit, refused_only=refused, host=host)

    found = program.run(work)
    if as_json:
        print_json([{**dataclasses.asdict(entry), "id": str(entry.id)} for entry in found])
        return
    rows = [
        (one.id, when(one.received_at), one.status, one.reason, one.type, one.actor_uri or one.host) for one in found
    ]
    print_table(("id", "when", "answer", "reason", "type", "from"), rows, "Nothing came yet.")


@inbox.command()
@click.argument("which", metavar="ID")
@json_option
@pass_program
def explain(program: Program, which: str, as_json: bool) -> None:
    """Say what became of one activity. ID is its id (a URL), or a number from `inbox log`."""

    async def work(services: Services) -> list[InboxLogEntry]:
        return await services.db.read(_find, which)

    found = program.run(work)
    if as_json:
        print_json([{**dataclasses.asdict(entry), "id": str(entry.id)} for entry in found])
        return
    for entry in found:
        for name, value in _told(entry).items():
            click.echo(f"{name:<10}{clean(str(value))}")
        click.echo()
    click.echo("docs/reasons.md explains each reason.")


def _find(tx: Tx, which: str) -> list[InboxLogEntry]:
    if which.isascii() and which.isdigit() and len(which) <= _LONGEST_ID:
        found = inbox_store.entries(tx, limit=1, before_id=min(int(which) + 1, 2**63 - 1))
        found = [entry for entry in found if entry.id == int(which)]
    else:
        found = inbox_store.by_activity(tx, which)
    if not found:
        raise NotFound(f"{which} is not in the log; the newest 10,000 decisions are kept")
    return found


def _told(entry: InboxLogEntry) -> dict[str, Any]:
    outcome = "taken" if entry.status < 300 else "refused"
    return {
        "activity": entry.activity_uri or "(without an id)",
        "when": f"{when(entry.received_at)} UTC",
        "type": entry.type or "(unknown)",
        "from": entry.actor_uri or entry.host or "(unknown)",
        "answer": f"{entry.status} ({outcome})",
        "reason": entry.reason,
        "detail": entry.detail or "-",
    }


@click.group()
def reports() -> None:
    """Reports about people and posts, sent by other servers."""


@reports.command("list")
@click.option("--open", "open_only", is_flag=True, help="Only those that nobody has dealt with.")
@_LIMIT
@json_option
@pass_program
def list_reports(program: Program, open_only: bool, limit: int, as_json: bool) -> None:
    """List reports, the newest first."""

    async def work(services: Services) -> list[Report]:
        return await services.db.read(moderation.reports, open_only=open_only, limit=limit)

    found = program.run(work)
    if as_json:
        print_json([{**dataclasses.asdict(report), "id": str(report.id)} for report in found])
        return
    rows = [
        (
            when(one.created_at),
            "done" if one.resolved_at else "open",
            one.reporter_uri,
            " ".join(one.objects[:3]),
            one.content[:60],
        )
        for one in found
    ]
    print_table(("when", "state", "by", "about", "words"), rows, "No reports.")
