"""An article's stored HTML as a page shows it: its own links, anchors on headings, tables and code that scroll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedblog.text.author import ID_PREFIX
from fedblog.text.markup import Kind, Token, escape_attribute, tokenise
from fedblog.text.plain import plain_text

CONTENTS_FROM = 3  # headings
CONTENTS_WORDS = 300
_LISTED = ("h2", "h3")
# Signs of what `static/rich.css` is for.
_RICH = ("<pre", "<table", "<math", "<figure", "<section", "<sup", "<video")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading that can be linked to, with those below it."""

    id: str
    text: str
    below: tuple[Heading, ...] = ()


@dataclass(frozen=True, slots=True)
class Prose:
    """Article HTML for a page, the headings of its contents list (() for a short text), and whether `rich.css` is
    needed."""

    html: str
    contents: tuple[Heading, ...]
    is_rich: bool


def link_within(html: str, base_url: str, page_url: str) -> str:
    """Links to places in the text itself (footnotes, headings) lead to them on `page_url`; "" for the page at hand.

    They are stored against the site's own address, since a post's may change.
    """
    return html.replace(f'href="{base_url}/#{ID_PREFIX}', f'href="{page_url}#{ID_PREFIX}')


def set_prose(html: str, *, base_url: str, word_count: int, anchor: str, table: str) -> Prose:
    """`html` (clean) for its own page. `anchor` ("Link to “%(heading)s”") names headings' links, `table` what scrolls.

    Everything that isn't added to stays as it is, letter by letter.
    """
    html = link_within(html, base_url, "")
    out: list[str] = []
    copied = quotes = 0
    opened: Token | None = None
    found: list[tuple[str, Heading]] = []
    for token in tokenise(html):
        if token.kind is Kind.TEXT:
            continue
        starts = token.kind is Kind.START
        if token.name == "blockquote":
            quotes += 1 if starts else -1
        elif token.name == "table":
            frame = f'<div class="scrolls" role="region" tabindex="0" aria-label="{escape_attribute(table)}">'
            place = token.start if starts else token.end
            out += [html[copied:place], frame if starts else "</div>"]
            copied = place
        elif token.name == "pre" and starts:
            out += [html[copied : token.end - 1], ' tabindex="0">']
            copied = token.end
        elif token.name in _LISTED and starts and not quotes and "id" in token.attributes:
            opened = token
        elif opened is not None and token.name == opened.name:
            name, text = opened.attributes["id"], " ".join(plain_text(html[opened.end : token.start]).split())
            found.append((token.name, Heading(name, text)))
            label = escape_attribute(anchor % {"heading": text})
            link = f' <a class="anchor" href="#{escape_attribute(name)}" aria-label="{label}">#</a>'
            out += [html[copied : token.start], link]
            copied, opened = token.start, None
    wanted = len(found) >= CONTENTS_FROM and word_count >= CONTENTS_WORDS
    is_rich = any(sign in html for sign in _RICH)
    return Prose("".join(out) + html[copied:], _nest(found) if wanted else (), is_rich)


def _nest(found: Sequence[tuple[str, Heading]]) -> tuple[Heading, ...]:
    """h3 below the h2 before them; those before the first h2 stand beside it."""
    top: list[Heading] = []
    for name, heading in found:
        if name == "h2" or not top or found[0][0] == "h3":
            top.append(heading)
        else:
            above = top.pop()
            top.append(Heading(above.id, above.text, (*above.below, heading)))
    return tuple(top)
