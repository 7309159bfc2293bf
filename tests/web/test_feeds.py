"""Feeds, sitemap and robots: well-formed whatever is in them, complete, and cheap to ask again."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import feedparser
import pytest

from fedblog.web.feeds import Entry, Feed, clean
from tests.live import Live
from tests.samples import make_author, make_person, make_post, make_reply

ATOM = "{http://www.w3.org/2005/Atom}"
NASTY = "Bell\x07 & <b>bold</b> \x0b ]]> “quotes” \ufffe end"


@pytest.mark.parametrize("style", ["atom", "rss", "json"])
@pytest.mark.parametrize("place", ["", "/@ana", "/@blog", "/tag/tea"])
async def test_every_feed_holds_the_full_text(live: Live, style: str, place: str) -> None:
    account = await make_author(live.services)
    source = "One. " * 200 + "\n\nLast words."
    post = await make_post(live.services, account.actor_id, "Tea & toast", source=source, tags=("Tea",))
    answer = await live.get(f"{place}/feed.{style}")
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    url = f"{live.base_url}/@ana/{post.slug}"
    if style == "json":
        item = json.loads(answer.body)["items"][0]
        assert (item["id"], item["url"], item["title"]) == (post.uri, url, "Tea & toast")
        assert "Last words." in item["content_html"]
        return
    parsed = feedparser.parse(answer.body)
    assert not parsed.bozo
    entry = parsed.entries[0]
    assert (entry.id, entry.link, entry.title) == (post.uri, url, "Tea & toast")
    assert "Last words." in entry.content[0].value
    assert [tag.term for tag in entry.tags] == ["Tea"]
    assert entry.author == "Ana Lima"


@pytest.mark.proves("SEC-061", "SEC-095")
async def test_feeds_stay_well_formed_with_anything_in_them(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "Title <&> ]]>", summary="a\x07b <i>", source="x < y & z")
    bo = await make_person(live.services, "B\x0bo <>&\"'")
    await make_reply(live.services, bo, "<p>it&#39;s \x0c fine &amp; well</p>", post=post, content_warning="<&>")
    for path in ("/feed.atom", "/feed.rss", f"/@ana/{post.slug}/comments.atom", "/sitemap.xml"):
        ElementTree.fromstring((await live.get(path)).body)
    comments = feedparser.parse((await live.get(f"/@ana/{post.slug}/comments.atom")).body)
    assert not comments.bozo
    assert len(comments.entries) == 1
    assert comments.entries[0].link.startswith(f"{live.base_url}/@ana/{post.slug}?reply=")


@pytest.mark.proves("SEC-061")
def test_characters_without_a_place_in_xml_are_dropped() -> None:
    entry = Entry("i", "u", NASTY, NASTY, NASTY, "en", NASTY, "u", 0, 0)
    cleaned = clean(Feed("i", NASTY, NASTY, "u", "s", "en", 0, (entry,)))
    assert cleaned.entries[0].title == "Bell & <b>bold</b>  ]]> “quotes”  end"
    assert "\x07" not in cleaned.title


async def test_an_empty_blog_has_valid_feeds(live: Live) -> None:
    assert feedparser.parse((await live.get("/feed.atom")).body).entries == []
    assert json.loads((await live.get("/feed.json")).body)["items"] == []
    ElementTree.fromstring((await live.get("/feed.rss")).body)


async def test_comment_counts_and_a_change_of_a_post_reach_the_feed(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    before = await live.get("/feed.atom")
    bo = await make_person(live.services)
    await make_reply(live.services, bo, "<p>Hi</p>", post=post)
    after = await live.get("/feed.atom")
    assert after.headers["ETag"] != before.headers["ETag"]
    total = ElementTree.fromstring(after.body).find(f"{ATOM}entry/{{http://purl.org/syndication/thread/1.0}}total")
    assert total is not None
    assert total.text == "1"


async def test_sitemap_and_robots(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, tags=("Tea",))
    tree = ElementTree.fromstring((await live.get("/sitemap.xml")).body)
    places = {element.text for element in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")}
    base = live.base_url
    assert places == {f"{base}/", f"{base}/archive", f"{base}/@ana", f"{base}/tag/Tea", f"{base}/@ana/{post.slug}"}
    robots = await live.get("/robots.txt")
    assert f"Sitemap: {base}/sitemap.xml" in robots.text
    assert "Disallow: /studio" in robots.text


@pytest.mark.parametrize("path", ["/feed.xml", "/@nobody/feed.atom", "/tag/none/feed.rss", "/@ana/none/comments.atom"])
async def test_feeds_of_nothing_are_not_found(live: Live, path: str) -> None:
    await make_author(live.services)
    assert (await live.get(path)).status == 404
