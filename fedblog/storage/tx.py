"""What a storage function gets: one transaction, plain and synchronous, the same on both engines.

SQL is written once. `$1, $2 …` are the placeholders, rows are tuples read by position. Times are Unix seconds, flags
are 0 or 1 (never `bool`: PostgreSQL tells them apart), lists are JSON text. Where engines differ, the SQL says
`if tx.engine`.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

Row = tuple[Any, ...]
Params = Any
Clock = Callable[[], float]
RandomBits = Callable[[int], int]

LOCK_ROWS = 64
_COUNTER_BITS = 21
_DRAWN = 32


class Event(NamedTuple):
    """Something changed: `kind` is post (a page), delivery, job or settings; told after the commit."""

    kind: str
    id: int


class IdMaker:
    """Time-ordered ids of 63 bits: 42 of milliseconds, 21 of chance; they never go back within a process,
    nor behind what `go_on_after` was told."""

    def __init__(self, clock: Clock, random_bits: RandomBits) -> None:
        self._clock = clock
        self._random = random_bits
        self._drawn: list[int] = []
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """The next id."""
        now = int(self._clock() * 1000)
        with self._lock:
            if not self._drawn:
                self._draw()
            chance = self._drawn.pop()
            fresh = (now << _COUNTER_BITS) | chance
            self._last = fresh if fresh > self._last else self._last + 1 + (chance & 7)
            return self._last

    def _draw(self) -> None:
        """Chance for the next few ids at once: asking for it costs more than all the rest of an id."""
        bits = self._random(_COUNTER_BITS * _DRAWN)
        self._drawn = [(bits >> (_COUNTER_BITS * place)) & (2**_COUNTER_BITS - 1) for place in range(_DRAWN)]

    def go_on_after(self, last: int) -> None:
        """All ids from now on are higher than `last`."""
        with self._lock:
            self._last = max(self._last, last)


class Tx(ABC):
    """One transaction. `now` is the database's clock at its start."""

    engine: str

    def __init__(self, now: int, ids: IdMaker, random_bits: RandomBits) -> None:
        self.now = now
        self.events: list[Event] = []
        self._ids = ids
        self.random_bits = random_bits

    @abstractmethod
    def all(self, sql: str, *params: Params) -> list[Row]:
        """All rows of a query."""

    @abstractmethod
    def run(self, sql: str, *params: Params) -> int:
        """Run a statement; the number of rows it changed."""

    @abstractmethod
    def many(self, sql: str, rows: Iterable[Sequence[Params]]) -> None:
        """Run one statement for many rows of parameters."""

    @abstractmethod
    def each(self, sql: str) -> Iterator[Row]:
        """The rows of a query one after the other, however many there are."""

    @abstractmethod
    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Params]]) -> None:
        """Insert many rows as one statement: they may refer to each other in any order.

        Raises `InvalidInput` for rows that the table doesn't take; the transaction is of no use then.
        """

    @abstractmethod
    def lock(self, *names: str) -> None:
        """Wait for everybody else who locked one of these names, until the end of the transaction.

        SQLite has one writer and needs none. PostgreSQL locks rows of a small table, so two unrelated names may wait
        for each other now and then.
        """

    @abstractmethod
    def lock_all(self) -> None:
        """`lock` of every name: wait for everybody who locked any, and let nobody lock one until the end."""

    def one(self, sql: str, *params: Params) -> Row | None:
        """The first row of a query, or None."""
        rows = self.all(sql, *params)
        return rows[0] if rows else None

    def value(self, sql: str, *params: Params) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self.one(sql, *params)
        return row[0] if row else None

    def new_id(self) -> int:
        """A new time-ordered id."""
        return self._ids()

    def go_on_after(self, last: int) -> None:
        """New ids of this process are higher than this one from now on."""
        self._ids.go_on_after(last)

    def emit(self, event: Event) -> None:
        """Tell listeners after the commit; nothing is told when the transaction fails."""
        self.events.append(event)


_AT_ONCE = (64, 16, 4, 1)


def put(tx: Tx, into: str, rows: Sequence[Sequence[Params]]) -> None:
    """Insert rows `into` a table with its columns named, in few statements.

    Each statement lets others run meanwhile and waits for its turn again; `Tx.many` does so for each row.
    """
    start = 0
    for size in _AT_ONCE:
        while len(rows) - start >= size:
            some = rows[start : start + size]
            tx.run(f"INSERT INTO {into} {values(size, len(some[0]))}", *[value for row in some for value in row])
            start += size


def ask(tx: Tx, sql: str, columns: str, rows: Sequence[Sequence[Params]]) -> list[Row]:
    """What a query says about rows of values: the table `asked` (SQLite only), with `n`, the row's place, first."""
    found: list[Row] = []
    for start in range(0, len(rows), _AT_ONCE[0]):
        some = [(start + place, *row) for place, row in enumerate(rows[start : start + _AT_ONCE[0]])]
        # Few sizes make few statements to prepare; what fills them up is like nothing.
        size = next(size for size in (4, 16, 64) if size >= len(some))
        some += [(None,) * len(some[0])] * (size - len(some))
        asked = f"WITH asked (n, {columns}) AS ({values(size, len(some[0]))}) {sql}"
        found += tx.all(asked, *[value for row in some for value in row])
    return found


@lru_cache(64)
def values(rows: int, width: int) -> str:
    """`VALUES ($1, $2), ($3, $4)`."""
    return "VALUES " + ", ".join(f"({marks(width, 1 + row * width)})" for row in range(rows))


def marks(count: int, start: int = 1) -> str:
    """`$1, $2, $3` for an IN list."""
    return ", ".join(f"${number}" for number in range(start, start + count))


def chunks(values: Iterable[Any], size: int = 500) -> Iterable[list[Any]]:
    """Values in lists short enough for one IN list."""
    chunk: list[Any] = []
    for value in values:
        chunk.append(value)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
