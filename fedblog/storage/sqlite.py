"""The SQLite engine: one writer with group commit, two readers, each a connection on its own thread.

A whole function runs on the connection's thread in one hop. Writes that wait share a transaction, a savepoint each:
one fsync answers all of them, and a function that fails takes only its own savepoint back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from fedblog.errors import InvalidInput, StorageUnavailable
from fedblog.storage.tx import Clock, Event, IdMaker, Params, RandomBits, Row, Tx

T = TypeVar("T")
Unit = Callable[[Tx], Any]
Batch = Callable[[Tx, list[Any]], list[Any]]

READERS = 2
GROUP = 256
READ_GROUP = 16
BUSY_SECONDS = 5.0
CACHE_KIB = 16_384
_PLACE = re.compile(r"\$(\d+)")


@lru_cache(1_024)
def _numbered(sql: str) -> str:
    """With `?1` for `$1`: SQLite takes those by position, without a look at their names."""
    return _PLACE.sub(r"?\1", sql)


class SqliteTx(Tx):
    """A transaction on a SQLite connection."""

    engine = "sqlite"

    def __init__(self, connection: sqlite3.Connection, now: int, ids: IdMaker, random_bits: RandomBits) -> None:
        super().__init__(now, ids, random_bits)
        self._connection = connection

    def all(self, sql: str, *params: Params) -> list[Row]:
        return self._connection.execute(_numbered(sql), params).fetchall()

    def run(self, sql: str, *params: Params) -> int:
        return self._connection.execute(_numbered(sql), params).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Params]]) -> None:
        self._connection.executemany(_numbered(sql), rows)

    def each(self, sql: str) -> Iterator[Row]:
        yield from self._connection.execute(sql)

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Params]]) -> None:
        self._connection.execute("PRAGMA defer_foreign_keys = ON")  # until the end of this transaction
        names, places = ", ".join(columns), ", ".join("?" for _ in columns)
        try:
            self._connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as exc:
            raise InvalidInput(f"{table}: {exc}") from exc

    def lock(self, *names: str) -> None:
        return None

    def lock_all(self) -> None:
        return None


class UnitConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function on its thread, not one statement a hop.

    Its thread is a daemon: a connection that somebody forgot to close can't keep the process from ending.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(lambda: _connect(path), iter_chunk_size=64)
        self._thread.daemon = True

    async def open(self) -> None:
        """Start the thread and connect."""
        try:
            _ = await self
        except BaseException:
            # aiosqlite has told its thread to stop, and the thread answers on this loop: let it do so.
            await asyncio.to_thread(self._thread.join)
            raise

    async def unit(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """What the function returns, run on the connection's own thread."""
        # `_execute` is private to aiosqlite; a test holds it to what is expected here.
        result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result


