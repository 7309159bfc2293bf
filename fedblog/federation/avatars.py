"""Avatars from other servers, fetched by this one, so that no reader is seen there: capped, a few at a time, and only
those that a page of ours shows. What doesn't come leaves the initials in its place."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable

from fedblog.activitypub.urls import maybe_uri
from fedblog.blog.model import Actor
from fedblog.errors import FedblogError
from fedblog.federation.client import Client
from fedblog.media.avatars import MAX_BYTES, AvatarStore, CachedAvatar, avatar_version

log = logging.getLogger(__name__)

ACCEPT = "image/webp, image/png, image/jpeg, image/gif"
AT_ONCE = 4
MOST_WAITING = 200
FETCH_SECONDS = 8.0
WAIT_SECONDS = 15.0
RETRY_SECONDS = 3_600
REMEMBERED = 5_000

Key = tuple[int, str]


class Avatars:
    """The proxy: one fetch for each avatar, however many ask; a failure is not repeated for an hour."""

    def __init__(self, client: Client, store: AvatarStore, clock: Callable[[], float]) -> None:
        self._client, self._store, self._clock = client, store, clock
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._flights: dict[Key, asyncio.Task[CachedAvatar | None]] = {}
        self._failed: OrderedDict[Key, float] = OrderedDict()

    async def get(self, actor: Actor) -> CachedAvatar | None:
        """The avatar of an actor, from the disk or from its server; None where there is none to be had now."""
        key = (int(actor.id), avatar_version(actor.icon_url))
        kept = await asyncio.to_thread(self._store.find, *key)
        if kept is not None and kept.fresh:
            return kept
        flight = self._flight(key, actor.icon_url)
        if kept is not None or flight is None:
            return kept  # an old one is better than waiting
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await asyncio.shield(flight)
        except TimeoutError:
            return None

    async def close(self) -> None:
        """End what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, key: Key, url: str) -> asyncio.Task[CachedAvatar | None] | None:
        """The fetch under way or a new one; None while it is not to be tried."""
        under_way = self._flights.get(key)
        if under_way is not None:
            return under_way
        if len(self._flights) >= MOST_WAITING or self._failed.get(key, 0.0) > self._clock():
            return None
        flight = asyncio.create_task(self._fetch(key, url), name="avatar")
        self._flights[key] = flight
        flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return flight

    async def _fetch(self, key: Key, url: str) -> CachedAvatar | None:
        async with self._slots:
            try:
                uri = maybe_uri(url)
                if uri is not None:
                    answer = await self._client.get(uri, accept=ACCEPT, max_bytes=MAX_BYTES, timeout=FETCH_SECONDS)
                    if answer.status == 200:
                        kept = await asyncio.to_thread(self._store.keep, *key, answer.body)
                        if kept is not None:
                            return kept
            except FedblogError as exc:
                log.debug("no avatar from %s: %s", url, exc)
            except OSError as exc:
                log.warning("an avatar can't be kept: %s", exc)
        await asyncio.to_thread(self._store.drop, *key)
        self._remember_failure(key)
        return None

    def _remember_failure(self, key: Key) -> None:
        self._failed[key] = self._clock() + RETRY_SECONDS
        self._failed.move_to_end(key)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)
