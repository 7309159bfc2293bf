"""Two versions of a text beside each other: line by line, with the words that differ within changed lines."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import zip_longest
from typing import NamedTuple

from fedblog.text.diff import Change, word_diff

MAX_LINES = 3_000  # difflib takes time with the square of the lines; longer texts are compared only where they begin
_CONTEXT = 2
_ALIKE = 0.35
_MOST_PAIRS = 2_500


class Side(NamedTuple):
    """A line: its number from 1, and its words, those that the other side lacks marked (`out` or `in`)."""

    number: int
    changes: tuple[Change, ...]


class Pair(NamedTuple):
    """One row. A side is None where only the other has a line; `skipped` stands for so many lines that are the same."""

    old: Side | None
    new: Side | None
    same: bool
    skipped: int = 0


def side_by_side(old: str, new: str) -> list[Pair]:
    """The rows; long stretches without a change are left out but for the lines around them."""
    before, after = old.splitlines()[:MAX_LINES], new.splitlines()[:MAX_LINES]
    pairs: list[Pair] = []
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            same = [
                Pair(_side(a + place, "same", line), _side(c + place, "same", line), same=True)
                for place, line in enumerate(before[a:b])
            ]
            pairs += _shortened(same, first=a == 0 and c == 0, last=b == len(before) and d == len(after))
        else:
            pairs += _changed(before, after, range(a, b), range(c, d))
    return pairs


def _changed(before: list[str], after: list[str], olds: range, news: range) -> list[Pair]:
    pairs = []
    for at, then in _matched(before, after, olds, news):
        if at is None:
            pairs.append(Pair(None, _side(then or 0, "in", after[then or 0]), same=False))
        elif then is None:
            pairs.append(Pair(_side(at, "out", before[at]), None, same=False))
        else:
            pairs.append(_words(at, before[at], then, after[then]))
    return pairs


def _matched(before: list[str], after: list[str], olds: range, news: range) -> list[tuple[int | None, int | None]]:
    """The lines of both in order, those beside each other that are most alike; in a large block, simply by place."""
    if len(olds) == len(news) or len(olds) * len(news) > _MOST_PAIRS:
        return list(zip_longest(olds, news))
    bags = [set(line.lower().split()) for line in after[news.start : news.stop]]
    best = [[0.0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    for row in range(len(olds) - 1, -1, -1):
        words = set(before[olds[row]].lower().split())
        for column in range(len(news) - 1, -1, -1):
            union = len(words | bags[column]) or 1
            alike = best[row + 1][column + 1] + len(words & bags[column]) / union
            best[row][column] = max(alike, best[row + 1][column], best[row][column + 1])
    found: list[tuple[int | None, int | None]] = []
    row = column = 0
    while row < len(olds) and column < len(news):
        if best[row][column] == best[row + 1][column]:
            found.append((olds[row], None))
            row += 1
        elif best[row][column] == best[row][column + 1]:
            found.append((None, news[column]))
            column += 1
        else:
            found.append((olds[row], news[column]))
            row, column = row + 1, column + 1
    return [*found, *((at, None) for at in olds[row:]), *((None, then) for then in news[column:])]


def _words(at: int, old: str, then: int, new: str) -> Pair:
    """Word by word, unless the lines have too little in common for that to be of help."""
    changes = word_diff(old, new)
    kept = sum(len(change.text) for change in changes if change.kind == "same")
    if kept < _ALIKE * max(len(old), len(new)):
        return Pair(_side(at, "out", old), _side(then, "in", new), same=False)
    return Pair(
        Side(at + 1, tuple(change for change in changes if change.kind != "in")),
        Side(then + 1, tuple(change for change in changes if change.kind != "out")),
        same=False,
    )


def _side(place: int, kind: str, line: str) -> Side:
    known = {"same": "same", "out": "out"}.get(kind, "in")
    return Side(place + 1, (Change(known, line),) if line else ())  # type: ignore[arg-type]


def _shortened(same: list[Pair], *, first: bool, last: bool) -> list[Pair]:
    head, tail = (0 if first else _CONTEXT), (0 if last else _CONTEXT)
    skipped = len(same) - head - tail
    if skipped < 3:
        return same
    return [*same[:head], Pair(None, None, same=True, skipped=skipped), *same[len(same) - tail :]]
