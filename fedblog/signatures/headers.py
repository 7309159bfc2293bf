"""Header lines as signatures read them: bounded, without control characters, and one reading only."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

from fedblog.signatures.model import Reason, SignatureRefused, SignedRequest

MAX_VALUE_LENGTH = 16 * 1024
MAX_TOTAL_LENGTH = 64 * 1024
MAX_LINES = 256
MAX_COVERED = 32

# Two lines of one of these let two readers see two different requests (SIG-09).
SINGLE = frozenset(
    {"authorization", "content-digest", "content-type", "date", "digest", "host", "signature", "signature-input"}
)
_TARGET = re.compile(r"/[\x21-\x7e]*\Z")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class HeaderTable:
    """Looks header lines up by lower-case name."""

    __slots__ = ("_repeated", "_values")

    def __init__(self, headers: Iterable[tuple[str, str]]) -> None:
        """Raises `SignatureRefused` (400) for too much, for line breaks inside a value and for doubled lines."""
        lines = tuple(headers)
        self._values = {name.lower(): value for name, value in lines}
        self._repeated: dict[str, list[str]] = {}
        text = "".join(chain.from_iterable(lines))
        if len(text) > MAX_VALUE_LENGTH or len(lines) > MAX_LINES or _has_break(text):
            _check_lines(lines)
        if len(self._values) != len(lines):
            self._note_repeated(lines)

    def _note_repeated(self, lines: tuple[tuple[str, str], ...]) -> None:
        found: dict[str, list[str]] = {}
        for name, value in lines:
            found.setdefault(name.lower(), []).append(value.strip(" \t"))
        self._repeated = {name: values for name, values in found.items() if len(values) > 1}
        if not SINGLE.isdisjoint(self._repeated):
            raise SignatureRefused(Reason.HEADER_DUPLICATED, min(SINGLE & self._repeated.keys()))

    @classmethod
    def of(cls, request: SignedRequest) -> HeaderTable:
        """A request's table. Where a proxy dropped Host or Content-Length (HTTP/2), what they must have said stands in
        for them, since some peers cover both (SIG-10)."""
        table = cls(request.headers)
        values = table._values
        if "host" not in values:
            values["host"] = request.authority
        if "content-length" not in values and request.has_content:
            values["content-length"] = str(len(request.body))
        return table

    def lines(self, name: str) -> list[str]:
        """All values of that name in wire order, trimmed."""
        if name in self._repeated:
            return self._repeated[name]
        value = self._values.get(name)
        return [] if value is None else [value.strip(" \t")]

    def get(self, name: str) -> str | None:
        """The value, repeated lines joined by ", " (draft-cavage-12 §2.3, RFC 9421 §2.1)."""
        if name in self._repeated:
            return ", ".join(self._repeated[name])
        value = self._values.get(name)
        return None if value is None else value.strip(" \t")


def _has_break(text: str) -> bool:
    return "\n" in text or "\r" in text or "\0" in text


def _check_lines(lines: tuple[tuple[str, str], ...]) -> None:
    """Line by line, where something is long or holds a break."""
    total = 0
    for count, (name, value) in enumerate(lines):
        total += len(name) + len(value)
        if len(value) > MAX_VALUE_LENGTH or total > MAX_TOTAL_LENGTH or count >= MAX_LINES:
            raise SignatureRefused(Reason.HEADER_TOO_LONG)
        if _has_break(value):
            raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "control character in a header")


def check_target(target: str) -> None:
    """Refuses (400) a request target that is not a raw origin-form path."""
    if not _TARGET.match(target):
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "request target")


def normal_authority(authority: str, scheme: str) -> str:
    """host[:port] in lower case without the scheme's own port (RFC 9421 §2.2.3)."""
    return authority.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))


def check_host(table: HeaderTable, request: SignedRequest) -> None:
    """Refuses a Host other than the configured name (SIG-10)."""
    host = table.get("host") or ""
    if host == request.authority:
        return
    if normal_authority(host, request.scheme) != normal_authority(request.authority, request.scheme):
        raise SignatureRefused(Reason.HOST_MISMATCH)


def encode_base(lines: list[str]) -> bytes:
    """The signing string's bytes as on the wire; header text came decoded as UTF-8 with surrogate escapes."""
    try:
        return "\n".join(lines).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as exc:
        raise SignatureRefused(Reason.SIGNATURE_MALFORMED, "header text") from exc


def split_target(target: str) -> tuple[str, str | None]:
    """Raw path and raw query; the query is None where there is no question mark."""
    path, mark, query = target.partition("?")
    return path, query if mark else None


def request_target(url: str) -> str:
    """Raw path and query of an absolute URL, as it goes on the request line: no fragment, at least "/"."""
    rest = url.partition("#")[0]
    path, query = rest.find("/", rest.find("://") + 3), rest.find("?")
    if path >= 0 and (query < 0 or path < query):
        return rest[path:]
    return f"/{rest[query:]}" if query >= 0 else "/"
