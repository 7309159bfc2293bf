"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MAX_WORDS = 6_000  # of a text; beyond, whole lines are compared
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class Change(NamedTuple):
    """A stretch of text: what stayed, what was taken out, what was put in."""

    kind: Literal["same", "out", "in"]
    text: str


def word_diff(before: str, after: str) -> list[Change]:
    """The changes in order; "same" and "in" together are `after`, "same" and "out" are `before`."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MAX_WORDS:
        old, new = _LINES.findall(before), _LINES.findall(after)
    changes: list[Change] = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            changes.append(Change("same", "".join(old[start:end])))
            continue
        if end > start:
            changes.append(Change("out", "".join(old[start:end])))
        if new_end > new_start:
            changes.append(Change("in", "".join(new[new_start:new_end])))
    return _calmed(changes)


def _calmed(changes: list[Change]) -> list[Change]:
    """Changes with next to nothing between them become one: a rewritten sentence reads better whole."""
    out: list[Change] = []
    gone = come = ""
    for place, change in enumerate(changes):
        between = change.kind == "same" and 0 < place < len(changes) - 1 and "\n\n" not in change.text
        if change.kind == "out" or (between and (gone or come) and not change.text.strip()):
            gone += change.text
        if change.kind == "in" or (between and (gone or come) and not change.text.strip()):
            come += change.text
        if change.kind == "same" and not (between and not change.text.strip()):
            out += _pair(gone, come)
            out.append(change)
            gone = come = ""
    return out + _pair(gone, come)


def _pair(gone: str, come: str) -> list[Change]:
    if gone == come:
        return [Change("same", gone)] if gone else []
    return ([Change("out", gone)] if gone else []) + ([Change("in", come)] if come else [])


def shortened(changes: list[Change], context: int = 160) -> list[Change]:
    """Without the middle of long stretches that stayed."""
    out: list[Change] = []
    for place, change in enumerate(changes):
        text = change.text
        if change.kind == "same" and len(text) > 2 * context + 40:
            first, last = place == 0, place == len(changes) - 1
            head, tail = "" if first else text[:context].rstrip(), "" if last else text[-context:].lstrip()
            text = f"{head}{' … ' if head else '… '}{tail}" if tail else f"{head} …"
        out.append(Change(change.kind, text))
    return out
