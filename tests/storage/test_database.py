"""Units of work: what is answered is stored, one failure is nobody else's, and closing ends everything."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import aiosqlite
import pytest

from fedblog.blog.ledger import ActivityId
from fedblog.config import make_settings
from fedblog.errors import ConfigError, Conflict, InvalidInput, StorageUnavailable
from fedblog.storage import actors, meta, migrate, outgoing, sqlite
from fedblog.storage.database import Database, Event, Tx, database_url
from tests.storage.support import Clock, add_author


def fail_after_writing(tx: Tx, key: str) -> None:
    meta.put(tx, key, "never")
    raise Conflict("no")


def put_and_tell(tx: Tx, key: str) -> None:
    meta.put(tx, key, "1")
    tx.emit(Event("post", 1))
    tx.emit(Event("post", 1))
    tx.emit(Event("job", 2))


def tell_and_fail(tx: Tx) -> None:
    tx.emit(Event("post", 9))
    fail_after_writing(tx, "b")


async def test_one_bad_write_among_many_spoils_nothing_else(db: Database) -> None:
    writes = [
        db.write(fail_after_writing, f"key{number}") if number == 7 else db.write(meta.put, f"key{number}", "x")
        for number in range(40)
    ]
    answers = await asyncio.gather(*writes, return_exceptions=True)
    assert [number for number, answer in enumerate(answers) if answer is not None] == [7]
    assert isinstance(answers[7], Conflict)
    stored = await db.read(lambda tx: tx.all("SELECT key FROM meta WHERE key LIKE 'key%'"))
    assert {key for (key,) in stored} == {f"key{number}" for number in range(40)} - {"key7"}


async def test_waiting_writes_share_a_commit(tmp_path: Path, clock: Clock) -> None:
    db = await Database.open(str(tmp_path / "db"), clock=clock)
    await db.migrate()
    assert isinstance(db._engine, sqlite.SqliteEngine)
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    writer = db._engine._writer
    await writer.unit(lambda connection: connection.set_trace_callback(count))
    await asyncio.gather(*(db.write(meta.put, f"key{number}", "x") for number in range(sqlite.GROUP)))
    assert commits < 10
    await db.close()


async def test_a_cancelled_caller_breaks_no_group(db: Database) -> None:
    tasks = [asyncio.create_task(db.write(meta.put, f"key{number}", "x")) for number in range(30)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    tasks[11].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    cancelled = {number for number, answer in enumerate(answers) if isinstance(answer, asyncio.CancelledError)}
    assert cancelled == {0, 11}
    for number in set(range(30)) - cancelled:
        assert await db.read(meta.get, f"key{number}") == "x"
    await db.write(meta.put, "after", "x")
    assert await db.read(meta.get, "after") == "x"


async def test_events_are_told_after_the_commit_once_each(db: Database) -> None:
    told: list[tuple[Event, int]] = []
    db.add_listener(lambda event: told.append((event, threading.get_ident())))

    def broken(event: Event) -> None:
        raise RuntimeError("a listener's mistake")

    db.add_listener(broken)
    await db.write(put_and_tell, "a")
    assert told == [(Event("post", 1), threading.get_ident()), (Event("job", 2), threading.get_ident())]
    told.clear()
    with pytest.raises(Conflict):
        await db.write(tell_and_fail)
    assert told == []
    db.remove_listener(broken)
    db.remove_listener(broken)


async def test_events_of_a_cancelled_caller_are_told(db: Database) -> None:
    told: list[Event] = []
    seen = asyncio.Event()
    db.add_listener(told.append)
    db.add_listener(lambda event: seen.set())
    started = threading.Event()

    def unit(tx: Tx) -> None:
        started.set()
        put_and_tell(tx, "x")

    task = asyncio.create_task(db.write(unit))
    await asyncio.get_running_loop().run_in_executor(None, started.wait)
    task.cancel()
    await asyncio.wait_for(seen.wait(), 10)
    assert told[0] == Event("post", 1)


async def test_a_read_sees_one_snapshot_and_changes_nothing(db: Database) -> None:
    await db.write(meta.put, "a", "1")
    reading, written = threading.Event(), threading.Event()

    def unit(tx: Tx) -> tuple[str | None, str | None]:
        first = meta.get(tx, "a")
        reading.set()
        assert written.wait(10)
        return first, meta.get(tx, "a")

    task = asyncio.create_task(db.read(unit))
    await asyncio.get_running_loop().run_in_executor(None, reading.wait)
    await db.write(meta.put, "a", "2")
    written.set()
    assert await task == ("1", "1")
    assert await db.read(meta.get, "a") == "2"
    with pytest.raises(Exception, match=r"readonly|read-only"):
        await db.read(meta.put, "a", "3")


async def test_a_wrong_statement_is_no_storage_trouble(db: Database) -> None:
    with pytest.raises(Exception, match=r"nowhere") as caught:
        await db.write(lambda tx: tx.run("INSERT INTO nowhere VALUES (1)"))
    assert not isinstance(caught.value, StorageUnavailable)
    await db.write(meta.put, "a", "1")


@pytest.mark.proves("SEC-130")
async def test_many_writers_at_once_lose_nothing(db: Database) -> None:
    def count_up(tx: Tx) -> None:
        tx.lock("counter")
        meta.put(tx, "counter", str(int(meta.get(tx, "counter") or 0) + 1))

    await asyncio.gather(*(db.write(count_up) for _ in range(60)))
    assert await db.read(meta.get, "counter") == "60"


async def test_ids_rise(db: Database, clock: Clock) -> None:
    def some(tx: Tx) -> list[int]:
        return [tx.new_id() for _ in range(1_000)]

    before = await db.write(some)
    clock.forward(-3_600)
    after = await db.write(some)
    ids = before + after
    assert ids == sorted(set(ids))
    assert ids[-1] < 2**63


async def test_ids_rise_over_a_restart_with_the_clock_set_back(url: str, clock: Clock) -> None:
    """What is said after it comes after what was said before: activities about one object are sent by their ids."""

    def say(tx: Tx) -> int:
        actor = actors.by_local_name(tx, "alice") or add_author(tx)
        number = ActivityId(tx.new_id())
        outgoing.add(
            tx,
            activity_id=number,
            uri=f"https://blog.example/ap/activities/{number}",
            actor_id=actor.id,
            type="Update",
            object_uri="https://blog.example/ap/posts/1",
            body=b"{}",
            public=True,
            audience=outgoing.Audience(),
        )
        return number

    said = []
    for _ in range(3):
        db = await Database.open(url, clock=clock)
        await db.migrate()
        said += [await db.write(say) for _ in range(2)]
        await db.close()
        clock.forward(-86_400.0)
    assert said == sorted(said)
    assert len(set(said)) == len(said)


async def test_closed_means_closed(url: str, clock: Clock) -> None:
    db = await Database.open(url, clock=clock)
    await db.migrate()
    pending = [asyncio.create_task(db.write(meta.put, f"key{number}", "x")) for number in range(20)]
    await asyncio.sleep(0)
    await db.close()
    await asyncio.gather(*pending)
    with pytest.raises(StorageUnavailable):
        await db.read(meta.get, "a")
    with pytest.raises(StorageUnavailable):
        await db.write(meta.put, "a", "1")
    await db.close()
    again = await Database.open(url, clock=clock)
    assert await again.read(meta.get, "key19") == "x"
    await again.close()


async def test_migrations_start_from_nothing_and_run_once(url: str, clock: Clock) -> None:
    db = await Database.open(url, clock=clock)
    assert await db.schema_version() == 0
    applied = await db.migrate()
    assert applied[0] == "0001_start"
    assert await db.migrate() == []
    assert len(applied) == len(migrate.all_migrations())
    assert await db.schema_version() == migrate.all_migrations()[-1].number
    await db.close()


@pytest.mark.proves("SEC-132")
async def test_two_processes_may_migrate_at_once(url: str, clock: Clock) -> None:
    databases = [await Database.open(url, clock=clock) for _ in range(3)]
    applied = await asyncio.gather(*(db.migrate() for db in databases))
    assert sum(len(names) for names in applied) == len(migrate.all_migrations())
    for db in databases:
        await db.close()


@pytest.mark.proves("SEC-132")
async def test_a_failing_migration_leaves_nothing_behind(
    url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = migrate.Migration(
        2, "broken", "CREATE TABLE half (id BIGINT PRIMARY KEY);\nINSERT INTO nowhere VALUES (1);"
    )
    known = migrate.all_migrations()[:1]
    monkeypatch.setattr(migrate, "all_migrations", lambda: [*known, broken])
    db = await Database.open(url, clock=clock)
    with pytest.raises(Exception, match="nowhere"):
        await db.migrate()
    assert await db.schema_version() == 1
    with pytest.raises(Exception, match="half"):
        await db.read(lambda tx: tx.all("SELECT * FROM half"))
    await db.close()


@pytest.mark.proves("SEC-132")
async def test_a_newer_database_is_refused(url: str, clock: Clock) -> None:
    db = await Database.open(url, clock=clock)
    await db.migrate()
    await db.write(lambda tx: tx.run("INSERT INTO schema_version (number, name, applied_at) VALUES (9999, 'later', 0)"))
    await db.close()
    with pytest.raises(ConfigError, match="newer fedblog"):
        await Database.open(url, clock=clock)


def test_statements_are_split() -> None:
    script = "-- a; comment\nCREATE TABLE a (\n  b TEXT -- c; d\n);\n\nINSERT INTO a VALUES ('x;\ny');\n"
    assert [each.split()[0] for each in migrate.statements(script, "sqlite")] == ["CREATE", "INSERT"]
    with pytest.raises(ValueError, match="inside a statement"):
        migrate.statements("CREATE TABLE a (b TEXT)", "sqlite")


@pytest.mark.proves("SEC-127", "SEC-130")
async def test_a_locked_database_is_unavailable_and_recovers(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    path = tmp_path / "db"
    db = await Database.open(str(path), clock=clock)
    await db.migrate()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = await asyncio.gather(*(db.write(meta.put, f"k{n}", "x") for n in range(5)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StorageUnavailable}
    assert await db.read(meta.get, "k1") is None
    other.execute("ROLLBACK")
    other.close()
    await db.write(meta.put, "k1", "x")
    assert await db.read(meta.get, "k1") == "x"
    await db.close()


@pytest.mark.proves("SEC-127")
async def test_a_full_disk_is_unavailable_and_what_fits_is_stored_later(tmp_path: Path, clock: Clock) -> None:
    db = await Database.open(str(tmp_path / "db"), clock=clock)
    await db.migrate()
    assert isinstance(db._engine, sqlite.SqliteEngine)
    writer = db._engine._writer
    pages = await writer.unit(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    await writer.unit(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall())
    with pytest.raises(StorageUnavailable):
        await db.write(meta.put, "big", "x" * 1_000_000)
    answers = await asyncio.gather(
        db.write(meta.put, "a", "1"), db.write(meta.put, "big", "x" * 1_000_000), return_exceptions=True
    )
    assert isinstance(answers[1], StorageUnavailable)
    stored = await db.read(meta.get, "a")
    assert (stored == "1") == (answers[0] is None)
    assert await db.read(meta.get, "big") is None
    await writer.unit(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchall())
    await db.write(meta.put, "big", "x" * 1_000_000)
    assert await db.integrity() == []
    await db.close()


@pytest.mark.proves("SEC-127")
async def test_a_failed_commit_fails_the_whole_group(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = await Database.open(str(tmp_path / "db"), clock=clock)
    await db.migrate()
    assert isinstance(db._engine, sqlite.SqliteEngine)
    writer = db._engine._writer
    # A deferred foreign key that is not satisfied makes COMMIT itself fail.
    await writer.unit(lambda connection: connection.execute("PRAGMA defer_foreign_keys = OFF"))

    def defer(tx: Tx) -> None:
        tx.run("PRAGMA defer_foreign_keys = ON")
        tx.run("INSERT INTO blocked_by (actor_id, target_id, created_at) VALUES (1, 2, 3)")

    answers = await asyncio.gather(db.write(meta.put, "a", "1"), db.write(defer), return_exceptions=True)
    assert all(isinstance(answer, Exception) for answer in answers)
    assert await db.read(meta.get, "a") is None
    await db.write(meta.put, "a", "1")
    await db.close()


def test_aiosqlite_still_has_what_the_unit_stands_on() -> None:
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters) == ["self", "fn", "args", "kwargs"]


async def test_a_unit_runs_on_the_thread_of_its_connection(tmp_path: Path) -> None:
    connection = sqlite.UnitConnection(tmp_path / "db")
    await connection.open()
    threads = [await connection.unit(lambda _: threading.current_thread()) for _ in range(2)]
    assert threads[0] is threads[1] is connection._thread
    assert threads[0] is not threading.main_thread()
    assert threads[0].daemon
    pragmas = await connection.unit(
        lambda raw: [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    )
    assert pragmas == ["wal", 2]
    with pytest.raises(ZeroDivisionError):
        await connection.unit(lambda _: 1 // 0)
    await connection.close()


FORGETFUL = """
import asyncio, sys
from fedblog.storage.database import Database

