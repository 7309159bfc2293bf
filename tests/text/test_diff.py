"""Word by word: nothing is lost, and what belongs together stays together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.diff import Change, shortened, word_diff

texts = st.text(alphabet="ab .\n,é漢", max_size=60)


@given(texts, texts)
def test_both_texts_can_be_read_out_of_it(before: str, after: str) -> None:
    changes = word_diff(before, after)
    assert "".join(one.text for one in changes if one.kind != "out") == after
    assert "".join(one.text for one in changes if one.kind != "in") == before
    assert all(one.text for one in changes)


def test_neighbouring_words_change_as_one() -> None:
    assert word_diff("It sings loudly. Good.", "It hums very softly. Good.") == [
        Change("same", "It "),
        Change("out", "sings loudly"),
        Change("in", "hums very softly"),
        Change("same", ". Good."),
    ]


def test_nothing_takes_long() -> None:
    words = [f"w{number % 97}" for number in range(100_000)]
    assert [one.kind for one in word_diff(" ".join(words), " ".join(reversed(words)))] == ["out", "in"]
    lines = "\n".join(words[:5000])
    assert [one.kind for one in word_diff(lines, lines[::-1])] == ["out", "in"]


def test_long_texts_are_compared_by_line_and_shortened() -> None:
    before = "".join(f"line {number} of many\n" for number in range(1900))
    changes = word_diff(before, before.replace("line 1000 of", "line one thousand of"))
    assert [one.kind for one in changes] == ["same", "out", "in", "same"]
    short = shortened(changes)
    assert short[0].text.startswith("… ")
    assert short[-1].text.endswith(" …")
    assert sum(len(one.text) for one in short) < 500
