"""The library of uploaded pictures: files on disk and rows that know them, kept in step."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from fedblog.blog.ledger import Media, MediaId, NewMedia
from fedblog.blog.model import ActorId
from fedblog.config import Settings
from fedblog.errors import Conflict, InvalidInput, StorageUnavailable
from fedblog.media.names import PictureFile, PictureKind, file_name, name_of_url, new_name, picture_url
from fedblog.media.worker import PictureWorker
from fedblog.storage import media
from fedblog.storage.database import Database
from fedblog.storage.tx import Tx

log = logging.getLogger(__name__)

MAX_ALT = 1500
MAX_FILENAME = 120


class Library:
    """Takes pictures in, finds their files, gives them up."""

    def __init__(self, db: Database, settings: Settings, *, worker: PictureWorker | None = None) -> None:
        self._db = db
        self._settings = settings
        self._worker = worker or PictureWorker()
        self._folder = settings.data_dir / "media"

    @property
    def max_bytes(self) -> int:
        """The largest upload that is taken."""
        return self._settings.media.max_bytes

    def url(self, picture: Media) -> str:
        """The picture's address: what stands in texts, and what other servers get (a JPEG)."""
        return picture_url(self._settings.base_url, picture.name)

    def is_ours(self, url: str) -> bool:
        """Whether `url` is an address of an uploaded picture."""
        return bool(name_of_url(self._settings.base_url, url))

    async def add(
        self, data: bytes, *, kind: PictureKind, owner_id: ActorId, alt: str = "", filename: str = ""
    ) -> Media:
        """Make an upload anew and keep it; the same upload twice is one picture.

        Raises `InvalidInput` (too large, no picture), `Conflict` (no room), `MediaFailed`, `StorageUnavailable`.
        """
        if len(data) > self.max_bytes:
            limit = f"{self.max_bytes / 1_048_576:.3g} MB"
            raise InvalidInput(f"This picture is too large: at most {limit}.", reason="media_too_large")
        digest = hashlib.sha256(data).hexdigest()
        known = await self._db.read(media.by_source, owner_id, kind.value, digest)
        if known is not None:
            return known
        await self._check_room()
        made = await self._worker.make(data, kind)
        name = new_name(kind)
        new = NewMedia(
            name=name,
            kind=kind.value,
            owner_id=owner_id,
            alt=" ".join(alt.split())[:MAX_ALT],
            filename=tidy_filename(filename),
            source_hash=digest,
            width=made.width,
            height=made.height,
            widths=tuple(sorted(width for width in made.files if width)),
            blurhash=made.blurhash,
            bytes=sum(len(body) for body in made.files.values()),
        )
        return await self._keep(new, made.files)

    async def _check_room(self) -> None:
        """Before the work; `media.add` decides."""
        if await self._db.read(media.total_bytes) >= self._settings.media.max_total_bytes:
            raise Conflict("There is no room for more pictures (media.max_total_bytes).", reason="media_full")

    async def _keep(self, new: NewMedia, files: Mapping[int, bytes]) -> Media:
        """Files first, so that a row never names what is not there."""
        try:
            await asyncio.to_thread(self._write, new.name, files)
            kept = await self._db.write(media.add, new, most_bytes=self._settings.media.max_total_bytes)
        except BaseException as exc:
            await asyncio.to_thread(self._unlink, new.name, new.widths)
            if isinstance(exc, OSError):
                log.error("a picture can't be written: %s", exc)
                raise StorageUnavailable("the picture can't be written now") from exc
            raise
        if kept.name != new.name:
            await asyncio.to_thread(self._unlink, new.name, new.widths)
        return kept

    async def remove(self, media_id: MediaId) -> Media:
        """Give a picture up, files and all. Raises `NotFound`, or `Conflict` while anything shows it."""
        removed = await self._db.write(media.remove, media_id)
        await asyncio.to_thread(self._unlink, removed.name, removed.widths)
        return removed

    def path(self, file: PictureFile) -> Path:
        """Where a file lies, if it is there. Made of a name that was parsed: nothing of a request gets in."""
        return self._folder / file.name[1:3] / file_name(file.name, file.width)

    def _write(self, name: str, files: Mapping[int, bytes]) -> None:
        for width, body in files.items():
            path = self.path(PictureFile(name, width))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as out:
                out.write(body)
                out.flush()
                os.fsync(out.fileno())

    def _unlink(self, name: str, widths: tuple[int, ...]) -> None:
        for width in (0, *widths):
            try:
                self.path(PictureFile(name, width)).unlink(missing_ok=True)
            except OSError as exc:
                log.warning("a picture's file can't be removed: %s", exc)


def tidy_filename(name: str) -> str:
    """The last part of what a browser says a file is called, for people to read; never a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(char for char in last if char.isprintable()).strip()
    return shown[:MAX_FILENAME]


def pictures_of(tx: Tx, base_url: str, *texts: str) -> dict[str, Media]:
    """Our pictures whose addresses stand in the texts, by the URL of their JPEG."""
    found = media.by_names(tx, media.names_in(*texts))
    return {picture_url(base_url, name): picture for name, picture in found.items()}
