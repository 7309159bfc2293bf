"""The inboxes, as far as HTTP goes: how much may come, in which form, how often. The rest is `federation.inbox`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import cache

from aiohttp import hdrs, web

from fedblog.activitypub.wire import is_inbox_type
from fedblog.config import Settings
from fedblog.errors import Refused
from fedblog.federation.inbox import Receipt
from fedblog.observe import counters
from fedblog.signatures.model import SignedRequest
from fedblog.web.keys import ADDRESS, LIMITS, SERVICES, SETTINGS

BODY_SECONDS = 20
MAX_BUSY = 256
CROWDED = 3
A_ROUND = 8
BUSY_RETRY_SECONDS = 30


class InboxLoad:
    """What is worked on at once, each `with` a place, and no more than `most` of them (SECURITY 123)."""

    def __init__(self) -> None:
        self.most, self.count = MAX_BUSY, 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._begun = -1  # in this round of the event loop; -1 while nobody counts

    async def turn(self) -> None:
        """Begin, or wait for a later round of the event loop: so many in one, and readers come in between."""
        if self._begun < 0:
            self._begun = 0
            asyncio.get_running_loop().call_soon(self._next_round)
        if self._begun < A_ROUND and not self._waiting:
            self._begun += 1
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _next_round(self) -> None:
        self._begun = 0 if self._waiting else -1
        while self._waiting and self._begun < A_ROUND:
            future = self._waiting.popleft()
            if not future.done():  # who left meanwhile
                future.set_result(None)
                self._begun += 1
        if self._begun >= 0:
            asyncio.get_running_loop().call_soon(self._next_round)

    def __enter__(self) -> None:
        """Raises `Refused` where no place is free."""
        if self.is_full():
            raise turned_away()
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1

    def is_full(self) -> bool:
        """Whether the next one is turned away."""
        return self.count >= self.most

    def is_crowded(self) -> bool:
        """Whether some wait for each other, so that whoever can should let them go first."""
        return self.count >= CROWDED


def turned_away() -> Refused:
    """What those are told for whom no place is free."""
    return Refused("too busy; try again", reason="busy", status=503, retry_after=BUSY_RETRY_SECONDS)


LOAD = web.AppKey("inbox_load", InboxLoad)


def add_inboxes(app: web.Application) -> None:
    """The routes; what they work on at once is bounded by the app's `InboxLoad`."""
    app.router.add_post("/inbox", shared_inbox)
    app.router.add_post("/ap/actors/{name}/inbox", actor_inbox)
    app.router.add_post("/ap/instance/inbox", instance_inbox)


async def shared_inbox(request: web.Request) -> web.Response:
    """An activity for anybody here (INB-01)."""
    return await _receive(request, None)


async def actor_inbox(request: web.Request) -> web.Response:
    """An activity for one actor."""
    return await _receive(request, request.app[SERVICES].ids.actor(request.match_info["name"]))


async def instance_inbox(request: web.Request) -> web.Response:
    """An activity for the instance actor."""
    return await _receive(request, request.app[SERVICES].ids.instance())


async def _receive(request: web.Request, recipient: str | None) -> web.Response:
    receipt = await take(request.app, request, recipient)
    return web.Response(status=receipt.status)


async def take(
    app: web.Application, request: web.Request, recipient: str | None, *, body: bytes | None = None
) -> Receipt:
    """Take what a request brings, if not too much comes, in a form that can be read; `body` if it was read already.
    Raises what `Inbox.receive` does."""
    settings, address = app[SETTINGS], request[ADDRESS]
    app[LIMITS].take("inbox", address, settings.limits.inbox_per_minute)
    content_type = request.headers.get(hdrs.CONTENT_TYPE, "")
    if not is_inbox_type(content_type):
        raise Refused("send application/activity+json", reason="content_type", status=415)
    coding = request.headers.get(hdrs.CONTENT_ENCODING)
    if coding is not None and coding.strip().lower() not in ("", "identity"):
        raise Refused("send the body uncompressed", reason="content_encoding", status=415)
    with app[LOAD]:
        if body is None:
            body = await read_body(request, settings.limits.body_bytes)
        await app[LOAD].turn()
        receipt = await app[SERVICES].inbox.receive(
            signed_request(request, body, settings), content_type=content_type, recipient=recipient, address=address
        )
    _count(receipt.reason)()
    return receipt


@cache  # reasons are few
def _count(reason: str) -> Callable[[], None]:
    return counters.bound("fedblog_inbox_total", reason=reason)


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body, never more than `limit` bytes of it in memory. Raises `Refused` (413, or 408 for a trickle)."""
    if (request.content_length or 0) > limit:
        raise Refused("the body is too large", reason="body_too_large", status=413)
    chunks, size = list[bytes](), 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise Refused("the body is too large", reason="body_too_large", status=413)
                chunks.append(chunk)
    except TimeoutError:
        raise Refused("the body took too long", reason="body_too_slow", status=408) from None
    return b"".join(chunks)


def signed_request(request: web.Request, body: bytes, settings: Settings) -> SignedRequest:
    """The request as it came over the wire: raw target, headers in order and with repeats (SIG-07, SIG-09)."""
    # In wire order, each line, with surrogate escapes: as `signatures/headers.py` writes them again, byte for byte.
    headers = tuple(request.headers.items())
    scheme, _, authority = settings.base_url.partition("://")
    return SignedRequest(request.method, request.raw_path, headers, body, authority, scheme)
