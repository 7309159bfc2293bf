"""`fedblog person`: what is kept about somebody of another server, to give to them or to erase."""

from __future__ import annotations

import click

from fedblog.blog.model import Actor
from fedblog.cli.program import Program, pass_program, print_json
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation import privacy
from fedblog.federation.services import Services
from fedblog.storage import person_record
from fedblog.storage.erasing import Erased


@click.group()
def person() -> None:
    """People of other servers: what is kept about them."""


@person.command("export")
@click.argument("who")
@pass_program
def export_person(program: Program, who: str) -> None:
    """Print everything about somebody (@name@server, or their id) as JSON."""

    async def work(services: Services) -> list[object]:
        return [
            await privacy.held(services.db, services.avatars, services.attached, one.id)
            for one in await _find(services, who)
        ]

    print_json(program.run(work))


@person.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Really: there is no way back.")
@pass_program
def erase(program: Program, who: str, yes: bool) -> None:
    """Erase everything about somebody: profile, replies, likes, follows, reports, logs."""
    if not yes:
        raise InvalidInput("this erases for good: say --yes to do it; `fedblog person export` shows what there is")

    async def work(services: Services) -> list[Erased]:
        found = await _find(services, who)
        return [await privacy.erase(services.db, services.avatars, services.attached, one.id) for one in found]

    for done in program.run(work):
        click.echo(f"erased {done.replies} replies, {done.reactions} likes and boosts, {done.follows} follows")
        for post_id in done.own_posts:
            click.echo(f"your post {post_id} names them")
        for answer_id in done.own_answers:
            click.echo(f"your answer {answer_id} names them")


async def _find(services: Services, who: str) -> list[Actor]:
    found = await services.db.read(person_record.find, who)
    if not found:
        raise NotFound(f"nothing is kept here about {who}")
    return found
