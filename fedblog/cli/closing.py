"""`fedblog self-destruct`: the end of a blog, told to everybody who knows it (LIFE-04)."""

from __future__ import annotations

import click

from fedblog.cli.program import Program, pass_program
from fedblog.errors import InvalidInput
from fedblog.federation.leaving import Farewell, close_blog
from fedblog.federation.services import Services


@click.command("self-destruct")
@click.option("--yes", is_flag=True, help="Really: there is no way back.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@pass_program
def self_destruct(program: Program, yes: bool, dry_run: bool) -> None:
    """Close the blog for good: every actor is deleted everywhere, then all addresses answer 410."""
    if not yes and not dry_run:
        raise InvalidInput("this ends the blog for good, here and elsewhere: say --yes to do it, --dry-run to look")

    async def work(services: Services) -> Farewell:
        return await close_blog(services.db, services.ids, services.sealer, rehearse=dry_run)

    told = program.run(work)
    what = f"{told.actors} actors and {told.posts} published posts; {told.inboxes} inboxes"
    if dry_run:
        click.echo(f"This would delete {what} would be told. Nothing was changed.")
        return
    click.echo(f"Deleted {what} are told. Leave `fedblog serve` running for a week, so that all of them hear it.")
