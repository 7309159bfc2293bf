"""Answers that many people ask for at once, kept as the very bytes that went out.

An answer is remembered under everything of the request that it depends on, after the ordinary path has made it: so no
header gets lost. It is dropped when its post changes here, and asked for anew after a moment, since another
process may have changed it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from fedblog.blog.model import PostId
from fedblog.storage.database import Event

FRESH_SECONDS = 0.25
MAX_KEPT = 256
POST = web.RequestKey("hot_post", int)

_Key = tuple[str, str, str, str, str]
# An answer may differ by them in ways that are not told apart here: such requests go the ordinary way.
_PARTICULAR = frozenset({"cookie", "authorization", "expect", "range", "content-length", "transfer-encoding"})
_OWN_EACH_TIME = frozenset({"date", "x-request-id", "connection"})


@dataclass(slots=True)
class _Kept:
    """One answer: its status, its head without the closing empty line, its body; `is_asked`: somebody makes it anew."""

    status: int
    head: bytes
    body: bytes
    post_id: int
    until: float
    is_asked: bool = False


class HotAnswer(web.StreamResponse):
    """Writes kept bytes, with a date and a request id of its own."""

    def __init__(self, kept: _Kept, date: bytes) -> None:
        super().__init__(status=kept.status)
        self._kept, self._date = kept, date

    @property
    def keep_alive(self) -> bool | None:
        """Only connections that stay get such an answer."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write all of it at once."""
        writer = request.writer
        name = self.headers.get("X-Request-Id", "").encode("ascii")
        head = b"%s\r\nDate: %s\r\nX-Request-Id: %s\r\n\r\n" % (self._kept.head, self._date, name)
        await writer.write(head + self._kept.body)
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """All is written."""


class HotAnswers:
    """The answers of the last moment. `clock` counts seconds and never goes back, `wall` gives Unix time."""

    def __init__(self, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock, self._wall = clock, wall
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._date = (0, b"")

    def find(self, request: web.Request) -> HotAnswer | None:
        """The answer to a plain GET that was given a moment ago."""
        kept = self._kept.get(_key(request)) if self._kept and _is_plain(request) else None
        if kept is None:
            return None
        now = self._clock()
        if kept.until <= now:
            if not kept.is_asked and now < kept.until + FRESH_SECONDS:
                # One goes and looks; the others need not wait for that.
                kept.is_asked, kept.until = True, now + FRESH_SECONDS
            return None
        return HotAnswer(kept, self._today())

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
        if not isinstance(body, bytes) or not _is_plain(request):
            return
        lines = [f"HTTP/1.1 {response.status} {response.reason}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items() if name.lower() not in _OWN_EACH_TIME]
        now = self._clock()
        while self._kept and (len(self._kept) >= MAX_KEPT or next(iter(self._kept.values())).until <= now):
            self._kept.popitem(last=False)
        key = _key(request)
        self._kept[key] = _Kept(response.status, "\r\n".join(lines).encode(), body, post_id, now + FRESH_SECONDS)
        self._kept.move_to_end(key)

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


def _key(request: web.Request) -> _Key:
    headers = request.headers
    return (
        request.raw_path,
        headers.get("Host", ""),
        headers.get("Accept", ""),
        headers.get("Accept-Encoding", ""),
        headers.get("If-None-Match", ""),
    )


def _is_plain(request: web.Request) -> bool:
    if request.method != "GET" or request.version != HttpVersion11 or not request.keep_alive:
        return False
    return _PARTICULAR.isdisjoint(name.lower() for name in request.headers)
