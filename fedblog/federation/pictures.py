"""Pictures from other servers (avatars, custom emoji, what hangs on replies), fetched by this one, so that no reader is
seen there: capped, a few at a time, and only those that a page of ours names."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection

from fedblog.activitypub.urls import maybe_uri
from fedblog.errors import FedblogError
from fedblog.federation.client import Client
from fedblog.media.kept import KeptPicture, PictureStore

log = logging.getLogger(__name__)

ACCEPT = "image/webp, image/png, image/jpeg, image/gif"
AT_ONCE = 4
MOST_WAITING = 200
QUEUE_SECONDS = 7.0  # a reader waits this much longer than one fetch may take
RETRY_SECONDS = 3_600
REMEMBERED = 5_000


class RemotePictures:
    """A proxy for one kind: one fetch for each picture, however many ask; a failure is not repeated for an hour."""

    def __init__(self, client: Client, store: PictureStore, clock: Callable[[], float]) -> None:
        self.store = store
        self._client, self._clock, self._seconds = client, clock, store.limits.seconds
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._flights: dict[str, asyncio.Task[KeptPicture | None]] = {}
        self._failed: OrderedDict[str, float] = OrderedDict()

    async def get(self, name: str, url: str) -> KeptPicture | None:
        """The picture that is kept under a name, from the disk or from its server; None where there is none to be had
        now. The name has to change with the URL."""
        kept = await asyncio.to_thread(self.store.find, name)
        if kept is not None and kept.fresh:
            return kept
        flight = self._flight(name, url)
        if kept is not None or flight is None:
            return kept  # an old one is better than waiting
        try:
            async with asyncio.timeout(self._seconds + QUEUE_SECONDS):
                return await asyncio.shield(flight)
        except TimeoutError:
            return None

    async def of(self, owners: Collection[str]) -> list[tuple[str, bytes]]:
        """(type, bytes) of everything that is kept of these owners (names are OWNER-VERSION)."""

        def read() -> list[tuple[str, bytes]]:
            return [(one.media_type, one.path.read_bytes()) for one in self.store.of(owners)]

        return await asyncio.to_thread(read)

    async def forget(self, owners: Collection[str]) -> None:
        """Keep nothing of these owners any more, and take nothing that is just coming."""
        for name, flight in list(self._flights.items()):
            if name.partition("-")[0] in owners:
                flight.cancel()
        await asyncio.to_thread(self.store.drop_of, frozenset(owners))

    async def close(self) -> None:
        """End what is under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, name: str, url: str) -> asyncio.Task[KeptPicture | None] | None:
        """The fetch under way or a new one; None while it is not to be tried."""
        under_way = self._flights.get(name)
        if under_way is not None:
            return under_way
        if len(self._flights) >= MOST_WAITING or self._failed.get(name, 0.0) > self._clock():
            return None
        flight = asyncio.create_task(self._fetch(name, url), name="picture")
        self._flights[name] = flight
        flight.add_done_callback(lambda _: self._flights.pop(name, None))
        return flight

    async def _fetch(self, name: str, url: str) -> KeptPicture | None:
        async with self._slots:
            try:
                uri = maybe_uri(url)
                if uri is not None:
                    most = self.store.limits.bytes
                    answer = await self._client.get(uri, accept=ACCEPT, max_bytes=most, timeout=self._seconds)
                    if answer.status == 200:
                        kept = await asyncio.to_thread(self.store.keep, name, answer.body)
                        if kept is not None:
                            return kept
                await asyncio.to_thread(self.store.drop, name)  # it is there no more, or is no picture now
            except FedblogError as exc:
                log.debug("no picture from %s: %s", url, exc)
            except OSError as exc:
                log.warning("a picture can't be kept: %s", exc)
        self._remember_failure(name)
        return None

    def _remember_failure(self, name: str) -> None:
        self._failed[name] = self._clock() + RETRY_SECONDS
        self._failed.move_to_end(name)
        while len(self._failed) > REMEMBERED:
            self._failed.popitem(last=False)
