"""The load generator: HTTP/1.1 over keep-alive connections on a bare protocol, so that it costs less than any server.

One request is under way on each connection. Answers need a Content-Length, or a status without a body.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import cast

DEADLINE = 30.0


@dataclass(slots=True)
class Result:
    """What came back: seconds from the first request to the last answer, statuses, latencies in seconds."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    body_bytes: int = 0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """The latency that `share` of the answers stay below, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class _Connection(asyncio.Protocol):
    """Sends a request, waits for its whole answer, sends the next; ends when there is none left."""

    def __init__(self, requests: Iterator[bytes], result: Result, done: asyncio.Future[None], pace: float) -> None:
        self._requests, self._result, self._done, self._pace = requests, result, done, pace
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._missing = -1  # bytes of the body still to come; -1 while the head is not whole
        self._sent_at = 0.0
        self._next_at = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None or self._transport is None:
            self._end()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            status = int(self._head[9:12])
            length = 0 if status in (204, 304) else _content_length(self._head[:end])
            self._result.statuses[status] += 1
            self._result.body_bytes += length
            self._missing = length - (len(self._head) - end - 4)
            self._head = b""
        if self._missing == 0:
            self._missing = -1
            self._answered()
        elif self._missing < -1:
            self._end()

    def _answered(self) -> None:
        now = time.perf_counter()
        # With a pace the wait counts from when the request was due: a late answer makes the next one late too.
        self._result.latencies.append(now - (self._next_at if self._pace else self._sent_at))
        if not self._pace:
            self._send()
            return
        self._next_at = max(self._next_at + self._pace, now - 1.0)
        asyncio.get_running_loop().call_later(max(0.0, self._next_at - now), self._send)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.close()
        if not self._done.done():
            self._done.set_result(None)


def _content_length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(b"content-length:")
    if start < 0:
        raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
    return int(lowered[start + 15 : (lowered + b"\r\n").index(b"\r\n", start)])


async def storm(
    host: str, port: int, requests: Iterable[bytes], *, connections: int = 32, rate: float | None = None
) -> Result:
    """Send all requests, `connections` at a time; with `rate` no more than that many a second, evenly."""
    loop = asyncio.get_running_loop()
    result, stream = Result(), iter(requests)
    pace = connections / rate if rate else 0.0
    started = time.perf_counter()
    ends = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(partial(_Connection, stream, result, done, pace), host, port)
        ends.append(done)
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*ends)
    result.seconds = time.perf_counter() - started
    return result


def get(path: str, host: str, **headers: str) -> bytes:
    """A GET request as bytes; `accept_encoding="gzip"` becomes `Accept-Encoding: gzip`."""
    lines = [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode()


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST request as bytes."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join([f"POST {path} HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body
