"""What all commands share: finding the configuration, running async work, and errors as one line and an exit code."""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from fedblog.config import ENV_PREFIX, Settings, load_settings
from fedblog.errors import ConfigError, Conflict, FedblogError, Gone, InvalidInput, NotFound, StorageUnavailable
from fedblog.observe import set_up_logging

if TYPE_CHECKING:  # what it needs is half of the program, and `fedblog --help` needs none of it
    from fedblog.federation.services import Services

T = TypeVar("T")

DEFAULT_CONFIG = Path("config.toml")
TRACEBACK = "FEDBLOG_TRACEBACK"
EXIT_CODES = {
    0: "done",
    1: "it did not work; the message says why",
    2: "a mistake in the configuration, an option or what was given",
    3: "there is no such thing",
    4: "it is taken, or was changed by somebody else",
    5: "the database is busy, full or can't be opened: try again",
}
_BY_ERROR: tuple[tuple[type[FedblogError], int], ...] = (
    (ConfigError, 2),
    (InvalidInput, 2),
    (NotFound, 3),
    (Gone, 3),
    (Conflict, 4),
    (StorageUnavailable, 5),
)


class Failure(click.ClickException):
    """An error for the person at the terminal: one line on standard error, and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(" ".join(message.split()))
        self.exit_code = code  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: Any = None) -> None:
        """Writes the line."""
        click.echo(f"fedblog: {self.message}", file=file or sys.stderr)


class Place(NamedTuple):
    """Where a command is: its module in this room, its name there, and what it is for, for the list of commands."""

    module: str
    name: str
    purpose: str


class Commands(click.Group):
    """The program: every error that a command raises becomes a `Failure`, never a traceback.

    The commands of `places` are loaded when they are asked for: most of what the others need takes a second to load.
    """

    def __init__(self, *args: Any, places: Mapping[str, Place] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in order."""
        return sorted({*self._places, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, loaded now; None where there is none."""
        place = self._places.get(cmd_name)
        if place is not None and cmd_name not in self.commands:
            self.add_command(getattr(importlib.import_module(f"{__package__}.{place.module}"), place.name), cmd_name)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without loading them."""
        names = self.list_commands(ctx)
        rows = [(name, self._places[name].purpose if name in self._places else self._told(name)) for name in names]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _told(self, name: str) -> str:
        return self.commands[name].get_short_help_str(limit=80)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except FedblogError as error:
            raise Failure(str(error), exit_code(error)) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, KeyboardInterrupt, BrokenPipeError):
            raise
        except OSError as error:
            raise Failure(_os_words(error)) from error
        except Exception as error:
            if os.environ.get(TRACEBACK):
                raise
            raise Failure(
                f"unexpected {type(error).__name__}: {error} (set {TRACEBACK}=1 to see where; please report it)"
            ) from error


def exit_code(error: FedblogError) -> int:
    """The exit code of an error."""
    return next((code for kind, code in _BY_ERROR if isinstance(error, kind)), 1)


def _os_words(error: OSError) -> str:
    words = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {words}" if error.filename else words


@dataclass
class Program:
    """The program's own options, handed to every command. `config_file` is None where none was named."""

    config_file: Path | None = None

    def place(self) -> Path:
        """Where the configuration is or would be."""
        return self.config_file or DEFAULT_CONFIG

    def is_configured(self) -> bool:
        """Whether there is a file, or enough in the environment."""
        return self.place().exists() or _environment_suffices()

    def settings(self) -> Settings:
        """The settings. Raises `ConfigError`."""
        place = self.place()
        if place.exists() or self.config_file is not None:
            return load_settings(place, os.environ)
        if _environment_suffices():
            return load_settings(None, os.environ)
        raise ConfigError(f"there is no {place} here: make one with `fedblog init`, or name one with --config FILE")

    def run(self, work: Callable[[Services], Awaitable[T]]) -> T:
        """The result of `work`, done with the opened instance; works beside a running server."""
        from fedblog import app

        settings = self.settings()
        set_up_logging("warning", "text")

        async def opened() -> T:
            async with app.services(settings) as services:
                return await work(services)

        return asyncio.run(opened())


pass_program = click.make_pass_decorator(Program)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def _environment_suffices() -> bool:
    return any(os.environ.get(f"{ENV_PREFIX}SERVER__{key}") for key in ("DOMAIN", "BASE_URL"))


def print_json(value: Any) -> None:
    """A value as JSON, readable."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Columns under their names; `empty` where there are none."""
    lines = [[clean(str(cell)) for cell in row] for row in rows]
    if not lines:
        click.echo(empty)
        return
    widths = [max(len(line[at]) for line in [list(head), *lines]) for at in range(len(head))]
    for line in [list(head), *lines]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def clean(text: str) -> str:
    """Text from anywhere, without what a terminal would act on (escape sequences, line ends, odd directions)."""
    return "".join(char if char.isprintable() else "�" for char in text)


def when(timestamp: int | None) -> str:
    """`2026-01-02 03:04` in UTC, "" for None."""
    return "" if timestamp is None else datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d %H:%M")


def read_password(*, from_stdin: bool, what: str = "Password") -> str:
    """A password: from standard input where asked so, else from the terminal, twice. Raises `InvalidInput`."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise InvalidInput("there is no terminal to ask for a password: give it with --password-stdin")
    typed: str = click.prompt(what, hide_input=True, confirmation_prompt="The same again")
    return typed


def quiet_logging() -> None:
    """No log lines at all: for commands whose output is the point."""
    set_up_logging("error", "text")
    logging.getLogger().setLevel(logging.CRITICAL)
