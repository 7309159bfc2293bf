"""Schema changes: numbered SQL files, each applied in one transaction with the row that says so.

One text for both engines: BIGINT is INTEGER on SQLite, BLOB is BYTEA on PostgreSQL, and TEXT is compared byte by byte
on both. SQLite tables are STRICT, so that a wrong type is an error on both.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from importlib import resources

from fedblog.errors import ConfigError
from fedblog.storage.tx import Tx

_FILE = re.compile(r"^(\d{4})_(\w+)\.sql$")
# Any number will do, as long as nobody else uses it on the same database.
_POSTGRES_LOCK = 4_713_077_311


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name and its SQL."""

    number: int
    name: str
    sql: str


def all_migrations() -> list[Migration]:
    """All migrations this version knows, by number."""
    found = [
        Migration(int(match[1]), match[2], entry.read_text("utf-8"))
        for entry in resources.files("fedblog.storage").joinpath("migrations").iterdir()
        if (match := _FILE.match(entry.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def version(tx: Tx) -> int:
    """Number of the last migration applied; 0 for an empty database."""
    return int(tx.value("SELECT coalesce(max(number), 0) FROM schema_version") or 0) if _has_table(tx) else 0


def refuse_newer(tx: Tx) -> None:
    """Raises `ConfigError` when a newer fedblog has changed this database."""
    known = all_migrations()[-1].number
    stored = version(tx)
    if stored > known:
        raise ConfigError(
            f"database: its schema is number {stored}, this fedblog knows up to {known}: "
            "install the newer fedblog again, or restore a backup made before the update"
        )


def pending(tx: Tx) -> list[Migration]:
    """Migrations that are not applied yet."""
    stored = version(tx)
    return [migration for migration in all_migrations() if migration.number > stored]


def apply(tx: Tx, migration: Migration) -> bool:
    """Apply one migration; False when another process did it meanwhile."""
    if tx.engine == "postgresql":
        tx.all("SELECT pg_advisory_xact_lock($1)", _POSTGRES_LOCK)
    tx.run(
        to_engine(
            "CREATE TABLE IF NOT EXISTS schema_version"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at BIGINT NOT NULL);",
            tx.engine,
        )
    )
    if version(tx) >= migration.number:
        return False
    for statement in statements(migration.sql, tx.engine):
        tx.run(to_engine(statement, tx.engine))
    tx.run(
        "INSERT INTO schema_version (number, name, applied_at) VALUES ($1, $2, $3)",
        migration.number,
        migration.name,
        tx.now,
    )
    return True


def statements(sql: str, engine: str) -> list[str]:
    """The single statements of a script; one behind a line `-- @sqlite` or `-- @postgresql` is for that engine only."""
    found: list[str] = []
    buffer, only = "", ""
    for line in sql.splitlines(keepends=True):
        if not buffer and (not line.strip() or line.lstrip().startswith("--")):
            only = line.partition("@")[2].strip() if line.startswith("-- @") else only
            continue
        buffer += line
        if sqlite3.complete_statement(buffer):
            if only in ("", engine):
                found.append(buffer.strip())
            buffer = only = ""
    if buffer.strip():
        raise ValueError(f"the migration ends inside a statement: {buffer.strip()[:60]}")
    return found


def to_engine(statement: str, engine: str) -> str:
    """A statement with the type names of the engine."""
    statement = statement.strip().removesuffix(";")
    if engine == "postgresql":
        statement = re.sub(r"\bBLOB\b", "BYTEA", statement)
        return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', statement)
    statement = re.sub(r"\bBIGINT\b", "INTEGER", statement)
    return f"{statement} STRICT" if statement.startswith("CREATE TABLE") else statement


def _has_table(tx: Tx) -> bool:
    if tx.engine == "postgresql":
        return tx.value("SELECT to_regclass('schema_version')") is not None
    return tx.value("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'") is not None
