"""`fedblog doctor`: healthy, and each thing that can be broken."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fedblog.cli import checkup, checkup_public
from fedblog.cli.checkup import EARLIEST, look_at_clock
from fedblog.cli.findings import Finding
from tests.cli.conftest import Shell


def findings(shell: Shell, code: int) -> dict[str, dict[str, Any]]:
    """Findings by name. The blog's own address is not asked: nothing leaves this machine."""
    return {one["name"]: one for one in json.loads(shell("doctor", "--json", code=code).stdout)}


@pytest.fixture(autouse=True)
def local_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The public address of the test's blog is a closed port here."""
    real = checkup_public.ask_itself

    async def ask(settings: Any) -> list[Finding]:
        server = msgspec.structs.replace(settings.server, base_url="http://127.0.0.1:9")
        return await real(msgspec.structs.replace(settings, server=server))

    monkeypatch.setattr(checkup, "ask_itself", ask)


def test_a_healthy_blog(shell: Shell) -> None:
    """All is well; that nobody answers is said, and is no failure."""
    found = findings(shell, code=0)
    assert {name for name, one in found.items() if one["state"] != "ok"} <= {"discovery", "disk", "name"}
    assert found["discovery"]["state"] == "skip"
    assert "does not answer" in found["discovery"]["words"]
    assert "ok" in shell("doctor").stdout


def test_open_files_are_found(shell: Shell) -> None:
    """A secret that others can read is a failure, with the command that mends it."""
    secret = shell.folder / "data" / "secret"
    secret.chmod(0o644)
    found = findings(shell, code=1)
    assert found["secret"]["state"] == "fail"
    assert found["secret"]["fix"] == f"chmod 600 {secret}"


def test_a_missing_secret_is_found_and_none_is_made(shell: Shell) -> None:
    """It changes nothing."""
    secret = shell.folder / "data" / "secret"
    secret.unlink()
    found = findings(shell, code=1)
    assert found["secret"]["state"] == "fail"
    assert found["keys"]["state"] == "skip"
    assert not secret.exists()


def test_another_secret_does_not_open_the_keys(shell: Shell) -> None:
    """Keys are tried, not just counted."""
    secret = shell.folder / "data" / "secret"
    secret.write_bytes(b"A" * 43 + b"=\n")
    assert findings(shell, code=1)["keys"]["state"] == "fail"


def test_a_missing_database_is_found_and_none_is_made(shell: Shell) -> None:
    """And neither is a configuration."""
    for path in (shell.folder / "data").glob("fedblog.sqlite3*"):
        path.unlink()
    assert findings(shell, code=1)["database"]["state"] == "fail"
    assert not (shell.folder / "data" / "fedblog.sqlite3").exists()
    shell.config.unlink()
    assert findings(shell, code=1)["configuration"]["state"] == "fail"


def test_a_damaged_database_is_found(shell: Shell) -> None:
    """Migrations that are not written down, and a file that is no database."""
    database = shell.folder / "data" / "fedblog.sqlite3"
    forget_migrations(database)
    assert findings(shell, code=1)["database"]["state"] == "fail"
    for path in (shell.folder / "data").glob("fedblog.sqlite3-*"):
        path.unlink()
    database.write_bytes(b"this is no database" * 500)
    assert findings(shell, code=1)["database"]["state"] == "fail"


def forget_migrations(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("DELETE FROM schema_version")
    connection.commit()
    connection.close()


def test_another_domain_is_found(shell: Shell) -> None:
    """With the line to write."""
    shell.config.write_text(shell.config.read_text().replace("blog.example", "other.example"))
    found = findings(shell, code=1)
    assert found["domain"]["state"] == "fail"
    assert "blog.example" in found["domain"]["fix"]


def test_a_clock_that_is_years_off() -> None:
    """Before this program was written, or long after."""
    assert look_at_clock(EARLIEST - 1)[0].state == "fail"
    assert look_at_clock(EARLIEST + 86_400)[0].state == "ok"
    assert look_at_clock(EARLIEST * 2)[0].state == "fail"
