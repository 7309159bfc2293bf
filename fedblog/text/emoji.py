"""`:name:` of a custom emoji becomes its picture: in text nodes only, and not in code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from fedblog.text.markup import escape_text

MOST_PICTURES = 200  # in one text; the rest stay as they were written
_TAG = re.compile(r'<(/?)([a-z0-9]+)(?:[^">]|"[^"]*")*>')
_LITERAL = frozenset({"code", "pre"})

Picture = Callable[[str, str], str]  # of a name and a key, the HTML of the picture


def in_text(text: str, keys: Mapping[str, str], picture: Picture) -> str:
    """Plain text as HTML, with pictures where it names an emoji of `keys` (name → key)."""
    return _Swap(keys, picture).swap(escape_text(text))


def in_html(html: str, keys: Mapping[str, str], picture: Picture) -> str:
    """The same of HTML that was serialised by a sanitiser of ours; tags and attributes stay as they are."""
    swap = _Swap(keys, picture)
    parts, at, literal = list[str](), 0, 0
    for tag in _TAG.finditer(html):
        text = html[at : tag.start()]
        parts += [text if literal else swap.swap(text), tag[0]]
        at = tag.end()
        if tag[2] in _LITERAL:
            literal = max(0, literal - 1) if tag[1] else literal + 1
    parts.append(swap.swap(html[at:]))
    return "".join(parts)


class _Swap:
    """Counts what it put in, over all parts of a text."""

    def __init__(self, keys: Mapping[str, str], picture: Picture) -> None:
        self._keys, self._picture, self._left = keys, picture, MOST_PICTURES

    def swap(self, text: str) -> str:
        """Escaped text with pictures. A name begins at the start or after what is no letter and no digit of ASCII, so
        that 12:30:45 stays a time where `30` is an emoji's name."""
        if ":" not in text:
            return text
        pieces = text.split(":")
        last = len(pieces) - 1
        parts, before, number = [pieces[0]], pieces[0][-1:], 1
        while number <= last:
            name = pieces[number]
            if number < last and self._left and name in self._keys and not (before.isascii() and before.isalnum()):
                self._left -= 1
                after = pieces[number + 1]
                parts += [self._picture(name, self._keys[name]), after]
                before = after[-1:]
                number += 2
            else:
                parts += [":", name]
                before = name[-1:] or ":"
                number += 1
        return "".join(parts)
