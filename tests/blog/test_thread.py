"""Path keys sort like the tree, and marks draw balanced lists at any depth."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.blog.model import (
    Actor,
    ActorId,
    PostId,
    Reply,
    ReplyId,
    ReplyState,
    ThreadRow,
    Visibility,
)
from fedblog.blog.thread import MAX_LEVELS, MAX_NEST, SEGMENT, Mark, child_path, level, mark_rows, segment

ACTOR = Actor(
    id=ActorId(1),
    uri="https://remote.example/users/bob",
    local="",
    type="Person",
    username="bob",
    domain="remote.example",
    name="Bob",
    summary_html="",
    url="",
    icon_url="",
    image_url="",
    inbox="",
    shared_inbox="",
    followers_uri="",
    manually_approves=False,
    fields=(),
    created_at=0,
    fetched_at=0,
    suspended_at=None,
    deleted_at=None,
)


def row(number: int, parent: ThreadRow | None, path: str, who: int = 0) -> ThreadRow:
    reply = Reply(
        id=ReplyId(number),
        uri=f"https://remote.example/notes/{number}",
        url="",
        actor_id=ActorId(who or number),
        post_id=PostId(1),
        parent_id=parent.reply.id if parent else None,
        in_reply_to="",
        path=path,
        depth=parent.reply.depth + 1 if parent else 1,
        state=ReplyState.PUBLISHED,
        visibility=Visibility.PUBLIC,
        local=False,
        type="Note",
        name="",
        content_html="",
        source="",
        content_warning="",
        language="",
        published_at=number,
        edited_at=None,
        received_at=number,
        like_count=0,
        announce_count=0,
        remote_likes=0,
        remote_announces=0,
        context="",
        attachments=(),
        reason="",
    )
    return ThreadRow(reply, replace(ACTOR, id=ActorId(who or number)))


def tree(choices: list[int]) -> list[ThreadRow]:
    """A thread: reply n answers reply `choices[n]` modulo what is there, or the post."""
    rows: list[ThreadRow] = []
    for number, choice in enumerate(choices, 1):
        chosen = choice % (len(rows) + 1)
        parent = rows[chosen - 1] if chosen else None
        rows.append(row(number, parent, child_path(parent.reply.path if parent else "", 1_000 + number, number)))
    return sorted(rows, key=lambda each: each.reply.path.encode())


def draw(marks: list[Mark]) -> str:
    """What a template makes of marks, by the recipe in `Mark`."""
    parts = ["<ol>"]
    for mark in marks:
        parts.append("<ol>" * mark.opens + f'<li id="{mark.row.reply.id}">')
        parts.append("" if mark.keeps_open else "</li>")
        parts.append("</ol></li>" * len(mark.closes))
    return "".join([*parts, "</ol>"])


class Lists(HTMLParser):
    """Reads drawn lists strictly: each tag where it may be, everything closed; `parents` of every item."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.items: list[int] = []
        self.parents: dict[int, int | None] = {}
        self.feed(html)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        above = self.stack[-1] if self.stack else None
        assert above == {"li": "ol", "ol": "li"}[tag] or (tag == "ol" and above is None)
        self.stack.append(tag)
        if tag == "li":
            number = int(dict(attrs)["id"] or 0)
            self.parents[number] = self.items[-1] if self.items else None
            self.items.append(number)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag
        if tag == "li":
            self.items.pop()


@given(st.lists(st.tuples(st.integers(0, 2**36 - 1), st.integers(0, 2**24 - 1)), min_size=2))
def test_segments_sort_like_their_numbers(pairs: list[tuple[int, int]]) -> None:
    by_bytes = sorted(pairs, key=lambda pair: segment(*pair).encode())
    assert by_bytes == sorted(pairs)
    assert {len(segment(*pair)) for pair in pairs} == {SEGMENT}


@given(st.integers(), st.integers())
def test_a_segment_takes_any_number(published_at: int, number: int) -> None:
    assert len(segment(published_at, number).encode()) == SEGMENT


@given(st.lists(st.integers(0, 200), max_size=60), st.integers(0, 6))
def test_marks_nest_properly(choices: list[int], max_indent: int) -> None:
    rows = tree(choices)
    marks = mark_rows(rows, max_indent)
    lists = Lists(draw(marks))
    assert list(lists.parents) == [each.reply.id for each in rows]
    assert sum(mark.opens for mark in marks) == sum(len(mark.closes) for mark in marks)
    for mark in marks:
        assert mark.indent == min(mark.depth - 1, max_indent)
        if mark.depth <= max_indent + 1:
            assert lists.parents[mark.row.reply.id] == mark.row.reply.parent_id
        assert (mark.parent.reply.id if mark.parent else None) == mark.row.reply.parent_id
        assert mark.has_children == any(each.reply.parent_id == mark.row.reply.id for each in rows)


