"""The database: whole functions in one transaction, on SQLite or PostgreSQL.

    post = await database.read(posts.by_id, PostId(1))
    reply = await database.write(replies.add, new, post_id=post.id, parent_id=None)

A storage function is plain and synchronous and takes `tx: Tx` first. `write` answers after the commit. Listeners are
told of events on the event loop after the commit and before the writer's answer; they serve speed, never correctness:
another process may have written as well.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from fedblog.chance import random_bits
from fedblog.config import Settings
from fedblog.errors import StorageUnavailable
from fedblog.storage import dump, integrity, migrate
from fedblog.storage.dump import Dump
from fedblog.storage.sqlite import SqliteEngine
from fedblog.storage.tx import Clock, Event, RandomBits, Tx

__all__ = ["SQLITE_NAME", "Database", "Event", "Tx"]

P = ParamSpec("P")
T = TypeVar("T")
Item = TypeVar("Item")

SQLITE_NAME = "fedblog.sqlite3"
ORDERED_BY_ID = ("outgoing", "deliveries", "jobs", "posts", "replies")
log = logging.getLogger(__name__)


class Engine(Protocol):
    """What SQLite and PostgreSQL both do; see `SqliteEngine` and `PostgresEngine`."""

    name: str

    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def read(self, unit: Callable[[Tx], T]) -> T: ...
    async def write(self, unit: Callable[[Tx], T]) -> T: ...
    async def together(self, batch: Callable[[Tx, list[Any]], list[Any]], item: Any) -> Any: ...


class Database:
    """Everything that is kept. Made by `open`; `close` it."""

    def __init__(self, url: str, *, clock: Clock, random: RandomBits) -> None:
        self._listeners: list[Callable[[Event], None]] = []
        self._engine: Engine
        if url.startswith(("postgresql://", "postgres://")):
            # Its driver is an optional extra, and takes a third of a second to load.
            from fedblog.storage.postgres import PostgresEngine

            self._engine = PostgresEngine(url, clock=clock, random_bits=random, deliver=self._tell)
        else:
            self._engine = SqliteEngine(Path(url), clock=clock, random_bits=random, deliver=self._tell)

    @classmethod
    async def open(
        cls, settings_or_url: Settings | str, *, clock: Clock = time.time, random: RandomBits = random_bits
    ) -> Database:
        """Open by settings, by the path of an SQLite file, or by a `postgresql://` URL. Migrates nothing.

        Raises `StorageUnavailable` (can't be opened) or `ConfigError` (made by a newer version, driver missing).
        """
        database = cls(database_url(settings_or_url), clock=clock, random=random)
        await database._engine.open()
        try:
            await database.read(migrate.refuse_newer)
        except BaseException:
            await database.close()
            raise
        return database

    @property
    def engine(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.name

    async def close(self) -> None:
        """Finish what was begun and close; safe to call twice."""
        await self._engine.close()

    async def read(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, run on one snapshot; it can't change anything."""
        return await self._engine.read(lambda tx: function(tx, *args, **kwargs))

    async def write(self, function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the function returns, after its changes are on disk.

        Raises what the function raises (its changes are taken back then, nobody else's), or `StorageUnavailable`
        (nothing was stored). A cancelled caller leaves open whether its write was done.
        """
        return await self._engine.write(lambda tx: function(tx, *args, **kwargs))

    async def together(self, function: Callable[[Tx, list[Item]], list[T]], item: Item) -> T:
        """`write` for what comes by the hundred: the function does it for all items that wait at the same moment, and
        gives a result for each, in their order. Where it raises, it is called for each of them alone, so that only
        who raises then fails; so it changes nothing but the database."""
        result: T = await self._engine.together(function, item)
        return result

    async def migrate(self) -> list[str]:
        """Bring the schema up to date; names of what was applied. New ids are higher than those that are there."""
        pending = await self.read(migrate.pending)
        applied = [
            f"{migration.number:04d}_{migration.name}"
            for migration in pending
            if await self.write(migrate.apply, migration)
        ]
        await self.read(_go_on_from_the_last)
        return applied

    async def schema_version(self) -> int:
        """Number of the last migration applied; 0 for an empty database."""
        return await self.read(migrate.version)

    async def dump(self, folder: Path) -> Dump:
        """Write everything into `folder`, one file a table, as of one moment; others go on writing meanwhile.

        Raises `Conflict` for an empty database. `write(dump.read_tables, …)` is the way back.
        """
        if not isinstance(self._engine, SqliteEngine):
            return await self.read(dump.write_tables, folder)
        # Of a quick copy: a snapshot that is read for long would keep the log of the real one from shrinking.
        copy = folder / SQLITE_NAME
        await asyncio.to_thread(dump.copy_sqlite, self._engine.path, copy)
        beside = await Database.open(str(copy))
        try:
            return await beside.read(dump.write_tables, folder)
        finally:
            await beside.close()
            copy.unlink()

    async def integrity(self) -> list[str]:
        """Problems found in the file and in the counters, one line each; slow on large databases."""
        try:
            return await self.read(integrity.problems)
        except StorageUnavailable as exc:
            return [str(exc)]

    def add_listener(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with each event after its commit, on the event loop."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[Event], None]) -> None:
        """Don't call it any more; no error when it was not there."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, event: Event) -> None:
        """Call the listeners with an event that happened in another process."""
        self._tell(event)

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                log.exception("a listener failed on %s", event)


def database_url(settings_or_url: Settings | str) -> str:
    """The PostgreSQL URL or the path of the SQLite file; makes the data directory."""
    if isinstance(settings_or_url, str):
        return settings_or_url
    if settings_or_url.database.url:
        return settings_or_url.database.url
    settings_or_url.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(settings_or_url.data_dir / SQLITE_NAME)


def _go_on_from_the_last(tx: Tx) -> None:
    """Ids say what came first, also where the clock was set back while nobody ran: an edit that went out before its
    post, or a `Delete` that an older `Update` overtakes, would be wrong at every follower's."""
    for table in ORDERED_BY_ID:
        tx.go_on_after(tx.value(f"SELECT max(id) FROM {table}") or 0)
