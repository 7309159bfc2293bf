"""Tar files: written member by member, and read from somebody who may mean harm.

The reader streams, puts nothing on disk by a name from the archive, and takes plain files with plain names only. What
is unpacked may be so many times larger than the file, and no header may be large: both stop bombs.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, NamedTuple, Self

from fedblog.errors import InvalidInput

MAX_RATIO = 200
FREE_BYTES = 64 * 1024 * 1024  # small archives of repeating text are packed well
MAX_MEMBERS = 2_000_000
MAX_HEADER = 64 * 1024
_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class Member(NamedTuple):
    """A file of an archive, readable until the next one is asked for."""

    name: str
    size: int
    file: IO[bytes]


class _Info(tarfile.TarInfo):
    """A header; the ones that the tar module would read into memory whole have a limit."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENSIONS and info.size > MAX_HEADER:
            raise InvalidInput("the archive has a header that is too large")
        return info


class _Metered(io.RawIOBase):
    """Unpacked bytes, as many as the packed ones may become."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._left = file, most

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size if size >= 0 else 1024 * 1024)
        self._left -= len(data)
        if self._left < 0:
            raise InvalidInput("the archive unpacks to far more than it should")
        return data


def members(path: Path) -> Iterator[Member]:
    """The files of a `.tar` or `.tar.gz`, in order. Raises `InvalidInput`: damaged, a bomb, or hostile names."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        most = path.stat().st_size * (MAX_RATIO if packed else 1) + FREE_BYTES
        unpacked: BinaryIO = gzip.GzipFile(fileobj=raw, mode="rb") if packed else raw  # type: ignore[assignment]
        try:
            # r| reads forwards only: nothing is sought, nothing is kept.
            with tarfile.open(fileobj=_Metered(unpacked, most), mode="r|", tarinfo=_Info) as tar:
                for number, info in enumerate(tar):
                    tar.members = []  # type: ignore[attr-defined]  # the module remembers every header otherwise
                    if number >= MAX_MEMBERS:
                        raise InvalidInput("the archive has too many files")
                    if (member := _member(tar, info)) is not None:
                        yield member
        except (tarfile.TarError, EOFError, OSError, zlib.error) as exc:
            raise InvalidInput(f"the archive is damaged: {exc}") from None


def _member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member | None:
    if info.isdir():
        return None
    if not info.isreg() or info.issparse():
        raise InvalidInput(f"the archive has a link or a device in it: {_shown(info.name)}")
    name = PurePosixPath(info.name)
    if name.is_absolute() or ".." in name.parts or "\\" in info.name or not info.name.isprintable():
        raise InvalidInput(f"the archive has a name that leads out: {_shown(info.name)}")
    file = tar.extractfile(info)
    return Member(str(name), info.size, file) if file is not None else None


def _shown(name: str) -> str:
    return "".join(char if char.isprintable() else "�" for char in name[:200])


def lines(member: Member, longest: int) -> Iterator[tuple[int, bytes]]:
    """(number, line) of a member. Raises `InvalidInput` for a line that is too long."""
    number = 0
    while line := member.file.readline(longest + 1):
        number += 1
        if len(line) > longest:
            raise InvalidInput(f"{member.name}, line {number} is too long")
        if line.strip():
            yield number, line


def add_bytes(tar: tarfile.TarFile, name: str, data: bytes, when: int) -> None:
    """A small file."""
    add_file(tar, name, io.BytesIO(data), len(data), when)


def add_file(tar: tarfile.TarFile, name: str, file: IO[bytes], size: int, when: int) -> None:
    """A file of any size, from where `file` stands."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, when, 0o644
    tar.addfile(info, file)