def _make_private(path: Path) -> None:
    """A new file is for its owner only; SQLite gives -wal and -shm the mode of the database.

    One that exists must not be opened here: closing it again would drop this process's POSIX locks on it, those of its
    other connections included. The next process to leave would then take itself for the last one, and delete the -wal
    that this one still writes to (sqlite.org/howtocorrupt.html, 2.2).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _connect(path: Path) -> sqlite3.Connection:
    _make_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, cached_statements=512)
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{CACHE_KIB}",
            "temp_store = MEMORY",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


@dataclass(slots=True)
class _Waiting:
    """A write that waits for its group."""

    unit: Unit
    future: asyncio.Future[Any]
    batch: Batch | None = None  # what does the same for many at once, of which `item` is this one
    item: Any = None


@dataclass(slots=True)
class Outcome:
    """What became of one unit: a value and its events, or an error."""

    value: Any = None
    error: BaseException | None = None
    events: Sequence[Event] = ()


class SqliteEngine:
    """One file, one writer, two readers."""

    name = "sqlite"

    def __init__(self, path: Path, *, clock: Clock, random_bits: RandomBits, deliver: Callable[[Event], None]) -> None:
        self.path = path
        self._clock = clock
        self._random = random_bits
        self._ids = IdMaker(clock, random_bits)
        self._deliver = deliver
        self._writer = UnitConnection(path)
        self._readers: list[UnitConnection] = []
        self._idle: list[UnitConnection] = []
        self._asked: deque[_Waiting] = deque()
        self._serving: set[asyncio.Task[None]] = set()
        self._queue: deque[_Waiting] = deque()
        self._drain: asyncio.Task[None] | None = None
        self._closed = False

    async def open(self) -> None:
        """Connect. Raises `StorageUnavailable` where the file can't be opened."""
        try:
            await self._writer.open()
            for _ in range(READERS):
                reader = UnitConnection(self.path)
                await reader.open()
                await reader.unit(_only_reads)
                self._readers.append(reader)
                self._idle.append(reader)
        except (sqlite3.Error, OSError) as exc:
            await self.close()
            raise StorageUnavailable(f"{self.path}: the database can't be opened: {exc}") from exc

    async def close(self) -> None:
        """Finish the writes that wait, then close all connections."""
        self._closed = True
        if self._drain is not None:
            await self._drain
        await asyncio.gather(*self._serving, return_exceptions=True)
        for connection in (*self._readers, self._writer):
            await connection.close()
        self._readers.clear()

    def _tx(self, connection: sqlite3.Connection) -> SqliteTx:
        return SqliteTx(connection, int(self._clock()), self._ids, self._random)

    async def read(self, unit: Callable[[Tx], T]) -> T:
        """Run a unit on one snapshot, on the next reader that is free; reads that wait share a hop and a snapshot."""
        if self._closed:
            raise StorageUnavailable("the database is closed")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.append(_Waiting(unit, future))
        if self._idle:
            task = asyncio.create_task(self._serve(self._idle.pop()))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        result: T = await future
        return result

    async def _serve(self, reader: UnitConnection) -> None:
        """Let one reader work until nobody waits."""
        try:
            while self._asked:
                group = [self._asked.popleft() for _ in range(min(READ_GROUP, len(self._asked)))]
                group = [waiting for waiting in group if not waiting.future.cancelled()]
                await self._serve_group(reader, group)
        finally:
            self._idle.append(reader)

    async def _serve_group(self, reader: UnitConnection, group: list[_Waiting]) -> None:
        units = [waiting.unit for waiting in group]
        try:
            outcomes = await reader.unit(lambda connection: self._read_group(connection, units))
        except BaseException as exc:  # every caller gets an answer, whatever went wrong
            outcomes = [Outcome(error=_unavailable(exc)) for _ in units]
            if not isinstance(exc, Exception):
                raise
        finally:
            for waiting, outcome in zip(group, outcomes, strict=True):
                _settle(waiting.future, outcome)

    def _read_group(self, connection: sqlite3.Connection, units: list[Unit]) -> list[Outcome]:
        _roll_back(connection)
        try:
            return [self._read_one(connection, unit) for unit in units]
        except sqlite3.OperationalError as exc:
            return [Outcome(error=_unavailable(exc)) for _ in units]
        finally:
            _roll_back(connection)

    def _read_one(self, connection: sqlite3.Connection, unit: Unit) -> Outcome:
        try:
            if not connection.in_transaction:  # the first one, or SQLite ended it by an error of the one before
                connection.execute("BEGIN")
            return Outcome(unit(self._tx(connection)))
        except BaseException as exc:
            return Outcome(error=_unavailable(exc) if isinstance(exc, sqlite3.OperationalError) else exc)

    async def write(self, unit: Callable[[Tx], T]) -> T:
        """Run a unit in the next group; its value after the commit, or its own error."""
        if self._closed:
            raise StorageUnavailable("the database is closed")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(unit, future))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._drain_queue())
        result: T = await future
        return result

    async def together(self, batch: Batch, item: Any) -> Any:
        """`write` of `batch(tx, [item])[0]`; those that wait for their group with the same batch are one call of it."""
        if self._closed:
            raise StorageUnavailable("the database is closed")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(lambda tx: batch(tx, [item])[0], future, batch, item))
        if self._drain is None or self._drain.done():
            self._drain = asyncio.create_task(self._drain_queue())
        return await future

    async def _drain_queue(self) -> None:
        while self._queue:
            group = [self._queue.popleft() for _ in range(min(GROUP, len(self._queue)))]
            group = [waiting for waiting in group if not waiting.future.cancelled()]
            outcomes = await self._run_group(group)
            for outcome in outcomes:
                for event in outcome.events:
                    self._deliver(event)
            for waiting, outcome in zip(group, outcomes, strict=True):
                _settle(waiting.future, outcome)

    async def _run_group(self, group: list[_Waiting]) -> list[Outcome]:
        try:
            return await self._writer.unit(lambda connection: self._write_group(connection, group))
        except Exception as exc:  # every caller gets an answer, whatever went wrong
            return [Outcome(error=_unavailable(exc)) for _ in group]

    def _write_group(self, connection: sqlite3.Connection, group: list[_Waiting]) -> list[Outcome]:
        _roll_back(connection)
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = self._write_batches(connection, group)
            outcomes = [
                done[place] if place in done else self._write_one(connection, waiting.unit)
                for place, waiting in enumerate(group)
            ]
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return outcomes

    def _write_batches(self, connection: sqlite3.Connection, group: list[_Waiting]) -> dict[int, Outcome]:
        """What could be done for several of the group at once, by their places in it. A batch that fails leaves each of
        them to be done alone: who made it fail fails alone then."""
        batches: dict[Batch, list[int]] = {}
        for place, waiting in enumerate(group):
            if waiting.batch is not None:
                batches.setdefault(waiting.batch, []).append(place)
        done: dict[int, Outcome] = {}
        for batch, places in batches.items():
            if len(places) == 1:
                continue
            outcome = self._write_one(connection, _for_all(batch, [group[place].item for place in places]))
            if outcome.error is None:
                done |= {place: Outcome(value) for place, value in zip(places, outcome.value, strict=True)}
                done[places[0]].events = outcome.events
        return done

    def _write_one(self, connection: sqlite3.Connection, unit: Unit) -> Outcome:
        tx = self._tx(connection)
        connection.execute("SAVEPOINT unit")
        try:
            value = unit(tx)
        except BaseException as exc:
            # After a full disk or a failed read SQLite has rolled everything back by itself: the group is lost.
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO unit")
            connection.execute("RELEASE unit")
            return Outcome(error=_unavailable(exc) if isinstance(exc, sqlite3.OperationalError) else exc)
        connection.execute("RELEASE unit")
        return Outcome(value, events=tuple(dict.fromkeys(tx.events)))


