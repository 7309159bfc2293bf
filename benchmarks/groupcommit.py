"""The least a durable store can do: one thread that writes all waiting rows in one transaction with one fsync."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from pathlib import Path

_Waiting = tuple[bytes, asyncio.Future[None]]


class GroupCommit:
    """`add` answers when its row is on disk. `close` ends the thread."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, args=(path,), daemon=True)
        self._thread.start()

    async def add(self, body: bytes) -> None:
        """Store one row."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((body, done))
        await done

    def close(self) -> None:
        """End the thread after what waits."""
        self._queue.put(None)
        self._thread.join()

    def _work(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        while (first := self._queue.get()) is not None:
            group, going = [first], True
            while going and not self._queue.empty():
                item = self._queue.get()
                going = item is not None
                if item is not None:
                    group.append(item)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO rows (body) VALUES (?)", [(body,) for body, _ in group])
            connection.execute("COMMIT")
            self._loop.call_soon_threadsafe(_answer, [done for _, done in group])
            if not going:
                break
        connection.close()


def _answer(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)
