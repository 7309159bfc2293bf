"""`fedblog deliver`: what could not be delivered, and another try."""

from __future__ import annotations

import dataclasses

import click

from fedblog.blog.ledger import FailedDelivery
from fedblog.cli.program import Program, json_option, pass_program, print_json, print_table, when
from fedblog.errors import InvalidInput, NotFound
from fedblog.federation.services import Services
from fedblog.storage import deliveries


@click.group()
def deliver() -> None:
    """What goes out to other servers."""


@deliver.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many at most.")
@json_option
@pass_program
def list_failed(program: Program, limit: int, as_json: bool) -> None:
    """List deliveries that were given up, the newest first, and how many wait."""

    async def work(services: Services) -> tuple[list[FailedDelivery], int]:
        return await services.db.read(deliveries.failed, limit), await services.db.read(deliveries.count_waiting)

    failed, waiting = program.run(work)
    if as_json:
        print_json({"waiting": waiting, "failed": [{**dataclasses.asdict(one), "id": str(one.id)} for one in failed]})
        return
    rows = [
        (one.id, when(one.done_at), one.type, one.host, one.attempts, one.last_status or "", one.last_error[:60])
        for one in failed
    ]
    print_table(("id", "given up", "type", "host", "tries", "status", "error"), rows, "Nothing was given up.")
    click.echo(f"{waiting} waiting")


@deliver.command()
@click.argument("delivery_id", metavar="ID", type=int, required=False)
@click.option("--all", "everything", is_flag=True, help="Every delivery that was given up.")
@pass_program
def retry(program: Program, delivery_id: int | None, everything: bool) -> None:
    """Send again what was given up: one delivery, or all with --all."""
    if (delivery_id is None) != everything:
        raise InvalidInput("name one delivery, or say --all")
    count = program.run(lambda services: services.db.write(deliveries.retry_failed, delivery_id))
    if delivery_id is not None and count == 0:
        raise NotFound(f"no delivery {delivery_id} was given up; `fedblog deliver list` shows which were")
    click.echo(f"{count} will be sent again at once, if the server runs")
