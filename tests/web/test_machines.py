"""What machines read: microformats, JSON-LD, OpenGraph, feeds, sitemaps, robots; valid HTML on every page."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import feedparser
import mf2py
import pytest

from fedblog.blog.model import Post, PostKind, ReactionKind, Visibility
from fedblog.storage import accounts
from fedblog.web.crawlers import AI_CRAWLERS
from fedblog.web.public import sitemap
from tests.live import Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply, react
from tests.web.test_pages import parse

ATOM = "{http://www.w3.org/2005/Atom}"
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
SOURCE = (
    """Some *words*[^1] first. More of them, and </script><script>alert(1)</script>.

## One

$x^2$ and `code`

```python
x = 1
```

## Two

| a | b |
|---|---|
| 1 | 2 |

## Three

"""
    + "A sentence that makes it long enough. " * 60
    + "\n\n[^1]: Below.\n"
)


async def filled(live: Live) -> Post:
    """An author, posts with everything in them, a page, replies of four kinds."""
    known = await live.services.db.read(accounts.all)
    account = known[0] if known else await make_author(live.services)
    await live.services.publisher.update_profile(
        account.actor_id, name="Ana Lima", summary_source="Writes.", fields=(("Site", "https://ana.example"),)
    )
    await make_post(live.services, account.actor_id, "Before", series="Mornings", tags=("Tea",))
    post = await make_post(
        live.services, account.actor_id, "First “light” & <more>", source=SOURCE, tags=("Tea",), series="Mornings"
    )
    await make_post(live.services, account.actor_id, "After", content_warning="spiders")
    await make_post(live.services, account.actor_id, "About", kind=PostKind.PAGE, federated=False)
    bo = await make_person(live.services, indexable=True)
    shy = await make_person(live.services, "Shy Fox")
    first = await make_reply(live.services, bo, "<p>Hello &lt;there&gt; &lt;/script></p>", post=post, number=1)
    await make_reply(live.services, shy, "<p>Quietly</p>", parent=first, number=2)
    await make_reply(live.services, bo, "<p>Softly</p>", post=post, visibility=Visibility.UNLISTED, number=3)
    await make_reply(live.services, bo, "<p>Boo</p>", post=post, content_warning="fright", number=4)
    await react(live.services, bo, post=post, kind=ReactionKind.LIKE)
    await live.services.indexer.catch_up()
    return post


async def test_every_page_is_valid_html_and_asks_nobody_else(live: Live) -> None:
    post = await filled(live)
    paths = [
        "/", "/@ana", "/@blog", "/tag/tea", "/archive", "/series/mornings", "/search", "/search?q=words",
        "/search?q=zz", "/follow", f"/@ana/{post.slug}", "/@ana/about", "/@ana/after", "/nothing/here", "/login",
        "/interact?kind=like&uri=" + post.uri,
    ]  # fmt: skip
    for path in paths:
        page = await live.get(path)
        tree = parse(page.text)
        assert tree.find("body//h1") is not None, path
        ids = [element.attrib["id"] for element in tree.iter() if "id" in element.attrib]
        assert len(ids) == len(set(ids)), path
        for element in tree.iter():
            assert "style" not in element.attrib, path
            if element.tag in ("img", "script", "iframe", "source", "video"):
                assert not element.attrib.get("src", "/").startswith(("http", "//")), path


async def test_microformats_of_a_post(live: Live) -> None:
    post = await filled(live)
    url = f"{live.base_url}/@ana/{post.slug}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        items = mf2py.parse(doc=(await live.get(url)).text, url=url)["items"]
    entry = next(item for item in items if item["type"] == ["h-entry"])["properties"]
    assert entry["name"] == [post.title]
    assert entry["url"] == entry["uid"] == [url]
    assert RFC3339.fullmatch(entry["published"][0])
    assert entry["category"] == ["#Tea"]
    assert entry["author"][0]["type"] == ["h-card"]
    assert entry["author"][0]["properties"]["url"] == [f"{live.base_url}/@ana"]
    assert "makes it long enough" in entry["content"][0]["value"]
    assert "<math" in entry["content"][0]["html"]
    comments = entry["comment"]
    assert [comment["type"] for comment in comments] == [["h-cite"]] * 4
    assert comments[0]["properties"]["author"][0]["properties"]["name"] == ["Bo Berg"]
    assert comments[0]["properties"]["url"] == ["https://social.example/@bo/1"]
    assert RFC3339.fullmatch(comments[0]["properties"]["published"][0])
    assert "Hello <there>" in comments[0]["properties"]["content"][0]


async def test_microformats_of_lists_and_people(live: Live) -> None:
    await filled(live)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = mf2py.parse(doc=(await live.get("/")).text, url=f"{live.base_url}/")["items"]
        profile = mf2py.parse(doc=(await live.get("/@ana")).text, url=f"{live.base_url}/@ana")
    feed = next(item for item in home if item["type"] == ["h-feed"])
    assert feed["properties"]["name"] == ["Living Letters"]
    assert len(feed["children"]) == 3
    for child in feed["children"]:
        assert child["type"] == ["h-entry"]
        assert {"name", "url", "published", "author"} <= set(child["properties"])
        assert child["properties"]["author"][0]["properties"]["name"] == ["Ana Lima"]
    card = next(item for item in profile["items"] if item["type"] == ["h-card"])
    assert card["properties"]["url"] == card["properties"]["uid"] == [f"{live.base_url}/@ana"]
    assert profile["rels"]["me"] == ["https://ana.example"]


async def test_LIFE_07_json_ld_and_opengraph(live: Live) -> None:
    extruct = pytest.importorskip("extruct")
    post = await filled(live)
    url = f"{live.base_url}/@ana/{post.slug}"
    page = (await live.get(url)).text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = extruct.extract(page, base_url=url, syntaxes=["json-ld", "opengraph"])
    (data,) = found["json-ld"]
    assert data["@type"] == ["BlogPosting", "DiscussionForumPosting"]
    assert (data["headline"], data["url"]) == (post.title, url)
    assert data["author"] == {"@type": "Person", "name": "Ana Lima", "url": f"{live.base_url}/@ana"}
    assert data["isPartOf"]["url"] == f"{live.base_url}/series/mornings"
    assert data["commentCount"] == 4
    assert [comment["text"] for comment in data["comment"]] == ["Hello <there> </script>"]
    assert data["comment"][0]["url"].startswith(f"{url}?reply=")
    assert data["comment"][0]["author"]["name"] == "Bo Berg"
    assert data["interactionStatistic"][0]["userInteractionCount"] == 1
    assert page.count("</script>") == page.count("<script")
    graph = dict(found["opengraph"][0]["properties"])
    assert graph["og:type"] == "article"
    assert graph["og:title"] == post.title
    assert graph["og:url"] == url
    assert data["image"] == [graph["og:image"]]
    card = await live.get(graph["og:image"])
    assert (card.status, card.headers["Content-Type"], card.body[:4]) == (200, "image/png", b"\x89PNG")
    assert "immutable" in card.headers["Cache-Control"]
    stale = f"{graph['og:image'].rpartition('/')[0]}/{'0' * 20}.png"
    assert (await live.get(stale)).headers["Location"] == graph["og:image"]
    await live.services.publisher.unpublish(post.id)
    assert (await live.get(graph["og:image"])).status == 404
    home = extruct.extract((await live.get("/")).text, base_url=live.base_url, syntaxes=["json-ld"])["json-ld"]
    assert home[0]["@type"] == "Blog"
    assert home[0]["potentialAction"]["target"].endswith("/search?q={query}")


@pytest.mark.parametrize("place", ["", "/@ana", "/tag/tea", "/series/mornings", "/@ana/POST/comments", "/comments"])
async def test_feeds_hold_what_their_formats_ask_for(live: Live, place: str) -> None:
    post = await filled(live)
    base = place.replace("POST", post.slug) + ("" if place.endswith("comments") else "/feed")
    atom = await live.get(f"{base}.atom")
    root = ElementTree.fromstring(atom.body)
    ids = [one.text for one in root.iter(f"{ATOM}id")]
    assert len(ids) == len(set(ids)) > 1
    for entry in root.iter(f"{ATOM}entry"):
        for name in ("id", "title", "updated", "published", "author", "content"):
            assert entry.find(f"{ATOM}{name}") is not None, name
    assert all(RFC3339.fullmatch(one.text or "") for one in root.iter(f"{ATOM}updated"))
    assert root.find(f"{ATOM}link[@rel='self']").attrib["href"] == f"{live.base_url}{base}.atom"  # type: ignore[union-attr]
    for style in ("atom", "rss"):
        parsed = feedparser.parse((await live.get(f"{base}.{style}")).body)
        assert not parsed.bozo, parsed.get("bozo_exception")
        assert all(entry.get("published_parsed") for entry in parsed.entries)
        assert [entry.id for entry in parsed.entries] == ids[1:]
    feed = json.loads((await live.get(f"{base}.json")).body)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["id"] for item in feed["items"]] == ids[1:]
    assert all(RFC3339.fullmatch(item["date_published"]) and item["content_html"] for item in feed["items"])
    assert "Softly" not in atom.text


async def test_a_feed_leads_back_to_footnotes_and_comments(live: Live) -> None:
    post = await filled(live)
    url = f"{live.base_url}/@ana/{post.slug}"
    entry = next(one for one in feedparser.parse((await live.get("/feed.rss")).body).entries if one.link == url)
    assert f'href="{url}#post-fn1"' in entry.content[0].value
    assert entry.wfw_commentrss == f"{url}/comments.rss"
    federated = json.loads((await live.get(post.uri, accept="application/activity+json")).body)
    assert f'href="{url}#post-fn1"' in federated["content"]
    for path in ("/@ana/nothing/comments.json", "/comments.xml", "/series/x/feed.json"):
        assert (await live.get(path)).status == 404


async def test_a_post_that_is_not_federated_has_an_id_in_feeds(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id, "Here only", federated=False)
    entry = feedparser.parse((await live.get("/feed.atom")).body).entries[0]
    assert re.fullmatch(rf"tag:127\.0\.0\.1(:\d+)?,\d{{4}}-\d\d-\d\d:post-{post.id}", entry.id)


async def test_a_long_sitemap_is_cut_into_parts(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    account = await make_author(live.services)
    for number in range(5):
        await make_post(live.services, account.actor_id, f"Post {number}")
    monkeypatch.setattr(sitemap, "MOST", 2)
    space = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    index = ElementTree.fromstring((await live.get("/sitemap.xml")).body)
    assert index.tag == f"{space}sitemapindex"
    places = [one.text or "" for one in index.iter(f"{space}loc")]
    assert len(places) == 4
    urls = []
    for place in places:
        part = ElementTree.fromstring((await live.get(place)).body)
        assert part.tag == f"{space}urlset"
        urls += [one.text for one in part.iter(f"{space}loc")]
    posts = [url for url in urls if "/@ana/" in (url or "")]
    assert len(posts) == len(set(posts)) == 5
    assert (await live.get("/sitemap-4.xml")).status == 404


async def test_crawlers_that_train_machines_are_asked_to_stay_away(tmp_path: Path) -> None:
    def rules(text: str, agent: str) -> list[str]:
        """The Disallow lines of the group that names the agent (RFC 9309)."""
        groups: list[tuple[list[str], list[str]]] = [([], [])]
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name == "User-agent":
                if groups[-1][1]:
                    groups.append(([], []))
                groups[-1][0].append(value.strip())
            elif name == "Disallow":
                groups[-1][1].append(value.strip())
        return next(paths for agents, paths in groups if agent in agents or ("*" in agents and agent not in text))

    for block in (False, True):
        async with live_app(tmp_path / str(block), blog={"block_ai_crawlers": block}) as live:
            text = (await live.get("/robots.txt")).text
            for agent in AI_CRAWLERS:
                assert ("/" in rules(text, agent)) is block, agent
            assert "/" not in rules(text, "Googlebot")
            assert "/studio" in rules(text, "Googlebot")
            for path in ("/", "/feed.atom", "/static/x/icon.svg"):
                headers: Any = (await live.get(path)).headers
                assert ("noai" in headers.get("X-Robots-Tag", "")) is block
                assert (headers.get("TDM-Reservation") == "1") is block
