"""`fedblog user`: the people who write here."""

from __future__ import annotations

import click

from fedblog.blog.model import Account, Role
from fedblog.cli.program import Program, json_option, pass_program, print_json, print_table, read_password, when
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import accounts
from fedblog.storage.database import Tx
from fedblog.text.slug import valid_username
from fedblog.web.passwords import check_new_password, hash_password

ROLES = click.Choice([role.value for role in Role])


@click.group()
def user() -> None:
    """The people who write here."""


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, default=Role.AUTHOR.value, show_default=True, help="What they may do.")
@click.option("--display-name", default="", help="Their name as readers see it.")
@click.option("--email", default="", help="Their mail address; never shown.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@pass_program
def add(program: Program, name: str, role: str, display_name: str, email: str, password_stdin: bool) -> None:
    """Add somebody; the actor @NAME comes with the account."""
    program.settings()
    if not valid_username(name.lower()):
        raise InvalidInput(f'"{name}" can\'t be a user name: use 1 to 30 of a-z, 0-9 and _, and no reserved word')
    password_hash = _new_password(password_stdin)

    async def work(services: Services) -> Account:
        return await add_author(
            services.db,
            services.ids,
            services.sealer,
            services.settings,
            username=name,
            name=display_name,
            email=email,
            password_hash=password_hash,
            role=Role(role),
        )

    account = program.run(work)
    click.echo(f"@{account.username}@{program.settings().domain} can log in now ({account.role.value})")


@user.command("list")
@json_option
@pass_program
def list_users(program: Program, as_json: bool) -> None:
    """List who writes here."""

    async def work(services: Services) -> list[Account]:
        return await services.db.read(accounts.all)

    found = program.run(work)
    if as_json:
        print_json(
            [
                {
                    "username": account.username,
                    "role": account.role.value,
                    "email": account.email,
                    "created_at": account.created_at,
                    "disabled": account.disabled_at is not None,
                }
                for account in found
            ]
        )
        return
    rows = [
        (one.username, one.role.value, one.email, when(one.created_at), "disabled" if one.disabled_at else "")
        for one in found
    ]
    print_table(("name", "role", "mail", "since", ""), rows, "Nobody yet: `fedblog user add NAME`.")


@user.command()
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@pass_program
def password(program: Program, name: str, password_stdin: bool) -> None:
    """Give somebody a new password; ends all their log-ins."""
    program.run(lambda services: services.db.read(_find, name))
    password_hash = _new_password(password_stdin)

    def change(tx: Tx) -> None:
        accounts.set_password(tx, _find(tx, name).id, password_hash)

    program.run(lambda services: services.db.write(change))
    click.echo(f"{name} has a new password; all their devices are logged out")


@user.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@pass_program
def role(program: Program, name: str, role: str) -> None:
    """Change what somebody may do."""

    def change(tx: Tx) -> None:
        accounts.set_role(tx, _find(tx, name).id, Role(role))

    program.run(lambda services: services.db.write(change))
    click.echo(f"{name} is {role} now")


def _find(tx: Tx, name: str) -> Account:
    account = accounts.by_username(tx, name.lower().removeprefix("@"))
    if account is None:
        raise NotFound(f"nobody here is called {name}; `fedblog user list` shows who there is")
    return account


def _new_password(from_stdin: bool) -> str:
    typed = read_password(from_stdin=from_stdin)
    check_new_password(typed)
    return hash_password(typed)
