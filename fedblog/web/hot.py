"""Answers that many people ask for at once, kept as the very bytes that went out, and given before anything else runs.

An answer is remembered under everything of the request that it depends on, after the ordinary path has made it: so no
header gets lost. It is dropped when its post changes here, and asked for anew after a moment, since another
process may have changed it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import cast

from aiohttp import HttpVersion11, hdrs, web

from fedblog.activitypub.wire import wants_activity
from fedblog.blog.model import PostId
from fedblog.observe import RequestLines, counters, new_request_id
from fedblog.storage.database import Event
from fedblog.web.codings import coding_for
from fedblog.web.conditional import bare_tag, is_known

FRESH_SECONDS = 0.25
MAX_KEPT = 256
COPIED_BYTES = 4 * 1024  # less is copied into one piece, more is sent in two
DRAIN_BYTES = 64 * 1024
GIVE_WAY_SECONDS = 0.002  # a reader doesn't notice; the activities that wait get the loop for so long
POST = web.RequestKey("hot_post", int)

# An answer may differ by them in ways that are not told apart here: such requests go the ordinary way.
_PARTICULAR = (
    hdrs.COOKIE,
    hdrs.AUTHORIZATION,
    hdrs.EXPECT,
    hdrs.RANGE,
    hdrs.IF_RANGE,
    hdrs.IF_MATCH,
    hdrs.CONTENT_LENGTH,
    hdrs.TRANSFER_ENCODING,
    hdrs.UPGRADE,
)
_VARIES = {"accept", "accept-encoding", "accept-language"}
_OWN_EACH_TIME = frozenset({"date", "x-request-id", "connection"})


# What of a request its answer depends on: address, host, whether JSON is wanted, coding, language; and 304 or whole.
_Asked = tuple[str, str, bool, str, str]
_Key = tuple[_Asked, bool]
Seen = Callable[[web.BaseRequest, int, str], None]
"""Told of each kept answer: request, post, path."""


@dataclass(slots=True)
class _Kept:
    """One answer: its status, its head without the closing empty line, its body; `is_asked`: somebody makes it anew."""

    status: int
    head: bytes
    body: bytes
    etag: str
    post_id: int
    path: str
    until: float
    count: Callable[[], None]
    is_asked: bool = False


@dataclass(slots=True)
class HotAnswer:
    """Writes kept bytes, with a date and a request id of its own; what aiohttp asks of an answer, and no more."""

    kept: _Kept
    date: bytes
    lines: RequestLines
    seen: Seen
    gives_way: bool = False
    keep_alive: bool = True  # only connections that stay get such an answer
    started: float = field(default_factory=time.perf_counter)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write all of it at once; a moment later where others go first."""
        if self.gives_way:
            await asyncio.sleep(GIVE_WAY_SECONDS)
        transport, kept, name = request.transport, self.kept, new_request_id()
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the asker has left")
        head = b"%s\r\nDate: %s\r\nX-Request-Id: %s\r\n\r\n" % (kept.head, self.date, name.encode("ascii"))
        kept.count()
        self.seen(request, kept.post_id, kept.path)
        self.lines.add(name, kept.path, kept.status, time.perf_counter() - self.started)
        if len(kept.body) < COPIED_BYTES:
            transport.write(head + kept.body)
        else:
            transport.writelines((head, kept.body))
        if transport.get_write_buffer_size() > DRAIN_BYTES:
            await request.writer.drain()  # who asks and asks without reading waits, and costs no more than this

    async def write_eof(self) -> None:
        """All is written."""


