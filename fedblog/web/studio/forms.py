"""A submitted form, read carefully: plain text only, line ends as `\\n`, nothing that a database can't keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, NamedTuple
from urllib.parse import urlsplit

from aiohttp.web import FileField

from fedblog.activitypub.urls import maybe_uri
from fedblog.errors import InvalidInput
from fedblog.web.i18n import gettext


class Upload(NamedTuple):
    """A file that was sent: what the browser calls it, and its bytes to be read (in a thread)."""

    filename: str
    file: IO[bytes]


class Form:
    """The fields of one POST. Unknown fields are left aside."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def close(self) -> None:
        """Let go of the files that came along."""
        for value in self._fields.values():
            if isinstance(value, FileField):
                value.file.close()

    def text(self, name: str, *, limit: int = 2_000_000) -> str:
        """A field as text, "" where it is missing. Raises `InvalidInput` over `limit` characters."""
        value = self._fields.get(name, "")
        return _clean(value if isinstance(value, str) else "", name, limit)

    def line(self, name: str, *, limit: int = 500) -> str:
        """A field of one line, without blanks around it."""
        return " ".join(self.text(name, limit=limit).split())

    def texts(self, name: str, *, limit: int = 2000) -> list[str]:
        """All values of a repeated field, in order."""
        values = self._fields.getall(name, []) if hasattr(self._fields, "getall") else []
        return [_clean(value, name, limit).strip() for value in values if isinstance(value, str)]

    def upload(self, name: str) -> Upload | None:
        """A file; None where none was chosen."""
        value = self._fields.get(name)
        return Upload(value.filename, value.file) if isinstance(value, FileField) and value.filename else None

    def flag(self, name: str) -> bool:
        """Whether a box is ticked."""
        return name in self._fields

    def number(self, name: str) -> int | None:
        """A field as a whole number below 2^63; None where it is empty. Raises `InvalidInput` for anything else."""
        value = self.line(name, limit=30)
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or int(value) >= 2**63:
            raise InvalidInput(f"{name} is not a number", reason="form_number")
        return int(value)

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of `allowed`; the first where it is missing. Raises `InvalidInput` for anything else."""
        value = self.line(name) or allowed[0]
        if value not in allowed:
            raise InvalidInput(f"{name} can't be that", reason="form_choice")
        return value

    def url(self, name: str) -> str:
        """An http(s) URL or "". Raises `InvalidInput` for anything else."""
        value = self.line(name, limit=2048)
        if value and (maybe_uri(value) is None or not urlsplit(value).hostname):
            raise InvalidInput(
                gettext("An address of a picture starts with https:// and has no blanks."), reason="form_url"
            )
        return value


def _clean(value: str, name: str, limit: int) -> str:
    # Lone surrogates and NUL can't be stored on PostgreSQL; browsers send CRLF in every textarea.
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    value = value.encode("utf-8", "replace").decode("utf-8")
    if len(value) > limit:
        raise InvalidInput(f"{name} is too long (at most {limit:,} characters)", reason="form_too_long")
    return value
