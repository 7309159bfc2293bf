"""The file that a backup is: a gzipped tar with a manifest in front, which names every other file with its SHA-256.

Nothing is unpacked but regular files with names that are expected, of the sizes and hashes that the manifest says.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec

from fedblog.errors import Conflict, InvalidInput
from fedblog.storage.dump import Dump

FORMAT = 1
MANIFEST, CONFIG, SECRET, TABLES, MEDIA = "manifest.json", "config.toml", "secret", "tables", "media"
MANIFEST_BYTES = 64 * 1024 * 1024
CHUNK = 1024 * 1024
# Quick rather than small: pictures don't shrink, and text does at any level.
LEVEL = 3
_NAME = re.compile(
    rf"{re.escape(CONFIG)}|{SECRET}|{TABLES}/[a-z][a-z0-9_]*\.jsonl|{MEDIA}(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)+"
)

Bytes = Annotated[int, msgspec.Meta(ge=0)]


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of the archive."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: Bytes


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup says of itself."""

    format: int
    fedblog: str
    made_at: str
    domain: str
    base_url: str
    engine: str
    dump: Dump
    files: dict[str, Entry]


def is_backed_up(name: str) -> bool:
    """Whether a file of that name may be in an archive; names are relative, with `/`."""
    return _NAME.fullmatch(name) is not None


def entry_of(path: Path) -> Entry:
    """Size and hash of a file."""
    with path.open("rb") as file:
        return Entry(hashlib.file_digest(file, "sha256").hexdigest(), file.tell())


def write_archive(target: Path, manifest: Manifest, sources: Mapping[str, Path]) -> None:
    """Make the archive, whole or not at all, readable for its owner only.

    Raises `Conflict` where there is such a file already, or when a source changed since the manifest was made.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=LEVEL, format=tarfile.PAX_FORMAT) as tar:
                _add_bytes(tar, MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
                for name, entry in manifest.files.items():
                    _add_file(tar, name, entry, sources[name])
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, target)
        except FileExistsError:
            raise Conflict(f"{target} is there already") from None
    finally:
        beside.unlink()


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    tar.addfile(_info(name, len(data)), io.BytesIO(data))


def _add_file(tar: tarfile.TarFile, name: str, entry: Entry, path: Path) -> None:
    with path.open("rb") as file:
        reader = _Hashing(file)
        try:
            tar.addfile(_info(name, entry.bytes), reader)
        except OSError as exc:
            if exc.errno is not None:
                raise
            raise Conflict(f"{path} became shorter while it was read: try again") from None
    if reader.sha256.hexdigest() != entry.sha256:
        raise Conflict(f"{path} changed while it was read: try again")


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def unpack(archive: Path, folder: Path) -> Manifest:
    """Everything in the archive, checked, into an empty folder; the manifest.

    Raises `InvalidInput` for what is no backup, is damaged or was changed; what lies in `folder` then is of no use.
    """
    with _readable(archive), tarfile.open(archive, "r|gz") as tar:
        members = iter(tar)
        manifest = _read_manifest(tar, next(members, None))
        _check_room(manifest, folder)
        missing = dict(manifest.files)
        for member in members:
            entry = missing.pop(member.name, None)
            if entry is None:
                raise _damaged(f"{member.name!r} is not in the manifest, or there twice")
            _unpack_one(tar, member, entry, folder / member.name)
        if missing:
            raise _damaged(f"{next(iter(missing))} is missing")
    return manifest


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error) as exc:
        raise _damaged(str(exc) or "it ends too early") from None
    except OSError as exc:
        if exc.errno is not None:  # gzip's own complaints have none
            raise
        raise InvalidInput(f"{archive} is no backup: {exc}", reason="backup_damaged") from None


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> Manifest:
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > MANIFEST_BYTES:
        raise _damaged("it doesn't begin with a manifest")
    file = tar.extractfile(member)
    data = file.read() if file else b""
    try:
        found = msgspec.json.decode(data)
        number = found.get("format") if isinstance(found, dict) else None
        if isinstance(number, int) and number > FORMAT:
            raise InvalidInput("a newer fedblog made this backup: install that one", reason="backup_newer")
        manifest = msgspec.convert(found, Manifest)
    except (msgspec.DecodeError, msgspec.ValidationError) as exc:
        raise _damaged(f"the manifest: {exc}") from None
    for name in manifest.files:
        if not is_backed_up(name):
            raise _damaged(f"{name!r} is no name that a backup has")
    return manifest


def _check_room(manifest: Manifest, folder: Path) -> None:
    wanted = sum(entry.bytes for entry in manifest.files.values())
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise Conflict(f"there is no room: {wanted:,} bytes are to be unpacked, {free:,} are free in {folder}")


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, entry: Entry, target: Path) -> None:
    file = tar.extractfile(member) if member.isreg() else None
    if file is None or member.size != entry.bytes:
        raise _damaged(f"{member.name} is not what the manifest says")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        while chunk := file.read(CHUNK):
            sha256.update(chunk)
            out.write(chunk)
    if sha256.hexdigest() != entry.sha256:
        with suppress(OSError):
            target.unlink()
        raise _damaged(f"{member.name} has another hash than the manifest says")


def _damaged(words: str) -> InvalidInput:
    return InvalidInput(f"the backup is damaged or was changed: {words}", reason="backup_damaged")
