"""How many rounds of a measurement there are: as many as were asked for, as long as there is time for them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator


class Rounds:
    """At most `most` rounds of each loop of a suite that may take so many seconds, from now on; at least one."""

    def __init__(self, most: int, seconds: float = math.inf) -> None:
        self.most = max(1, most)
        self.cut = False
        self._seconds, self._started = seconds, time.monotonic()

    def until(self, share: float = 1.0, *, first: int = 0) -> Iterator[int]:
        """Numbers of rounds, after the `first` ones, which don't count. No other one begins that would not be over
        when `share` of the time is used up."""
        longest = 0.0
        for number in range(self.most + first):
            began = time.monotonic()
            if number > first and began - self._started + longest > share * self._seconds:
                self.cut = True
                return
            yield number
            longest = max(longest, time.monotonic() - began)
