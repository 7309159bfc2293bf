"""Pictures that nobody described yet: the question before a post goes out, and its answers put into the text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from fedblog.blog.model import Writing
from fedblog.web.studio.forms import Form

MOST: Final = 10
_LONGEST: Final = 1_500
_BARE = re.compile(r"!\[\s*\](\(\s*<?([^\s)>]+))")
_CODE = re.compile(r"^(```|~~~).*?^\1|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)", re.MULTILINE | re.DOTALL)
_MARKUP = re.compile(r"([\\\[\]])")


def undescribed(writing: Writing) -> list[str]:
    """Where the pictures lie that a Markdown text shows without a description; none for HTML."""
    if writing.source_type == "text/html":
        return []
    found = _BARE.finditer(_CODE.sub("", writing.source))
    return list(dict.fromkeys(match[2] for match in found))[:MOST]


def with_descriptions(writing: Writing, form: Form) -> Writing:
    """The text with what was answered: each `alt` is the description of the `alt_of` of the same place."""
    source = writing.source
    for url, words in zip(form.texts("alt_of"), form.texts("alt", limit=10_000), strict=False):
        alt = _MARKUP.sub(r"\\\1", " ".join(words.split())[:_LONGEST])
        if alt and url:
            source = _fill(source, url, alt)
    return replace(writing, source=source)


def _fill(source: str, url: str, alt: str) -> str:
    """What stands in code is an example, and stays."""
    parts, at = list[str](), 0
    for code in _CODE.finditer(source):
        parts += [_fill_text(source[at : code.start()], url, alt), code[0]]
        at = code.end()
    return "".join([*parts, _fill_text(source[at:], url, alt)])


def _fill_text(text: str, url: str, alt: str) -> str:
    return _BARE.sub(lambda match: f"![{alt}]{match[1]}" if match[2] == url else match[0], text)
