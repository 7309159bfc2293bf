"""Charts: spans cover every day once, and shapes fit their box."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedblog.web.charts import HEIGHT, bars, nice_top, spans


@given(st.integers(0, 40_000), st.integers(0, 4_000))
def test_spans_cover_every_day_once(first: int, more: int) -> None:
    found = spans(first, first + more)
    assert [day for span in found for day in range(span.first, span.last + 1)] == list(range(first, first + more + 1))
    assert len(found) <= 150
    assert all(span.label for span in found)


@given(st.integers(0, 10**12))
def test_the_top_of_the_axis_is_round_and_near(most: int) -> None:
    top = nice_top(most)
    assert top >= max(most, 1)
    assert most <= 1 or top <= 2.5 * most


def test_bars_stay_in_their_box_and_sum_up() -> None:
    shown = spans(100, 102)
    chart = bars("x", "X", shown, [("views", {100: 7, 102: 1}), ("visitors", {100: 2})])
    assert chart.totals == (8, 2)
    assert not chart.is_empty
    assert all(0 <= high <= HEIGHT for bar in chart.bars for high in bar.heights)
    level = bars("y", "Y", shown, [("followers", {100: 5, 101: 6, 102: 4})], level=True)
    assert level.totals == (4,)
    assert level.line.startswith("0,")
    assert bars("z", "Z", shown, [("likes", {})]).is_empty
