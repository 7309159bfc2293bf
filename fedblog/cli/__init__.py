"""The command line: `fedblog COMMAND`. Each group of commands is a file of its own; this one only names them."""

from __future__ import annotations

from pathlib import Path

import click

from fedblog import __version__
from fedblog.cli.backup import backup, restore
from fedblog.cli.closing import self_destruct
from fedblog.cli.config import config
from fedblog.cli.delivery import deliver
from fedblog.cli.demo import demo
from fedblog.cli.doctor import doctor
from fedblog.cli.export import export
from fedblog.cli.fetch import fetch
from fedblog.cli.import_ import import_
from fedblog.cli.inbox import inbox, reports
from fedblog.cli.init import init
from fedblog.cli.migrate import migrate
from fedblog.cli.posts import post
from fedblog.cli.program import EXIT_CODES, Commands, Program
from fedblog.cli.serve import serve
from fedblog.cli.users import user

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items())


_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Commands, epilog=_EPILOG, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="fedblog", message="%(prog)s %(version)s")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="FEDBLOG_CONFIG",
    metavar="FILE",
    help="Configuration file. Without it: $FEDBLOG_CONFIG, else ./config.toml.",
)
@click.pass_context
def main(context: click.Context, config_file: Path | None) -> None:
    """A blog whose comment section is the fediverse.

    Begin with `fedblog demo` to look at it, or with `fedblog init` to make your own.
    """
    context.obj = Program(config_file)


for command in (
    init,
    serve,
    demo,
    user,
    post,
    deliver,
    inbox,
    fetch,
    reports,
    doctor,
    migrate,
    export,
    import_,
    backup,
    restore,
    config,
    self_destruct,
):
    main.add_command(command)
