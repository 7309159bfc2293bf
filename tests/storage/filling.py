"""Rows in every table of any schema, made from what the database says of itself: what dumps and upgrades must keep."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fedblog.storage.database import Tx
from fedblog.storage.dump import table_names

ROWS = 5
ODD = "ünï \"quoted\" 'single' \\back\nline\ttab \u2028 🧵"
Everything = dict[str, set[tuple[tuple[str, Any], ...]]]


def fill(tx: Tx) -> None:
    """`ROWS` rows in each table of an SQLite database; the first of them refer to later ones of their own table."""
    for table in table_names(tx):
        tx.run(f"DELETE FROM {table}")
    for place, table in enumerate(table_names(tx), 1):
        columns = tx.all('SELECT name, type, "notnull", pk FROM pragma_table_info($1) ORDER BY cid', table)
        targets = {
            str(row[0]): (str(row[1]), str(row[2]))
            for row in tx.all('SELECT "from", "table", "to" FROM pragma_foreign_key_list($1)', table)
        }
        rows = [[_value(tx, table, place, number, column, targets) for column in columns] for number in range(ROWS)]
        tx.load(table, [str(column[0]) for column in columns], rows)


def _value(
    tx: Tx, table: str, place: int, number: int, column: tuple[Any, ...], targets: dict[str, tuple[str, str]]
) -> Any:
    name, kind, needed, key = column
    if not needed and not key and number % 2:
        return None
    if name in targets:
        other, column_there = targets[name]
        if other == table:
            return _number(place, ROWS - 1 - number, "id")
        return tx.all(f"SELECT {column_there} FROM {other} ORDER BY {column_there}")[number][0]
    if kind == "TEXT":
        return f"{table}.{name}.{number} {ODD}"
    if kind == "BLOB":
        return bytes(range(256)) * number
    return _number(place, number, name) if key else number


def _number(place: int, number: int, column: str) -> int:
    """Ids have 63 bits; what isn't BIGINT has 32."""
    return (2**62 if column == "id" else 0) + place * 1_000 + number


def everything(tx: Tx, only: Everything | None = None, without: Collection[str] = ()) -> Everything:
    """All rows of all tables, each as (column, value) pairs; with `only`, of its tables and columns."""
    found: Everything = {}
    for table in (name for name in table_names(tx) if name not in without) if only is None else only:
        columns, source = _columns(tx, table), table
        if only is not None:
            known = {name for row in only[table] for name, _ in row}
            if table == "posts" and "thread_version" in known - set(columns):
                # What conversations change has moved from there into a table of its own.
                columns, source = columns + _columns(tx, "threads"), "posts JOIN threads ON post_id = id"
            columns = [name for name in columns if name in known]
        rows = tx.all(f"SELECT {', '.join(columns)} FROM {source}")
        found[table] = {tuple(sorted(zip(columns, map(_plain, row), strict=True))) for row in rows}
        assert len(found[table]) == len(rows)
    return found


def _columns(tx: Tx, table: str) -> list[str]:
    if tx.engine == "sqlite":
        return [str(name) for (name,) in tx.all("SELECT name FROM pragma_table_info($1)", table)]
    rows = tx.all("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
    return [str(name) for (name,) in rows]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
