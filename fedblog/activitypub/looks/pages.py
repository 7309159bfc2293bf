"""What is no server: a feed reader, and the card or the search result that a link to the page makes."""

from __future__ import annotations

from dataclasses import replace

from fedblog.activitypub.looks.look import Found, Look, PageFacts, Remark, card_of, is_sensitive, picture_remarks, word
from fedblog.activitypub.pictures import pictures_in
from fedblog.activitypub.vocab import Json

SEARCH_TITLE, SEARCH_WORDS = 60, 160


def feed_reader(article: Json, page: PageFacts) -> Look:
    """The whole text under its title; a content warning stands above it and folds nothing."""
    content = page.html
    warning = word(article, "summary") if is_sensitive(article) else ""
    found = [Found(Remark.IN_CLEAR)] if warning else []
    return Look(
        "feed",
        heading=word(article, "name"),
        text=warning,
        html=content,
        link=word(article, "url"),
        found=(*found, *picture_remarks(tuple(pictures_in(content)))),
    )


def search_card(article: Json, page: PageFacts) -> Look:
    """A search result, which cuts title and words, and what chats and other networks draw of a link."""
    found = [Found(Remark.TITLE_CUT, SEARCH_TITLE)] if len(page.title) > SEARCH_TITLE else []
    if not page.image:
        found.append(Found(Remark.CARD_WITHOUT_PICTURE))
    elif not page.image_alt:
        found.append(Found(Remark.NO_ALT, 1))
    if not page.description:
        found.append(Found(Remark.CARD_WITHOUT_WORDS))
    return Look(
        "card",
        heading=_cut(page.title, SEARCH_TITLE),
        text=_cut(page.description, SEARCH_WORDS),
        link=page.url,
        card=replace(card_of(page), creator=""),
        found=tuple(found),
    )


def _cut(text: str, limit: int) -> str:
    """The text, or its first whole words."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 2]
    return (kept.rpartition(" ")[0] or kept).rstrip() + " …"
