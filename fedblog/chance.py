"""Chance for ids: the system's, taken in handfuls, since each question to the system costs a call into the kernel.

Not for secrets: what is still to be given out lies in memory. Those come from `secrets`.
"""

from __future__ import annotations

import os
import threading

_HANDFUL = 4_096


class Chance:
    """Random bits out of a store that is filled anew when it is empty."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._store, self._at = b"", 0
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A forked process must not give out what its parent gives out as well."""
        self._lock = threading.Lock()
        self._store, self._at = b"", 0

    def take(self, count: int) -> bytes:
        """So many random bytes, a handful at most."""
        with self._lock:
            if self._at + count > len(self._store):
                self._store, self._at = os.urandom(_HANDFUL), 0
            self._at += count
            return self._store[self._at - count : self._at]

    def bits(self, count: int) -> int:
        """An integer of so many random bits."""
        size = (count + 7) // 8
        return int.from_bytes(self.take(size)) >> (8 * size - count)


_CHANCE = Chance()


def random_bits(count: int) -> int:
    """An integer of so many random bits, for ids."""
    return _CHANCE.bits(count)


def random_hex(count: int) -> str:
    """Twice as many random hex digits, for ids."""
    return _CHANCE.take(count).hex()
