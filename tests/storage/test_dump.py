"""A dump holds every row of every table, of one moment, and both engines read what the other one wrote."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fedblog.errors import ConfigError, Conflict, InvalidInput, StorageUnavailable
from fedblog.storage import dump, meta, migrate
from fedblog.storage.database import Database, Tx
from fedblog.storage.dump import Dump
from tests.storage.filling import ROWS, Everything, everything, fill
from tests.storage.support import add_post


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url)
    try:
        yield database
    finally:
        await database.close()


async def filled(path: Path) -> Everything:
    """An SQLite database with rows in every table; what they are."""
    async with opened(str(path)) as database:
        await database.migrate()
        await database.write(fill)
        return await database.read(everything)


async def moved(source: str, target: str, folder: Path) -> Dump:
    """Dump one database into the other."""
    folder.mkdir()
    async with opened(source) as database:
        made = await database.dump(folder)
    async with opened(target) as database:
        await database.write(dump.read_tables, made, folder)
    return made


async def rows_of(url: str) -> Everything:
    async with opened(url) as database:
        return await database.read(everything)


async def test_from_sqlite_to_postgresql_and_back_loses_nothing(tmp_path: Path, postgres_url: str) -> None:
    before = await filled(tmp_path / "a")
    assert {len(rows) for rows in before.values()} == {ROWS}
    made = await moved(str(tmp_path / "a"), postgres_url, tmp_path / "out")
    assert await rows_of(postgres_url) == before
    again = await moved(postgres_url, str(tmp_path / "b"), tmp_path / "back")
    assert await rows_of(str(tmp_path / "b")) == before
    assert [table.rows for table in again.tables] == [table.rows for table in made.tables]
    assert made.migrations == again.migrations
    assert made.migrations[-1].startswith(f"{migrate.all_migrations()[-1].number:04d}_")


@pytest.mark.proves("SEC-133")
async def test_a_dump_is_of_one_moment(db: Database, tmp_path: Path) -> None:
    """Two rows that are always written together are never half in it."""

    def put_both(tx: Tx, value: str) -> None:
        meta.put(tx, "first", value)
        meta.put(tx, "second", value)

    async def write() -> None:
        for number in range(200):
            await db.write(put_both, str(number))

    await db.write(put_both, "start")
    writing = asyncio.create_task(write())
    for number in range(4):
        folder = tmp_path / str(number)
        folder.mkdir()
        await db.dump(folder)
        values = [
            line for line in (folder / "meta.jsonl").read_text().splitlines() if "first" in line or "second" in line
        ]
        assert len({line.split(",")[1] for line in values}) == 1
        assert len(values) == 2
    await writing


@pytest.mark.proves("SEC-131")
async def test_the_log_does_not_grow_for_a_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot is a copy: while it is written out, the real database is read by nobody."""
    await filled(tmp_path / "a")
    seen: list[str] = []
    real = dump.write_tables

    def watched(tx: Tx, folder: Path) -> Dump:
        seen.append(tx.all("PRAGMA database_list")[0][2])
        return real(tx, folder)

    monkeypatch.setattr(dump, "write_tables", watched)
    (tmp_path / "out").mkdir()
    async with opened(str(tmp_path / "a")) as database:
        await database.dump(tmp_path / "out")
    assert [Path(name).parent for name in seen] == [tmp_path / "out"]
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".jsonl"] == []


async def test_only_an_empty_database_is_filled(url: str, tmp_path: Path) -> None:
    await filled(tmp_path / "a")
    (tmp_path / "out").mkdir()
    async with opened(str(tmp_path / "a")) as database:
        made = await database.dump(tmp_path / "out")
    async with opened(url) as database:
        with pytest.raises(Conflict, match="empty"):
            await database.dump(tmp_path / "out")
        await database.migrate()
        await database.write(add_post)
        before = await database.read(everything)
        with pytest.raises(Conflict, match="not empty"):
            await database.write(dump.read_tables, made, tmp_path / "out")
        assert await database.read(everything) == before


@pytest.mark.parametrize(
    ("table", "line", "match"),
    [
        ("meta", '["a"]\n', "1 values for 2"),
        ("meta", '["a", {"b": 1}]\n', "line 6"),
        ("meta", "[", "line 6"),
        ("meta", '["a", null]\n', "meta"),
        ("meta", '["a", "b"]\n', "6 rows instead of 5"),
        ("outgoing", "", "4 rows instead of 5"),
        ("reply_sources", '[1, "bm90IG9uZQ=="]\n', "reply_sources"),
        ("reply_sources", '[1, "no base 64!"]\n', "line 6"),
        ("keys", '["id", 99999999999999999999, "rsa", "", null, 0, null]\n', "keys"),
    ],
)
async def test_what_does_not_fit_changes_nothing(url: str, tmp_path: Path, table: str, line: str, match: str) -> None:
    await filled(tmp_path / "a")
    (tmp_path / "out").mkdir()
    async with opened(str(tmp_path / "a")) as database:
        made = await database.dump(tmp_path / "out")
    file = tmp_path / "out" / f"{table}.jsonl"
    text = file.read_text()
    file.write_text(text + line if line else text.partition("\n")[2])
    async with opened(url) as database:
        with pytest.raises(InvalidInput, match=match):
            await database.write(dump.read_tables, made, tmp_path / "out")
        assert await database.schema_version() == 0
        file.write_text(text)
        await database.write(dump.read_tables, made, tmp_path / "out")


async def test_a_schema_of_another_fedblog_is_refused(url: str, tmp_path: Path) -> None:
    async with opened(url) as database:
        for names in (("0001_start", "9999_later"), ()):
            with pytest.raises(ConfigError, match="another fedblog"):
                await database.write(dump.read_tables, Dump(names, ()), tmp_path)
        with pytest.raises(InvalidInput, match="tables"):
            await database.write(dump.read_tables, Dump(("0001_start",), ()), tmp_path)
        assert await database.schema_version() == 0


async def test_a_database_that_cannot_be_read_now_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database " * 100)
    with pytest.raises(StorageUnavailable):
        dump.copy_sqlite(tmp_path / "text", tmp_path / "copy")


def test_tables_come_after_what_they_refer_to() -> None:
    assert dump._in_order({"b": {"a"}, "a": set(), "c": {"a", "b"}}) == ["a", "b", "c"]
    with pytest.raises(ValueError, match="circle"):
        dump._in_order({"a": {"b"}, "b": {"a"}})


def test_the_copy_is_made_by_sqlite_itself(tmp_path: Path) -> None:
    """What lies in the log only is in the copy as well."""
    with sqlite3.connect(tmp_path / "a") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        assert (tmp_path / "a-wal").stat().st_size > 0
        dump.copy_sqlite(tmp_path / "a", tmp_path / "b")
    connection.close()
    copy = sqlite3.connect(tmp_path / "b")
    assert copy.execute("SELECT x FROM t").fetchall() == [(1,)]
    copy.close()
