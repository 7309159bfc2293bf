"""A database of every earlier schema becomes one of the newest, with all its rows; a killed upgrade goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fedblog.storage import dump, migrate
from fedblog.storage.database import Database, Tx
from tests.storage.filling import Everything, everything, fill

MIGRATIONS = migrate.all_migrations()
NEWEST = MIGRATIONS[-1].number


def test_migrations_are_numbered_without_gaps_or_doubles() -> None:
    """One of two with the same number would never be applied."""
    assert [migration.number for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def apply_up_to(tx: Tx, number: int) -> None:
    for migration in MIGRATIONS:
        if migration.number <= number:
            migrate.apply(tx, migration)


async def make_old(path: Path, number: int) -> Everything:
    """An SQLite database of that schema with rows in every table."""
    old = await Database.open(str(path))
    await old.write(apply_up_to, number)
    await old.write(fill)
    before = await old.read(everything)
    await old.close()
    return before


async def check_upgraded(url: str, before: Everything) -> None:
    """It opens, upgrades (or goes on with it), and has what it had."""
    database = await Database.open(url)
    try:
        await database.migrate()
        assert await database.schema_version() == NEWEST
        applied = await database.read(lambda tx: tx.all("SELECT number, name FROM schema_version ORDER BY number"))
        assert applied == [(migration.number, migration.name) for migration in MIGRATIONS]
        after = await database.read(everything, before)
        if database.engine == "sqlite":
            assert await database.read(lambda tx: tx.all("PRAGMA integrity_check")) == [("ok",)]
            assert await database.read(lambda tx: tx.all("PRAGMA foreign_key_check")) == []
    finally:
        await database.close()
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    assert after == before


@pytest.mark.parametrize("number", [migration.number for migration in MIGRATIONS])
@pytest.mark.proves("SEC-132")
async def test_every_earlier_schema_upgrades(url: str, tmp_path: Path, number: int) -> None:
    before = await make_old(tmp_path / "old", number)
    if not url.startswith("postgresql"):
        await check_upgraded(str(tmp_path / "old"), before)
        return
    (tmp_path / "out").mkdir()
    old, new = await Database.open(str(tmp_path / "old")), await Database.open(url)
    made = await old.dump(tmp_path / "out")
    await new.write(dump.read_tables, made, tmp_path / "out")
    assert await new.schema_version() == number
    await old.close()
    await new.close()
    await check_upgraded(url, before)


KILLED = """
import asyncio, os, signal, sys
from fedblog.storage.database import Database
from fedblog.storage.sqlite import SqliteTx

left = int(sys.argv[2])

def count(real):
    def run(self, *args):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(self, *args)
    return run

SqliteTx.run = count(SqliteTx.run)

async def main():
    await (await Database.open(sys.argv[1])).migrate()
    os._exit(0)

asyncio.run(main())
"""


@pytest.mark.proves("SEC-126", "SEC-132")
async def test_a_killed_upgrade_goes_on_at_the_next_start(tmp_path: Path) -> None:
    """Killed before its 1st, 2nd, 3rd … statement in turn, it is always at one of the schemas in between."""
    before = await make_old(tmp_path / "db", 1)
    step, statement, seen = int(os.environ.get("FEDBLOG_UPGRADE_STEP", "9")), 1, 0
    while True:
        command = [sys.executable, "-c", KILLED, str(tmp_path / "db"), str(statement)]
        code = subprocess.run(command, check=False).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        database = await Database.open(str(tmp_path / "db"))
        version = await database.schema_version()
        await database.close()
        assert version >= seen
        assert version in {migration.number for migration in MIGRATIONS}
        seen = version
        # What it has done stays done, so the same count gets further each time.
        statement = statement + step if statement < 4 * step else 1_000
    await check_upgraded(str(tmp_path / "db"), before)
