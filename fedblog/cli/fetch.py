"""`fedblog fetch`: what a remote object looks like to us."""

from __future__ import annotations

import dataclasses

import click

from fedblog.activitypub.urls import parse_uri
from fedblog.cli.program import Failure, Program, clean, json_option, pass_program, print_json, when
from fedblog.errors import InvalidInput
from fedblog.federation.look import Look, look

_TIMES = ("published_at", "edited_at")


@click.command()
@click.argument("uri", metavar="URI")
@json_option
@pass_program
def fetch(program: Program, uri: str, as_json: bool) -> None:
    """Fetch an object of another server and say what it is to us; nothing is stored.

    URI is the id or page of a post, a reply, an actor, an activity or a collection.
    """
    try:
        wanted = parse_uri(uri)
    except InvalidInput as exc:
        raise InvalidInput(f"{uri!r} can't be fetched: write a whole URL, https://…") from exc
    found = program.run(lambda services: look(services, wanted))
    if as_json:
        print_json(dataclasses.asdict(found))
    else:
        _print(found)
    if found.kind == "nothing":
        raise Failure(f"it can't be used: {found.refused} ({clean(found.detail)})")


def _print(found: Look) -> None:
    lines: list[tuple[str, object]] = [("is", found.kind), *found.told.items()]
    lines += [("would be", found.outcome), ("refused", found.refused)]
    for name, value in lines:
        if value in ("", None, []):
            continue
        shown = when(value) + " UTC" if name in _TIMES and isinstance(value, int) else value
        parts = shown if isinstance(shown, list) else [shown]
        for part in parts:
            click.echo(f"{name.replace('_', ' '):<16}{clean(str(part))}")
    if found.outcome or found.refused:
        click.echo("docs/reasons.md explains each reason.")
