"""`fedblog user`: the people who write here."""

from __future__ import annotations

import click

from fedblog.blog.ledger import Account
from fedblog.blog.model import Actor, Role
from fedblog.cli.program import Program, json_option, pass_program, print_json, print_table, read_password, when
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.leaving import Farewell, delete_author
from fedblog.federation.rotation import rotate_keys
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import accounts, actors, factors
from fedblog.storage.database import Tx
from fedblog.text.slug import valid_username
from fedblog.web.notices import changes
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
        account_id = _find(tx, name).id
        accounts.set_password(tx, account_id, password_hash)
        changes.plan(tx, account_id, "password")

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


@user.command("reset-factors")
@click.argument("name")
@pass_program
def reset_factors(program: Program, name: str) -> None:
    """Forget somebody's one-time codes and passkeys: their password is enough to log in."""

    def reset(tx: Tx) -> None:
        account = _find(tx, name)
        factors.drop_all(tx, account.id)
        changes.plan(tx, account.id, "reset")
        accounts.drop_sessions_of(tx, account.id)

    program.run(lambda services: services.db.write(reset))
    click.echo(f"{name} logs in with the password alone now; all their devices are logged out")


@user.command("rotate-key")
@click.argument("name")
@pass_program
def rotate_key(program: Program, name: str) -> None:
    """Give an author, the blog or the instance new keys; the old ones are listed for another week."""

    async def work(services: Services) -> None:
        actor = await services.db.read(_actor, name, services.settings.domain)
        await rotate_keys(services.db, services.ids, services.settings, services.sealer, actor)

    program.run(work)
    click.echo(f"{name} signs with new keys within five minutes; everybody who knows this actor is told")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Really: there is no way back.")
@pass_program
def delete(program: Program, name: str, yes: bool) -> None:
    """Delete somebody for good, with all posts and answers. The name can't be used again."""
    if not yes:
        raise InvalidInput(f"this deletes {name} with all posts and answers, here and elsewhere: say --yes to do it")

    async def work(services: Services) -> Farewell:
        author = await services.db.read(_author, name)
        return await delete_author(services.db, services.ids, services.sealer, author)

    told = program.run(work)
    click.echo(f"{name} is gone with {told.posts} published posts; {told.inboxes} inboxes are told")


def _author(tx: Tx, name: str) -> Actor:
    found = actors.by_local_name(tx, name.lower().removeprefix("@"))
    if found is None or found.local != "author" or found.deleted_at is not None:
        raise NotFound(f"nobody here is called {name}; `fedblog user list` shows who there is")
    return found


def _actor(tx: Tx, name: str, domain: str) -> Actor:
    """An author or the blog by name; the instance by the domain."""
    found = actors.instance(tx) if name == domain else actors.by_local_name(tx, name.lower().removeprefix("@"))
    if found is None or found.deleted_at is not None:
        raise NotFound(f"no actor here is called {name}; `fedblog user list` shows who there is")
    return found


def _find(tx: Tx, name: str) -> Account:
    account = accounts.by_username(tx, name.lower().removeprefix("@"))
    if account is None:
        raise NotFound(f"nobody here is called {name}; `fedblog user list` shows who there is")
    return account


def _new_password(from_stdin: bool) -> str:
    typed = read_password(from_stdin=from_stdin)
    check_new_password(typed)
    return hash_password(typed)
