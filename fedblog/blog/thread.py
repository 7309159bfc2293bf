"""The shape of a thread: path keys that sort into tree order, and flat marks to draw it with.

A path is its parent's path and one segment of ten characters: six of publication time, four of arrival. Characters
are chosen so that byte order is number order; a whole thread comes out of storage in tree order, page by page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedblog.blog.model import ReplyId, ThreadRow

SEGMENT = 10
# Deeper replies stay level with their parent: depth is an attacker's choice, and a level makes all paths below longer.
MAX_LEVELS = 250
_DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 6
_NUMBER_DIGITS = 4


def _encode(value: int, width: int) -> str:
    value = min(max(value, 0), 64**width - 1)
    digits = []
    for _ in range(width):
        value, digit = divmod(value, 64)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def segment(published_at: int, number: int) -> str:
    """Ten characters that sort by publication time (Unix seconds), then by arrival number within the post."""
    return _encode(published_at, _TIME_DIGITS) + _encode(number, _NUMBER_DIGITS)


def child_path(parent_path: str, published_at: int, number: int) -> str:
    """The path of a reply to the one at `parent_path` ("" for the post itself).

    Below `MAX_LEVELS` it stands beside its parent and, whatever its date says, after it.
    """
    own = segment(published_at, number)
    if len(parent_path) < MAX_LEVELS * SEGMENT:
        return parent_path + own
    above, last = parent_path[:-SEGMENT], parent_path[-SEGMENT:]
    return above + max(own[:_TIME_DIGITS], last[:_TIME_DIGITS]) + own[_TIME_DIGITS:]


def level(path: str) -> int:
    """How many segments a path has: 1 for a direct answer."""
    return len(path) // SEGMENT


@dataclass(frozen=True, slots=True)
class Mark:
    """A row and where lists begin and end around it.

    The template writes the outermost list itself. A row is then drawn as: `<ol>` if `opens`; `<li>` and the reply;
    `</li>` unless `keeps_open`; `</ol></li>` for each of `closes`. `depth` is the level in the tree (1 for a direct
    answer), `indent` how far in it is drawn (0 for the outermost list), at most `max_indent`. `has_children`: an
    answer to it is among the rows.
    """

    row: ThreadRow
    depth: int
    opens: int
    closes: int
    parent: ThreadRow | None
    has_children: bool
    indent: int
    keeps_open: bool


def mark_rows(rows: Sequence[ThreadRow], max_indent: int = 4) -> list[Mark]:
    """Marks of rows in path order, which may be a part of a thread; never recursive.

    A row deeper than `max_indent` stays level with its parent. A row whose parent is not among the rows goes under the
    nearest row above it in the tree, or else into the outermost list.
    """
    indents = _indents(rows, max_indent)
    by_id: dict[ReplyId, ThreadRow] = {row.reply.id: row for row in rows}
    answered = {row.reply.parent_id for row in rows}
    result = []
    for number, row in enumerate(rows):
        before = indents[number - 1] if number else 0
        after = indents[number + 1] if number + 1 < len(rows) else 0
        parent_id = row.reply.parent_id
        result.append(
            Mark(
                row=row,
                depth=row.reply.depth,
                opens=int(indents[number] > before),
                closes=max(0, indents[number] - after),
                parent=by_id.get(parent_id) if parent_id is not None else None,
                has_children=row.reply.id in answered,
                indent=indents[number],
                keeps_open=after > indents[number],
            )
        )
    return result


def _indents(rows: Sequence[ThreadRow], max_indent: int) -> list[int]:
    """How far in each row is drawn: the number of rows above it in the tree, as far as they are here."""
    indents = []
    branch: list[str] = []
    for row in rows:
        path = row.reply.path
        while branch and not path.startswith(branch[-1]):
            branch.pop()
        indents.append(min(len(branch), max_indent))
        branch.append(path)
    return indents
