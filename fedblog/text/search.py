"""Words as a search compares them: folded, without diacritics, scripts without blanks as pairs of characters.

Both engines get the same words from here, so they find the same; snippets are cut and marked here as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

MAX_WORDS = 20_000  # of one document
MAX_BYTES = 900_000  # of different words and their places; PostgreSQL takes a megabyte at most
_PLACE_BYTES = 8
MAX_WORD_LENGTH = 60
MAX_TERMS = 12
MAX_QUERY = 200
PREFIX_FROM = 3  # a shorter word is looked for as it is

# What makes no other word of it: accents of the European scripts, Hebrew points, Arabic vowel signs and the stretcher.
_DROPPED = re.compile("[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u200c\u200d]")
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
# Chinese, Japanese, Thai, Lao, Khmer, Burmese: no blanks between words.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED_RUN = re.compile(f"[{_UNSPACED}\U00020000-\U0003ffff]+")
# Phones and people set typographic quotes.
_STRAIGHT = str.maketrans(dict.fromkeys("“”„‟«»「」『』", '"'))
_QUERY_PART = re.compile(r'(-?)(?:"([^"]*)(?:"|$)|(\S+))')


class Word(NamedTuple):
    """A folded word, and where it stands in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Term:
    """Words that must follow each other; `prefix`: the last one may go on; `excluded`: must not be there."""

    words: tuple[str, ...]
    prefix: bool = False
    excluded: bool = False


class Piece(NamedTuple):
    """A part of a snippet, and whether it was searched for."""

    text: str
    found: bool


def fold(text: str) -> str:
    """`text` without case, accents and variants of writing: `Straße` → `strasse`, `Ångström` → `angstrom`."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text).casefold().translate(_LETTERS)
    return unicodedata.normalize("NFC", _DROPPED.sub("", plain))


@cache
def _word_pattern() -> re.Pattern[str]:
    """Letters, digits and the marks that belong to them, which `\\w` leaves out."""
    marks = (chr(code) for code in range(0x300, 0xFFFF) if unicodedata.category(chr(code)).startswith("M"))
    return re.compile(f"[^\\W_](?:[^\\W_]|[{''.join(marks)}\u0640\u200c\u200d])*")


def split(text: str) -> Iterator[Word]:
    """The words of `text` in order. Of a run without blanks: each pair of neighbours, and its last character."""
    for found in _word_pattern().finditer(text):
        word = fold(found[0])
        if not word.strip():  # nothing but what makes no difference: an Arabic stretcher that stands alone
            continue
        if word.isascii():
            yield Word(word[:MAX_WORD_LENGTH], found.start(), found.end())
            continue
        position = 0
        same = len(word) == len(found[0])  # else the places inside are not known
        for run in _UNSPACED_RUN.finditer(word):
            if run.start() > position:
                yield _part(word, position, run.start(), found, same)
            for at in range(run.start(), run.end()):
                yield _part(word, at, min(at + 2, run.end()), found, same)
            position = run.end()
        if position < len(word):
            yield _part(word, position, len(word), found, same)


def _part(word: str, start: int, end: int, found: re.Match[str], same: bool) -> Word:
    at = found.start()
    text = word[start : min(end, start + MAX_WORD_LENGTH)]
    return Word(text, at + start, at + end) if same else Word(text, at, found.end())


def is_unspaced(text: str) -> bool:
    """Whether some of it is of a script without blanks between words."""
    return _UNSPACED_RUN.search(text) is not None


def words_of(text: str, limit: int = MAX_WORDS) -> list[str]:
    """The folded words alone, at most `limit`."""
    found = []
    for word in split(text):
        found.append(word.text)
        if len(found) == limit:
            break
    return found


def parse_query(text: str) -> tuple[Term, ...]:
    """What somebody typed: words (each may go on), "phrases in quotes", -without. Nothing is ever a syntax error."""
    terms: list[Term] = []
    for minus, phrase, word in _QUERY_PART.findall(text[:MAX_QUERY].translate(_STRAIGHT)):
        words = words_of(phrase or word)
        if not words or len(terms) == MAX_TERMS:
            continue
        unspaced = bool(_UNSPACED_RUN.match(words[-1]))
        if unspaced and len(words) > 1 and len(words[-1]) == 1:
            words = words[:-1]  # the last character is in the pair before it
        prefix = not phrase and not minus and (unspaced or len(words[-1]) >= PREFIX_FROM)
        terms.append(Term(tuple(words), prefix and len(words[-1]) != 2 if unspaced else prefix, bool(minus)))
    return tuple(terms) if any(not term.excluded for term in terms) else ()


def to_fts5(terms: Sequence[Term]) -> str:
    """The terms in the language of SQLite's FTS5."""

    def one(term: Term) -> str:
        return '"' + " ".join(term.words) + '"' + (" *" if term.prefix else "")

    wanted = " AND ".join(one(term) for term in terms if not term.excluded)
    unwanted = " OR ".join(one(term) for term in terms if term.excluded)
    return f"({wanted}) NOT ({unwanted})" if unwanted else wanted


