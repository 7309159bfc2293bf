"""`fedblog import`: an archive of fedblog, an export of WordPress, Ghost or WriteFreely, or a folder of Markdown."""

from __future__ import annotations

from pathlib import Path

import click

from fedblog.archive.json_read import check_site, read_json
from fedblog.archive.markdown_folder import read_folder
from fedblog.archive.report import Report
from fedblog.archive.restore import Restorer
from fedblog.archive.taking import Taker
from fedblog.archive.wxr_read import read_wxr
from fedblog.cli.program import Program, clean, json_option, pass_program, print_json
from fedblog.errors import InvalidInput
from fedblog.federation.services import Services

_TAR_MAGIC = slice(257, 262)


@click.command("import")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True))
@click.option("--author", default="", metavar="NAME", help="Who gets the posts. Default: authors of the same name.")
@click.option("--dry-run", is_flag=True, help="Read everything and tell what would come in; change nothing.")
@click.option("--federate", is_flag=True, help="Publish new posts to followers, too. Without it nobody is told.")
@click.option("--old-site", default="", metavar="URL", help="Where a Ghost or WriteFreely blog stood, for its links.")
@json_option
@pass_program
def import_(
    program: Program, file: Path, author: str, dry_run: bool, federate: bool, old_site: str, as_json: bool
) -> None:
    """Bring posts and comments in from elsewhere.

    FILE is an archive of fedblog (.tar.gz), an export of WordPress (.xml), Ghost or WriteFreely (.json), or a folder
    of Markdown. A second run changes nothing, and one that was cut off goes on where it stopped.
    """
    kind, site = _kind(file), check_site(old_site)

    async def work(services: Services) -> Report:
        report = Report(dry_run=dry_run)
        if kind == "archive":
            await Restorer(services, report, author=author, federate=federate).restore(file)
            return report
        taker = Taker(services, report, author=author, federate=federate)
        if kind == "markdown":
            await taker.take(read_folder(file))
            return report
        with file.open("rb") as opened:
            await taker.take(read_wxr(opened) if kind == "wordpress" else read_json(opened, site, now=services.clock()))
        return report

    _show(program.run(work), as_json)


def _kind(file: Path) -> str:
    """What it is, by its first bytes. Raises `InvalidInput`."""
    if file.is_dir():
        return "markdown"
    with file.open("rb") as opened:
        begin = opened.read(512)
    if begin.startswith(b"\x1f\x8b") or begin[_TAR_MAGIC] == b"ustar":
        return "archive"
    if begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "wordpress"
    if begin.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return "json"
    raise InvalidInput(f"{file} is no archive of fedblog, no export of another system and no folder of Markdown")


def _show(report: Report, as_json: bool) -> None:
    told = report.as_dict()
    if as_json:
        print_json(told)
        return
    for words in told["warnings"]:
        click.echo(f"warning: {clean(words)}", err=True)
    if report.dry_run:
        click.echo("Nothing was changed. This would come in:")
    for what, number in report.counts.items():
        click.echo(f"{number:>8} {what.replace('_', ' ')}")
    if not report.counts:
        click.echo("nothing was found")