async def main():
    database = await Database.open(sys.argv[1])
    await database.migrate()
    globals()["kept"] = database

asyncio.run(main())
"""

KILLED = """
import asyncio, os, sys
from fedblog.storage import meta
from fedblog.storage.database import Database

async def one(database, number):
    await database.write(meta.put, f"key{number}", "x")
    os.write(1, b"%d\\n" % number)

async def main():
    database = await Database.open(sys.argv[1])
    await database.migrate()
    number = 0
    while True:
        await asyncio.gather(*(one(database, n) for n in range(number, number + 20)))
        number += 20

asyncio.run(main())
"""


def test_a_database_that_nobody_closed_lets_the_process_end(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORGETFUL, str(tmp_path / "db")]
    assert subprocess.run(command, timeout=30, check=False, capture_output=True).returncode == 0


@pytest.mark.proves("SEC-126", "SEC-128")
async def test_what_was_answered_survives_a_kill(url: str, clock: Clock) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, url], stdout=subprocess.PIPE)
    assert process.stdout is not None
    answered = {process.stdout.readline().strip() for _ in range(150)}
    os.kill(process.pid, signal.SIGKILL)
    answered |= {line.strip() for line in process.stdout.read().splitlines(keepends=True) if line.endswith(b"\n")}
    process.stdout.close()
    process.wait()
    db = await Database.open(url, clock=clock)
    stored = {key for (key,) in await db.read(lambda tx: tx.all("SELECT key FROM meta"))}
    assert {f"key{number.decode()}" for number in answered} <= stored
    assert await db.integrity() == []
    await db.close()


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "db"
    db = await Database.open(str(path))
    await db.migrate()
    for name in ("db", "db-wal"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    await db.close()


async def test_what_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        await Database.open(str(tmp_path / "missing" / "db"))
    (tmp_path / "text").write_text("not a database " * 100)
    with pytest.raises(StorageUnavailable):
        await Database.open(str(tmp_path / "text"))
    with pytest.raises(ConfigError):
        await Database.open("postgresql://host/x y=")
    with pytest.raises(StorageUnavailable, match="reached"):
        await Database.open(f"postgresql://u@/none?host={tmp_path}")


def test_where_the_database_is(tmp_path: Path) -> None:
    settings = make_settings({"server": {"domain": "blog.example", "data_dir": "new"}}, relative_to=tmp_path)
    assert database_url(settings) == str(tmp_path / "new" / "fedblog.sqlite3")
    assert (tmp_path / "new").is_dir()
    other = make_settings(
        {"server": {"domain": "blog.example"}, "database": {"url": "postgresql://x/y"}}, relative_to=tmp_path
    )
    assert database_url(other) == "postgresql://x/y"


async def test_a_character_that_is_in_no_text_is_no_mistake_of_ours(postgres_url: str) -> None:
    """Anybody can write NUL into an address; PostgreSQL refuses to look for it."""
    db = await Database.open(postgres_url)
    try:
        await db.migrate()
        with pytest.raises(InvalidInput, match="character"):
            await db.read(meta.get, "a\0b")
        with pytest.raises(InvalidInput, match="character"):
            await db.write(meta.put, "key", "a\0b")
        assert await db.read(meta.get, "key") is None
    finally:
        await db.close()


async def test_what_waits_together_is_done_together_and_fails_alone(db: Database) -> None:
    """A batch that fails is done again one by one: its changes and events are of those that succeed."""
    told: list[Event] = []
    db.add_listener(told.append)
    sizes: list[int] = []

    def put_all(tx: Tx, keys: list[str]) -> list[str]:
        sizes.append(len(keys))
        for key in keys:
            put_and_tell(tx, key)
        if "bad" in keys:
            raise Conflict("no")
        return [key.upper() for key in keys]

    assert await asyncio.gather(*(db.together(put_all, key) for key in ("a", "b", "c"))) == ["A", "B", "C"]
    others = [db.write(meta.put, "plain", "1"), *(db.together(put_all, key) for key in ("d", "bad", "e"))]
    found = await asyncio.gather(*others, return_exceptions=True)
    assert [str(one) for one in found] == ["None", "D", "no", "E"]
    kept = await db.read(lambda tx: {key: meta.get(tx, key) for key in ("a", "b", "c", "d", "e", "bad", "plain")})
    assert kept == {**dict.fromkeys("abcde", "1"), "bad": None, "plain": "1"}
    assert set(told) == {Event("post", 1), Event("job", 2)}
    assert sizes[-3:] == [1, 1, 1]
    assert db.engine == "postgresql" or 3 in sizes
