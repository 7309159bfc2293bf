"""`fedblog init`: everything that a new blog needs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from fedblog.blog.ledger import Account
from fedblog.cli.making import Owner, Place, check_owner, make_config, make_instance
from fedblog.cli.program import Program, pass_program, read_password
from fedblog.config import Settings, make_settings
from fedblog.errors import Conflict, InvalidInput
from fedblog.observe import set_up_logging


@click.command()
@click.option("--domain", default="", help="Host name of the blog, e.g. blog.example. It can't be changed later.")
@click.option("--admin", default="", metavar="NAME", help="User name of the owner: @NAME@DOMAIN in the fediverse.")
@click.option("--email", default="", help="The owner's mail address; never shown.")
@click.option("--name", default="", help="The owner's name as readers see it.")
@click.option("--title", default="", help="Title of the blog.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--data", default="", metavar="DIR", help="Data directory. Default: `data` beside the configuration.")
@click.option("--base-url", default="", metavar="URL", help="For local use, e.g. http://localhost:8080.")
@pass_program
def init(
    program: Program,
    domain: str,
    admin: str,
    email: str,
    name: str,
    title: str,
    password_stdin: bool,
    data: str,
    base_url: str,
) -> None:
    """Make a new blog: configuration, database, keys and your account.

    Asks on a terminal for what is missing. Where there is a configuration already, it is kept and only the rest is
    made.
    """
    set_up_logging("warning", "text")
    path = program.place()
    existing = program.settings() if program.is_configured() else None
    if existing is not None:
        _refuse_other(existing, domain, base_url, data)
        account, _ = asyncio.run(make_instance(existing, None))
        if account is not None:
            click.echo(f"Nothing to do: {existing.base_url} is ready and belongs to {account.username}.")
            return
    else:
        domain = domain or ("" if base_url else _ask("Domain of the blog (e.g. blog.example)", "--domain"))
    admin = admin or _ask("Your user name (a-z, 0-9, _)", "--admin")
    owner = Owner(admin, read_password(from_stdin=password_stdin), name, email)
    check_owner(owner)
    place = Place(domain, base_url, title, str(Path(data).resolve()) if data else "")
    settings = existing or make_config(path, place)
    account, _ = asyncio.run(make_instance(settings, owner))
    _say_next(path, settings, account, wrote=existing is None)


def _ask(question: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise InvalidInput(f"there is no terminal to ask on: give {option}")
    answer: str = click.prompt(question)
    return answer


def _refuse_other(existing: Settings, domain: str, base_url: str, data: str) -> None:
    """An existing configuration wins; options that say something else are a mistake worth stopping for."""
    domain, base_url = domain.strip(), base_url.strip()
    meant = existing
    if domain or base_url:
        written = {"server": {"domain": domain, "base_url": base_url}, "federation": {"allow_http": True}}
        meant = make_settings(written, relative_to=Path())
    given = (
        ("--domain", domain and meant.domain, existing.domain),
        ("--base-url", base_url and meant.base_url, existing.base_url),
        ("--data", str(Path(data).resolve()) if data else "", str(existing.data_dir)),
    )
    for option, wanted, stands in given:
        if wanted and wanted != stands:
            raise Conflict(f"{option} {wanted}: the configuration is kept, and it says {stands}")


def _say_next(path: Path, settings: Settings, account: Account | None, *, wrote: bool) -> None:
    if wrote:
        click.echo(f"Configuration  {path}")
    click.echo(f"Data           {settings.data_dir}")
    click.echo(f"Blog           {settings.base_url}  (@{settings.blog.handle}@{settings.domain})")
    if account is not None:
        click.echo(f"You            @{account.username}@{settings.domain}")
    option = "" if path == Path("config.toml") else f"--config {path} "
    click.echo("\nNext:")
    click.echo(f"  fedblog {option}serve      listens on {settings.server.host}:{settings.server.port}")
    if settings.base_url.startswith("https:"):
        click.echo("  Put a web server with TLS in front of it: see docs/install.md.")
    click.echo(f"  Then log in at {settings.base_url}/login, and write.")
    click.echo(f"\nKeep a copy of {settings.data_dir / 'secret'}: it opens your keys.")
