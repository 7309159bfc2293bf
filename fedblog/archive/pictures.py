"""Uploaded pictures out of an archive: kept as they are, under their own names, once they look like what they say.

They were made by this program; what is not a JPEG or WebP of sane size by its header is refused. They are served with
a fixed type and `nosniff`, so that nothing else can be made of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import msgspec

from fedblog.archive.container import Member, lines
from fedblog.archive.records import PictureRecord
from fedblog.archive.report import Report
from fedblog.blog.ledger import Media, MediaId
from fedblog.blog.model import Actor
from fedblog.errors import InvalidInput
from fedblog.federation.services import Services
from fedblog.media.names import PictureFile, PictureKind, parse_file
from fedblog.media.sniff import sniff
from fedblog.storage import archive, media

MAX_FILE = 32 * 1024 * 1024
MAX_SIDE = 5_000


class PictureFolder:
    """Takes `media/…` of an archive: the files first, then the list that makes them known."""

    def __init__(self, services: Services, report: Report, writers: Mapping[str, Actor]) -> None:
        self._services, self._report, self._writers = services, report, writers
        self._files: dict[str, int] = {}  # bytes by picture, of the new ones
        self._written: list[PictureFile] = []
        self._room: int | None = None

    async def take(self, member: Member) -> None:
        """One member. Raises `InvalidInput` for a list that can't be read."""
        if member.name == "media/index.jsonl":
            await self._take_index(member)
            return
        file = parse_file(member.name.removeprefix("media/"))
        if file is None:
            self._report.warn(member.name, "left out: this is no picture of ours")
            return
        if member.size > MAX_FILE or not await self._has_room(member.size):
            self._report.warn(member.name, "left out: there is no room for it")
            return
        data = member.file.read()
        found = sniff(data)
        if found is None or found.media_type != file.media_type or max(found.width, found.height) > MAX_SIDE:
            self._report.warn(member.name, "left out: it is not the picture that its name says")
            return
        self._files[file.name] = self._files.get(file.name, 0) + len(data)
        if not self._report.dry_run:
            self._write(file, data)

    async def _has_room(self, size: int) -> bool:
        if self._room is None:
            used = await self._services.db.read(media.total_bytes)
            self._room = self._services.settings.media.max_total_bytes - used
        self._room -= size
        return self._room >= 0

    def _write(self, file: PictureFile, data: bytes) -> None:
        path = self._services.library.path(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), path.open("xb") as out:
            out.write(data)
            self._written.append(file)

    async def _take_index(self, member: Member) -> None:
        decoder = msgspec.json.Decoder(PictureRecord)
        known: set[str] = set()
        for number, line in lines(member, 1024 * 1024):
            try:
                record = decoder.decode(line)
            except msgspec.DecodeError as exc:
                raise InvalidInput(f"{member.name}, line {number}: {exc}") from None
            if await self._take_record(record, f"{member.name}, line {number}"):
                known.add(record.name)
        # What nobody knows would lie there for ever.
        for file in self._written:
            if file.name not in known:
                self._services.library.path(file).unlink(missing_ok=True)

    async def _take_record(self, record: PictureRecord, place: str) -> bool:
        owner = self._writers.get(record.owner) or next(iter(self._writers.values()), None)
        if owner is None or record.name not in self._files or record.kind not in list(PictureKind):
            self._report.warn(place, "left out: its files are missing")
            return False
        if self._report.dry_run:
            self._report.count("pictures")
            return True
        there = [one for one in record.widths if self._services.library.path(PictureFile(record.name, one)).exists()]
        if not self._services.library.path(PictureFile(record.name, 0)).exists():
            self._report.warn(place, "left out: its largest file is missing")
            return False
        picture = Media(
            id=MediaId(int(record.id)),
            name=record.name,
            kind=record.kind,
            owner_id=owner.id,
            alt=record.alt[:1500],
            filename=record.filename[:120],
            width=record.width,
            height=record.height,
            widths=tuple(sorted(there)),
            blurhash=record.blurhash[:100],
            bytes=self._files[record.name],
            created_at=record.created_at,
        )
        if await self._services.db.write(archive.put_picture, picture, record.source_hash):
            self._report.count("pictures")
            return True
        return bool(await self._services.db.read(media.by_names, [record.name]))
