"""A small cache that forgets: bounded in size and in time, whatever strangers put into it (SECURITY 76)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most `size` entries; the one that was put first goes first, and each ends at its own time, or when the clock
    was set back behind its beginning: what was to hold for a minute must not hold for a day."""

    def __init__(self, size: int, clock: Callable[[], float]) -> None:
        self._size, self._clock = size, clock
        self._entries: OrderedDict[K, tuple[V, float, float]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, unless its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, since, until = entry
        if not since <= self._clock() < until:
            del self._entries[key]
            return None
        return value

    def seconds_left(self, key: K) -> int:
        """Whole seconds that an entry still has, at least 1; 0 where there is none."""
        entry = self._entries.get(key)
        left = 0.0 if entry is None else entry[2] - self._clock()
        return max(1, round(left)) if left > 0 else 0

    def put(self, key: K, value: V, seconds: float) -> None:
        """Keeps a value for so long."""
        self._entries.pop(key, None)
        now = self._clock()
        self._entries[key] = (value, now, now + seconds)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        """Forgets it now."""
        self._entries.pop(key, None)

    def __len__(self) -> int:
        return len(self._entries)
