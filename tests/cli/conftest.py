"""A blog made by the commands themselves, in a folder of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from fedblog.cli import main

PASSWORD = "correct horse battery"


@dataclass
class Shell:
    """Runs commands with the configuration of one folder."""

    folder: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "config.toml"

    def __call__(self, *args: str, stdin: str = "", code: int = 0, env: dict[str, str] | None = None) -> Result:
        """Runs `fedblog ARGS` and insists on the exit code."""
        result = CliRunner().invoke(
            main, ["--config", str(self.config), *args], input=stdin, env=env or {}, catch_exceptions=True
        )
        assert result.exit_code == code, f"{args}: {result.exit_code}\n{result.output}\n{result.exception!r}"
        if code not in (0, 130):
            assert "Traceback" not in result.output
        return result

    def json(self, *args: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self(*args, "--json").stdout)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings come from the test alone."""
    for name in ("FEDBLOG_CONFIG", "FEDBLOG_SERVER__DOMAIN", "FEDBLOG_SERVER__BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    made("init", "--domain", "blog.example", "--admin", "alice", "--password-stdin", stdin=PASSWORD + "\n")
    return made
