"""A forgiving, linear-time HTML tokeniser, and the escaping that goes with it.

It follows the token rules of the HTML Standard (§13.2.5) as far as a cleaner needs them. It is never the last word:
what is made from its tokens is built anew from an allow-list and then passed through nh3, so a disagreement with a
browser can cost fidelity but not safety. Reading first and sanitising second keeps html5ever away from input whose
open formatting elements make its tree grow with the square of the input.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import NamedTuple

_MAX_ATTRIBUTES = 100  # nobody writes more; such a tag ends the document
_BLANK = " \t\n\r\f"
_ATTRIBUTE_START = re.compile(r"[\s/]*", re.ASCII)
_ATTRIBUTE_NAME = re.compile(r"=?[^\s/>=]*", re.ASCII)
_SPACES = re.compile(r"\s*", re.ASCII)
_UNQUOTED = re.compile(r"[^\s>]*", re.ASCII)
_TAG_NAME = re.compile(r"[^\s/>]+", re.ASCII)
_ENTITY_IN_ATTRIBUTE = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);")
_HUGE_REFERENCE = re.compile(r"&#(?:[0-9]{9,}|[xX][0-9a-fA-F]{9,});?")
_TEX_ANNOTATION = re.compile(r"<annotation\b[^<>]*application/x-tex[^<>]*>([^<]*)", re.IGNORECASE)
_BAD_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufffe\uffff\u202d\u202e]"
)

# Their content is not markup, or not for reading: it is left out together with the element.
_RAW_TEXT = frozenset(
    {"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"}
)
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW_TEXT | {"math"}}

VOID = frozenset({"br", "hr", "img", "wbr", "source", "input", "embed", "col", "area", "track", "link", "meta", "base"})


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    START = "start"
    END = "end"


class Token(NamedTuple):
    """One token: `name` of a tag (lower case) or decoded `text`; `start` and `end` are offsets in the source."""

    kind: Kind
    name: str
    text: str
    attributes: Mapping[str, str]
    self_closing: bool
    start: int
    end: int


def names(text: str) -> frozenset[str]:
    """The set of the words in `text`."""
    return frozenset(text.split())


_NO_ATTRIBUTES: Mapping[str, str] = {}


def strip_bad_characters(text: str) -> str:
    """`text` without control characters, lone surrogates, noncharacters and bidi overrides; line ends become LF."""
    return _BAD_CHARACTERS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape_text(text: str) -> str:
    """`text` for use between tags, in the spelling of the HTML serialisation algorithm."""
    return text.replace("&", "&amp;").replace("\xa0", "&nbsp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_attribute(text: str) -> str:
    """`text` for use in a double-quoted attribute value."""
    return escape_text(text).replace('"', "&quot;")


def start_tag(name: str, attributes: Mapping[str, str]) -> str:
    """A start tag; names are trusted, values are escaped."""
    rest = "".join(f' {key}="{escape_attribute(value)}"' for key, value in attributes.items())
    return f"<{name}{rest}>"


def decode_text(text: str) -> str:
    """`text` with character references resolved and unusable characters removed."""
    if "&" in text:
        # int() refuses endless digits with ValueError, and no such code point exists anyway
        text = html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))
    return strip_bad_characters(text)


def _decode_attribute(value: str) -> str:
    # without a semicolon a reference in an attribute is mostly part of a query string ("?a=1&copy=2")
    if "&" in value:
        value = _ENTITY_IN_ATTRIBUTE.sub(lambda found: html.unescape(_HUGE_REFERENCE.sub("\ufffd", found[0])), value)
    return strip_bad_characters(value)


def tokenise(source: str) -> Iterator[Token]:
    """The tokens of `source`, in order; comments, declarations and raw-text elements are left out.

    Every character is looked at a bounded number of times: an unfinished tag or comment ends the document, as the
    standard says. `<math>` becomes the text of its TeX annotation where it has one.
    """
    position, length = 0, len(source)
    while position < length:
        less = source.find("<", position)
        if less < 0:
            less = length
        if less > position:
            yield _text(decode_text(source[position:less]), position, less)
        if less == length:
            return
        follower = source[less + 1 : less + 2]
        if follower.isascii() and follower.isalpha():
            tag = _read_tag(source, less, less + 1, Kind.START)
        elif follower == "/" and source[less + 2 : less + 3].isascii() and source[less + 2 : less + 3].isalpha():
            tag = _read_tag(source, less, less + 2, Kind.END)
        elif follower in {"!", "?", "/"} and follower:
            position = _after_comment(source, less)
            continue
        else:
            yield _text("<", less, less + 1)
            position = less + 1
            continue
        if tag is None:
            return
        position = tag.end
        if tag.kind is Kind.START and tag.name in _RAW_END and not tag.self_closing:
            position, replacement = _skip_raw(source, tag)
            if replacement:
                yield _text(replacement, tag.start, position)
        elif tag.name not in _RAW_END:
            yield tag


def _text(text: str, start: int, end: int) -> Token:
    return Token(Kind.TEXT, "", text, _NO_ATTRIBUTES, False, start, end)


def _after_comment(source: str, less: int) -> int:
    """The offset behind a comment, declaration or bogus comment; the end of the source where it never ends."""
    if source.startswith(("<!-->", "<!--->"), less):
        return source.index(">", less) + 1
    if source.startswith("<!--", less):
        end = source.find("-->", less + 4)
        return end + 3 if end >= 0 else len(source)
    end = source.find(">", less)
    return end + 1 if end >= 0 else len(source)


def _skip_raw(source: str, tag: Token) -> tuple[int, str]:
    """Where the source goes on behind a raw-text element, and what text stands in for it."""
    closing = _RAW_END[tag.name].search(source, tag.end)
    inner_end = closing.start() if closing else len(source)
    replacement = ""
    if tag.name == "math":
        annotation = _TEX_ANNOTATION.search(source, tag.end, inner_end)
        replacement = decode_text(annotation[1]).strip() if annotation else tag.attributes.get("alttext", "")
    if closing is None:
        return len(source), replacement
    end = _read_tag(source, closing.start(), closing.start() + 2, Kind.END)
    return (end.end if end else len(source)), replacement


def _read_tag(source: str, less: int, position: int, kind: Kind) -> Token | None:
    """The tag whose name starts at `position`; None where the source ends inside it."""
    found = _TAG_NAME.match(source, position)
    assert found is not None  # the caller saw a letter  # noqa: S101
    name, position, length = found[0].lower(), found.end(), len(source)
    attributes: dict[str, str] = {}
    while True:
        gap = _ATTRIBUTE_START.match(source, position)
        end = gap.end() if gap else position
        if end >= length:
            return None
        if source[end] == ">":
            self_closing = end > position and source[end - 1] == "/"
            return Token(kind, name, "", attributes, self_closing, less, end + 1)
        read = _read_attribute(source, end)
        if read is None or len(attributes) > _MAX_ATTRIBUTES:
            return None
        key, value, position = read
        attributes.setdefault(key.lower(), value)


def _read_attribute(source: str, position: int) -> tuple[str, str, int] | None:
    """Name, decoded value and the offset behind; None where the source ends inside."""
    name = _ATTRIBUTE_NAME.match(source, position)
    end = name.end() if name else position
    key = source[position:end]
    spaces = _SPACES.match(source, end)
    behind = spaces.end() if spaces else end
    if source[behind : behind + 1] != "=":
        return key, "", end
    spaces = _SPACES.match(source, behind + 1)
    behind = spaces.end() if spaces else behind + 1
    quote = source[behind : behind + 1]
    if quote in {'"', "'"}:
        close = source.find(quote, behind + 1)
        return None if close < 0 else (key, _decode_attribute(source[behind + 1 : close]), close + 1)
    bare = _UNQUOTED.match(source, behind)
    end = bare.end() if bare else behind
    return key, _decode_attribute(source[behind:end]), end


def is_blank(text: str) -> bool:
    """Whether `text` is nothing but the white space that HTML collapses."""
    return not text.strip(_BLANK)
