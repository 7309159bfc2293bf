"""The look of this blog, as it is now. It is stored with the blog, so every process comes to have the same one."""

from __future__ import annotations

import time
from collections.abc import Callable

from fedblog.storage import meta
from fedblog.storage.database import Database, Event, Tx
from fedblog.web.assets import Asset, packed
from fedblog.web.looks.look import Look, checked, decode, encode, fingerprint, sheet

KEY = "look"
FRESH_SECONDS = 2.0


class CurrentLook:
    """What templates show as `look`. Another process may change it: `refresh` looks again after a moment."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")
        self._stored: str | None = None
        self.look = Look()
        self.asset: Asset | None = None
        self.version = ""

    @property
    def address(self) -> str:
        """Where the style sheet is; "" where there is none beside that of every page."""
        return f"/look/{self.version}.css" if self.version else ""

    async def refresh(self, db: Database) -> None:
        """Read it, unless that was done a moment ago."""
        if self._clock() >= self._until:
            self._until = self._clock() + FRESH_SECONDS
            self._take(await db.read(meta.get, KEY))

    async def change(self, db: Database, look: Look) -> None:
        """Keep another look. Raises `InvalidInput` for one that is not to be had."""
        text = encode(checked(look))
        await db.write(_put, text)
        self._take(text)

    def _take(self, stored: str | None) -> None:
        if stored == self._stored:
            return
        self._stored, self.look = stored, decode(stored)
        css = sheet(self.look)
        self.version = fingerprint(css) if css else ""
        self.asset = packed(f"{self.version}.css", css.encode()) if css else None


def _put(tx: Tx, text: str) -> None:
    meta.put(tx, KEY, text)
    tx.emit(Event("settings", 0))