def to_tsquery(terms: Sequence[Term]) -> str:
    """The terms in the language of PostgreSQL's tsquery."""

    def one(term: Term) -> str:
        quoted = [f"'{word}'" for word in term.words]  # a word holds letters, digits and marks only
        return ("!" if term.excluded else "") + "(" + " <-> ".join(quoted) + (":*" if term.prefix else "") + ")"

    return " & ".join(one(term) for term in terms)


def to_tsvector(title: str, tags: str, text: str) -> str:
    """A document as a PostgreSQL tsvector: the title weighs A, tags B; phrases don't reach over the borders."""
    places: dict[str, list[str]] = {}
    position = room = 0
    for part, weight in ((title, "A"), (tags, "B"), (text, "")):
        for word in words_of(part):
            position = min(position + 1, 16_383)  # what a tsvector can tell apart
            if word not in places:
                room += len(word.encode()) + _PLACE_BYTES
                if room > MAX_BYTES:
                    continue
            known = places.setdefault(word, [])
            if len(known) < 255:
                known.append(f"{position}{weight}")
        position += 2
    return " ".join(f"'{word}':{','.join(dict.fromkeys(at))}" for word, at in places.items())


def matches(word: str, terms: Sequence[Term]) -> bool:
    """Whether a word is one of those searched for."""
    return any(
        word == wanted or (term.prefix and wanted is term.words[-1] and word.startswith(wanted))
        for term in terms
        if not term.excluded
        for wanted in term.words
    )


def mark(text: str, terms: Sequence[Term]) -> list[Piece]:
    """The whole text, with what was searched for told apart."""
    pieces: list[Piece] = []
    position = 0
    for word in split(text):
        if word.end <= position or not matches(word.text, terms):
            continue
        start = max(word.start, position)
        if start > position:
            pieces.append(Piece(text[position:start], False))
        if pieces and pieces[-1].found and start == position:
            pieces[-1] = Piece(pieces[-1].text + text[start : word.end], True)
        else:
            pieces.append(Piece(text[start : word.end], True))
        position = word.end
    if position < len(text):
        pieces.append(Piece(text[position:], False))
    return pieces


def snippet(text: str, terms: Sequence[Term], length: int = 220) -> list[Piece]:
    """The stretch of about `length` characters where most of the searched words are near each other, marked."""
    text = " ".join(text.split())
    if len(text) <= length:
        return mark(text, terms)
    hits = [word for word in split(text) if matches(word.text, terms)]
    best, start = 0, 0
    for index, hit in enumerate(hits[:500]):
        near = {word.text for word in hits[index : index + 50] if word.end <= hit.start + length - 60}
        if len(near) > best:
            best, start = len(near), max(0, hit.start - 60)
    end = min(len(text), start + length)
    if start:
        start = text.find(" ", start, start + 40) + 1 or start
    if end < len(text):
        border = text.rfind(" ", end - 40, end)
        end = border if border > start else end
    before, after = "…" if start else "", "…" if end < len(text) else ""
    return mark(f"{before}{text[start:end]}{after}", terms)
