"""Pictures of other servers, kept on disk as they came: never decoded, each at most so large, all together too."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from fedblog.media.sniff import sniff

DAY = 86_400
FRESH_SECONDS = 7 * DAY
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_TYPES = {ending: media_type for media_type, ending in _ENDINGS.items()}
_KEEP_OF_FULL = 0.9
_PARTS = 20


class Limits(NamedTuple):
    """The largest picture of a kind that is kept; more pixels than that a reader's browser would have to unfold."""

    bytes: int
    side: int
    pixels: int
    seconds: float = 8.0  # to fetch it


AVATAR_LIMITS = Limits(512 * 1024, 4096, 8_000_000)
EMOJI_LIMITS = Limits(512 * 1024, 2048, 2_000_000)


def attached_limits(max_bytes: int) -> Limits:
    """Of a picture that hangs on a reply: as cameras make them."""
    return Limits(max_bytes, 16_384, 64_000_000, 20.0)


class KeptPicture(NamedTuple):
    """A file with the type it is served as; not `fresh`: it should be fetched anew."""

    path: Path
    media_type: str
    fresh: bool


def url_version(url: str) -> str:
    """What changes in a picture's address here when it has another one there."""
    return hashlib.blake2s(url.encode("utf-8", "replace"), digest_size=6).hexdigest()


def picture_type(data: bytes, limits: Limits) -> str:
    """The type of a picture that may be shown, by its magic number; "" for anything else.

    Too many pixels are refused by what the header claims.
    """
    found = sniff(data)
    if found is None or len(data) > limits.bytes:
        return ""
    fits = 0 < found.width <= limits.side and 0 < found.height <= limits.side
    return found.media_type if fits and found.width * found.height <= limits.pixels else ""


class PictureStore:
    """The folder. Methods read and write files: call them in a thread. `name`s are ours: letters, digits, `-`, `_`."""

    def __init__(self, folder: Path, max_bytes: int, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self._folder = folder
        self._max_bytes = max_bytes
        self._clock = clock
        self._bytes: int | None = None  # counted at the first write, and now and then: other processes write too
        self._since_count = 0

    def find(self, name: str) -> KeptPicture | None:
        """The kept file, fresh or not."""
        for ending, media_type in _TYPES.items():
            path = self._path(name, ending)
            with contextlib.suppress(OSError):
                return KeptPicture(path, media_type, self._clock() - path.stat().st_mtime < FRESH_SECONDS)
        return None

    def keep(self, name: str, data: bytes) -> KeptPicture | None:
        """Keep what came, unless it is nothing that may be shown. Raises `OSError`."""
        media_type = picture_type(data, self.limits)
        if not media_type:
            return None
        path = self._path(name, _ENDINGS[media_type])
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{secrets.token_hex(8)}.part")
        beside.write_bytes(data)
        now = self._clock()
        os.utime(beside, (now, now))
        beside.replace(path)
        self._drop(name, but=_ENDINGS[media_type])  # only now: a reader may be looking for the one before
        self._count_in(len(data))
        return KeptPicture(path, media_type, fresh=True)

    def drop(self, name: str) -> None:
        """Forget one."""
        self._drop(name)

    def _drop(self, name: str, but: str = "") -> None:
        for ending in _TYPES.keys() - {but}:
            with contextlib.suppress(OSError):
                path = self._path(name, ending)
                size = path.stat().st_size
                path.unlink()
                self._bytes = self._bytes - size if self._bytes is not None else None

    def of(self, owners: Collection[str]) -> list[KeptPicture]:
        """Everything whose name begins with one of these owners and `-`."""
        found = sorted(path for _, _, path in self._files() if path.stem.partition("-")[0] in owners)
        return [KeptPicture(path, _TYPES[path.suffix[1:]], fresh=False) for path in found if path.suffix[1:] in _TYPES]

    def drop_of(self, owners: Collection[str]) -> None:
        """Forget all of these owners."""
        for _, _, path in self._files():
            if path.stem.partition("-")[0] in owners:
                with contextlib.suppress(OSError):
                    path.unlink()
        self._bytes = None

    def names(self) -> list[str]:
        """What is kept."""
        return [path.stem for _, _, path in self._files() if path.suffix != ".part"]

    def _path(self, name: str, ending: str) -> Path:
        return self._folder / f"{zlib.crc32(name.encode()) % 256:02x}" / f"{name}.{ending}"

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for path in self._folder.glob("??/*"):
            with contextlib.suppress(OSError):
                found = path.stat()
                yield found.st_mtime, found.st_size, path

    def _count_in(self, size: int) -> None:
        self._since_count += size
        if self._bytes is None or self._since_count > self._max_bytes / _PARTS:
            self._bytes, self._since_count = sum(size for _, size, _ in self._files()), 0
        else:
            self._bytes += size
        if self._bytes > self._max_bytes:
            self._make_room()

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
