"""Our own authors' HTML, after nh3 made it well formed: links absolute, ids prefixed, headings from h2, tags linked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pygments.token import STANDARD_TYPES

from fedblog.text.links import absolute_link
from fedblog.text.markup import VOID, Kind, escape_text, start_tag, tokenise

ID_PREFIX = "post-"
LINK_SCHEMES = frozenset({"http", "https", "mailto", "tel", "xmpp"})
MEDIA_SCHEMES = frozenset({"http", "https"})
# Markdown's "\\#" and "\\@" travel as these private characters, which are taken out of the source: an escaped sign
# makes no tag.
ESCAPED_SIGNS = {"#": "\U000f5e23", "@": "\U000f5e40"}

MAX_TAG_LENGTH = 100
_RELATIONS = frozenset(
    {"me", "tag", "nofollow", "ugc", "sponsored", "noopener", "noreferrer", "author", "license", "external", "mention"}
)
_FEDIVERSE = frozenset({"mention", "hashtag", "invisible", "ellipsis", "quote-inline"})
_FOOTNOTES = frozenset({"footnotes", "footnotes-list", "footnotes-sep", "footnote-item", "footnote-ref"})
_OTHERS = frozenset({"footnote-backref", "highlight", "align-left", "align-center", "align-right"})
_HIGHLIGHTING = frozenset(name for name in STANDARD_TYPES.values() if name)
_CLASSES = _FEDIVERSE | _FOOTNOTES | _OTHERS
_OPEN_CLASS = re.compile(r"^(?:language-[A-Za-z0-9_+#.-]{1,30}|(?:h|p|u|dt|e)-[a-z-]{1,30})$")
_ALIGN = re.compile(r"text-align:\s*(left|center|right)")
_ID = re.compile(r"^[\w.:-]{1,200}$")
_NO_TAGS_INSIDE = frozenset({"a", "code", "pre", "kbd", "samp", "var"})
_SIGN = re.compile(
    r"(?<![\w/&=.@#＃])(?:[#＃](?P<tag>[^\s#＃]+)"
    r"|@(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)@(?P<host>[^\W_](?:[\w.-]*[^\W_])?(?::\d{1,5})?))"
)


@dataclass(frozen=True, slots=True)
class MentionLink:
    """A known actor: `href` its profile page or id, `name` what is shown behind the @, `acct` name@host."""

    href: str
    name: str
    acct: str


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in a text: absolute URL, alternative text ("" where the author gave none), title."""

    url: str
    alt: str
    title: str


@dataclass(slots=True)
class Found:
    """What was met while rewriting, in the order of the text, doubles left out."""

    tags: dict[str, str] = field(default_factory=dict)  # folded -> as written
    mentions: dict[str, str] = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Linker:
    """How hashtags and mentions in the text become links."""

    tag_url: Callable[[str], str]
    mention_urls: Mapping[str, MentionLink]


def rewrite(html: str, *, base_url: str, linker: Linker | None = None) -> tuple[str, Found]:
    """`html` (well formed, from nh3) made absolute and linked; without `linker` the text stays as it is."""
    found, out, stack = Found(), [], list[tuple[str, str]]()
    lowered = 1 if re.search(r"<h1[\s>]", html) else 0
    for token in tokenise(html):
        if token.kind is Kind.TEXT:
            free = linker is not None and not any(name in _NO_TAGS_INSIDE for name, _ in stack)
            out.append(_link_text(token.text, linker, found) if linker and free else escape_text(token.text))
        elif token.kind is Kind.START:
            shown = _heading(token.name, lowered)
            attributes = _attributes(token.name, token.attributes, base_url)
            if shown == "img":
                out.append(_image(attributes, found))
                continue
            out.append(start_tag(shown, attributes))
            if token.name not in VOID:
                stack.append((token.name, shown))
        elif stack and stack[-1][0] == token.name:
            out.append(f"</{stack.pop()[1]}>")
    text = "".join(out)
    for sign, stand_in in ESCAPED_SIGNS.items():
        text = text.replace(stand_in, sign)
    return text, found


def _heading(name: str, lowered: int) -> str:
    """The page's title is the only h1, so a text that uses h1 moves down as a whole."""
    if lowered and len(name) == 2 and name[0] == "h" and name[1] in "123456":
        return f"h{min(int(name[1]) + lowered, 6)}"
    return name


