"""/live/ID: tells readers of a post that its conversation has grown, as server-sent events.

One cheap query every few seconds asks for the counts of all posts that somebody here has open, so it is right with any
number of processes; a change in this process is told at once. Streams are bounded, by address too, and end after a
while: browsers come back by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from fedblog.blog.model import PostId
from fedblog.errors import FedblogError, NotFound, Refused
from fedblog.storage import threads
from fedblog.storage.database import Database, Event
from fedblog.web.keys import ADDRESS, SERVICES
from fedblog.web.limits import network_of

log = logging.getLogger(__name__)

MAX_STREAMS: Final = 2000
MAX_OF_ONE: Final = 20
POLL_SECONDS: Final = 3.0
PAUSE_SECONDS: Final = 0.3
LOOK_SECONDS: Final = 10.0
LONGEST_SECONDS: Final = 30 * 60.0
RETRY_MILLISECONDS: Final = 5000


@dataclass
class _Topic:
    """A post that somebody has open. `count`: its replies as told last, None when nobody may read it any more."""

    count: int | None
    readers: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, count: int | None) -> None:
        if count != self.count:
            self.count = count
            self.changed.set()
            self.changed = asyncio.Event()


class Watch:
    """Everybody who has a conversation open here."""

    def __init__(self) -> None:
        self._topics: dict[PostId, _Topic] = {}
        self._of_address: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self.stopping = False

    @contextlib.contextmanager
    def reading(self, post_id: PostId, count: int, address: str) -> Iterator[_Topic]:
        """A place among the readers of a post. Raises `Refused` (503) when there are too many streams."""
        who = network_of(address)
        if self._of_address.total() >= MAX_STREAMS or self._of_address[who] >= MAX_OF_ONE:
            raise Refused("too many open pages", reason="too_many_streams", status=503, retry_after=60)
        topic = self._topics.setdefault(post_id, _Topic(count))
        topic.readers += 1
        self._of_address[who] += 1
        try:
            yield topic
        finally:
            topic.readers -= 1
            self._of_address[who] -= 1
            if self._of_address[who] <= 0:
                del self._of_address[who]
            if topic.readers == 0:
                del self._topics[post_id]

    def on_event(self, event: Event) -> None:
        """A listener of the database."""
        if event.kind == "post" and PostId(event.id) in self._topics:
            self._wake.set()

    def stop(self) -> None:
        """End all streams."""
        self.stopping = True
        for topic in self._topics.values():
            topic.changed.set()

    async def run(self, db: Database) -> None:
        """Ask for the counts, again and again, while anybody waits for them."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            self._wake.clear()
            if not self._topics:
                continue
            asked = dict(self._topics)
            try:
                counts = await db.read(threads.public_counts, list(asked))
            except FedblogError as exc:
                log.warning("no news for readers: %s", exc)
                continue
            for post_id, topic in asked.items():  # who came meanwhile was not asked for, and isn't gone
                topic.tell(counts.get(post_id))
            await asyncio.sleep(PAUSE_SECONDS)  # a busy conversation costs no more than this


WATCH = web.AppKey("watch", Watch)


def add_live(app: web.Application) -> None:
    """Give the application its readers. To be called after what opens the services."""

    async def running(app: web.Application) -> AsyncIterator[None]:
        watch, db = app[WATCH], app[SERVICES].db
        db.add_listener(watch.on_event)
        task = asyncio.create_task(watch.run(db), name="live")
        yield
        db.remove_listener(watch.on_event)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stop(app: web.Application) -> None:
        app[WATCH].stop()

    app[WATCH] = Watch()
    app.cleanup_ctx.append(running)
    app.on_shutdown.append(stop)
    app.router.add_get("/live/{id:[1-9][0-9]{0,18}}", live, allow_head=False)


async def live(request: web.Request) -> web.StreamResponse:
    """`data: {"count": 8}` at once and with every change; ends when the post is no longer public."""
    number = int(request.match_info["id"])
    post_id = PostId(number if number < 2**63 else 0)
    counts = await request.app[SERVICES].db.read(threads.public_counts, [post_id])
    if post_id not in counts:
        raise NotFound("no such post")
    watch = request.app[WATCH]
    with watch.reading(post_id, counts[post_id], request[ADDRESS]) as topic:
        response = web.StreamResponse(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        response.content_type = "text/event-stream"
        with contextlib.suppress(ConnectionError, TimeoutError):
            await response.prepare(request)
            await response.write(f"retry: {RETRY_MILLISECONDS}\n\n".encode())
            async with asyncio.timeout(LONGEST_SECONDS):
                await _tell(request, response, watch, topic)
    return response


async def _tell(request: web.Request, response: web.StreamResponse, watch: Watch, topic: _Topic) -> None:
    """Until the reader leaves, the post goes or the server stops."""
    told: int | None = None
    while topic.count is not None and not watch.stopping:
        if topic.count != told:
            told = topic.count
            await response.write(f"data: {json.dumps({'count': told})}\n\n".encode())
        changed = topic.changed
        if topic.count == told:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), LOOK_SECONDS)
        if request.transport is None or request.transport.is_closing():
            return
        if topic.count == told:
            await response.write(b":\n\n")
