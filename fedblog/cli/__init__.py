"""The command line: `fedblog COMMAND`. Each group of commands is a file of its own, loaded when it is asked for."""

from __future__ import annotations

from pathlib import Path

import click

from fedblog import __version__
from fedblog.cli.program import EXIT_CODES, Commands, Place, Program

_EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code}  {meaning}" for code, meaning in EXIT_CODES.items())

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

# What each command is for stands here a second time, so that the list of all loads none of them (a test compares).
_PLACES = {
    "backup": Place("backup", "backup", "Write the whole blog into FILE: database, keys, configuration and pictures."),
    "blocks": Place("blocks", "blocks", "Whom the blog doesn't hear."),
    "config": Place("config", "config", "The configuration."),
    "deliver": Place("delivery", "deliver", "What goes out to other servers."),
    "demo": Place("demo", "demo", "Look at a throw-away blog, and at a small simulated fediverse that answers it."),
    "doctor": Place(
        "doctor", "doctor", "Check configuration, files, database, keys, mail, push, clock and the public address."
    ),
    "export": Place(
        "export", "export", "Write posts with their threads, pictures, followers and blocks to one archive."
    ),
    "fetch": Place("fetch", "fetch", "Fetch an object of another server and say what it is to us; nothing is stored."),
    "import": Place("import_", "import_", "Bring posts and comments in from elsewhere."),
    "inbox": Place("inbox", "inbox", "What came from other servers, and what became of it."),
    "init": Place("init", "init", "Make a new blog: configuration, database, keys and your account."),
    "migrate": Place("migrate", "migrate", "Bring the database up to date."),
    "person": Place("person", "person", "People of other servers: what is kept about them."),
    "post": Place("posts", "post", "Write, change, delete and list posts."),
    "reports": Place("inbox", "reports", "Reports about people and posts, sent by other servers."),
    "restore": Place("backup", "restore", "Make the blog of a backup FILE again, where there is none yet."),
    "self-destruct": Place("closing", "self_destruct", "Close the blog for good: every actor is deleted everywhere."),
    "serve": Place("serve", "serve", "Run the blog: pages, inbox, delivery."),
    "user": Place("users", "user", "The people who write here."),
}


@click.group(cls=Commands, places=_PLACES, epilog=_EPILOG, context_settings=_CONTEXT)
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
