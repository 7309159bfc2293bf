"""What was not said to everybody is in no answer to anybody, and what strangers write is inert wherever it shows."""

from __future__ import annotations

import json
import os
import random
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import html5lib
import pytest
from yarl import URL

from fedblog.blog.model import Post
from tests.federation.house import BASE_URL, PUBLIC, House
from tests.text.vectors import VECTORS

AUDIENCES = int(os.environ.get("FEDBLOG_AUDIENCES", "200"))
SEED = 20_261_127
SPELLINGS = (PUBLIC, "as:Public", "Public")
LOOK_ALIKES = (
    "https://www.w3.org/ns/activitystreams#public", "https://www.w3.org/ns/activitystreams#Public ", "as:public",
    "https://www.w3.org/ns/activitystreams", "http://www.w3.org/ns/activitystreams#Public", "PUBLIC",
    "https://www.w3.org/ns/activitystreams#Public/", "https://evil.example/#Public", "", "Public\u200b",
)  # fmt: skip


async def answers(house: House, post: Post) -> dict[str, str]:
    """What everybody may ask for, by path and kind: pages, feeds, documents, search, counts."""
    number, base = post.uri.rpartition("/")[2], f"/@ana/{post.slug}"
    paths = ["/", base, f"{base}?page=2", f"{base}/comments.atom", "/@ana", "/@blog", "/sitemap.xml"]
    paths += [f"{place}/feed.{kind}" for place in ("", "/@ana", "/@blog") for kind in ("atom", "rss", "json")]
    paths += [f"/ap/posts/{number}{rest}" for rest in ("", "/context", "/replies", "/likes", "/shares")]
    paths += [f"/ap/posts/{number}/{rest}?page=1" for rest in ("context", "replies")]
    paths += [f"/ap/actors/ana{rest}" for rest in ("", "/outbox", "/outbox?page=1", "/followers", "/featured")]
    paths += ["/nodeinfo/2.1", "/search?q=marker", "/search?q=secret", f"/interact?uri={post.uri}"]
    return {f"{path} {kind}": await ask(house, path, kind) for path in paths for kind in ("html", "json")}


async def ask(house: House, path: str, kind: str = "html") -> str:
    """One answer: its status, what may be told by it, and its text, without what differs each time."""
    assert house.web is not None
    accept = "text/html" if kind == "html" else "application/activity+json"
    headers = {"Host": "blog.example", "Accept": accept}
    async with house.web.session.get(URL(house.web.url + path, encoded=True), headers=headers) as answer:
        told = {name: answer.headers.get(name) for name in ("Location", "Link", "Content-Type", "Retry-After")}
        return f"{answer.status} {told} {await answer.text()}"


def audience(dice: random.Random, actor: str) -> dict[str, Any]:
    """Somebody's idea of `to` and `cc`: absent, a string, a list, look-alikes, hidden recipients."""

    def some() -> Any:
        choices = [f"{actor}/followers", f"{BASE_URL}/ap/actors/ana", f"{actor}/friend", *LOOK_ALIKES]
        picked: list[Any] = dice.sample(choices, dice.randrange(4))
        if dice.random() < 0.3:
            picked.append(dice.choice(SPELLINGS))
        if dice.random() < 0.1:
            picked.append({"id": dice.choice([PUBLIC, f"{actor}/followers"]), "type": "Collection"})
        dice.shuffle(picked)
        return picked[0] if len(picked) == 1 and dice.random() < 0.5 else picked

    found = {key: some() for key in ("to", "cc") if dice.random() < 0.85}
    found |= {key: [PUBLIC] for key in ("bto", "bcc", "audience") if dice.random() < 0.2}
    return found


def is_public(told: dict[str, Any]) -> bool:
    """The model: one of three spellings in `to` or `cc`, as a string or as an object's id."""
    named: list[Any] = []
    for key in ("to", "cc"):
        value = told.get(key, [])
        named += value if isinstance(value, list) else [value]
    return any((one.get("id") if isinstance(one, dict) else one) in SPELLINGS for one in named)


