"""Writes a configuration file: every key with its description, those that were chosen set, the others as comments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from fedblog.config import Settings, settings_sections
from fedblog.errors import Conflict

Chosen = Mapping[str, Mapping[str, Any]]
_HEAD = """\
# fedblog configuration. Every key is listed; those with # in front have their default.
# FEDBLOG_SECTION__KEY in the environment overrides a key, e.g. FEDBLOG_SERVER__PORT=9000.
"""


def render_config(chosen: Chosen) -> str:
    """The text of a configuration file with those `{section: {key: value}}` set."""
    about = {field.name: (type(field.default).__doc__ or "").strip() for field in msgspec.structs.fields(Settings)}
    lines = [_HEAD]
    for section, keys in settings_sections().items():
        lines += [f"# {about[section]}", f"[{section}]"]
        for key, (default, description) in keys.items():
            value = chosen.get(section, {}).get(key)
            lines.append(f"# {description}")
            lines += [f"{key} = {toml_value(value)}" if value is not None else f"#{key} = {toml_value(default)}", ""]
    return "\n".join(lines)


def toml_value(value: Any) -> str:
    """A string, number, flag or list as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(toml_value(item) for item in value)}]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but DEL must be escaped in TOML as well.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def write_config(path: Path, chosen: Chosen) -> None:
    """A new file, readable for its owner only. Raises `Conflict` where there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} is there already") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(render_config(chosen))
