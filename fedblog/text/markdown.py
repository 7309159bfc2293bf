"""What an author wrote (Markdown, or HTML from a file) to the finished article HTML, with all that is found in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from fedblog.errors import InvalidInput
from fedblog.text.author import ESCAPED_SIGNS, Image, Linker, MentionLink, rewrite
from fedblog.text.formulas import FORMULA_END, FORMULA_START
from fedblog.text.markup import strip_bad_characters
from fedblog.text.plain import plain_text
from fedblog.text.sanitise import author_wash

__all__ = ["Image", "MentionLink", "Rendered", "render_html", "render_markdown"]

MAX_SOURCE_BYTES = 1_000_000
_NOBODY: Mapping[str, MentionLink] = MappingProxyType({})
# Scripts written without blanks: two characters are taken as one word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]|[\U00020000-\U0003ffff]"
)
_FORMULA = re.compile(f"{FORMULA_START}(\\d{{1,3}}){FORMULA_END}")
_STAND_INS = re.compile("[" + "".join(ESCAPED_SIGNS.values()) + FORMULA_START + FORMULA_END + "]")
_WORD = re.compile(r"\w+(?:['’.-]\w+)*")


@dataclass(frozen=True, slots=True)
class Rendered:
    """`html` is the whole clean article, all URLs absolute. `tags` are the hashtags as written, without "#", in the
    order of the text, doubles (by case) left out; `mentions` the handles "name@host.example", known or not."""

    html: str
    tags: tuple[str, ...]
    mentions: tuple[str, ...]
    images: tuple[Image, ...]
    word_count: int


def render_markdown(
    source: str, *, base_url: str, tag_url: Callable[[str], str], mention_urls: Mapping[str, MentionLink] = _NOBODY
) -> Rendered:
    """CommonMark with tables, strikethrough, footnotes, $formulas$ and bare http(s) links; raw HTML shows as text.

    `base_url` is the page's own URL, `tag_url(tag)` the page of a hashtag, `mention_urls` the actors known by
    "name@host". Raises `InvalidInput` (reason `source_too_long`) over 1 MB.
    """
    _check_size(source)
    formulas: list[str] = []
    html = _parser()(_STAND_INS.sub("", strip_bad_characters(source)), {"formulas": formulas})
    return _finish(html, base_url, Linker(tag_url, mention_urls), formulas)


def render_html(
    source: str, *, base_url: str, tag_url: Callable[[str], str], mention_urls: Mapping[str, MentionLink] = _NOBODY
) -> Rendered:
    """HTML that an author wrote: cleaned by the authors' allow-list, otherwise as `render_markdown`."""
    _check_size(source)
    return _finish(_STAND_INS.sub("", strip_bad_characters(source)), base_url, Linker(tag_url, mention_urls), ())


def _check_size(source: str) -> None:
    if len(source.encode(errors="surrogatepass")) > MAX_SOURCE_BYTES:
        raise InvalidInput("the text is longer than 1 MB", reason="source_too_long")


def _finish(html: str, base_url: str, linker: Linker, formulas: Sequence[str]) -> Rendered:
    linked, found = rewrite(author_wash(html), base_url=base_url, linker=linker)
    # A stand-in without a formula was typed as a character reference.
    known = dict(enumerate(formulas))
    clean = _FORMULA.sub(lambda found: known.get(int(found[1]), ""), author_wash(linked).strip())
    return Rendered(
        html=clean,
        tags=tuple(found.tags.values()),
        mentions=tuple(found.mentions.values()),
        images=tuple(found.images),
        word_count=count_words(plain_text(clean)),
    )


def count_words(text: str) -> int:
    """Words in plain text; of scripts without blanks (Chinese, Japanese, Thai …) two characters count as one."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_WORD.findall(_UNSPACED.sub(" ", text))) + math.ceil(unspaced / 2)


@cache
def _parser() -> Callable[[str, dict[str, list[str]]], str]:
    """The parser, loaded with the first text: readers need none, and it takes a tenth of the start."""
    from fedblog.text.parser import make_markdown

    render: Callable[[str, dict[str, list[str]]], str] = make_markdown().render
    return render
