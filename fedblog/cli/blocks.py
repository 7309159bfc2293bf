"""`fedblog blocks`: whom the blog doesn't hear, and lists of blocks from and for elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from fedblog.activitypub.block_lists import BlockList, blocked_accounts, blocked_domains, read_block_list
from fedblog.blog.ledger import Block
from fedblog.cli.program import Program, json_option, pass_program, print_json, print_table, when
from fedblog.errors import InvalidInput
from fedblog.federation.services import Services
from fedblog.storage import block_effects, block_lists, moderation
from fedblog.storage.block_effects import Touched
from fedblog.storage.block_lists import Applied, BlockImport, ImportRow
from fedblog.storage.database import Tx

_NAMES = 5


@click.group()
def blocks() -> None:
    """Whom the blog doesn't hear."""


@blocks.command("list")
@json_option
@pass_program
def list_blocks(program: Program, as_json: bool) -> None:
    """List blocked servers and people, and the lists that they came with."""

    async def work(services: Services) -> tuple[list[Block], list[BlockImport]]:
        return await services.db.read(moderation.blocks), await services.db.read(block_lists.imports)

    found, imports = program.run(work)
    if as_json:
        print_json(
            {
                "blocks": [
                    {"kind": one.kind, "value": one.value, "reason": one.reason, "created_at": one.created_at}
                    for one in found
                ],
                "imports": [
                    {"id": str(one.id), "title": one.title, "state": one.state, "created_at": one.created_at}
                    for one in imports
                ],
            }
        )
        return
    rows = [(one.kind, one.value, when(one.created_at), one.reason[:60]) for one in found]
    print_table(("kind", "who", "since", "reason"), rows, "Nobody is blocked.")
    for one in imports:
        click.echo(f"list {one.id}: {one.title} ({one.state}, {when(one.decided_at or one.created_at)})")


@blocks.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--apply", "do_it", is_flag=True, help="Block them; without it, only say what that would do.")
@json_option
@pass_program
def import_blocks(program: Program, file: BinaryIO, do_it: bool, as_json: bool) -> None:
    """Read a list of blocks as Mastodon exports it (CSV; - is standard input), and say what it would do here."""
    try:
        text = file.read().decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidInput("this is no text in UTF-8") from exc

    async def work(
        services: Services,
    ) -> tuple[BlockList, int, list[ImportRow], dict[block_effects.Key, list[Touched]]]:
        settings = services.settings
        found = read_block_list(text, own=(settings.domain, settings.authority))

        def look(tx: Tx) -> tuple[int, list[ImportRow], dict[block_effects.Key, list[Touched]]]:
            import_id = block_lists.draft(tx, Path(file.name).name[:200], found.entries, found.problems)
            rows = block_lists.rows(tx, import_id)
            effects = block_effects.effects(tx, {row.key for row in rows})
            (block_lists.apply if do_it else block_lists.drop)(tx, import_id)
            return import_id, rows, effects

        return found, *await services.db.write(look)

    found, import_id, rows, effects = program.run(work)
    people = [one for touched in effects.values() for one in touched]
    if as_json:
        print_json(
            {
                "id": str(import_id),
                "applied": do_it,
                "new": [{"kind": row.kind, "value": row.value, "reason": row.reason} for row in rows],
                "known": len(found.entries) - len(rows),
                "problems": [{"line": one.line, "code": one.code, "text": one.text} for one in found.problems],
                "touched": [
                    {"handle": one.actor.handle, "follows": one.follows, "replies": one.replies} for one in people
                ],
            }
        )
        return
    for one in found.problems:
        click.echo(f"line {one.line}: {one.text} can't be used ({one.code})", err=True)
    for row in rows:
        touched = effects.get(row.key, [])
        names = ", ".join(f"{one.actor.handle} ({one.replies} replies)" for one in touched[:_NAMES])
        more = f" and {len(touched) - _NAMES} more" if len(touched) > _NAMES else ""
        if touched:
            click.echo(f"{row.kind} {row.value}: {names}{more}")
    click.echo(f"{len(rows)} new, {len(found.entries) - len(rows)} blocked already, {len(people)} people known here")
    if do_it:
        click.echo(f"blocked; `fedblog blocks undo {import_id}` takes all of it back")
    elif rows:
        click.echo("nothing was blocked: say --apply to do it")


@blocks.command()
@click.argument("import_id", metavar="ID", type=int)
@pass_program
def undo(program: Program, import_id: int) -> None:
    """Take back everything that one list blocked; `blocks list` says its number."""
    done: Applied = program.run(lambda services: services.db.write(block_lists.undo, import_id))
    click.echo(f"{done.removed} blocks are lifted, {done.people} people are heard again")


@blocks.command()
@click.argument("what", type=click.Choice(["servers", "people"]))
@pass_program
def export(program: Program, what: str) -> None:
    """Write blocked servers or people to standard output, as Mastodon imports them (CSV)."""

    async def work(services: Services) -> str:
        if what == "servers":
            return blocked_domains(await services.db.read(moderation.blocks))
        return blocked_accounts(await services.db.read(moderation.blocked_handles))

    click.echo(program.run(work), nl=False)
