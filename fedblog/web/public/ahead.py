"""Draws what is new on a post's first page before somebody asks: the first reader finds it drawn."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from fedblog.blog.model import PostId
from fedblog.errors import FedblogError
from fedblog.federation.services import Services
from fedblog.storage import actors, posts
from fedblog.storage.database import Event, Tx
from fedblog.web.i18n import known, speaking
from fedblog.web.public.parts import Part, Wanted
from fedblog.web.public.post import Moved, PostView, read_view, render_view
from fedblog.web.renderer import Renderer

log = logging.getLogger(__name__)

EVERY_SECONDS = 0.5  # one post at a time: everything else goes first
QUIET_SECONDS, MOST_SECONDS = 2.0, 15.0  # after the last change of a post, or at the latest after the first
MOST_POSTS = 1_000


class DrawAhead:
    """Waits until a post has been quiet for a moment. `clock` counts seconds and never goes back."""

    def __init__(self, services: Services, renderer: Renderer, clock: Callable[[], float] = time.monotonic) -> None:
        self._services, self._renderer, self._clock = services, renderer, clock
        self._changed: dict[PostId, tuple[float, float]] = {}
        self._stop = asyncio.Event()
        services.db.add_listener(self._on_event)

    async def run(self) -> None:
        """Work until `stop`."""
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._stop.wait()
                    return
            await self.draw_next()

    async def stop(self) -> None:
        """`run` returns soon after."""
        self._stop.set()

    async def draw_next(self) -> PostId | None:
        """Draw the post that waits longest, if one has been quiet; which."""
        now = self._clock()
        due = (
            post_id
            for post_id, (first, last) in self._changed.items()
            if now - last >= QUIET_SECONDS or now - first >= MOST_SECONDS
        )
        post_id = next(due, None)
        if post_id is None:
            return None
        del self._changed[post_id]
        try:
            await self._draw(post_id)
        except FedblogError as exc:
            log.debug("not drawn ahead: %s", exc)
        except Exception:
            log.exception("a page could not be drawn ahead")
        return post_id

    async def _draw(self, post_id: PostId) -> None:
        view = await self._services.db.read(self._read, post_id)
        if view is not None and len(view.conversation):
            with speaking(known(self._services.settings.blog.language)):
                await asyncio.to_thread(render_view, self._renderer, view, None, self._services.ids)

    def _read(self, tx: Tx, post_id: PostId) -> PostView | None:
        """The page that everybody sees; None where there is none, or it is drawn already."""
        post = posts.by_id(tx, post_id)
        drawn = self._renderer.rows.get(post_id)
        if post is None or (drawn is not None and drawn.version >= post.thread_version):
            return None
        name = actors.by_id(tx, post.author_id).username
        try:
            return read_view(tx, self._services.ids, name, post.slug, Wanted(Part()), None, self._renderer.rows)
        except Moved:
            return None

    def _on_event(self, event: Event) -> None:
        if event.kind == "post" and (len(self._changed) < MOST_POSTS or event.id in self._changed):
            now = self._clock()
            post_id = PostId(event.id)
            self._changed[post_id] = (self._changed.get(post_id, (now, now))[0], now)
