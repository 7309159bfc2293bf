"""Connections for POSTs: made through the guard, kept for a moment, two a host at most (DLV-09).

A fan-out is thousands of small requests, and two thirds of what aiohttp's client takes for each goes into what none of
them needs: redirects, cookies, proxies, traces, URLs read anew. So a request is written here as bytes; what comes back
is read by aiohttp's own protocol (`ResponseHandler`, llhttp), like every other answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import aiohappyeyeballs
import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage
from aiohttp.streams import StreamReader

from fedblog.activitypub.urls import Uri, host_of
from fedblog.errors import DialRefused
from fedblog.federation.bounded import Bounded
from fedblog.federation.guard import Guard, GuardedResolver

T = TypeVar("T")
Read = Callable[[RawResponseMessage, StreamReader], Coroutine[Any, Any, T]]
AddrInfo = tuple[int, int, int, str, tuple[Any, ...]]

KEEP_SECONDS = 5.0  # a post goes to thousands of hosts, once
_EYEBALLS_SECONDS = 0.25  # RFC 8305 §8
_LOOK_UP_SECONDS = 30.0
_REMEMBERED = 1_000
_MAX_ANNOUNCED = 16
_DEFAULT_PORTS = {"http": 80, "https": 443}


class NotReached(Exception):
    """No connection came about; `os_error` says why."""

    def __init__(self, os_error: OSError) -> None:
        super().__init__(str(os_error))
        self.os_error = os_error


class Door(NamedTuple):
    """Where a connection leads: the scheme, and the host as in DNS or as an address without brackets."""

    scheme: str
    host: str
    port: int


@dataclass(slots=True)
class _Lines:
    """The connections to one door: places for some, and those that nobody uses now, with the time of their end."""

    places: asyncio.Semaphore
    users: int = 0
    idle: list[tuple[float, ResponseHandler]] = field(default_factory=list)


class Connections:
    """Sends requests that are ready as bytes. Close it with `close`."""

    def __init__(
        self,
        guard: Guard,
        resolver: GuardedResolver,
        tls: Callable[[], ssl.SSLContext],
        *,
        connect_timeout: float,
        per_host: int,
    ) -> None:
        self._guard, self._resolver, self._tls = guard, resolver, tls
        self._connect_timeout, self._per_host = connect_timeout, per_host
        self._lines: dict[Door, _Lines] = {}
        self._open: set[ResponseHandler] = set()
        self._addresses: Bounded[Door, Sequence[AddrInfo]] = Bounded(_REMEMBERED, time.monotonic)
        self._sweep: asyncio.TimerHandle | None = None

    async def ask(self, door: Door, request: Sequence[bytes], read: Read[T], *, keep: bool = True) -> T:
        """Send a request, its head and its body, as soon as its host has a place, and give the answer to `read`: its
        head and the stream of its body. With `keep` the connection may be used again.

        Raises `DialRefused` and `NotReached`, and what aiohttp's protocol raises: `aiohttp.ClientError`,
        `HttpProcessingError`. The deadline is the caller's.
        """
        lines = self._lines.get(door)
        if lines is None:
            lines = self._lines[door] = _Lines(asyncio.Semaphore(self._per_host))
        lines.users += 1
        try:
            async with lines.places:
                line = self._idle_one(lines)
                if line is not None:
                    # The peer may be ending it at this very moment; what it then got, if anything, it knows by its id.
                    with contextlib.suppress(aiohttp.ClientConnectionError, ConnectionError):
                        return await self._ask_on(line, door, lines, request, read, keep)
                return await self._ask_on(await self._dial(door), door, lines, request, read, keep)
        finally:
            lines.users -= 1
            self._forget_if_empty(door, lines)

    async def _ask_on(
        self, line: ResponseHandler, door: Door, lines: _Lines, request: Sequence[bytes], read: Read[T], keep: bool
    ) -> T:
        try:
            found = await _exchange(line, request, read)
        except BaseException:
            self._end(line, abort=True)
            raise
        unread = _has_unread(line)
        if keep and not unread and not line.should_close and line in self._open:
            self._keep(lines, line)
        else:
            self._end(line, abort=unread or door.scheme == "https")  # nobody waits for a peer's goodbye
        return found

    def close(self) -> None:
        """End all connections, those in use as well."""
        for line in list(self._open):
            self._end(line, abort=True)
        self._lines.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _idle_one(self, lines: _Lines) -> ResponseHandler | None:
        while lines.idle:
            _, line = lines.idle.pop()
            if line.is_connected() and not line.should_close:
                return line
            self._end(line, abort=True)
        return None

    def _keep(self, lines: _Lines, line: ResponseHandler) -> None:
        lines.idle.append((time.monotonic() + KEEP_SECONDS, line))
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        """End what nobody has used for a while, and look again as long as something is kept."""
        now, kept = time.monotonic(), False
        for door, lines in list(self._lines.items()):
            while lines.idle and (lines.idle[0][0] <= now or not lines.idle[0][1].is_connected()):
                self._end(lines.idle.pop(0)[1], abort=True)
            kept = kept or bool(lines.idle)
            self._forget_if_empty(door, lines)
        self._sweep = asyncio.get_running_loop().call_later(KEEP_SECONDS, self._end_idle) if kept else None

    def _forget_if_empty(self, door: Door, lines: _Lines) -> None:
        if not lines.users and not lines.idle and self._lines.get(door) is lines:
            del self._lines[door]

    def _end(self, line: ResponseHandler, *, abort: bool) -> None:
        self._open.discard(line)
        if abort:
            line.abort()
        else:
            line.close()

    async def _dial(self, door: Door) -> ResponseHandler:
        try:
            line = await self._connect(door, await self._look_up(door))
        except TimeoutError as exc:
            raise NotReached(TimeoutError("nobody answers")) from exc
        except OSError as exc:  # TLS included
            raise NotReached(exc) from exc
        self._open.add(line)
        return line

    async def _connect(self, door: Door, addresses: Sequence[AddrInfo]) -> ResponseHandler:
        loop = asyncio.get_running_loop()
        tls: dict[str, Any] = {"ssl": self._tls(), "server_hostname": door.host} if door.scheme == "https" else {}
        async with asyncio.timeout(self._connect_timeout):
            if len(addresses) == 1:
                # The loop makes the socket: three calls less that let go of the interpreter's lock, which others take.
                ip, port = addresses[0][4][:2]
                self._guard.last_look(ip)
                _, line = await loop.create_connection(lambda: ResponseHandler(loop), ip, port, **tls)
                return line
            dialled = await aiohappyeyeballs.start_connection(
                addresses,
                happy_eyeballs_delay=_EYEBALLS_SECONDS,
                loop=loop,
                socket_factory=self._guard.open_socket,
            )
            _, line = await loop.create_connection(lambda: ResponseHandler(loop), sock=dialled, **tls)
            return line

    async def _look_up(self, door: Door) -> Sequence[AddrInfo]:
        """The addresses that the guard permits, remembered for a moment; each is looked at again when it is dialled."""
        known = self._addresses.get(door)
        if known is None:
            found = await self._resolver.resolve(door.host, door.port)
            known = [
                (one["family"], socket.SOCK_STREAM, socket.IPPROTO_TCP, "", _address(one["host"], one["port"]))
                for one in found
            ]
            self._addresses.put(door, known, _LOOK_UP_SECONDS)
        return known


def door_of(uri: Uri) -> Door:
    """Where a URL's server listens."""
    return _door(uri.partition(":")[0].lower(), host_of(uri))


