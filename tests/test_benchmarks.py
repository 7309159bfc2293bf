"""The benchmarks in short: what the inbox is sent is taken, and no suite keeps the others from being measured."""

from __future__ import annotations

from benchmarks import inbox, table
from benchmarks.rounds import Rounds
from benchmarks.suites import Asked, run_apart


async def test_the_inbox_takes_what_the_benchmark_sends() -> None:
    """Every request is answered 202, and farewells of strangers cost no request; `measure` raises otherwise."""
    rows = {row.key: row for row in await inbox.measure(Rounds(1), 60)}
    assert set(rows) == {"inbox", "inbox_likes", "inbox_p99", "inbox_farewells"}
    assert all(row.values and row.limits for row in rows.values())
    assert rows["inbox_farewells"].note == "0 requests to others"


async def test_a_suite_that_fails_or_takes_too_long_is_told_in_the_table() -> None:
    missing = Asked("nonsense", 1, 1.0, seconds=60.0, limit=60.0)
    too_slow = Asked("growth", 1, 1.0, seconds=60.0, limit=0.5)
    troubles = {asked.name: (await run_apart(asked))[1] for asked in (missing, too_slow)}
    assert troubles["nonsense"].startswith("failed: KeyError")
    assert troubles["growth"].startswith("cut: ")
    lines = table.markdown([], troubles).splitlines()[2:]
    assert [line.count("|") for line in lines] == [10, 10]


def test_rounds_end_when_their_time_is_over() -> None:
    assert list(Rounds(3).until(0.5)) == [0, 1, 2]
    hurried = Rounds(3, seconds=0.0)
    assert list(hurried.until(0.5)) == [0]
    assert hurried.cut
    assert list(hurried.until(first=1)) == [0, 1], "what is measured before it counts is no round"
