"""Two changed one text: both changes are kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.merge import MAX_LINES, compare_lines, merge

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "dd"]), max_size=12).map("\n".join)


def test_changes_in_different_places_are_both_there() -> None:
    merged = merge("one\n\ntwo\n\nthree", "ONE\n\ntwo\n\nthree", "one\n\ntwo\n\nthree\n\nfour")
    assert merged is not None
    assert (merged.text, merged.conflicts) == ("ONE\n\ntwo\n\nthree\n\nfour", 0)


def test_changes_of_one_place_are_kept_side_by_side() -> None:
    merged = merge("one\ntwo\nthree", "one\nmine\nthree", "one\ntheirs\nthree")
    assert merged is not None
    assert (merged.text, merged.conflicts) == ("one\ntheirs\nmine\nthree", 1)


def test_a_deletion_against_a_change_loses_no_words() -> None:
    merged = merge("one\ntwo\nthree", "one\nthree", "one\ntwo, longer\nthree")
    assert merged is not None
    assert "two, longer" in merged.text
    assert merged.conflicts == 1


def test_what_is_too_long_is_not_merged() -> None:
    assert merge("x\n" * (MAX_LINES + 1), "a", "b") is None


@given(LINES, LINES)
def test_one_sided_changes_win(base: str, new: str) -> None:
    for merged in (merge(base, new, base), merge(base, base, new), merge(base, new, new)):
        assert merged is not None
        assert merged.conflicts == 0
        assert merged.text.splitlines() == new.splitlines()


@given(LINES, LINES, LINES)
def test_no_new_line_is_lost(base: str, mine: str, theirs: str) -> None:
    """What one of them wrote and the base did not have stands in the merged text."""
    merged = merge(base, mine, theirs)
    assert merged is not None
    for text in (mine, theirs):
        assert set(text.splitlines()) - set(base.splitlines()) <= set(merged.text.splitlines())


def test_lines_compared() -> None:
    assert compare_lines("a\nb", "a\nc") == [(" ", "a"), ("-", "b"), ("+", "c")]
