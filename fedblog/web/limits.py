"""How often one address may do a thing: counted in this process, bounded in memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from fedblog.errors import Refused

MAX_TRACKED = 50_000


class RateLimits:
    """A token bucket for each (kind, address): `per_minute` at once, refilled evenly. The oldest is forgotten first.

    An IPv6 asker is counted by /64, which is what one household or server gets.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, kind: str, address: str, per_minute: int) -> None:
        """Counts one request. Raises `Refused` (429, `rate_limited`, with `retry_after`) when there were too many."""
        key = (kind, network_of(address))
        now = self._clock()
        tokens, seen = self._buckets.pop(key, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + max(0.0, now - seen) * per_minute / 60)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        while len(self._buckets) > MAX_TRACKED:
            self._buckets.popitem(last=False)
        if not allowed:
            wait = max(1, round((1 - tokens) * 60 / per_minute + 0.5))
            raise Refused("too many requests; wait a little", reason="rate_limited", status=429, retry_after=wait)


@lru_cache(4_096)
def network_of(address: str) -> str:
    """Whom an address counts as: an IPv4 address itself, an IPv6 one its /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