@pytest.mark.proves("SEC-082", "SEC-083")
async def test_no_random_audience_leaks(web_house: House) -> None:
    """Notes with any audience, in an activity with another one: what shows is what the model says, and while only
    private ones come, no answer changes by one byte. `FEDBLOG_AUDIENCES=10000` does more of them."""
    house, dice = web_house, random.Random(SEED)
    post, bob = await house.publish(), house.person()
    first = house.note(bob, post.uri, "<p>marker the first</p>")
    assert await house.send(house.create(first)) == (202, "reply_published")
    house.clock.now += 100_000  # times on pages are told in days by now
    before = await answers(house, post)
    shown, hidden = ["marker the first"], list[str]()
    parents = [post.uri, first["id"]]
    for number in range(AUDIENCES):
        marker = f"marker{number:05}end"
        note_says, act_says = audience(dice, bob), audience(dice, bob)
        note = {**house.note(bob, dice.choice(parents), f"<p>secret {marker}</p>"), "summary": marker}
        note = {**{key: value for key, value in note.items() if key not in ("to", "cc")}, **note_says}
        activity = {**house.activity("Create", bob, note), **act_says}
        said = [told for told in (note_says, act_says) if any(told.get(key) for key in ("to", "cc"))]
        public = bool(said) and all(is_public(told) for told in said)  # an empty list says nothing
        status, reason = await house.send(activity)
        assert status in (202, 400), (status, reason)
        public = public and status == 202
        (shown if public and reason == "reply_published" else hidden).append(marker)
        assert public == (reason == "reply_published"), (note_says, act_says, reason)
        if public:
            before = {}
        elif before and number % 25 == 0:
            assert await answers(house, post) == before
    assert min(len(shown), len(hidden)) > AUDIENCES // 10
    seen = "\n".join((await answers(house, post)).values())
    seen += await ask(house, f"/@ana/{post.slug}?after={shown[-1]}")
    assert [marker for marker in hidden if marker in seen] == []
    assert sum(marker in seen for marker in shown) > 20


@pytest.mark.proves("SEC-082", "SEC-085")
async def test_what_is_private_changes_no_answer_by_one_byte(web_house: House) -> None:
    """Letters, followers-only replies, likes that are undone, votes and reports: afterwards every page, feed, count and
    collection is what it was."""
    house = web_house
    post, bob = await house.publish(), house.person()
    parent = house.note(bob, post.uri, "<p>Everybody may read this</p>")
    await house.send(house.create(parent))
    house.clock.now += 100_000
    before = await answers(house, post)
    assert "Everybody may read this" in before[f"/@ana/{post.slug} html"]
    ana, followers = f"{BASE_URL}/ap/actors/ana", f"{bob}/followers"
    for to in ([ana], [followers], [], [followers, ana], [f"{bob}/friend"]):
        for target in (post.uri, parent["id"], None):
            letter = house.note(bob, target, "<p>secret</p>", to=to, cc=[], tag=[{"type": "Mention", "href": ana}])
            await house.send(house.create(letter))
            await house.send(house.activity("Announce", bob, post.uri, to=to))
            await house.send(house.activity("Update", bob, {**letter, "content": "<p>more secret</p>"}, to=to))
    await house.send(house.activity("Flag", bob, [post.uri, ana], content="secret"))
    assert await answers(house, post) == before