def _for_all(batch: Batch, items: list[Any]) -> Unit:
    return lambda tx: batch(tx, items)


def _only_reads(connection: sqlite3.Connection) -> None:
    # Once: each time this is set, SQLite forgets how it prepared every statement, and preparing is most of a read.
    connection.execute("PRAGMA query_only = ON")


def _roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction, where there still is one: after some errors SQLite has ended it by itself, and after others
    one that couldn't be ended would stand in the way of everything that follows."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _settle(future: asyncio.Future[Any], outcome: Outcome) -> None:
    if future.done():
        return
    if outcome.error is None:
        future.set_result(outcome.value)
    else:
        future.set_exception(outcome.error)


# What trying again can help with; anything else in a unit (a wrong statement) is a mistake of ours and stays as it is.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)


def _unavailable(exc: BaseException) -> BaseException:
    """`StorageUnavailable` for what may pass; the error itself otherwise."""
    if isinstance(exc, StorageUnavailable):
        return exc
    code = getattr(exc, "sqlite_errorcode", None)
    if isinstance(exc, sqlite3.Error) and (code is None or code & 0xFF not in _PASSING):
        return exc
    unavailable = StorageUnavailable(f"the database can't take this now: {exc}")
    unavailable.__cause__ = exc
    return unavailable
