"""The two sanitisers: one for our authors, one for strangers; and what is made for other servers.

Strangers' HTML is read by our tokeniser, built anew from an allow-list (`builder`), and nh3 has the last word over
the result; what most replies look like (`usual`) is known by its look to come out of that as it went in. Authors' HTML
goes through nh3, is made absolute and linked (`author`), and through nh3 again. Sources: SECURITY rows 92–98, FEP-b2b8
(the subset for articles), INB-34.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import nh3

from fedblog.text.author import ID_PREFIX, LINK_SCHEMES, rewrite
from fedblog.text.builder import Builder, Policy
from fedblog.text.links import safe_link
from fedblog.text.markup import Token, names, start_tag, strip_bad_characters, tokenise
from fedblog.text.mentions import fold_leading_mentions
from fedblog.text.plain import clean_name, plain_text
from fedblog.text.usual import clean_usual

__all__ = [
    "REMOTE_LIMIT",
    "Cleaned",
    "clean_author",
    "clean_name",
    "clean_remote",
    "clean_remote_reporting",
    "federated_html",
    "fold_leading_mentions",
    "plain_text",
]

REMOTE_LIMIT = 100_000  # bytes of clean HTML (INB-34)
_RAW_LIMIT = 300_000  # characters looked at: three times what can be shown
_REMOTE_REL = "nofollow noopener ugc"
_WEB = frozenset({"http", "https"})
_EMOJI_NAME = re.compile(r"^:[\w.-]+:$")
_SMALL_NUMBER = re.compile(r"^-?\d{1,6}$")

_FEDIVERSE_CLASSES = frozenset({"mention", "hashtag", "h-card", "u-url", "invisible", "ellipsis", "quote-inline"})
_REMOTE_INLINES = names("span a del s em strong code b i u sub sup ruby rt rp")
_REMOTE_BLOCKS = names("p pre ul ol blockquote")
_BORDERS = names(
    "div section article header footer main aside address figure figcaption caption tr dl dt dd details summary "
    "center form fieldset"
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Cleaned(NamedTuple):
    """Clean HTML, and whether the original was longer than what is shown (then a link to it belongs below)."""

    html: str
    was_cut: bool


# -- strangers ------------------------------------------------------------------------------------------------------


def _remote_attributes(tag: str, given: Mapping[str, str]) -> dict[str, str] | None:
    kept: dict[str, str] = {}
    classes = _classes(given) if tag in {"a", "span", "p"} else []
    if tag != "span":
        classes = [name for name in classes if name not in {"invisible", "ellipsis"}]
    if classes:
        kept["class"] = " ".join(classes)
    if tag == "a":
        href = safe_link(given.get("href", ""))
        if href is None:
            return None
        kept |= {"href": href, "rel": _REMOTE_REL}
    if tag == "ol" and _SMALL_NUMBER.match(given.get("start", "")):
        kept["start"] = given["start"]
    return kept


def _classes(given: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(name for name in given.get("class", "").split() if name in _FEDIVERSE_CLASSES))


def _remote_image(given: Mapping[str, str], inside_link: bool) -> tuple[str, str]:
    """A stranger's picture is never loaded: it becomes a link with its alternative text."""
    alt = " ".join((given.get("alt") or given.get("title") or "").split())
    if "emoji" in given.get("class", "").split() or _EMOJI_NAME.match(alt):
        return "", alt
    url = safe_link(given.get("src", ""), _WEB)
    if url is None:
        return "", alt
    text = alt or urlsplit(url).path.rpartition("/")[2] or "🖼"
    return ("" if inside_link else url), text


_REMOTE_POLICY = Policy(
    inlines=_REMOTE_INLINES,
    blocks=_REMOTE_BLOCKS,
    renames=dict.fromkeys(_HEADINGS, ("p", "strong")),
    paragraphs=_BORDERS,
    attributes=_remote_attributes,
    image=_remote_image,
    max_bytes=REMOTE_LIMIT,
)
_REMOTE = nh3.Cleaner(
    tags=set(_REMOTE_INLINES | _REMOTE_BLOCKS | {"br", "li"}),
    attributes={"a": {"href", "rel", "class"}, "span": {"class"}, "p": {"class"}, "ol": {"start"}},
    link_rel=None,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
)


def clean_remote(html: str) -> str:
    """A stranger's HTML as it may be shown among ours: at most 100 kB, well formed; clean twice = clean once.

    No picture is loaded, no link is relative or passes on rank, no text is hidden, no link text names another host
    than its own without the real one in front. Anything goes in; nothing is raised.
    """
    return clean_remote_reporting(html).html


def clean_remote_reporting(html: str) -> Cleaned:
    """`clean_remote`, and whether something had to be left out for its length."""
    if not html:
        return Cleaned("", False)
    usual = clean_usual(html, _clean_mention)
    return Cleaned(usual, False) if usual is not None else _clean_whole(html)


def _clean_whole(html: str) -> Cleaned:
    result, was_cut = _clean_remote_once(strip_bad_characters(html[:_RAW_LIMIT]))
    was_cut = was_cut or len(html) > _RAW_LIMIT
    rounds = 0
    while len(result.encode()) > REMOTE_LIMIT - 1000 and rounds < 8:  # near the limit: until nothing moves any more
        again, _ = _clean_remote_once(result)
        if again == result:
            break
        result, rounds = again, rounds + 1
    return Cleaned(result, was_cut)


@lru_cache(1_024)  # a thread names the same few people again and again
def _clean_mention(html: str) -> str:
    return _clean_remote_once(html)[0]


