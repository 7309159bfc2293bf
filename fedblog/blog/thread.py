"""The shape of a thread: path keys that sort into tree order, and flat marks to draw it with.

A path is its parent's path and one segment of ten characters: six of publication time, four of arrival. Characters
are chosen so that byte order is number order; a whole thread comes out of storage in tree order, page by page.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

from fedblog.blog.model import ActorId, ReplyId, ThreadRow

SEGMENT = 10
# Deeper replies stay level with their parent: depth is an attacker's choice, and a level makes all paths below longer.
MAX_LEVELS = 250
# Lists in lists, those included that are not set in further: browsers and screen readers get no deeper documents.
MAX_NEST = 24
_DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 6
_NUMBER_DIGITS = 4


_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)


def _encode(value: int, width: int) -> str:
    """`width` digits, which is even: they are written two at a time."""
    value = min(max(value, 0), 64**width - 1)
    return "".join([_PAIRS[(value >> shift) & 4095] for shift in range(6 * (width - 2), -1, -12)])


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

    The template writes the outermost list itself. A row is then drawn as: `<ol>` if `opens` (not set in further if
    `level`); `<li>` and the reply; `</li>` unless `keeps_open`; `</ol></li>` for each of `closes`, which are True for
    lists that are `level`. `depth` is the level in the tree (1 for a direct answer), `indent` how far in it is drawn
    (0 for the outermost list), at most `max_indent`. `has_children`: an answer to it is among the rows.
    `parent_shown`: what it answers is among them too. `detached`: it is too deep to stand below what it answers, or
    that is on another page, so the page has to say whom it answers.
    """

    row: ThreadRow
    depth: int
    opens: bool
    closes: tuple[bool, ...]
    parent: ThreadRow | None
    has_children: bool
    indent: int
    keeps_open: bool
    level: bool = False
    parent_shown: bool = True
    detached: bool = False

    @classmethod
    def of(cls, row: ThreadRow, parent: ThreadRow | None, shape: Shape) -> Mark:
        """The mark of a row at that place."""
        return cls(row=row, parent=parent, **shape._asdict())


class Shape(NamedTuple):
    """All that a `Mark` says of a row's place, as it says it."""

    depth: int
    opens: bool
    closes: tuple[bool, ...]
    has_children: bool
    indent: int
    keeps_open: bool
    level: bool
    parent_shown: bool
    detached: bool


class Spot(Protocol):
    """Where a reply stands in the tree, and who wrote it."""

    @property
    def id(self) -> ReplyId: ...
    @property
    def parent_id(self) -> ReplyId | None: ...
    @property
    def path(self) -> str: ...
    @property
    def depth(self) -> int: ...
    @property
    def actor_id(self) -> ActorId: ...


class _Spot(NamedTuple):
    id: ReplyId
    parent_id: ReplyId | None
    path: str
    depth: int
    actor_id: ActorId


def mark_rows(
    rows: Sequence[ThreadRow], max_indent: int = 4, above: Mapping[ReplyId, ThreadRow] = MappingProxyType({})
) -> list[Mark]:
    """Marks of rows in path order, which may be a part of a thread; never recursive.

    A row deeper than `max_indent` stays level with its parent, and so does a talk of two people who take turns with
    nobody between them. A row whose parent is not among the rows goes under the nearest row above it in the tree, or
    else into the outermost list; `above` may know its parent.
    """
    by_id = {row.reply.id: row for row in rows}
    spots = [_Spot(row.reply.id, row.reply.parent_id, row.reply.path, row.reply.depth, row.actor.id) for row in rows]
    marks = []
    for row, shape in zip(rows, shapes(spots, max_indent), strict=True):
        parent_id = row.reply.parent_id
        parent = None if parent_id is None else by_id.get(parent_id) or above.get(parent_id)
        marks.append(Mark.of(row, parent, shape))
    return marks


def shapes(spots: Sequence[Spot], max_indent: int = 4) -> list[Shape]:
    """As `mark_rows`, of places alone."""
    by_id = {spot.id: spot for spot in spots}
    children = Counter([spot.parent_id for spot in spots])
    places = _places(spots, by_id, children, max_indent)
    places.append(_OUTERMOST)
    result = []
    levels: list[bool] = []  # the lists that are open, and which of them are level
    for number, spot in enumerate(spots):
        nest, indent, level, detached = places[number]
        after = places[number + 1].nest
        opens = nest > len(levels)
        if opens:
            levels.append(level)
        closes = tuple(reversed(levels[after:]))
        del levels[after:]
        shown = spot.parent_id is None or spot.parent_id in by_id
        has_children, keeps_open = spot.id in children, after > nest
        result.append(
            Shape(spot.depth, opens, closes, has_children, indent, keeps_open, level, shown, detached or not shown)
        )
    return result


class _Place(NamedTuple):
    """How many lists a row stands in, how far in it is drawn, and how that came."""

    nest: int
    indent: int
    level: bool
    detached: bool


_OUTERMOST = _Place(0, 0, level=False, detached=False)


def _places(
    spots: Sequence[Spot], by_id: Mapping[ReplyId, Spot], children: Mapping[ReplyId | None, int], max_indent: int
) -> list[_Place]:
    """Of each row, by the rows above it in the tree, as far as they are here."""
    places = []
    branch: list[tuple[str, _Place]] = []
    for spot in spots:
        path = spot.path
        while branch and not path.startswith(branch[-1][0]):
            branch.pop()
        if not branch:
            place = _OUTERMOST
        else:
            over = branch[-1][1]
            level = _takes_turns(spot, by_id, children)
            indent = over.indent if level else over.indent + 1
            if indent > max_indent or over.nest >= MAX_NEST:
                place = _Place(over.nest, over.indent, over.level, detached=True)
            else:
                place = _Place(over.nest + 1, indent, level, detached=False)
        places.append(place)
        branch.append((path, place))
    return places


def _takes_turns(spot: Spot, by_id: Mapping[ReplyId, Spot], children: Mapping[ReplyId | None, int]) -> bool:
    """Whether it goes on with a talk of two: its author wrote what its parent answers, and nobody else is there."""
    parent = by_id.get(spot.parent_id) if spot.parent_id is not None else None
    if parent is None or parent.parent_id is None or children[parent.id] != 1:
        return False
    first = by_id.get(parent.parent_id)
    if first is None or children[first.id] != 1:
        return False
    return first.actor_id == spot.actor_id != parent.actor_id
