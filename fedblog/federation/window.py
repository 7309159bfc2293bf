"""How many hosts are served at once (DLV-13): few at first, one more for each that answers, slow ones not counted.

Each server that gets a post fetches the page behind it, so the first wave is small. Then the rate is places over
latency: several hundred make full use of the machine. Hosts that hang must not hold the places of those that answer.
"""

from __future__ import annotations

FIRST_WAVE = 50
PATIENCE = 1.0  # seconds without an answer after which a host doesn't count as one that is being served
MOST_SLOW = 4  # times as many hosts at once, those that don't answer included
DOUBTFUL_SHARE = 4  # a quarter of the places at most are for hosts that failed last time


class Window:
    """The places. Time is an argument, in seconds of any clock that only goes forward."""

    def __init__(self, most: int) -> None:
        """`most` is how many hosts that answer are served at once."""
        self._most = max(1, most)
        self._size = self._first = min(FIRST_WAVE, self._most)
        self._heard: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._heard)

    def enter(self, host: str, now: float) -> None:
        """A host is being served from now on."""
        self._heard[host] = now

    def answered(self, host: str, now: float) -> None:
        """It answered: it counts anew, and there is room for another one."""
        self._heard[host] = now
        self._size = min(self._most, self._size + 1)

    def leave(self, host: str) -> None:
        """It is done. After the last one the next wave is a first one again."""
        self._heard.pop(host, None)
        if not self._heard:
            self._size = self._first

    def free(self, now: float) -> int:
        """How many more may be served now."""
        prompt = sum(now - heard < PATIENCE for heard in self._heard.values())
        return max(0, min(self._size - prompt, MOST_SLOW * self._most - len(self._heard)))

    @property
    def doubtful(self) -> int:
        """How many places are for hosts that failed last time."""
        return max(1, self._size // DOUBTFUL_SHARE)
