"""The shared inbox, before the application is asked: no router and no middleware, as for kept pages (`hot`).

Only the plainest of requests come in here: whole, for our own name, without anything that is rare in a server's POST.
All others take the ordinary way. What is decided is decided by the same functions; the answer to what was taken is made
once, by the ones that make it there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import cast

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.typedefs import Handler

from fedblog.observe import RequestLines, counters, new_request_id, request_id
from fedblog.web.closed import Closed
from fedblog.web.errors import error_response
from fedblog.web.headers import add_headers
from fedblog.web.i18n import known, set_language
from fedblog.web.inboxes import LOAD, take, turned_away
from fedblog.web.keys import ADDRESS, SETTINGS
from fedblog.web.middleware import asker, errors_middleware

_PATH = "/inbox"
log = logging.getLogger(__name__)
# What such a request doesn't carry, or what the ordinary way reads differently.
_PARTICULAR = (hdrs.COOKIE, hdrs.EXPECT, hdrs.TRANSFER_ENCODING, hdrs.CONTENT_ENCODING, hdrs.UPGRADE)

Ordinary = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class _Taken:
    """202 without a body; what aiohttp asks of an answer, and no more."""

    head: bytes
    status: int = 202
    keep_alive: bool = True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it."""
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the asker has left")
        request.transport.write(self.head)

    async def write_eof(self) -> None:
        """All is written."""


class InboxDoor:
    """Takes what comes to the shared inbox of an application; see `put_before`."""

    def __init__(self, app: web.Application, closed: Closed) -> None:
        self._app, self._closed, self._settings = app, closed, app[SETTINGS]
        self._asker, self._language = asker(self._settings), known(self._settings.blog.language)
        self._add_headers = add_headers(self._settings)
        self._lines = RequestLines()
        self._count = counters.bound("fedblog_http_requests_total", method="POST", status="202")
        self._head = (0, b"")
        self._fixed = b""
        self._refusals = (0, b"", b"")
        self._refused = counters.bound("fedblog_http_requests_total", method="POST", status="503")

    async def handle(self, request: web.Request, ordinary: Ordinary) -> web.StreamResponse:
        """The answer to a POST to the shared inbox, or whatever `ordinary` answers."""
        if not self._is_plain(request) or await self._closed.is_closed(self._app):
            return await ordinary(request)
        if self._app[LOAD].is_full():
            return cast("web.StreamResponse", await self._turn_away(request))
        name, started = new_request_id(), time.perf_counter()
        token = request_id.set(name)
        status = 0
        try:
            request[ADDRESS] = self._asker(request)
            set_language(self._language)
            answer = await errors_middleware(request, cast("Handler", self._take))
            status = answer.status
            if isinstance(answer, web.StreamResponse):
                answer.headers["X-Request-Id"] = name
                await self._add_headers(request, answer)
                counters.add("fedblog_http_requests_total", method="POST", status=str(status))
            return answer
        finally:
            self._lines.add(name, _PATH, status, time.perf_counter() - started, method="POST")
            request_id.reset(token)

    async def _take(self, request: web.Request) -> _Taken:
        await take(self._app, request, None, body=request.content.read_nowait())
        self._count()
        if self._head[0] != int(time.time()):
            self._head = await self._dated(request)
        return _Taken(b"%sX-Request-Id: %s\r\n\r\n" % (self._head[1], request_id.get().encode("ascii")))

    async def _turn_away(self, request: web.Request) -> _Taken:
        """What `InboxLoad` refuses costs next to nothing, for there is the most of it when there is no time: the same
        bytes to all within a second, and one line in the log for all of them."""
        if self._refusals[0] != int(time.time()):
            self._refusals = await self._make_refusal(request)
        self._refused()
        _, head, body = self._refusals
        return _Taken(b"%sX-Request-Id: %s\r\n\r\n%s" % (head, new_request_id().encode("ascii"), body), status=503)

    async def _make_refusal(self, request: web.Request) -> tuple[int, bytes, bytes]:
        set_language(self._language)
        answer = error_response(request, turned_away())
        await self._add_headers(request, answer)
        body = answer.body if isinstance(answer.body, bytes) else b""
        now = time.time()
        log.warning("the inbox turns requests away: there are too many at once")
        headers = {**answer.headers, hdrs.CONTENT_LENGTH: str(len(body)), hdrs.DATE: formatdate(now, usegmt=True)}
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{key}: {value}" for key, value in headers.items())]
        return int(now), "".join(f"{line}\r\n" for line in lines).encode(), body

    def _is_plain(self, request: web.Request) -> bool:
        if request.method != "POST" or request.raw_path != _PATH or request.version != HttpVersion11:
            return False
        headers = request.headers
        if headers.get(hdrs.HOST) != self._settings.authority or not request.keep_alive:
            return False
        for name in _PARTICULAR:  # a generator would cost as much as the rest
            if name in headers:
                return False
        # Whole already, so that nobody is waited for, and no more than is taken.
        size = request.content_length
        return size is not None and 0 < size <= self._settings.limits.body_bytes and request.content.is_eof()

    async def _dated(self, request: web.Request) -> tuple[int, bytes]:
        """This second, and the head of a 202 up to the request's id with its date."""
        if not self._fixed:
            self._fixed = await self._make(request)
        now = int(time.time())
        return now, b"%sDate: %s\r\n" % (self._fixed, formatdate(now, usegmt=True).encode("ascii"))

    async def _make(self, request: web.Request) -> bytes:
        """The lines that are always the same, as the ordinary way makes them."""
        answer = web.Response(status=202)
        await self._add_headers(request, answer)
        answer.headers.setdefault(hdrs.CONTENT_LENGTH, "0")
        lines = [
            f"HTTP/1.1 {answer.status} {answer.reason}",
            *(f"{key}: {value}" for key, value in answer.headers.items()),
        ]
        return "".join(f"{line}\r\n" for line in lines).encode()

    def close(self) -> None:
        """Write the log lines that wait."""
        self._lines.flush()


DOOR = web.AppKey("inbox_door", InboxDoor)


def put_before(door: InboxDoor, server: web.Server) -> None:
    """Let `server` bring what comes to the shared inbox to the door before its application is asked."""
    ordinary = server.request_handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "POST" and isinstance(request, web.Request):
            return await door.handle(request, ordinary)
        return await ordinary(request)

    server.request_handler = handle
