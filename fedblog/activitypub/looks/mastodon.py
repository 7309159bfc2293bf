"""Mastodon and what shares its reading (glitch-soc): the title, the summary, the link, then pictures or a card.

The text of an Article is never shown there. Its `summary` is no fold, unlike a Note's; `sensitive` blurs media only.
A post with media has no card. Documents over 1 MB are dropped.
(app/lib/activitypub/parser/status_parser.rb, FEDERATION.md)
"""

from __future__ import annotations

from fedblog.activitypub.looks.look import (
    Found,
    Look,
    PageFacts,
    Remark,
    attached,
    card_of,
    is_sensitive,
    left_out,
    picture_remarks,
    word,
)
from fedblog.activitypub.vocab import Json
from fedblog.activitypub.wire import dump

MAX_BYTES = 1_000_000
MAX_PICTURES = 4


def mastodon(article: Json, page: PageFacts) -> Look:
    """The post in a timeline."""
    size = len(dump(article))
    if size > MAX_BYTES:
        return Look("mastodon", taken=False, found=(Found(Remark.TOO_LARGE, size),))
    pictures = attached(article)[:MAX_PICTURES]
    warned = is_sensitive(article)
    found: list[Found] = []
    if warned and word(article, "summary"):
        found.append(Found(Remark.IN_CLEAR))
    if pictures:
        found += [Found(Remark.NO_CARD), *picture_remarks(pictures), *left_out(article)]
    elif not page.image:
        found.append(Found(Remark.CARD_WITHOUT_PICTURE))
    if not pictures and not page.description:
        found.append(Found(Remark.CARD_WITHOUT_WORDS))
    return Look(
        "mastodon",
        heading=word(article, "name"),
        text=word(article, "summary"),
        link=word(article, "url"),
        pictures=pictures,
        blurred=warned and bool(pictures),
        card=None if pictures else card_of(page),
        found=tuple(found),
    )
