"""Servers that show the whole text: GoToSocial, Pleroma and Akkoma, Misskey and its kin, Lemmy.

The first three take a `summary` for a content warning that folds everything below it.
"""

from __future__ import annotations

from fedblog.activitypub.context import PUBLIC
from fedblog.activitypub.looks.look import (
    HEADINGS,
    IMAGES,
    Found,
    Look,
    Remark,
    attached,
    count_tags,
    cover,
    flattened,
    is_sensitive,
    left_out,
    picture_remarks,
    word,
)
from fedblog.activitypub.pictures import pictures_in
from fedblog.activitypub.vocab import Json
from fedblog.text.plain import plain_text

MISSKEY_CHARACTERS = 8_192
LEMMY_TITLE = 200


def gotosocial(article: Json) -> Look:
    """`summary`, else `name`, becomes the content warning (internal/typeutils/astointernal.go); its pictures go."""
    pictures = attached(article)
    excerpt = word(article, "summary")
    found = _fold_remarks(article) if excerpt else [Found(Remark.TITLE_FOLDS)]
    return Look(
        "gotosocial",
        fold=excerpt or word(article, "name"),
        html=flattened(word(article, "content"), drop=IMAGES),
        pictures=pictures,
        blurred=is_sensitive(article),
        found=(*found, *picture_remarks(pictures), *left_out(article)),
    )


def pleroma(article: Json) -> Look:
    """The title as a link, the text below it, folded behind a `summary`; headings fall to the default rules of its
    cleaner (`config :pleroma, :markup`), pictures of the text stay."""
    content = word(article, "content")
    found = _fold_remarks(article)
    if count_tags(content, HEADINGS):
        found.append(Found(Remark.NO_HEADINGS))
    pictures = attached(article)
    shown = {picture.url: picture for picture in (*pictures, *pictures_in(content))}
    return Look(
        "pleroma",
        fold=word(article, "summary"),
        heading=word(article, "name"),
        html=flattened(content, drop=HEADINGS),
        link=word(article, "url"),
        pictures=pictures,
        blurred=is_sensitive(article),
        found=(*found, *picture_remarks(tuple(shown.values()))),
    )


def misskey(article: Json) -> Look:
    """`cw` is the summary; the text becomes MFM without pictures, between 【title】 and the link; a long one is cut
    (ApNoteService.ts, NoteEntityService.ts)."""
    content, pictures = word(article, "content"), attached(article)
    html = flattened(content, drop=IMAGES | HEADINGS)
    found = _fold_remarks(article)
    text = plain_text(html)
    if len(text) > MISSKEY_CHARACTERS:
        found.append(Found(Remark.TEXT_CUT, MISSKEY_CHARACTERS))
        text, html = text[:MISSKEY_CHARACTERS], ""
    return Look(
        "misskey",
        fold=word(article, "summary"),
        heading=f"【{word(article, 'name')}】",
        text="" if html else text,
        html=html,
        link=word(article, "url"),
        pictures=pictures,
        blurred=is_sensitive(article),
        found=(*found, *picture_remarks(pictures), *left_out(article)),
    )


def lemmy(article: Json) -> Look:
    """A post of the blog's community: the title is cut at 200 characters, the first attachment is its link, the text is
    shown whole. Only what the blog announces arrives, and that is what is public."""
    if PUBLIC not in (article.get("to") or []):
        return Look("lemmy", taken=False, found=(Found(Remark.NOT_ANNOUNCED),))
    title, content = word(article, "name"), word(article, "content")
    first = attached(article)[:1]
    found = [Found(Remark.TITLE_CUT, LEMMY_TITLE)] if len(title) > LEMMY_TITLE else []
    shown = {picture.url: picture for picture in (*first, *pictures_in(content))}
    return Look(
        "lemmy",
        heading=title[:LEMMY_TITLE],
        html=content,
        link=first[0].url if first else "",
        pictures=first or cover(article),
        blurred=is_sensitive(article),
        found=(*found, *picture_remarks(tuple(shown.values()))),
    )


def _fold_remarks(article: Json) -> list[Found]:
    """A summary that is no warning folds the post all the same."""
    return [Found(Remark.FOLDED)] if word(article, "summary") and not is_sensitive(article) else []
