"""Pictures of link cards: drawn by a process of its own when first asked for, kept on disk by what is on them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from fedblog.errors import StorageUnavailable
from fedblog.media.worker import MediaFailed, run_apart

log = logging.getLogger(__name__)

WIDTH: Final = 1200
HEIGHT: Final = 630
SECONDS: Final = 20.0
MOST_KEPT: Final = 5_000
_DRAWING: Final = 1  # rises when the drawing changes


class CardFacts(msgspec.Struct, frozen=True):
    """Everything that is on a card, and its colours (`#rrggbb`)."""

    title: str
    author: str
    site: str
    paper: str
    ink: str
    soft: str
    accent: str
    serif: bool
    rtl: bool

    @property
    def key(self) -> str:
        """A name for just this picture."""
        return hashlib.blake2b(msgspec.msgpack.encode((_DRAWING, self)), digest_size=10).hexdigest()


class Cards:
    """The files, and one drawing at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one = asyncio.Lock()

    async def get(self, facts: CardFacts) -> Path:
        """The file of a card. Raises `MediaFailed` where it can't be drawn, `StorageUnavailable` where not kept."""
        path = self._folder / f"{facts.key}.png"
        async with self._one:
            if await asyncio.to_thread(path.is_file):
                return path
            data = await run_apart("fedblog.media.draw_card", msgspec.msgpack.encode(facts), SECONDS)
            if not data:
                raise MediaFailed("the picture can't be drawn now")
            try:
                await asyncio.to_thread(self._keep, path, data)
            except OSError as exc:
                log.error("a card can't be written: %s", exc)
                raise StorageUnavailable("the picture can't be written now") from exc
        return path

    def _keep(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = sorted(self._folder.glob("*.png"), key=lambda one: one.stat().st_mtime)
        for old in kept[: max(0, len(kept) - MOST_KEPT + 1)]:
            old.unlink(missing_ok=True)
        beside = path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            beside.write_bytes(data)
            os.replace(beside, path)  # noqa: PTH105
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
