"""`fedblog init`: what it makes, what it keeps, what it refuses."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.cli.config_file import render_config, toml_value
from fedblog.config import load_settings, settings_sections
from tests.cli.conftest import PASSWORD, Shell


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_is_made(shell: Shell) -> None:
    """Configuration and secret for their owner's eyes only, a database, the owner's account."""
    assert mode(shell.config) == 0o600
    assert mode(shell.folder / "data" / "secret") == 0o600
    settings = load_settings(shell.config, {})
    assert (settings.domain, settings.base_url) == ("blog.example", "https://blog.example")
    assert [(one["username"], one["role"]) for one in shell.json("user", "list")] == [("alice", "owner")]


def test_the_file_lists_every_key(shell: Shell) -> None:
    """What is not set stands there as a comment with its default."""
    text = shell.config.read_text("utf-8")
    for section, keys in settings_sections().items():
        assert f"[{section}]" in text
        for key in keys:
            assert f"{key} = " in text


def test_an_existing_configuration_is_kept(empty: Shell) -> None:
    """Only the rest is made; a second run changes nothing; another domain is refused (exit code 4)."""
    empty.config.write_text('[server]\ndomain = "kept.example"\n[blog]\ntitle = "Kept"\n')
    before = empty.config.read_bytes()
    empty("init", "--admin", "bea", "--password-stdin", stdin=PASSWORD)
    again = empty("init", "--admin", "other", "--password-stdin", stdin=PASSWORD)
    assert "Nothing to do" in again.stdout
    assert empty.config.read_bytes() == before
    assert [one["username"] for one in empty.json("user", "list")] == ["bea"]
    empty("init", "--domain", "other.example", "--admin", "bea", "--password-stdin", stdin=PASSWORD, code=4)


def test_a_local_name_means_plain_http(empty: Shell) -> None:
    """`--domain localhost:8123` makes a blog for this machine that listens where it says."""
    empty("init", "--domain", "localhost:8123", "--admin", "al", "--password-stdin", stdin=PASSWORD)
    settings = load_settings(empty.config, {})
    assert settings.base_url == "http://localhost:8123"
    assert settings.domain == "localhost:8123"
    assert settings.server.port == 8123
    assert settings.federation.allow_http


@pytest.mark.parametrize(
    ("options", "stdin", "words"),
    [
        (("--domain", "a.example", "--admin", "admin"), PASSWORD, "user name"),
        (("--domain", "a.example", "--admin", "a b"), PASSWORD, "user name"),
        (("--domain", "a.example", "--admin", "al"), "short", "at least 10"),
        (("--domain", "a/b", "--admin", "al"), PASSWORD, "host name only"),
        (("--domain", "a.example:99", "--admin", "al"), PASSWORD, "host name only"),
        (("--base-url", "http://x:notaport", "--admin", "al"), PASSWORD, "port"),
        (("--base-url", "ftp://x", "--admin", "al"), PASSWORD, "base_url"),
        (("--admin", "al"), PASSWORD, "--domain"),
        (("--domain", "a.example"), PASSWORD, "--admin"),
    ],
)
def test_mistakes_leave_nothing_behind(empty: Shell, options: tuple[str, ...], stdin: str, words: str) -> None:
    """One clear line, exit code 2, no file written."""
    result = empty("init", *options, "--password-stdin", stdin=stdin, code=2)
    assert words in result.stderr
    assert result.stderr.startswith("fedblog: ")
    assert list(empty.folder.iterdir()) == []


def test_without_a_terminal_the_password_must_come_in(empty: Shell) -> None:
    """It never waits for an answer that can't come."""
    result = empty("init", "--domain", "a.example", "--admin", "al", code=2)
    assert "--password-stdin" in result.stderr


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_the_configuration_file(title: str) -> None:
    """Strings are written so that TOML gives them back."""
    assert tomllib.loads(f"x = {toml_value(title)}")["x"] == title


def test_rendered_values_come_back() -> None:
    """Flags, numbers and lists too."""
    chosen = {"server": {"domain": "a.example", "port": 81, "trusted_proxies": ["10.0.0.0/8"]}, "blog": {}}
    found = tomllib.loads(render_config(chosen))
    assert found["server"] == chosen["server"]
    assert found["blog"] == {}