@given(st.lists(st.integers(0, 200), max_size=40), st.data())
def test_marks_of_a_part_nest_properly(choices: list[int], data: st.DataObject) -> None:
    rows = tree(choices)
    part = [each for each in rows if data.draw(st.booleans())]
    marks = mark_rows(part)
    lists = Lists(draw(marks))
    assert list(lists.parents) == [each.reply.id for each in part]
    assert all(mark.parent is None or mark.parent in part for mark in marks)


@pytest.mark.proves("SEC-055")
def test_marks_of_a_very_deep_thread() -> None:
    rows: list[ThreadRow] = []
    for number in range(1, 3_001):
        parent = rows[-1] if rows else None
        rows.append(row(number, parent, child_path(parent.reply.path if parent else "", number, number)))
    marks = mark_rows(rows)
    Lists(draw(marks))
    assert marks[-1].depth == 3_000
    assert marks[-1].indent == 4
    assert max(len(each.reply.path) for each in rows) == MAX_LEVELS * SEGMENT


def chain(people: str) -> list[ThreadRow]:
    """Each answers the one before; a letter is a person."""
    rows: list[ThreadRow] = []
    for number, person in enumerate(people, 1):
        parent = rows[-1] if rows else None
        path = child_path(parent.reply.path if parent else "", number, number)
        rows.append(row(number, parent, path, who=ord(person)))
    return rows


@pytest.mark.parametrize(
    ("people", "indents"),
    [
        ("abababab", [0, 1, 1, 1, 1, 1, 1, 1]),
        ("abcabc", [0, 1, 2, 3, 4, 4]),
        ("aaaa", [0, 1, 2, 3]),
        ("abacac", [0, 1, 1, 2, 2, 2]),
        ("ababcde", [0, 1, 1, 1, 2, 3, 4]),
    ],
)
def test_a_talk_of_two_stays_level(people: str, indents: list[int]) -> None:
    marks = mark_rows(chain(people))
    assert [mark.indent for mark in marks] == indents
    Lists(draw(marks))


def test_a_third_voice_ends_the_level_talk() -> None:
    rows = chain("aba")
    # Somebody else answers the second one too: it is a branch now, no talk of two.
    rows.append(row(9, rows[1], child_path(rows[1].reply.path, 9, 9), who=ord("z")))
    assert [mark.indent for mark in mark_rows(rows)] == [0, 1, 2, 2]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(1, 3)), max_size=60), st.integers(0, 6))
def test_marks_of_any_talk_nest_and_say_whom_they_answer(choices: list[tuple[int, int]], max_indent: int) -> None:
    rows: list[ThreadRow] = []
    for number, (choice, who) in enumerate(choices, 1):
        chosen = choice % (len(rows) + 1)
        parent = rows[chosen - 1] if chosen else None
        path = child_path(parent.reply.path if parent else "", 1_000 + number, number)
        rows.append(row(number, parent, path, who=who))
    rows.sort(key=lambda each: each.reply.path.encode())
    indents: dict[int, int] = {}
    for at, mark in enumerate(mark_rows(rows, max_indent)):
        above = indents.get(mark.row.reply.parent_id or 0, -1)
        indents[mark.row.reply.id] = mark.indent
        assert mark.indent in (above, above + 1)
        # Level with what it answers: too deep, or right below it with nothing between.
        assert (mark.indent == above) == (mark.detached or mark.level)
        if mark.level and not mark.detached:
            assert mark.parent is not None
            assert rows[at - 1] is mark.parent
        if mark.detached:
            assert mark.indent == max_indent or mark.depth > MAX_NEST
        assert mark.has_children == any(below.reply.parent_id == mark.row.reply.id for below in rows[at + 1 : at + 2])
    Lists(draw(mark_rows(rows, max_indent)))


def test_no_rows_no_marks() -> None:
    assert mark_rows([]) == []


@given(st.lists(st.integers(0, 2**36 - 1), min_size=1, max_size=40))
def test_below_the_deepest_level_a_reply_still_follows_its_parent(times: list[int]) -> None:
    path = "".join(segment(1, 1) for _ in range(MAX_LEVELS))
    for number, published_at in enumerate(times, 2):
        below = child_path(path, published_at, number)
        assert below.encode() > path.encode()
        assert level(below) == MAX_LEVELS
        path = below
