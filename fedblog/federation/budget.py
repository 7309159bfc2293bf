"""How much one stranger's activity may make us ask of others (SECURITY 56)."""

from __future__ import annotations

from fedblog.errors import FetchFailed

MAX_FETCHES = 20


class Budget:
    """How many requests one activity or job may still cause; every knock and every redirect counts."""

    def __init__(self, limit: int = MAX_FETCHES) -> None:
        self.left = limit

    def spend(self) -> None:
        """Raises `FetchFailed` (reason `budget_spent`) where nothing is left."""
        if self.left <= 0:
            raise FetchFailed("too many fetches for one activity", reason="budget_spent")
        self.left -= 1
