"""`fedblog config`: what is set, and where it comes from."""

from __future__ import annotations

import os
import tomllib
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import click
import msgspec

from fedblog.cli.config_file import toml_value
from fedblog.cli.program import Program, json_option, pass_program, print_json
from fedblog.config import ENV_PREFIX, Settings, settings_sections

MASK = "********"


@click.group()
def config() -> None:
    """The configuration."""


@config.command()
@click.option("--origin", is_flag=True, help="Say of each key where its value comes from.")
@json_option
@pass_program
def show(program: Program, origin: bool, as_json: bool) -> None:
    """Show every setting as it is in force, passwords masked."""
    settings = program.settings()
    values = masked(settings)
    origins = find_origins(program, settings)
    if as_json:
        if not origin:
            print_json(values)
            return
        print_json(
            {
                section: {key: {"value": value, "origin": origins[section][key]} for key, value in keys.items()}
                for section, keys in values.items()
            }
        )
        return
    for section, keys in values.items():
        click.echo(f"[{section}]")
        for key, value in keys.items():
            line = f"{key} = {toml_value(value)}"
            click.echo(f"{line:<48}  # {origins[section][key]}" if origin else line)
        click.echo()


def masked(settings: Settings) -> dict[str, dict[str, Any]]:
    """All settings as `{section: {key: value}}`, without passwords."""
    values: dict[str, dict[str, Any]] = msgspec.to_builtins(settings)
    values["database"]["url"] = mask_url(settings.database.url)
    values["mail"]["password"] = MASK if settings.mail.password else ""
    return values


def mask_url(url: str) -> str:
    """A URL with its password, and any password among its parameters, replaced."""
    if not url:
        return ""
    parts = urlsplit(url)
    netloc = parts.netloc
    if parts.password is not None:
        credentials, _, host = netloc.rpartition("@")
        netloc = f"{credentials.partition(':')[0]}:{MASK}@{host}"
    query = "&".join(
        f"{name}={MASK if 'pass' in name.lower() else value}"
        for name, _, value in (item.partition("=") for item in parts.query.split("&") if item)
    )
    return urlunsplit((parts.scheme, netloc, parts.path, query, parts.fragment))


def find_origins(program: Program, settings: Settings) -> dict[str, dict[str, str]]:
    """Where each value comes from: default, file, environment, or derived from other settings."""
    place = program.place()
    written = tomllib.loads(place.read_text("utf-8")) if place.exists() else {}
    found: dict[str, dict[str, str]] = {}
    for section, keys in settings_sections().items():
        part = getattr(settings, section)
        current = {field.encode_name: getattr(part, field.name) for field in msgspec.structs.fields(part)}
        found[section] = {}
        for key, (default, _) in keys.items():
            variable = f"{ENV_PREFIX}{section}__{key}".upper()
            if variable in {name.upper() for name in os.environ}:
                source = f"environment {variable}"
            elif key in written.get(section, {}):
                source = f"file {place}"
            else:
                source = "default" if current[key] == default else "derived"
            found[section][key] = source
    return found
