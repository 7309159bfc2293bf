"""What changed between two texts, word by word."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

MAX_PAIRS = 4_000_000  # of words or lines; where there are more, the whole stretch counts as changed
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")


class Change(NamedTuple):
    """A stretch of text: what stayed, what was taken out, what was put in."""

    kind: Literal["same", "out", "in"]
    text: str


def word_diff(before: str, after: str) -> list[Change]:
    """The changes in order; "same" and "in" together are `after`, "same" and "out" are `before`.

    Lines first, then the words of those that changed: comparing takes time with the square of what is compared.
    """
    changes: list[Change] = []
    for old, new in _blocks(_LINES.findall(before), _LINES.findall(after)):
        words, others = _WORDS.findall(old), _WORDS.findall(new)
        if old == new or len(words) * len(others) > MAX_PAIRS:
            changes += _pair(old, new)
            continue
        for kind, start, end, new_start, new_end in _opcodes(words, others):
            if kind == "equal":
                changes.append(Change("same", "".join(words[start:end])))
            else:
                changes += _pair("".join(words[start:end]), "".join(others[new_start:new_end]))
    return _calmed(_joined(changes))


def _blocks(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    """Stretches of lines that stayed (both alike), or that took the place of each other."""
    if len(old) * len(new) > MAX_PAIRS:
        return [("".join(old), "".join(new))]
    return [
        ("".join(old[start:end]), "".join(new[new_start:new_end]))
        for _, start, end, new_start, new_end in _opcodes(old, new)
    ]


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    return list(SequenceMatcher(None, old, new, autojunk=False).get_opcodes())


def _joined(changes: list[Change]) -> list[Change]:
    """Neighbours of one kind as one."""
    out: list[Change] = []
    for change in changes:
        if out and out[-1].kind == change.kind:
            change = Change(change.kind, out.pop().text + change.text)
        out.append(change)
    return out


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