def _image(attributes: dict[str, str], found: Found) -> str:
    if "src" not in attributes:
        return escape_text(attributes.get("alt", ""))
    attributes.setdefault("alt", "")
    attributes["loading"] = "lazy"
    found.images.append(Image(attributes["src"], attributes["alt"], attributes.get("title", "")))
    return start_tag("img", attributes)


def _attributes(tag: str, given: Mapping[str, str], base_url: str) -> dict[str, str]:
    kept: dict[str, str] = {}
    for name, value in given.items():
        result = _attribute(tag, name, value, base_url)
        if result is not None:
            kept[name] = result
    aligned = _ALIGN.search(given.get("style", ""))
    if aligned:
        kept["class"] = f"{kept.get('class', '')} align-{aligned[1]}".strip()
    return kept


def _attribute(tag: str, name: str, value: str, base_url: str) -> str | None:
    if name == "style":
        return None
    if name == "href":
        fragment = value.strip()
        if fragment.startswith("#"):
            value = f"#{_prefixed(fragment[1:])}" if len(fragment) > 1 else base_url
            return f"{base_url.partition('#')[0]}{value}" if value[0] == "#" else value
        return absolute_link(value, base_url, LINK_SCHEMES)
    if name in {"src", "poster", "cite"}:
        return absolute_link(value, base_url, MEDIA_SCHEMES)
    if name == "id":
        return _prefixed(value) if _ID.match(value) else None
    if name == "class":
        return " ".join(word for word in value.split() if _class_stays(tag, word)) or None
    if name == "rel":
        return " ".join(word for word in value.lower().split() if word in _RELATIONS) or None
    return value


def _prefixed(value: str) -> str:
    return value if value.startswith(ID_PREFIX) else ID_PREFIX + value


def _class_stays(tag: str, word: str) -> bool:
    return word in _CLASSES or bool(_OPEN_CLASS.match(word)) or (tag == "span" and word in _HIGHLIGHTING)


# -- hashtags and mentions ------------------------------------------------------------------------------------------


def _link_text(text: str, linker: Linker, found: Found) -> str:
    out, position = [], 0
    while sign := _SIGN.search(text, position):
        out.append(escape_text(text[position : sign.start()]))
        if sign["tag"] is not None:
            markup, position = _hashtag(text, sign, linker, found)
        else:
            markup, position = _mention(sign, linker, found), sign.end()
        out.append(markup)
    out.append(escape_text(text[position:]))
    return "".join(out)


def _hashtag(text: str, sign: re.Match[str], linker: Linker, found: Found) -> tuple[str, int]:
    tag = read_tag(sign["tag"])
    end = sign.start() + 1 + len(tag)
    if not tag:
        return escape_text(text[sign.start() : end]), end
    found.tags.setdefault(unicodedata.normalize("NFKC", tag).casefold(), tag)
    link = start_tag("a", {"href": linker.tag_url(tag), "class": "mention hashtag", "rel": "tag"})
    return f"{link}#<span>{escape_text(tag)}</span></a>", end


def read_tag(text: str) -> str:
    """The hashtag that `text` (behind the sign) starts with, or "": word characters with their marks, and at least
    one that is no digit; middle dots and joiners only inside. Mastodon's rule."""
    end = 0
    for index, character in enumerate(text[:MAX_TAG_LENGTH]):
        if character.isalnum() or character == "_" or unicodedata.category(character).startswith("M"):
            end = index + 1
        elif character not in "·・\u200c\u200d":
            break
    tag = text[:end]
    return tag if any(not (c.isdecimal() or c == "_") and (c.isalnum()) for c in tag) else ""


def _mention(sign: re.Match[str], linker: Linker, found: Found) -> str:
    handle = f"{sign['name']}@{sign['host']}"
    if "." not in sign["host"] and sign["host"].partition(":")[0] != "localhost":
        return escape_text(sign[0])
    found.mentions.setdefault(handle.lower(), handle)
    known = linker.mention_urls.get(handle) or linker.mention_urls.get(handle.lower())
    if known is None:
        return escape_text(sign[0])
    link = start_tag("a", {"href": known.href, "class": "u-url mention"})
    return f'<span class="h-card">{link}@<span>{escape_text(known.name)}</span></a></span>'
