"""The blog's own pages (About …) in the menu of every page; read from the database, so every process shows the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from fedblog.storage import listing
from fedblog.storage.database import Database

FRESH_SECONDS = 2.0
MOST = 8


class MenuItem(NamedTuple):
    """A page: its title, and its path."""

    title: str
    path: str


class Menu:
    """What templates show as `menu`. Another process may change it: `refresh` looks again after a moment."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")
        self.items: tuple[MenuItem, ...] = ()

    async def refresh(self, db: Database) -> None:
        """Read it, unless that was done a moment ago."""
        if self._clock() < self._until:
            return
        self._until = self._clock() + FRESH_SECONDS
        found = await db.read(listing.pages)
        self.items = tuple(MenuItem(one.title, f"/@{one.username}/{one.slug}") for one in found[:MOST])

    def forget(self) -> None:
        """It changed: the next `refresh` reads it."""
        self._until = float("-inf")
