"""docs/cli.md names every command and option that there is, and no other; the deployment files agree with the docs."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from fedblog.cli import main
from fedblog.cli.program import EXIT_CODES

ROOT = Path(__file__).parents[2]
DOCS = (ROOT / "docs" / "cli.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### `(fedblog [a-z -]+)`\n(.*?)(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL))


def commands(group: click.Group = main, path: str = "fedblog") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its whole name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


TREE = dict(commands())


def test_every_command_has_its_section_and_none_is_made_up() -> None:
    assert set(SECTIONS) == set(TREE)


@pytest.mark.parametrize("name", TREE)
def test_every_option_is_documented(name: str) -> None:
    """The long form of each option stands in the command's section, and no option that there is not."""
    known = {option for one in TREE[name].params if isinstance(one, click.Option) for option in one.opts}
    written = set(re.findall(r"`(--[a-z-]+)", SECTIONS[name]))
    assert {option for option in known if option.startswith("--")} <= written
    assert written <= known


@pytest.mark.parametrize("name", ["fedblog", *TREE])
def test_everything_explains_itself(name: str) -> None:
    """Each command and option has a help text."""
    command = main if name == "fedblog" else TREE[name]
    assert command.help
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []


def test_the_list_of_commands_says_what_each_command_says() -> None:
    """The purposes stand apart from the commands, so that listing them loads none."""
    listed = CliRunner().invoke(main, ["--help"], terminal_width=200).stdout
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        said = re.search(rf"^  {name} +(.*)$", listed, re.MULTILINE)
        assert said is not None, name
        # A longer one is cut at a comma, or leaves out what stands in brackets.
        whole = re.sub(r" \(.*?\)", "", command.get_short_help_str(200))
        assert whole.startswith(said[1].removesuffix(".")), name


def test_exit_codes_are_the_same_in_help_and_docs() -> None:
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in DOCS
        assert f"{code}  {meaning}" in (main.epilog or "")


def test_files_that_the_installation_names_are_there() -> None:
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    links = re.findall(r"\]\(\.\./(deploy/[^)]+)\)", text)
    assert set(links) == {f"deploy/{path.name}" for path in (ROOT / "deploy").iterdir()}


def test_the_unit_is_hardened() -> None:
    """systemd's file parses, runs `serve`, and gives nothing away."""
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.read(ROOT / "deploy" / "fedblog.service")
    service = unit["Service"]
    assert service["ExecStart"].endswith("serve")
    assert service["NoNewPrivileges"] == service["PrivateTmp"] == service["ProtectHome"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
