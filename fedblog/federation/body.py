"""Reading an answer's body under a cap: the cap counts decoded bytes, so that a bomb is cut while it unfolds."""

from __future__ import annotations

import zlib
from typing import Protocol

from fedblog.errors import FetchFailed

ACCEPT_ENCODING = "gzip, deflate"
CHUNK = 64 * 1024


class Stream(Protocol):
    """What aiohttp's `StreamReader` does here."""

    async def read(self, n: int = -1) -> bytes:
        """At most `n` bytes, b"" at the end."""


class Decoder:
    """Decodes one content coding, never giving out more than it is asked for."""

    def __init__(self, encoding: str) -> None:
        """Raises `FetchFailed` (reason `encoding_unknown`) for a coding that was not asked for."""
        names = [name.strip().lower() for name in encoding.split(",") if name.strip().lower() not in ("", "identity")]
        if len(names) > 1 or not set(names) <= {"gzip", "x-gzip", "deflate"}:
            raise FetchFailed(f"the answer is coded as {encoding[:40]!r}", reason="encoding_unknown")
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if names else None  # 32: zlib or gzip header

    def feed(self, data: bytes, limit: int) -> bytes:
        """The next decoded bytes, at most `limit`; reaching it means that more may follow. Raises `FetchFailed`."""
        if self._inflate is None:
            return data[:limit]
        try:
            return self._inflate.decompress(self._inflate.unconsumed_tail + data, limit)
        except zlib.error as exc:
            raise FetchFailed("the answer's compression is broken", reason="encoding_broken") from exc


async def read_body(stream: Stream, encoding: str, max_bytes: int, *, cut: bool = False) -> bytes:
    """All of a body, decoded. Raises `FetchFailed` (reason `body_too_long`) past `max_bytes`, or cuts there."""
    decoder = Decoder(encoding)
    body = bytearray()
    while chunk := await stream.read(CHUNK):
        body += decoder.feed(chunk, max_bytes + 1 - len(body))
        if len(body) > max_bytes:
            if cut:
                return bytes(body[:max_bytes])
            raise FetchFailed(f"the answer is longer than {max_bytes} bytes", reason="body_too_long")
    return bytes(body)
