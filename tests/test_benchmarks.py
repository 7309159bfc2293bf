"""The inbox's benchmark in short: what it sends is taken, and what it counts is true. No clock decides here."""

from __future__ import annotations

from benchmarks import inbox


async def test_the_inbox_takes_what_the_benchmark_sends() -> None:
    """Every request is answered 202, and farewells of strangers cost no request; `measure` raises otherwise."""
    rows = {row.key: row for row in await inbox.measure(1, 60)}
    assert set(rows) == {"inbox", "inbox_likes", "inbox_p99", "inbox_farewells"}
    assert all(row.values and row.limits for row in rows.values())
    assert rows["inbox_farewells"].note == "0 requests to others"
