"""Words as a search sees them, queries in both engines' languages, and snippets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.text.search import (
    Piece,
    Term,
    fold,
    mark,
    parse_query,
    snippet,
    split,
    to_fts5,
    to_tsquery,
    to_tsvector,
    words_of,
)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Straße", "strasse"),
        ("Ångström", "angstrom"),
        ("Łódź", "lodz"),
        ("smørrebrød", "smorrebrod"),
        ("ﬁnd", "find"),
        ("ＡＢＣ", "abc"),
        ("مُحَمَّد", "محمد"),
        ("ｶﾞｽ", "ガス"),
        ("한국어", "한국어"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The kettle's on: 3.5 cups!", ["the", "kettle", "s", "on", "3", "5", "cups"]),
        ("喝绿茶", ["喝绿", "绿茶", "茶"]),
        ("iPhone手机", ["iphone", "手机", "机"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("snake_case", ["snake", "case"]),
        ("", []),
        ("—!?", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_places_of_words_are_those_in_the_text() -> None:
    text = "Ein Café: 日本語 und Straße"
    assert [text[word.start : word.end] for word in split(text)] == [
        "Ein", "Café", "日本", "本語", "語", "und", "Straße",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "fts5", "tsquery"),
    [
        ("Tea", '"tea" *', "('tea':*)"),
        ("a tea", '"a" AND "tea" *', "('a') & ('tea':*)"),
        ('"green tea" -milk', '("green tea") NOT ("milk")', "('green' <-> 'tea') & !('milk')"),
        ('"never ends', '"never ends"', "('never' <-> 'ends')"),
        ("绿茶", '"绿茶"', "('绿茶')"),
        ("茶", '"茶" *', "('茶':*)"),
        ("喝绿茶", '"喝绿 绿茶"', "('喝绿' <-> '绿茶')"),
        ("well-known", '"well known" *', "('well' <-> 'known':*)"),
        ("NOT ' OR * ) \" :", '"not" * AND "or"', "('not':*) & ('or')"),
    ],
)
def test_queries(query: str, fts5: str, tsquery: str) -> None:
    terms = parse_query(query)
    assert (to_fts5(terms), to_tsquery(terms)) == (fts5, tsquery)


@pytest.mark.parametrize("query", ["", "  ", "-only", "!!", '""', "-a -b"])
def test_queries_for_nothing(query: str) -> None:
    assert parse_query(query) == ()


def test_a_vector_keeps_title_tags_and_text_apart() -> None:
    assert to_tsvector("Tea time", "tea", "tea for") == "'tea':1A,5B,8 'time':2A 'for':9"


def test_marks_and_snippets() -> None:
    terms = parse_query("café 日本")
    assert mark("Cafés in 日本!", terms) == [
        Piece("Cafés", True), Piece(" in ", False), Piece("日本", True), Piece("!", False),
    ]  # fmt: skip
    text = "word " * 200 + "the harbour at dawn " + "word " * 200
    pieces = snippet(text, parse_query("harbour dawn"), 120)
    shown = "".join(piece.text for piece in pieces)
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 124
    assert [piece.text for piece in pieces if piece.found] == ["harbour", "dawn"]


@given(st.text(max_size=200), st.text(max_size=30))
def test_anything_goes_and_marking_loses_nothing(text: str, query: str) -> None:
    terms = parse_query(query)
    assert "".join(piece.text for piece in mark(text, terms)) == text
    for word in split(text):
        assert 0 <= word.start < word.end <= len(text)
        assert word.text
    assert "'" not in "".join(word for term in terms for word in term.words)
    assert isinstance(snippet(text, (Term(("a",)),)), list)


@pytest.mark.parametrize("query", ['"rye bread"', "“rye bread”", "„rye bread“", "«rye bread»", "「rye bread」"])
def test_phrases_stand_in_the_quotes_of_any_language(query: str) -> None:
    (term,) = parse_query(query)
    assert term.words == ("rye", "bread")
