"""What a simulator finds, and what several of them need."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from fedblog.activitypub.pictures import Picture, pictures_in
from fedblog.activitypub.vocab import Json
from fedblog.text.markup import Kind, tokenise


class Remark(StrEnum):
    """Something an author may want to change; a number goes with some."""

    NO_ALT = "no_alt"  # pictures without a description
    NO_CARD = "no_card"  # pictures take the place of the link card
    LEFT_OUT = "left_out"  # pictures of the text that are not shown there
    IN_CLEAR = "in_clear"  # the content warning stands above the title, and folds nothing
    FOLDED = "folded"  # the summary becomes a warning that hides the text
    TITLE_FOLDS = "title_folds"  # the title becomes it
    TOO_LARGE = "too_large"  # bytes; the whole post is dropped
    TITLE_CUT = "title_cut"  # characters that fit
    TEXT_CUT = "text_cut"  # characters that fit
    NO_HEADINGS = "no_headings"
    NOT_ANNOUNCED = "not_announced"  # the blog announces public posts only
    CARD_WITHOUT_PICTURE = "card_without_picture"
    CARD_WITHOUT_WORDS = "card_without_words"


class Found(NamedTuple):
    """A remark and its number, 0 where it has none."""

    remark: Remark
    number: int = 0


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What a post's page says about itself in its head (OpenGraph, `fediverse:creator`); `html` is the text that
    feeds carry."""

    title: str
    site: str
    description: str
    url: str
    image: str = ""
    image_alt: str = ""
    creator: str = ""  # @name@host
    html: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """A link card as it is drawn."""

    title: str
    description: str
    site: str
    url: str
    image: str = ""
    image_alt: str = ""
    creator: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One consumer's view. `fold`: the words that everything below is hidden behind, "" for none. `html` is clean:
    it is the Article's own content, or less. `taken` False: the consumer doesn't keep the post at all."""

    place: str
    fold: str = ""
    heading: str = ""
    text: str = ""
    html: str = ""
    link: str = ""
    pictures: tuple[Picture, ...] = ()
    blurred: bool = False
    card: Card | None = None
    taken: bool = True
    found: tuple[Found, ...] = ()


def card_of(page: PageFacts) -> Card:
    """The card that a page's head makes."""
    return Card(page.title, page.description, page.site, page.url, page.image, page.image_alt, page.creator)


def word(article: Json, key: str) -> str:
    """A text property, "" where it is missing."""
    value = article.get(key)
    return value if isinstance(value, str) else ""


def attached(article: Json) -> tuple[Picture, ...]:
    """The pictures that go along as attachments."""
    items = article.get("attachment") or []
    return tuple(Picture(word(item, "url"), word(item, "name")) for item in items if isinstance(item, dict))


def cover(article: Json) -> tuple[Picture, ...]:
    """The cover (`image`), if there is one."""
    image = article.get("image")
    return (Picture(word(image, "url"), word(image, "name")),) if isinstance(image, dict) else ()


def is_sensitive(article: Json) -> bool:
    """Whether the summary is a content warning."""
    return article.get("sensitive") is True


def picture_remarks(pictures: tuple[Picture, ...]) -> list[Found]:
    """About pictures that are shown."""
    missing = sum(not picture.alt.strip() for picture in pictures)
    return [Found(Remark.NO_ALT, missing)] if missing else []


def left_out(article: Json) -> list[Found]:
    """About pictures of the text, where only attachments are shown."""
    sent = {picture.url for picture in attached(article)}
    lost = sum(picture.url not in sent for picture in pictures_in(word(article, "content")))
    return [Found(Remark.LEFT_OUT, lost)] if lost else []


def flattened(html: str, *, drop: frozenset[str]) -> str:
    """Clean HTML without the tags in `drop`; what they held stays, blocks as paragraphs."""
    out: list[str] = []
    copied = 0
    for token in tokenise(html):
        if token.kind is Kind.TEXT or token.name not in drop:
            continue
        out += [html[copied : token.start], _instead(token.name, is_start=token.kind is Kind.START)]
        copied = token.end
    return "".join(out) + html[copied:]


HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
IMAGES = frozenset({"img", "figure", "figcaption"})
_BLOCKS = HEADINGS | {"figcaption"}


def _instead(name: str, *, is_start: bool) -> str:
    if name in _BLOCKS:
        return "<p>" if is_start else "</p>"
    return ""


def count_tags(html: str, names: frozenset[str]) -> int:
    """How many elements of these names begin in it."""
    return sum(token.kind is Kind.START and token.name in names for token in tokenise(html))
