"""Avatars of people elsewhere, kept on disk as they came: never decoded, at most so many bytes, for some days."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fedblog.media.sniff import sniff

DAY = 86_400
FRESH_SECONDS = 7 * DAY
MAX_BYTES = 512 * 1024
MAX_SIDE = 4096
MAX_PIXELS = 8_000_000
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_TYPES = {ending: media_type for media_type, ending in _ENDINGS.items()}
_KEEP_OF_FULL = 0.9


class CachedAvatar(NamedTuple):
    """A file with the type it is served as; not `fresh`: it should be fetched anew."""

    path: Path
    media_type: str
    fresh: bool


def avatar_version(icon_url: str) -> str:
    """What changes in an avatar's address when the person has another picture."""
    return hashlib.blake2s(icon_url.encode("utf-8", "replace"), digest_size=6).hexdigest()


def avatar_type(data: bytes) -> str:
    """The type of an avatar that may be shown, by its magic number; "" for anything else.

    Too many pixels are refused by what the header claims: a reader's browser would have to unfold them.
    """
    found = sniff(data)
    if found is None or len(data) > MAX_BYTES:
        return ""
    fits = 0 < found.width <= MAX_SIDE and 0 < found.height <= MAX_SIDE and found.width * found.height <= MAX_PIXELS
    return found.media_type if fits else ""


class AvatarStore:
    """The folder. Methods read and write files: call them in a thread."""

    def __init__(self, folder: Path, max_bytes: int, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes: int | None = None  # counted at the first write

    def find(self, actor_id: int, version: str) -> CachedAvatar | None:
        """The kept file, fresh or not."""
        for ending, media_type in _TYPES.items():
            path = self._path(actor_id, version, ending)
            with contextlib.suppress(OSError):
                return CachedAvatar(path, media_type, self._clock() - path.stat().st_mtime < FRESH_SECONDS)
        return None

    def keep(self, actor_id: int, version: str, data: bytes) -> CachedAvatar | None:
        """Keep what came, unless it is nothing that may be shown. Raises `OSError`."""
        media_type = avatar_type(data)
        if not media_type:
            return None
        self.drop(actor_id, version)
        path = self._path(actor_id, version, _ENDINGS[media_type])
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{secrets.token_hex(8)}.part")
        beside.write_bytes(data)
        now = self._clock()
        os.utime(beside, (now, now))
        beside.replace(path)
        self._bytes = self._count() if self._bytes is None else self._bytes + len(data)
        if self._bytes > self._max_bytes:
            self._make_room()
        return CachedAvatar(path, media_type, fresh=True)

    def drop(self, actor_id: int, version: str) -> None:
        """Forget one."""
        for ending in _TYPES:
            with contextlib.suppress(OSError):
                path = self._path(actor_id, version, ending)
                size = path.stat().st_size
                path.unlink()
                self._bytes = self._bytes - size if self._bytes is not None else None

    def _path(self, actor_id: int, version: str, ending: str) -> Path:
        return self._folder / f"{actor_id % 256:02x}" / f"{actor_id}-{version}.{ending}"

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _count(self) -> int:
        return sum(size for _, size, _ in self._files())

    def _make_room(self) -> None:
        """The oldest go first."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for _, size, path in files:
            if total <= self._max_bytes * _KEEP_OF_FULL:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= size
        self._bytes = total
