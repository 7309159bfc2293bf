"""`fedblog migrate`: bring the database up to date."""

from __future__ import annotations

import asyncio

import click

from fedblog.cli.program import Failure, Program, pass_program
from fedblog.config import Settings
from fedblog.storage import migrate as migrations
from fedblog.storage.database import Database


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit code 1 when something is to be done.")
@pass_program
def migrate(program: Program, check: bool) -> None:
    """Bring the database up to date. `serve` does the same when it starts."""
    version, names = asyncio.run(_migrate(program.settings(), check))
    if check and names:
        raise Failure(f"{len(names)} migration(s) to apply: {', '.join(names)}; run `fedblog migrate`")
    click.echo("\n".join(f"applied {name}" for name in names) or f"The database is up to date (schema {version}).")


async def _migrate(settings: Settings, check: bool) -> tuple[int, list[str]]:
    """The schema's number before, and what was or would be applied."""
    database = await Database.open(settings)
    try:
        version = await database.schema_version()
        if check:
            waiting = await database.read(migrations.pending)
            return version, [f"{one.number:04d}_{one.name}" for one in waiting]
        return version, await database.migrate()
    finally:
        await database.close()
