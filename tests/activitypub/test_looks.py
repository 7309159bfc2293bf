"""How a post looks elsewhere: each simulator on what the serialiser makes, by the rules read in its consumer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fedblog.activitypub import serialise
from fedblog.activitypub.looks import Look, PageFacts, Remark, looks_of
from fedblog.activitypub.looks.mastodon import MAX_BYTES
from fedblog.blog.model import Visibility
from tests.activitypub.make import AUTHOR, BASE, BLOG, IDS, post, settings

PAGE = PageFacts(
    title="Friendship",
    site="Living",
    description="First words.",
    url=f"{BASE}/@ana/friendship",
    creator="@ana@b.example",
)
RICH = (
    '<h2>One</h2><p>Words <a href="https://x.example/">link</a></p>'
    f'<p><img src="{BASE}/media/a.jpg" alt="A tree"></p><p><img src="{BASE}/media/b.jpg" alt=""></p>'
    "<table><tr><td>a</td><td>b</td></tr></table>"
)


def look(place: str, page: PageFacts = PAGE, **changes: Any) -> Look:
    """A post's look somewhere, through the serialiser."""
    article = serialise.article(post(**changes), author=AUTHOR, blog=BLOG, ids=IDS, settings=settings())
    return {one.place: one for one in looks_of(article, page)}[place]


def remarks(found: Look) -> dict[Remark, int]:
    return dict(found.found)


def test_mastodon_shows_title_link_and_card_and_never_the_text() -> None:
    seen = look("mastodon", content_html=RICH)
    assert (seen.heading, seen.text, seen.html, seen.fold) == ("Friendship & <Ruin>", "", "", "")
    assert seen.link == f"{BASE}/@ana/friendship"
    assert seen.card is not None
    assert (seen.card.title, seen.card.creator) == ("Friendship", "@ana@b.example")
    assert remarks(seen) == {Remark.CARD_WITHOUT_PICTURE: 0}
    cover = replace(PAGE, image=f"{BASE}/media/c.jpg", image_alt="A cup")
    assert remarks(look("mastodon", cover, image_url=cover.image, image_alt="A cup")) == {}


def test_mastodon_pictures_take_the_place_of_the_card() -> None:
    seen = look("mastodon", content_html=RICH, pictures=True)
    assert seen.card is None
    assert [picture.alt for picture in seen.pictures] == ["A tree", ""]
    assert remarks(seen) == {Remark.NO_CARD: 0, Remark.NO_ALT: 1}
    many = "".join(f'<p><img src="{BASE}/media/{number}.jpg" alt="x"></p>' for number in range(7))
    seen = look("mastodon", content_html=many, pictures=True)
    assert (len(seen.pictures), remarks(seen)[Remark.LEFT_OUT]) == (4, 3)


def test_mastodon_shows_a_warning_in_clear_and_blurs_pictures_only() -> None:
    seen = look("mastodon", content_warning="Death", content_html=RICH, pictures=True)
    assert (seen.text, seen.fold, seen.blurred) == ("Death", "", True)
    assert Remark.IN_CLEAR in remarks(seen)
    assert not look("mastodon", summary="A lede").blurred
    assert look("mastodon", summary="A lede").text == "A lede"


def test_mastodon_drops_what_is_too_large() -> None:
    seen = look("mastodon", content_html=f"<p>{'long ' * 220_000}</p>")
    assert not seen.taken
    assert remarks(seen)[Remark.TOO_LARGE] > MAX_BYTES


def test_gotosocial_folds_behind_the_title_or_the_summary() -> None:
    assert look("gotosocial").fold == "Friendship & <Ruin>"
    assert remarks(look("gotosocial")) == {Remark.TITLE_FOLDS: 0}
    seen = look("gotosocial", summary="A lede", content_html=RICH)
    assert seen.fold == "A lede"
    assert remarks(seen) == {Remark.FOLDED: 0, Remark.LEFT_OUT: 2}
    assert "<img" not in seen.html
    warned = look("gotosocial", content_warning="Death")
    assert (warned.fold, warned.blurred, remarks(warned)) == ("Death", True, {})


def test_pleroma_shows_the_text_without_headings() -> None:
    seen = look("pleroma", content_html=RICH)
    assert (seen.fold, seen.heading) == ("", "Friendship & <Ruin>")
    assert "<h2" not in seen.html
    assert "<p>One</p>" in seen.html
    assert remarks(seen) == {Remark.NO_HEADINGS: 0, Remark.NO_ALT: 1}
    assert look("pleroma", summary="A lede").fold == "A lede"


def test_misskey_puts_the_text_between_title_and_link_and_cuts_it() -> None:
    seen = look("misskey", content_html=RICH)
    assert (seen.heading, seen.fold) == ("【Friendship & <Ruin>】", "")
    assert "<img" not in seen.html
    assert remarks(seen) == {Remark.LEFT_OUT: 2}
    long = look("misskey", content_html=f"<p>{'x' * 9_000}</p>", content_warning="Long")
    assert (len(long.text), long.html, long.fold) == (8_192, "", "Long")
    assert remarks(long) == {Remark.TEXT_CUT: 8_192}


def test_lemmy_takes_public_posts_into_the_blogs_community() -> None:
    seen = look("lemmy", title="t" * 250, content_html=RICH, image_url=f"{BASE}/media/c.jpg", image_alt="A cup")
    assert (len(seen.heading), remarks(seen)[Remark.TITLE_CUT]) == (200, 200)
    assert [picture.alt for picture in seen.pictures] == ["A cup"]
    assert "<h2>" in seen.html
    unlisted = look("lemmy", visibility=Visibility.UNLISTED)
    assert (unlisted.taken, remarks(unlisted)) == (False, {Remark.NOT_ANNOUNCED: 0})


def test_feed_and_card() -> None:
    assert look("feed", replace(PAGE, html=RICH)).html == RICH
    warned = look("feed", content_warning="Death")
    assert (warned.text, Remark.IN_CLEAR in remarks(warned)) == ("Death", True)
    seen = look("card", replace(PAGE, title="t" * 80, description="", image="x", image_alt=""))
    assert (len(seen.heading), seen.card is not None) == (60, True)
    assert set(remarks(seen)) == {Remark.TITLE_CUT, Remark.NO_ALT, Remark.CARD_WITHOUT_WORDS}


@pytest.mark.parametrize("federated", [True, False])
def test_what_stays_here_is_seen_in_feeds_and_cards_only(federated: bool) -> None:
    article = serialise.article(post(), author=AUTHOR, blog=BLOG, ids=IDS, settings=settings())
    assert len(looks_of(article, PAGE, federated=federated)) == (7 if federated else 2)
