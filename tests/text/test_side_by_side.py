"""Two versions beside each other: both texts can be read off, and what is the same is said only once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.side_by_side import Side, side_by_side

WORDS = ["a", "b c d", "b x d", "", "long line of words", "a longer line of words"]
LINES = st.lists(st.sampled_from(WORDS), max_size=12)


def _read(sides: list[Side | None]) -> list[str]:
    return ["".join(change.text for change in side.changes) for side in sides if side is not None]


@given(LINES, LINES)
def test_each_side_is_its_text(old: list[str], new: list[str]) -> None:
    pairs = side_by_side("\n".join(old), "\n".join(new))
    left, right = _read([pair.old for pair in pairs]), _read([pair.new for pair in pairs])
    skipped = sum(pair.skipped for pair in pairs)
    assert len(left) + skipped == len("\n".join(old).splitlines())
    assert len(right) + skipped == len("\n".join(new).splitlines())
    if not skipped:
        assert left == "\n".join(old).splitlines()
        assert right == "\n".join(new).splitlines()


def test_changed_words_are_marked_and_calm_stretches_are_left_out() -> None:
    same = [f"line {number}" for number in range(20)]
    pairs = side_by_side("\n".join([*same, "the old bread rises"]), "\n".join([*same, "the new bread rises"]))
    assert [pair.skipped for pair in pairs] == [18, 0, 0, 0]
    old, new = pairs[-1].old, pairs[-1].new
    assert old is not None
    assert new is not None
    assert [change.text for change in old.changes if change.kind == "out"] == ["old"]
    assert [change.text for change in new.changes if change.kind == "in"] == ["new"]
    assert old.number == new.number == 21


def test_a_line_that_was_put_in_stands_alone_and_its_neighbour_keeps_its_like() -> None:
    pairs = side_by_side("Bake it hot for forty minutes.", "Shape it gently.\nBake it hot for fifty minutes.")
    assert [(pair.old is None, pair.new is None) for pair in pairs] == [(True, False), (False, False)]
