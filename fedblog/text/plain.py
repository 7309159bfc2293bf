"""Plain text: out of HTML, and out of what strangers call themselves."""

from __future__ import annotations

import re
import unicodedata

from fedblog.text.markup import Kind, names, strip_bad_characters, tokenise

# Borders of these end a line; cells only need a gap.
_LINES = names(
    "p div h1 h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote pre figure figcaption table caption tr section article "
    "aside header footer details summary hr br"
)
_BIDI_AND_INVISIBLE = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u00ad]")
_MAX_MARKS = 4


def plain_text(html: str) -> str:
    """The readable text of `html`: one line a paragraph, list item, row or `<br>`; entities decoded, pictures as
    their alternative text, no control characters, no footnote back links. `<pre>` keeps its lines and blanks."""
    return text_of(html, without=frozenset())


def text_of(html: str, *, without: frozenset[str]) -> str:
    """`plain_text`, leaving out the elements named in `without` (tag names, or ".class")."""
    lines, line, pre, skipping, depth = list[str](), list[str](), 0, "", 0
    for token in tokenise(html):
        if skipping:
            if token.name == skipping:
                depth += {Kind.START: 1, Kind.END: -1}.get(token.kind, 0)
                skipping = skipping if depth else ""
            continue
        if token.kind is Kind.TEXT:
            parts = token.text.split("\n") if pre else [token.text]
            for part in parts[:-1]:
                lines.append("".join([*line, part]).rstrip())
                line.clear()
            line.append(parts[-1] if pre else re.sub(r"[ \t\n\r\f]+", " ", parts[-1]))
            continue
        if token.name == "img":
            line.append("" if "img" in without else token.attributes.get("alt", ""))
            continue
        classes = {f".{name}" for name in token.attributes.get("class", "").split()}
        if token.kind is Kind.START and ({token.name, ".footnote-backref"} & (without | classes) or classes & without):
            skipping, depth = token.name, 1
        elif token.name in {"td", "th"}:
            line.append(" ")
        elif token.name in _LINES:
            _end_line(lines, line, keep=bool(pre))
            if token.name == "pre":
                pre = max(pre + (1 if token.kind is Kind.START else -1), 0)
    _end_line(lines, line, keep=False)
    return "\n".join(lines).strip()


def _end_line(lines: list[str], line: list[str], *, keep: bool) -> None:
    text = "".join(line).rstrip() if keep else re.sub(" {2,}", " ", "".join(line)).strip()
    line.clear()
    if text:
        lines.append(text)


def clean_name(text: str, limit: int = 100) -> str:
    """A stranger's name or other one-line string as it may be shown: no control, format or bidi characters, no lone
    surrogates, no towers of combining marks, white space collapsed, at most `limit` characters (no half character
    at the cut). It is text, not HTML: escape it on output."""
    if not text:
        return ""
    text = _BIDI_AND_INVISIBLE.sub("", strip_bad_characters(text[: limit * 20].replace("\t", " ")))
    text = _lower_towers(" ".join(text.split()))
    if len(text) <= limit:
        return _without_loose_ends(text)
    end = limit
    while end > 0 and _joins(text, end):
        end -= 1
    return _without_loose_ends(text[: end or limit])


def _lower_towers(text: str) -> str:
    if text.isascii():
        return text
    out, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks <= _MAX_MARKS:
            out.append(character)
    return "".join(out)


def _joins(text: str, index: int) -> bool:
    """Whether the character at `index` belongs to the one before it."""
    character, before = text[index], text[index - 1]
    return (
        unicodedata.category(character).startswith("M")
        or character == "\u200d"
        or before == "\u200d"
        or "\U0001f3fb" <= character <= "\U0001f3ff"
    )


def _without_loose_ends(text: str) -> str:
    return text.strip(" \u200c\u200d")
