"""Numbers over time as charts: geometry for an inline SVG, and the same numbers as a table.

The SVG holds shapes only and stretches with its frame; words stand beside it as text, so they keep their size.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fedblog.web.filters import month_year, short_date

DAY = 86_400
HEIGHT = 100.0
_GAP = 0.18
_DAYS_APART, _WEEKS_APART = 92, 740


@dataclass(frozen=True, slots=True)
class Span:
    """Some days that are shown as one: a day, a week, a month. `label` is for people."""

    first: int
    last: int
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: its place in a box of `width` by `HEIGHT`; `inner` is the height of the second number within it."""

    span: Span
    numbers: tuple[int, ...]
    x: float
    wide: float
    heights: tuple[float, ...]

    @property
    def tops(self) -> tuple[float, ...]:
        """Where each number's bar begins, from above."""
        return tuple(round(HEIGHT - high, 2) for high in self.heights)


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs. `names` says what each number is; `total` sums the first of them."""

    id: str
    title: str
    names: tuple[str, ...]
    bars: tuple[Bar, ...]
    top: int
    is_level: bool

    @property
    def width(self) -> float:
        """Of the box."""
        return float(len(self.bars) or 1)

    @property
    def totals(self) -> tuple[int, ...]:
        """The sums of all numbers; of a level, the last ones."""
        if self.is_level:
            return self.bars[-1].numbers if self.bars else tuple(0 for _ in self.names)
        return tuple(sum(bar.numbers[place] for bar in self.bars) for place in range(len(self.names)))

    @property
    def is_empty(self) -> bool:
        """Nothing happened at all."""
        return not any(number for bar in self.bars for number in bar.numbers)

    @property
    def area(self) -> str:
        """The points of the first number's line, with the ground below it, for `<polygon>`."""
        points = [f"{bar.x + 0.5:g},{bar.tops[0]:g}" for bar in self.bars]
        return " ".join([f"0,{HEIGHT:g}", f"0,{self.bars[0].tops[0]:g}", *points, self._end(), f"{self.width:g},100"])

    @property
    def line(self) -> str:
        """The points of the first number's line, for `<polyline>`."""
        points = [f"{bar.x + 0.5:g},{bar.tops[0]:g}" for bar in self.bars]
        return " ".join([f"0,{self.bars[0].tops[0]:g}", *points, self._end()])

    def _end(self) -> str:
        return f"{self.width:g},{self.bars[-1].tops[0]:g}"


def spans(first: int, last: int) -> list[Span]:
    """The days from `first` to `last` (days since 1970, UTC), each alone, or by weeks or months where they are many."""
    number = last - first + 1
    if number <= _DAYS_APART:
        return [Span(day, day, day_label(day)) for day in range(first, last + 1)]
    if number <= _WEEKS_APART:
        starts = list(range(last - 6, first - 1, -7))[::-1]
        if not starts or starts[0] > first:
            starts.insert(0, first)
        ends = [start - 1 for start in starts[1:]] + [last]
        return [
            Span(start, end, f"{day_label(start)} – {day_label(end)}") for start, end in zip(starts, ends, strict=True)
        ]
    return _months(first, last)


def _months(first: int, last: int) -> list[Span]:
    found, day = [], first
    while day <= last:
        moment = time.gmtime(day * DAY)
        length = calendar.monthrange(moment.tm_year, moment.tm_mon)[1]
        end = min(last, day + length - moment.tm_mday)
        found.append(Span(day, end, month_year(day * DAY)))
        day = end + 1
    return found


def day_label(day: int) -> str:
    """`14 Mar 2026`, as the reader's language writes it."""
    return short_date(day * DAY)


def iso_day(day: int) -> str:
    """`2026-03-14`."""
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY))


def bars(
    name: str,
    title: str,
    shown: Sequence[Span],
    series: Sequence[tuple[str, Mapping[int, int]]],
    *,
    level: bool = False,
) -> Chart:
    """A chart of one or two series of numbers by day, the second within the first; days without a number are 0.

    With `level` the numbers are how many there are, not how many came: each span shows its last day.
    """
    read: Callable[[Mapping[int, int], Span], int] = _last_of if level else _sum_of
    rows = [tuple(read(numbers, span) for _, numbers in series) for span in shown]
    top = nice_top(max((number for row in rows for number in row), default=0))
    made = [
        Bar(
            span=span,
            numbers=row,
            x=float(place),
            wide=1 - _GAP,
            heights=tuple(round(HEIGHT * number / top, 2) for number in row),
        )
        for place, (span, row) in enumerate(zip(shown, rows, strict=True))
    ]
    return Chart(name, title, tuple(label for label, _ in series), tuple(made), top, level)


def _sum_of(numbers: Mapping[int, int], span: Span) -> int:
    return sum(numbers.get(day, 0) for day in range(span.first, span.last + 1))


def _last_of(numbers: Mapping[int, int], span: Span) -> int:
    return numbers.get(span.last, 0)


def nice_top(most: int) -> int:
    """The number at the top of the axis: 1, 2, 4, 5, 10, 20, 40, 50 … and not below `most`."""
    if most <= 1:
        return 1
    power = 1
    while True:
        for step in (1, 2, 4, 5):
            if step * power >= most:
                return step * power
        power *= 10
