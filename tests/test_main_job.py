"""The main job, whole, over real signed HTTP: follow, Article, replies four deep, a like on a reply, an edit, a delete.

Page, collections, counts and feeds must all tell the same story.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import pytest

from fedblog.blog.ledger import Account
from fedblog.blog.model import Post, Writing
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_payloads import create, delete, follow, like, note, update
from fedblog.federation.setup import add_author
from fedblog.storage import replies
from tests.live import Live, live_app

ACTIVITY_JSON = "application/activity+json"


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_app(tmp_path, federation={"deliver": True, "counts_after": [1, 2, 3, 4]}) as running:
        yield running


@pytest.fixture
async def peers() -> AsyncIterator[tuple[PeerServer, PeerServer]]:
    async with PeerServer(style="mastodon") as one, PeerServer(style="gotosocial") as other:
        yield one, other


class Journey:
    """A blog with a post, and what readers and other servers see of it."""

    def __init__(self, live: Live, author: Account, post: Post) -> None:
        self.live, self.author, self.post = live, author, post

    @property
    def page_path(self) -> str:
        return f"/@{self.author.username}/{self.post.slug}"

    async def page(self) -> str:
        return (await self.live.get(self.page_path)).text

    async def document(self, uri: str) -> dict[str, Any]:
        answer = await self.live.get(uri, accept=ACTIVITY_JSON)
        assert answer.status == 200, (uri, answer.status, answer.text[:200])
        return dict(json.loads(answer.body))

    async def collected(self, uri: str) -> list[str]:
        """Every item of a paged collection."""
        collection = await self.document(uri)
        page = collection["first"]
        items: list[str] = []
        while page:
            read = page if isinstance(page, dict) else await self.document(page)
            items += read.get("items") or read.get("orderedItems") or []
            page = read.get("next")
        return items

    async def comments(self) -> list[str]:
        """Ids in the post's comments feed."""
        feed = feedparser.parse((await self.live.get(f"{self.page_path}/comments.atom")).body)
        assert not feed.bozo, feed.get("bozo_exception")
        return [entry.id for entry in feed.entries]


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Until a state is reached; ten seconds at most."""
    async with asyncio.timeout(10):
        while not await check():
            await asyncio.sleep(0.05)


async def start(live: Live) -> Journey:
    parts = live.services
    author = await add_author(parts.db, parts.ids, parts.sealer, parts.settings, username="ana", name="Ana")
    text = await parts.publisher.compose(
        Writing(title="Friendship", source="What we owe *one another*.", tags=("letters",))
    )
    draft = await parts.publisher.save_draft(text, author_id=author.actor_id)
    return Journey(live, author, draft)


async def follow_by_handle(live: Live, peer: PeerServer, person: PeerActor, handle: str) -> None:
    """What a server does when somebody presses Follow: WebFinger, actor, Follow, and then it waits for the Accept."""
    jrd = await peer.webfinger(handle, live.base_url)
    actor_id = next(link["href"] for link in jrd["links"] if link["rel"] == "self")
    document = await peer.fetch_json(actor_id)
    status, body = await peer.post_activity(person, document["inbox"], follow(person, actor_id))
    assert status == 202, body
    accepted = await peer.wait_for("Accept")
    assert accepted.verified, accepted.problem
    assert accepted.activity["object"]["type"] == "Follow"
    assert accepted.activity["object"]["actor"] == person.id


def nesting(page: str, texts: list[str]) -> list[int]:
    """How deep in lists each text stands on the page."""
    depths = []
    for text in texts:
        before = page[: page.index(text)]
        depths.append(len(re.findall(r"<ol\b", before)) - before.count("</ol>"))
    return depths


async def test_COL_08b_DLV_03_the_main_job(live: Live, peers: tuple[PeerServer, PeerServer]) -> None:
    one, other = peers
    journey = await start(live)
    domain = urlsplit(live.base_url).netloc
    bo, cy = one.add_person("bo", name="Bo"), other.add_person("cy", name="Cy")
    await follow_by_handle(live, one, bo, f"ana@{domain}")
    await follow_by_handle(live, other, cy, f"blog@{domain}")

    journey.post = await live.services.publisher.publish(journey.post.id)
    created = await one.wait_for("Create")
    assert created.verified, created.problem
    article = created.activity["object"]
    assert (article["type"], article["id"], article["name"]) == ("Article", journey.post.uri, "Friendship")
    assert (await other.wait_for("Announce")).verified

    inbox = f"{live.base_url}/inbox"
    parent: str = article["id"]
    ids, texts = [], []
    for depth, (peer, person) in enumerate([(one, bo), (other, cy), (one, bo), (other, cy)], start=1):
        text = f"Thought number {depth}."
        reply = note(person, parent, f"<p>{text}</p>", cc=[journey_actor(article)])
        peer.publish(reply)
        status, body = await peer.post_activity(person, inbox, create(person, reply))
        assert status == 202, body
        parent = reply["id"]
        ids.append(reply["id"])
        texts.append(text)

    page = await journey.page()
    assert nesting(page, texts) == [1, 2, 3, 4]
    assert "4 thoughts on" in page
    assert set(await journey.collected(f"{journey.post.uri}/context")) == {journey.post.uri, *ids}
    assert await journey.collected(f"{journey.post.uri}/replies") == [ids[0]]
    assert set(await journey.comments()) == set(ids)
    assert (await journey.document(journey.post.uri))["replies"]["id"] == f"{journey.post.uri}/replies"

    await likes(journey, one, bo, other, cy, ids)
    await edit_and_delete(journey, other, cy, one, bo, ids, texts)


def journey_actor(article: dict[str, Any]) -> str:
    return str(article["attributedTo"])


async def likes(
    journey: Journey, one: PeerServer, bo: PeerActor, other: PeerServer, cy: PeerActor, ids: list[str]
) -> None:
    """Of the post and of our own answer by inbox, with names; of a remote reply by its own server's count."""
    inbox = f"{journey.live.base_url}/inbox"
    assert (await one.post_activity(bo, inbox, like(bo, journey.post.uri)))[0] == 202
    assert (await one.post_activity(bo, inbox, like(bo, journey.post.uri)))[0] == 202
    assert (await journey.document(f"{journey.post.uri}/likes"))["totalItems"] == 1

    parts = journey.live.services
    first = await parts.db.read(replies.by_uri, ids[0])
    assert first is not None
    answer = await parts.publisher.answer(reply_id=first.id, author_id=journey.author.actor_id, source="Thank you, Bo.")
    answered = await one.wait_for(lambda seen: seen.type == "Create" and seen.activity["object"]["type"] == "Note")
    assert answered.activity["object"]["inReplyTo"] == ids[0]
    assert bo.id in answered.activity["object"]["cc"] + answered.activity["object"]["to"]
    assert (await other.post_activity(cy, inbox, like(cy, answer.uri)))[0] == 202
    assert (await journey.document(f"{answer.uri}/likes"))["totalItems"] == 1

    one.set_totals(ids[2], likes=3, shares=0)

    async def shows_both() -> bool:
        page = await journey.page()
        return "Liked by 1 person" in page and "Liked by 3 people" in page

    await eventually(shows_both)


async def edit_and_delete(
    journey: Journey,
    other: PeerServer,
    cy: PeerActor,
    one: PeerServer,
    bo: PeerActor,
    ids: list[str],
    texts: list[str],
) -> None:
    inbox = f"{journey.live.base_url}/inbox"
    changed, _ = other.objects[urlsplit(ids[3]).path]
    edit = update(cy, {**changed, "content": "<p>Thought number four, said better.</p>"})
    assert (await other.post_activity(cy, inbox, edit))[0] == 202
    page = await journey.page()
    assert "said better" in page
    assert texts[3] not in page
    assert "edited" in page

    assert (await one.post_activity(bo, inbox, delete(bo, ids[2])))[0] == 202
    page = await journey.page()
    assert texts[2] not in page
    assert "said better" in page, "the answer to a removed reply stays"
    assert ids[2] not in await journey.collected(f"{journey.post.uri}/context")
    assert ids[2] not in await journey.comments()
    late = note(bo, journey.post.uri, "<p>Back again.</p>", id=ids[2])
    assert (await one.post_activity(bo, inbox, create(bo, late)))[0] == 202
    assert "Back again" not in await journey.page()