def _clean_remote_once(html: str) -> tuple[str, bool]:
    builder = Builder(_REMOTE_POLICY)
    builder.feed(tokenise(html))
    return _REMOTE.clean(builder.finish()), builder.was_cut


# -- our authors ----------------------------------------------------------------------------------------------------

_AUTHOR_TAGS = names(
    "p br hr wbr span div a abbr b strong i em u s del ins mark small sub sup code kbd samp var bdi bdo q cite time "
    "pre blockquote h1 h2 h3 h4 h5 h6 ul ol li dl dt dd figure figcaption img table thead tbody tfoot tr th td "
    "caption ruby rt rp details summary section aside video audio source"
)
_AUTHOR = nh3.Cleaner(
    tags=set(_AUTHOR_TAGS),
    clean_content_tags=set(names("script style title textarea iframe noscript template svg math object select")),
    attributes={
        "*": {"id", "class", "lang", "dir", "title"},
        "a": {"href", "rel"},
        "img": {"src", "alt", "width", "height", "loading"},
        "ol": {"start", "reversed", "type"},
        "li": {"value"},
        "th": {"colspan", "rowspan", "scope", "style"},
        "td": {"colspan", "rowspan", "style"},
        "blockquote": {"cite"},
        "q": {"cite"},
        "time": {"datetime"},
        "details": {"open"},
        "video": {"src", "poster", "width", "height", "loop", "muted", "playsinline"},
        "audio": {"src", "loop"},
        "source": {"src", "type"},
    },
    set_tag_attribute_values={
        "video": {"controls": "", "preload": "metadata"},
        "audio": {"controls": "", "preload": "none"},
    },
    filter_style_properties={"text-align"},
    link_rel=None,
    url_schemes=set(LINK_SCHEMES),
    id_prefix=ID_PREFIX,
)


def author_wash(html: str) -> str:
    """nh3 alone, with the authors' allow-list: well-formed input for `author.rewrite`, and the last word after it."""
    return _AUTHOR.clean(html)


def clean_author(html: str, *, base_url: str) -> str:
    """Our authors' HTML as it is shown on our pages: a rich subset, absolute URLs (against `base_url`, the page's
    own URL), ids behind `post-`, headings from h2, known classes only, `rel=me` kept. Nothing is raised."""
    washed, _ = rewrite(author_wash(strip_bad_characters(html)), base_url=base_url)
    return author_wash(washed)


# -- other servers --------------------------------------------------------------------------------------------------

_FEDERATED_INLINES = _REMOTE_INLINES | {"video", "audio"}
_FEDERATED_BLOCKS = _REMOTE_BLOCKS | set(_HEADINGS[1:])
_FEDERATED_REL = frozenset({"me", "tag", "nofollow", "ugc", "sponsored", "license", "author"})


def _federated_attributes(tag: str, given: Mapping[str, str]) -> dict[str, str] | None:
    kept = _remote_attributes(tag, given)
    if kept is None:
        return None
    if tag == "span" and not kept:
        return None  # highlighting: the text is enough
    if tag == "a":
        rel = " ".join(word for word in given.get("rel", "").split() if word in _FEDERATED_REL)
        kept.pop("rel")
        kept |= {"rel": rel} if rel else {}
    if tag in {"video", "audio", "source"}:
        url = safe_link(given.get("src", ""), _WEB)
        if url is None and tag == "source":
            return None
        kept |= ({"src": url} if url else {}) | ({} if tag == "source" else {"controls": ""})
    return kept


def _federated_image(given: Mapping[str, str], inside_link: bool) -> tuple[str, str]:
    url, alt = safe_link(given.get("src", ""), _WEB), given.get("alt", "")
    if url is None:
        return "", alt
    sizes = {name: given[name] for name in ("width", "height") if _SMALL_NUMBER.match(given.get(name, ""))}
    title = {"title": given["title"]} if given.get("title") else {}
    return start_tag("img", {"src": url, "alt": alt, **title, **sizes}), ""


def _only_ours(token: Token) -> bool:
    """Parts that make sense on our page alone: the way back from a footnote."""
    return token.name == "a" and "footnote-backref" in token.attributes.get("class", "").split()


_FEDERATED_POLICY = Policy(
    inlines=_FEDERATED_INLINES,
    blocks=_FEDERATED_BLOCKS,
    renames={"h1": ("h2",), "dt": ("p", "strong"), "summary": ("p", "strong"), "figcaption": ("p", "em")},
    paragraphs=_BORDERS - {"dt", "summary", "figcaption"},
    attributes=_federated_attributes,
    image=_federated_image,
    solid=frozenset({"video", "audio"}),
    voids=frozenset({"source"}),
    skips=_only_ours,
    judges_links=False,
)
_FEDERATED = nh3.Cleaner(
    tags=set(_FEDERATED_INLINES | _FEDERATED_BLOCKS | {"br", "li", "img", "source"}),
    attributes={
        "a": {"href", "rel", "class"},
        "span": {"class"},
        "p": {"class"},
        "ol": {"start"},
        "img": {"src", "alt", "title", "width", "height"},
        "video": {"src", "controls"},
        "audio": {"src", "controls"},
        "source": {"src", "type"},
    },
    link_rel=None,
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
)


def federated_html(html: str) -> str:
    """The `content` of an Article from our own clean HTML (`clean_author`, `render_markdown`): the FEP-b2b8 subset.

    Ids, styles and all classes but the fediverse's go (ART-04); table rows become lines "a | b", captions and terms
    paragraphs, so that their text survives where a peer keeps no more than paragraphs (ART-05).
    """
    builder = Builder(_FEDERATED_POLICY)
    builder.feed(tokenise(html))
    return _FEDERATED.clean(builder.finish())
