"""The PostgreSQL engine: a psycopg pool used from threads. Needs the `postgres` extra.

Writes are READ COMMITTED and run again when the server says so (serialization failure, deadlock) or when somebody else
inserted the same row first: then their row is visible. Reads see one snapshot.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fedblog.errors import ConfigError, InvalidInput, StorageUnavailable
from fedblog.storage.tx import LOCK_ROWS, Clock, Event, IdMaker, Params, RandomBits, Row, Tx

try:
    import psycopg
    import psycopg_pool
except ImportError:  # pragma: no cover - the extra is there wherever this engine is tested
    HAVE_PSYCOPG = False
else:
    HAVE_PSYCOPG = True

T = TypeVar("T")

CONNECTIONS = 8
CONNECT_SECONDS = 10.0
ATTEMPTS = 8
_AGAIN = ("40001", "40P01", "23505")
# What people type into addresses may hold one; PostgreSQL has no such text, so it is not even looked for.
_NUL = "contain NUL"


class PostgresTx(Tx):
    """A transaction on a PostgreSQL connection."""

    engine = "postgresql"

    def __init__(self, connection: psycopg.Connection[Any], now: int, ids: IdMaker, random_bits: RandomBits) -> None:
        super().__init__(now, ids, random_bits)
        self._cursor = psycopg.RawCursor(connection)

    def all(self, sql: str, *params: Params) -> list[Row]:
        self._cursor.execute(sql.encode(), params or None)
        return self._cursor.fetchall()

    def run(self, sql: str, *params: Params) -> int:
        return self._cursor.execute(sql.encode(), params or None).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Params]]) -> None:
        self._cursor.executemany(sql.encode(), rows)

    def each(self, sql: str) -> Iterator[Row]:
        with psycopg.ServerCursor(self._cursor.connection, "each") as cursor:
            cursor.itersize = 1_000
            cursor.execute(sql.encode())
            yield from cursor

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Params]]) -> None:
        try:
            with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        except (psycopg.IntegrityError, psycopg.DataError) as exc:
            raise InvalidInput(f"{table}: {exc}") from exc

    def lock(self, *names: str) -> None:
        for number in sorted({zlib.crc32(name.encode()) % LOCK_ROWS for name in names}):
            self.run("UPDATE locks SET number = number WHERE number = $1", number)

    def lock_all(self) -> None:
        for number in range(LOCK_ROWS):
            self.run("UPDATE locks SET number = number WHERE number = $1", number)


class PostgresEngine:
    """One server, as many processes as needed."""

    name = "postgresql"

    def __init__(self, url: str, *, clock: Clock, random_bits: RandomBits, deliver: Callable[[Event], None]) -> None:
        if not HAVE_PSYCOPG:
            raise ConfigError("database.url names PostgreSQL: install the extra, `pip install fedblog[postgres]`")
        self._clock = clock
        self._random = random_bits
        self._ids = IdMaker(clock, random_bits)
        self._deliver = deliver
        self._closed = False
        self._writes: set[asyncio.Task[Any]] = set()
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="postgres")
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as exc:
            raise ConfigError(f"database.url can't be read: {str(exc).strip()}") from None
        self._url = url
        self._pool = psycopg_pool.ConnectionPool(
            url,
            open=False,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=CONNECT_SECONDS,
            kwargs={"connect_timeout": int(CONNECT_SECONDS)},
            check=psycopg_pool.ConnectionPool.check_connection,
        )

    async def open(self) -> None:
        """Connect. Raises `StorageUnavailable` where the server can't be reached."""
        try:
            await self._in_thread(self._connect)
        except psycopg.Error as exc:
            await self.close()
            raise StorageUnavailable(f"PostgreSQL can't be reached: {str(exc).strip()}") from exc

    def _connect(self) -> None:
        # The pool alone would go on trying, and say "time-out" where the server says what is wrong.
        psycopg.connect(self._url, connect_timeout=int(CONNECT_SECONDS)).close()
        self._pool.open(wait=True, timeout=CONNECT_SECONDS)

    async def close(self) -> None:
        """Finish the writes that run, then close all connections; nothing happens the second time."""
        if self._closed:
            return
        self._closed = True
        if self._writes:
            await asyncio.wait(self._writes)
        await self._in_thread(self._pool.close)
        self._threads.shutdown()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function)

    async def read(self, unit: Callable[[Tx], T]) -> T:
        """Run a unit on one snapshot."""
        self._check_open()
        value, _ = await self._in_thread(lambda: self._run(unit, reading=True))
        return value

    async def write(self, unit: Callable[[Tx], T]) -> T:
        """Run a unit in a transaction of its own; its value after the commit, or its own error."""
        self._check_open()
        # The write goes on when its caller is cancelled, and its events are told.
        task = asyncio.create_task(self._write(unit))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def together(self, batch: Callable[[Tx, list[Any]], list[Any]], item: Any) -> Any:
        """`write` of `batch(tx, [item])[0]`: here several transactions run side by side."""
        return (await self.write(lambda tx: batch(tx, [item])))[0]

    def _check_open(self) -> None:
        if self._closed:
            raise StorageUnavailable("the database is closed")

    async def _write(self, unit: Callable[[Tx], T]) -> T:
        value, events = await self._in_thread(lambda: self._run(unit, reading=False))
        for event in dict.fromkeys(events):
            self._deliver(event)
        return value

    def _run(self, unit: Callable[[Tx], T], *, reading: bool) -> tuple[T, list[Event]]:
        attempt = 1
        while True:
            try:
                return self._run_once(unit, reading=reading)
            except psycopg.Error as exc:
                if exc.sqlstate in _AGAIN and attempt < ATTEMPTS:
                    attempt += 1
                    continue
                if isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
                    raise StorageUnavailable(f"the database can't take this now: {exc}") from exc
                if isinstance(exc, psycopg.DataError) and _NUL in str(exc):
                    raise InvalidInput("a text holds a character that nothing is kept with", reason="text_nul") from exc
                raise

    def _run_once(self, unit: Callable[[Tx], T], *, reading: bool) -> tuple[T, list[Event]]:
        with self._pool.connection() as connection:
            connection.read_only = reading
            connection.isolation_level = (
                psycopg.IsolationLevel.REPEATABLE_READ if reading else psycopg.IsolationLevel.READ_COMMITTED
            )
            tx = PostgresTx(connection, int(self._clock()), self._ids, self._random)
            value = unit(tx)
            return value, tx.events
