"""`fedblog export`: everything in one file, to keep or to take elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from fedblog.archive.exporter import Exported, Exporter
from fedblog.cli.program import Program, json_option, pass_program, print_json
from fedblog.errors import Conflict, InvalidInput
from fedblog.federation.services import Services


@click.command()
@click.argument("file", metavar="FILE.tar.gz", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--author", default="", metavar="NAME", help="Only what belongs to this author.")
@click.option("--drafts", is_flag=True, help="Drafts and withdrawn posts as well.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
@pass_program
def export(program: Program, file: Path, author: str, drafts: bool, force: bool, as_json: bool) -> None:
    """Write posts with their threads, pictures, followers and blocks to one archive.

    Inside: ActivityStreams, Markdown, a WordPress file, CSV lists. No private replies, no keys, no passwords.
    """
    if not file.name.endswith((".tar.gz", ".tgz")):
        raise InvalidInput("the archive is a .tar.gz: let its name end so")
    if file.exists() and not force:
        raise Conflict(f"{file} is there already; --force replaces it")

    async def work(services: Services) -> Exported:
        return await Exporter(services, author=author, drafts=drafts).write(file)

    made = asdict(program.run(work))
    if as_json:
        print_json({"file": str(file), **made})
        return
    click.echo(f"{file}: " + ", ".join(f"{number} {what}" for what, number in made.items()))