@lru_cache(_REMEMBERED)
def _door(scheme: str, authority: str) -> Door:
    if authority.startswith("["):
        host, _, port = authority[1:].partition("]")
    else:
        host, _, port = authority.partition(":")
    return Door(scheme, host, int(port.removeprefix(":")) if port else _DEFAULT_PORTS[scheme])


def request_head(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    """The head of an HTTP/1.1 request with a body of so many bytes (RFC 9112 §3). Raises `DialRefused` where a line
    would become two."""
    head = "".join([f"{method} {target} HTTP/1.1\r\n", *[f"{name}: {value}\r\n" for name, value in headers.items()]])
    if head.count("\r") != len(headers) + 1 or head.count("\n") != len(headers) + 1 or "\0" in head:
        raise DialRefused("a header can't be sent as it is written")
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


async def _exchange(line: ResponseHandler, request: Sequence[bytes], read: Read[T]) -> T:
    line.set_response_params(read_until_eof=True, auto_decompress=False)
    if line.transport is None:
        raise ConnectionResetError("the connection is gone")
    line.transport.writelines(request)  # one body goes to many, and is copied for none
    for _ in range(_MAX_ANNOUNCED + 1):
        message, stream = await line.read()
        if message.code == 101 or not 100 <= message.code < 200:  # others only announce the answer
            return await read(message, stream)
    raise HttpProcessingError(code=502, message="an answer that is announced and never comes")


def _has_unread(line: ResponseHandler) -> bool:
    """Whether the peer answered before it read all: what it never reads must not stay with us for ever."""
    return line.transport is not None and line.transport.get_write_buffer_size() > 0


def _address(host: str, port: int) -> tuple[Any, ...]:
    return (host, port, 0, 0) if ":" in host else (host, port)