class HotAnswers:
    """The answers of the last moment. `clock` counts seconds and never goes back, `wall` gives Unix time, `seen` counts
    who got one, `is_crowded` says whether others wait for the loop whom readers let go first: a post that is read at
    full speed would make its own replies late."""

    def __init__(
        self,
        clock: Callable[[], float],
        wall: Callable[[], float],
        seen: Seen = lambda request, post_id, path: None,
        is_crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._clock, self._wall, self._seen, self._is_crowded = clock, wall, seen, is_crowded
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._date = (0, b"")
        self._has_languages = False
        self._lines = RequestLines(wall)

    def find(self, request: web.BaseRequest) -> HotAnswer | None:
        """The answer to a plain GET that was given a moment ago."""
        if not self._kept or not _is_plain(request):
            return None
        kept = self._fitting(request)
        if kept is None:
            return None
        now = self._clock()
        if kept.until <= now:
            if not kept.is_asked and now < kept.until + FRESH_SECONDS:
                # One goes and looks; the others need not wait for that.
                kept.is_asked, kept.until = True, now + FRESH_SECONDS
            return None
        return HotAnswer(kept, self._today(), self._lines, self._seen, self._is_crowded())

    def _fitting(self, request: web.BaseRequest) -> _Kept | None:
        seen, asked = request.headers.get(hdrs.IF_NONE_MATCH), self._asked(request)
        if seen is not None:
            same = self._kept.get((asked, True))
            if same is not None and is_known(seen, same.etag):
                return same
        kept = self._kept.get((asked, False))
        return None if kept is None or (seen is not None and is_known(seen, kept.etag)) else kept

    def _asked(self, request: web.BaseRequest) -> _Asked:
        get = request.headers.get
        return (
            request.raw_path,
            get(hdrs.HOST, ""),
            _wants_activity(get(hdrs.ACCEPT)),
            coding_for(get(hdrs.ACCEPT_ENCODING, "")),
            get(hdrs.ACCEPT_LANGUAGE, "") if self._has_languages else "",
        )

    def _today(self) -> bytes:
        now = int(self._wall())
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True).encode("ascii"))
        return self._date[1]

    async def keep(self, request: web.Request, response: web.StreamResponse) -> None:
        """The signal handler, the last one: remembers what is about to be sent, where a page was marked for it."""
        post_id = request.get(POST)
        if post_id is None or not isinstance(response, web.Response) or response.status not in (200, 304):
            return
        body = response.body if response.body is not None else b""
        varies = {name.strip().lower() for name in response.headers.get(hdrs.VARY, "").split(",")}
        if not isinstance(body, bytes) or not _is_plain(request) or hdrs.SET_COOKIE in response.headers:
            return
        if not varies <= _VARIES:
            return
        if "accept-language" in varies and not self._has_languages:
            self._has_languages = True
            self._kept.clear()
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items() if name.lower() not in _OWN_EACH_TIME]
        now = self._clock()
        while self._kept and (len(self._kept) >= MAX_KEPT or next(iter(self._kept.values())).until <= now):
            self._kept.popitem(last=False)
        key = (self._asked(request), response.status == 304)
        self._kept[key] = _Kept(
            status=response.status,
            head="\r\n".join(lines).encode(),
            body=body,
            etag=bare_tag(response.headers.get(hdrs.ETAG, "")),
            post_id=post_id,
            path=request.path,
            until=now + FRESH_SECONDS,
            count=counters.bound("fedblog_http_requests_total", method="GET", status=str(response.status)),
        )
        self._kept.move_to_end(key)

    def close(self) -> None:
        """Write the log lines that wait, and keep nothing."""
        self._kept.clear()
        self._lines.flush()

    def on_event(self, event: Event) -> None:
        """Something changed: forget what shows it."""
        if event.kind == "post":
            for key in [key for key, kept in self._kept.items() if kept.post_id == event.id]:
                del self._kept[key]
        elif event.kind == "settings":
            self._kept.clear()


def mark(request: web.Request, post_id: PostId) -> None:
    """The answer to this request is the same for everybody until the post changes."""
    request[POST] = post_id


def put_before(answers: HotAnswers, server: web.Server) -> None:
    """Let `server` give kept answers before its application is asked: no router, no middleware."""
    ordinary = server.request_handler

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = answers.find(request)
        return await ordinary(request) if answer is None else cast("web.StreamResponse", answer)

    server.request_handler = handle


@lru_cache(maxsize=256)
def _wants_activity(accept: str | None) -> bool:
    return wants_activity(accept, False)


def _is_plain(request: web.BaseRequest) -> bool:
    if request.method != "GET" or request.version != HttpVersion11 or not request.keep_alive:
        return False
    headers = request.headers
    for name in _PARTICULAR:  # noqa: SIM110  # a generator would cost as much as the rest
        if name in headers:
            return False
    return True
