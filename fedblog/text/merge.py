"""Two people changed one text: what each changed, put together where they did not touch the same lines."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NamedTuple

# difflib takes time with the square of the lines; longer texts are neither merged nor compared beyond these.
MAX_LINES = 3_000


class Merged(NamedTuple):
    """`text` with both changes; `conflicts` is how many places both changed, where both are kept, one after another."""

    text: str
    conflicts: int


class _Change(NamedTuple):
    """Lines `start` to `end` of the base are replaced by `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


def merge(base: str, mine: str, theirs: str) -> Merged | None:
    """Both changes of `base` in one text; None where a text is too long to compare.

    Changes of different lines are applied. Where both changed the same lines in different ways, theirs is kept and mine
    follows it: nobody's words are lost, and the author sees both.
    """
    old, left, right = base.splitlines(), mine.splitlines(), theirs.splitlines()
    if max(len(old), len(left), len(right)) > MAX_LINES:
        return None
    out: list[str] = []
    at = conflicts = 0
    ours, others = _changes(old, left), _changes(old, right)
    while ours or others:
        group_ours, group_others = _next_group(ours, others)
        start = min(one.start for one in (*group_ours, *group_others))
        end = max(one.end for one in (*group_ours, *group_others))
        out += old[at:start]
        new_mine = _applied(old, group_ours, start, end)
        new_theirs = _applied(old, group_others, start, end)
        if not group_ours or new_mine == new_theirs:
            out += new_theirs
        elif not group_others:
            out += new_mine
        else:
            out += new_theirs + new_mine
            conflicts += 1
        at = end
    out += old[at:]
    return Merged("\n".join(out) + ("\n" if out and (mine.endswith("\n") or theirs.endswith("\n")) else ""), conflicts)


def _changes(old: Sequence[str], new: Sequence[str]) -> list[_Change]:
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [_Change(a, b, tuple(new[c:d])) for kind, a, b, c, d in codes if kind != "equal"]


def _next_group(ours: list[_Change], others: list[_Change]) -> tuple[list[_Change], list[_Change]]:
    """Take the next changes of both that touch one another."""
    first = min((*ours[:1], *others[:1]), key=lambda one: (one.start, one.end))
    start, end = first.start, first.end
    taken: tuple[list[_Change], list[_Change]] = ([], [])
    grew = True
    while grew:
        grew = False
        for queue, group in zip((ours, others), taken, strict=True):
            while queue and queue[0].start <= end and queue[0].end >= start:
                group.append(queue.pop(0))
                end = max(end, group[-1].end)
                grew = True
    return taken


def _applied(old: Sequence[str], changes: Sequence[_Change], start: int, end: int) -> list[str]:
    out: list[str] = []
    at = start
    for change in changes:
        out += [*old[at : change.start], *change.lines]
        at = change.end
    return out + list(old[at:end])


def compare_lines(old: str, new: str) -> list[tuple[str, str]]:
    """Lines with ` ` (in both), `-` (only in the old one) or `+` (only in the new one)."""
    before, after = old.splitlines()[:MAX_LINES], new.splitlines()[:MAX_LINES]
    lines: list[tuple[str, str]] = []
    for kind, a_from, a_to, b_from, b_to in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            lines += [(" ", line) for line in before[a_from:a_to]]
        else:
            lines += [("-", line) for line in before[a_from:a_to]] + [("+", line) for line in after[b_from:b_to]]
    return lines
