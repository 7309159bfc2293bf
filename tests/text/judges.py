"""Two independent readers of HTML that look for anything executable, and small models of what peers keep."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import html5lib

from fedblog.text.markup import names

BAD_TAGS = names(
    "script style iframe form input button textarea object embed svg math link meta base template frame frameset "
    "noscript title select applet marquee xmp plaintext body head"
)
GOOD_SCHEMES = ("http://", "https://", "mailto:")
_URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "data", "poster", "background", "xlink:href", "cite"}
)


def complaints(html: str, schemes: tuple[str, ...] = GOOD_SCHEMES, also_bad: frozenset[str] = frozenset()) -> list[str]:
    """What either parser finds in `html` that must not be there."""
    return [*_by_html5lib(html, schemes, BAD_TAGS | also_bad), *_by_html_parser(html, schemes, BAD_TAGS | also_bad)]


def _check(tag: str, attributes: dict[str, str], schemes: tuple[str, ...], bad: frozenset[str]) -> list[str]:
    found = [f"<{tag}>"] if tag in bad else []
    for name, value in attributes.items():
        if name.startswith("on") or name in {"style", "srcdoc", "name", "formaction"}:
            found.append(f"{tag} {name}")
        if name in _URL_ATTRIBUTES and not value.lower().startswith(schemes):
            found.append(f"{tag} {name}={value!r}")
    return found


def _by_html5lib(html: str, schemes: tuple[str, ...], bad: frozenset[str]) -> list[str]:
    found: list[str] = []
    tree: Any = html5lib.parseFragment(html, container="div", namespaceHTMLElements=False)
    for element in tree.iter():
        if element is tree:
            continue
        if not isinstance(element.tag, str):
            found.append("a comment")
        else:
            found += _check(element.tag.lower(), {str(k).lower(): v for k, v in element.attrib.items()}, schemes, bad)
    return found


class _Reader(HTMLParser):
    def __init__(self, schemes: tuple[str, ...], bad: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.schemes, self.bad, self.found = schemes, bad, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += _check(tag, {name: value or "" for name, value in attrs}, self.schemes, self.bad)

    def handle_comment(self, data: str) -> None:
        self.found.append("a comment")

    def handle_decl(self, decl: str) -> None:
        self.found.append("a declaration")


def _by_html_parser(html: str, schemes: tuple[str, ...], bad: frozenset[str]) -> list[str]:
    reader = _Reader(schemes, bad)
    reader.feed(html)
    reader.close()
    return reader.found


# What peers keep of an Article (PROTOCOL ART-05). Everything else is replaced by its content.
_MASTODON = "p br span a abbr del s pre blockquote code b strong u sub sup i em h1 h2 h3 h4 h5 ul ol li ruby rt rp"
_PLEROMA = "p br span a abbr b blockquote code del em i li ol pre strong sub sup u ul img"
_GOTOSOCIAL = "p br span a abbr b blockquote code del em h1 h2 h3 h4 h5 h6 i li ol pre s strong sub sup u ul hr small"
PEERS = {
    name: frozenset(tags.split())
    for name, tags in {"mastodon": _MASTODON, "pleroma": _PLEROMA, "gotosocial": _GOTOSOCIAL}.items()
}


class _Peer(HTMLParser):
    def __init__(self, kept: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self.kept, self.parts = kept, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in self.kept and tag in {"p", "br", "li", "pre", "blockquote"}:
            self.parts.append("\n")
        if tag == "img":
            self.parts.append(values.get("alt", ""))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def as_peer_shows(html: str, peer: str) -> str:
    """The text that is left when only the peer's tags are kept (pictures as their alternative text)."""
    reader = _Peer(PEERS[peer])
    reader.feed(html)
    reader.close()
    return "".join(reader.parts)
