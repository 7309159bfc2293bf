"""One request at a time to a host, and a pause after each: what we ask for on our own account is nobody's burden."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

_MAX_HOSTS = 1_000


class _Lane:
    """One host: whose turn it is, who waits, and when the next may ask."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0
        self.free_at = 0.0


class HostPace:
    """`async with pace.turn(host)`: alone with that host, at least `seconds` after the one before."""

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._seconds, self._clock, self._sleep = seconds, clock, sleep
        self._lanes: dict[str, _Lane] = {}

    @contextlib.asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Waits for the host's turn."""
        lane = self._lanes.setdefault(host, _Lane())
        lane.users += 1
        try:
            async with lane.lock:
                if (wait := lane.free_at - self._clock()) > 0:
                    await self._sleep(wait)
                try:
                    yield
                finally:
                    lane.free_at = self._clock() + self._seconds
        finally:
            lane.users -= 1
            self._tidy()

    def _tidy(self) -> None:
        if len(self._lanes) > _MAX_HOSTS:
            now = self._clock()
            self._lanes = {name: one for name, one in self._lanes.items() if one.users or one.free_at > now}
