"""Keeps the search index near what is published: looks at what changed, splits texts off the loop, stores words."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

from fedblog.blog.model import Post, PostId, ReplyId
from fedblog.errors import StorageUnavailable
from fedblog.storage import posts, search
from fedblog.storage.database import Database, Event
from fedblog.storage.search import Document
from fedblog.text.plain import plain_text

log = logging.getLogger(__name__)

QUIET_SECONDS = 2.0  # a lively thread is indexed once in a while, not at every reply
LOOK_SECONDS = 300.0  # for what other processes wrote and didn't index
REST = 9.0  # times as long as it worked: others come first
CHUNK = 100
POSTS_AT_ONCE = 200


class Indexer:
    """Indexes what events tell of, and looks for the rest once a minute until it is stopped."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._changed: set[PostId] = set()
        self._rest = 0.0
        self._wake = asyncio.Event()
        self._stopping = False
        db.add_listener(self._on_event)

    async def run(self) -> None:
        """Work until `stop`, a tenth of the time at most."""
        self._rest = REST
        while not self._stopping:
            try:
                await self.catch_up()
                await self._follow(LOOK_SECONDS)
            except StorageUnavailable as exc:
                log.warning("the search index waits: %s", exc)
                await self._pause(QUIET_SECONDS)
            except Exception:
                log.exception("the search index failed in itself and goes on")
                await self._pause(LOOK_SECONDS)

    async def stop(self) -> None:
        """`run` returns soon after."""
        self._stopping = True
        self._wake.set()

    async def catch_up(self) -> int:
        """Index everything that is not; how many posts were looked at anew."""
        after: int | None = 0
        count = 0
        while after is not None and not self._stopping:
            found, after = await self._db.read(search.outdated, after, POSTS_AT_ONCE)
            for post_id in found:
                await self._try(post_id)
            count += len(found)
        return count

    async def _try(self, post_id: PostId) -> None:
        """`index`; what fails in itself keeps nobody else from being found."""
        try:
            await self.index(post_id)
        except StorageUnavailable:
            raise
        except Exception:
            log.exception("post %s can't be indexed", post_id)

    async def index(self, post_id: PostId) -> None:
        """Make the index fit one post and its replies."""
        start = time.monotonic()
        found = await self._db.read(search.changes, post_id)
        if found is None:
            return
        documents: list[Document] = []
        if found.post_stamp is not None:
            post = await self._db.read(posts.by_id, post_id)
            documents += [await asyncio.to_thread(_of_post, post, found.post_stamp)] if post else []
        if documents or found.gone:
            await self._db.write(search.store, documents, gone=found.gone)
        for place in range(0, len(found.replies), CHUNK):
            await self._pause_after(start)
            start = time.monotonic()
            await self._index_replies(post_id, found.replies[place : place + CHUNK])
        await self._db.write(search.settle, post_id, found.version)
        await self._pause_after(start)

    async def _pause_after(self, start: float) -> None:
        if self._rest and not self._stopping:
            await asyncio.sleep((time.monotonic() - start) * self._rest)

    async def _index_replies(self, post_id: PostId, ids: Sequence[ReplyId]) -> None:
        texts = await self._db.read(search.reply_texts, ids)

        def make() -> list[Document]:
            return [
                Document(post_id, reply_id, stamp, "", "", f"{head} {plain_text(html)}".strip())
                for reply_id, stamp, head, html in texts
            ]

        await self._db.write(search.store, await asyncio.to_thread(make))

    async def _follow(self, seconds: float) -> None:
        """Index what events tell of, for so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._stopping and (left := end - loop.time()) > 0:
            await self._pause(left)
            while self._changed and not self._stopping:
                changed, self._changed = self._changed, set()
                for post_id in changed:
                    await self._try(post_id)
                await asyncio.sleep(QUIET_SECONDS)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        self._wake.clear()

    def _on_event(self, event: Event) -> None:
        if event.kind == "post":
            self._changed.add(PostId(event.id))
            self._wake.set()


def _of_post(post: Post, stamp: int) -> Document:
    text = " ".join((post.summary, post.content_warning, plain_text(post.content_html)))
    return Document(post.id, None, stamp, post.title, " ".join(post.tags), text)