def hostile_document(house: House, vector: str, number: int, post: Post) -> tuple[str, dict[str, Any]]:
    """An actor and a note that hold a vector in every field that could show."""
    place = house.world.url("e.example", f"/users/eve{number}")
    actor = house.world.person(place, name=vector, summary=vector, url=vector, icon={"url": vector})
    document = house.world.documents[("e.example", f"/users/eve{number}")][1]
    document["attachment"] = [{"type": "PropertyValue", "name": vector, "value": vector}]
    document["tag"] = [{"type": "Emoji", "name": vector, "icon": {"url": vector}}]
    note = house.note(
        actor,
        post.uri,
        vector,
        name=vector,
        summary=vector,
        url=vector,
        contentMap={vector[:20]: vector},
        language=vector,
        sensitive=True,
        tag=[
            {"type": "Hashtag", "name": vector, "href": vector},
            {"type": "Mention", "name": vector, "href": vector},
            {"type": "Emoji", "name": vector, "icon": {"url": vector}},
        ],
        attachment=[{"type": "Image", "mediaType": vector, "url": vector, "name": vector, "blurhash": vector}],
        quoteUrl=vector,
        location={"name": vector},
        type="Article" if number % 3 == 0 else "Question" if number % 3 == 1 else "Note",
        oneOf=[{"type": "Note", "name": vector, "replies": {"totalItems": 1}}],
    )
    return actor, note


class _Attributes(HTMLParser):
    """The second reader: every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def dangers(html: str) -> list[str]:
    """What two parsers find in a whole page that could run or look like ours; our own scripts are files."""
    reader = _Attributes()
    reader.feed(html)
    elements = list(reader.found)
    tree: Any = html5lib.parse(html, namespaceHTMLElements=False)
    elements += [(str(one.tag), dict(one.attrib)) for one in tree.iter() if isinstance(one.tag, str)]
    found = []
    for tag, attributes in elements:
        if tag in {"iframe", "object", "embed", "base", "math", "applet", "frame", "template"}:
            found.append(f"<{tag}>")
        is_data = attributes == {"type": "application/ld+json"}
        if (
            tag == "script"
            and not is_data
            and not attributes.get("src", "").startswith(("/static/", f"{BASE_URL}/static/"))
        ):
            found.append(f"script {attributes}")
        if tag == "meta" and attributes.get("http-equiv"):
            found.append(f"meta {attributes}")
        for name, value in attributes.items():
            plain = re.sub(r"[\x00-\x20]", "", value.lower())
            if name.startswith("on") or name in {"style", "srcdoc", "formaction", "ping", "background"}:
                found.append(f"{tag} {name}={value!r}")
            if name in {"href", "src", "action", "data", "poster", "cite"} and re.match(
                r"(?!https?:|mailto:|#|/|\?)[a-z][a-z0-9+.-]*:", plain
            ):
                found.append(f"{tag} {name}={value!r}")
    return found


@pytest.mark.proves("SEC-092", "SEC-093", "SEC-095", "SEC-061", "SEC-096")
async def test_no_vector_in_any_field_is_alive_on_a_page_or_in_a_feed(web_house: House) -> None:
    """Every vector in every field of actor and note at once, as it would really arrive."""
    house = web_house
    post = await house.publish()
    for number, vector in enumerate(VECTORS):
        vector = vector.encode("utf-8", "replace").decode()
        actor, note = hostile_document(house, vector, number, post)
        status, reason = await house.send(house.create(note), by=actor)
        assert status in (202, 400), (vector, status, reason)
        house.clock.now += 1
    rows = await house.thread(post)
    assert len(rows) > len(VECTORS) * 0.9
    base = f"/@ana/{post.slug}"
    pages = [base, f"{base}?page=2", "/", "/@ana", "/search?q=script", f"/interact?uri={rows[0].reply.uri}"]
    for path in pages:
        assert dangers(await ask(house, path)) == [], path
    page = await ask(house, base)
    assert "alert(1)" in page, "as text"
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert blocks
    assert not any("<" in block or not isinstance(json.loads(block), dict) for block in blocks)
    assert len(dangers('<p onclick=x><script>1</script><a href="java\tscript:x">y</a>')) >= 6
    for path in ("/feed.atom", "/feed.rss", f"{base}/comments.atom"):
        text = (await ask(house, path)).partition("<?xml")
        ElementTree.fromstring(text[1] + text[2])
        inner = [
            one.text or ""
            for one in ElementTree.fromstring(text[1] + text[2]).iter()
            if one.get("type") == "html" or one.tag.endswith(("encoded", "description"))
        ]
        assert inner, path
        assert [found for html in inner for found in dangers(html)] == [], path
