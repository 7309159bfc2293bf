"""Everything that is kept, as text: one JSON line a row, one file a table, the same for both engines.

A dump is made of one snapshot and loaded in one transaction, into the schema that it was made with; migrations bring it
up to date afterwards. What one engine wrote the other one reads, so that a blog can move between them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from fedblog.errors import ConfigError, Conflict, InvalidInput, StorageUnavailable
from fedblog.storage import migrate
from fedblog.storage.tx import Tx

SCHEMA_TABLE = "schema_version"  # made by the migrations, so it is not carried along
DERIVED = ("search_", "drawn_")  # tables that are made anew of the others
_NEWLINE = b"\n"
_BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class TableDump:
    """One table in a dump: its columns in the order of the values, and how many rows there are."""

    name: str
    columns: tuple[str, ...]
    rows: int


@dataclass(frozen=True, slots=True)
class Dump:
    """What a dump holds. `migrations` are the names of all that were applied (`0001_start`), by number."""

    migrations: tuple[str, ...]
    tables: tuple[TableDump, ...]


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite database that others write to meanwhile (SQLite's online backup).

    On connections of its own: the file itself is never opened beside SQLite, see `sqlite._make_private`.
    Raises `StorageUnavailable`.
    """
    try:
        with (
            closing(sqlite3.connect(source, timeout=_BUSY_SECONDS)) as reader,
            closing(sqlite3.connect(target)) as writer,
        ):
            reader.backup(writer)
    except sqlite3.Error as exc:
        raise StorageUnavailable(f"{source}: the database can't be copied now: {exc}") from exc


def write_tables(tx: Tx, folder: Path) -> Dump:
    """Write every table of this transaction's snapshot into `folder`, as `TABLE.jsonl`."""
    if migrate.version(tx) == 0:
        raise Conflict("the database is empty: there is nothing to keep")
    applied = [f"{number:04d}_{name}" for number, name in tx.all("SELECT number, name FROM schema_version ORDER BY 1")]
    return Dump(tuple(applied), tuple(_write_table(tx, name, folder) for name in table_names(tx)))


def _write_table(tx: Tx, name: str, folder: Path) -> TableDump:
    columns = tuple(_columns(tx, name))
    encoder, count = msgspec.json.Encoder(), 0
    with (folder / f"{name}.jsonl").open("wb") as file:
        for row in tx.each(f"SELECT {', '.join(columns)} FROM {name}"):
            file.write(encoder.encode(row) + _NEWLINE)
            count += 1
    return TableDump(name, columns, count)


def read_tables(tx: Tx, dump: Dump, folder: Path) -> None:
    """Fill an empty database with a dump: its schema first, then every row.

    Raises `Conflict` (something is there already), `ConfigError` (made by a newer fedblog), `InvalidInput` (the dump
    doesn't fit its own schema); nothing is changed then.
    """
    _make_schema(tx, dump.migrations)
    places = {table.name: table for table in dump.tables}
    expected = table_names(tx)
    if set(places) != set(expected):
        raise InvalidInput(f"the tables are not those of schema {dump.migrations[-1]}")
    for name in reversed(expected):
        tx.run(f"DELETE FROM {name}")  # rows that migrations have made are in the dump as well
    for name in expected:
        _read_table(tx, places[name], folder)
    if tx.engine == "sqlite" and (lost := tx.one("PRAGMA foreign_key_check")):
        raise InvalidInput(f"{lost[0]}: a row points to a missing row of {lost[2]}")


def _make_schema(tx: Tx, names: Sequence[str]) -> None:
    known = {f"{migration.number:04d}_{migration.name}": migration for migration in migrate.all_migrations()}
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise ConfigError(
            f"this was made by another fedblog, with a schema that is not known here ({', '.join(strange) or 'none'}): "
            "install the newest fedblog"
        )
    if _all_tables(tx):
        raise Conflict("the database is not empty: a backup is restored into an empty one only")
    for name in names:
        migrate.apply(tx, known[name])


def _read_table(tx: Tx, table: TableDump, folder: Path) -> None:
    kinds = _columns(tx, table.name)
    if set(kinds) != set(table.columns):
        raise InvalidInput(f"{table.name}: the columns are not those of its schema")
    blobs = [place for place, column in enumerate(table.columns) if kinds[column] == "bytes"]
    count = 0

    def counted(file: BinaryIO) -> Iterator[list[Any]]:
        nonlocal count
        for row in _rows(file, table, blobs):
            count += 1
            yield row

    with (folder / f"{table.name}.jsonl").open("rb") as file:
        tx.load(table.name, table.columns, counted(file))
    if count != table.rows:
        raise InvalidInput(f"{table.name}: {count} rows instead of {table.rows}")


def _rows(file: BinaryIO, table: TableDump, blobs: Sequence[int]) -> Iterator[list[Any]]:
    decoder, width = msgspec.json.Decoder(list[str | int | None]), len(table.columns)
    for number, line in enumerate(file, 1):
        try:
            row: list[Any] = decoder.decode(line)
            for place in blobs:
                if row[place] is not None:
                    row[place] = msgspec.convert(row[place], bytes)
        except (msgspec.DecodeError, msgspec.ValidationError, IndexError) as exc:
            raise InvalidInput(f"{table.name}, line {number}: {exc}") from None
        if len(row) != width:
            raise InvalidInput(f"{table.name}, line {number}: {len(row)} values for {width}")
        yield row


def table_names(tx: Tx) -> list[str]:
    """All tables but the schema's own and those made of others, each after those that it refers to."""
    names = [name for name in _all_tables(tx) if name != SCHEMA_TABLE and not name.startswith(DERIVED)]
    needs = {name: _refers_to(tx, name) - {name} for name in names}
    return _in_order(needs)


def _in_order(needs: Mapping[str, set[str]]) -> list[str]:
    order: list[str] = []
    while len(order) < len(needs):
        ready = [name for name in sorted(needs) if name not in order and needs[name] <= set(order)]
        if not ready:
            raise ValueError(f"these tables refer to each other in a circle: {sorted(set(needs) - set(order))}")
        order += ready
    return order


def _all_tables(tx: Tx) -> list[str]:
    if tx.engine == "postgresql":
        sql = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    else:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    return [str(name) for (name,) in tx.all(sql)]


def _refers_to(tx: Tx, table: str) -> set[str]:
    if tx.engine == "postgresql":
        rows = tx.all(
            "SELECT f.relname FROM pg_constraint c JOIN pg_class f ON f.oid = c.confrelid"
            " WHERE c.contype = 'f' AND c.conrelid = to_regclass($1)",
            table,
        )
    else:
        rows = tx.all('SELECT "table" FROM pragma_foreign_key_list($1)', table)
    return {str(name) for (name,) in rows}


def _columns(tx: Tx, table: str) -> dict[str, str]:
    """`{column: "bytes" | "other"}` in the order of the table."""
    if tx.engine == "postgresql":
        rows = tx.all(
            "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            table,
        )
    else:
        rows = tx.all("SELECT name, type FROM pragma_table_info($1) ORDER BY cid", table)
    return {str(name): "bytes" if str(kind).lower() in ("blob", "bytea") else "other" for name, kind in rows}
