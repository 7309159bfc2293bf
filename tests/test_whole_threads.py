"""A thread over three servers, one of which never sends us anything: the page ends whole, and says what is missing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fedblog.blog.model import Post, Writing
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor, Style
from fedblog.demo.peer_payloads import create, note
from fedblog.demo.peer_server import Answer
from fedblog.federation.setup import add_author
from tests.live import Live, live_app

SCHEDULE = {"backfill_after": [1, 2, 3, 4], "backfill_pause": 0.0, "counts_after": []}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_app(tmp_path, federation={"deliver": True, **SCHEDULE}) as running:
        yield running


@pytest.fixture
async def peers() -> AsyncIterator[list[PeerServer]]:
    async with AsyncExitStack() as stack:
        styles: tuple[Style, ...] = ("mastodon", "gotosocial", "pleroma")
        yield [await stack.enter_async_context(PeerServer(style=style)) for style in styles]


async def published(live: Live) -> Post:
    parts = live.services
    author = await add_author(parts.db, parts.ids, parts.sealer, parts.settings, username="ana", name="Ana")
    text = await parts.publisher.compose(Writing(title="Friendship", source="What we owe one another."))
    draft = await parts.publisher.save_draft(text, author_id=author.actor_id)
    return await parts.publisher.publish(draft.id)


async def page_with(live: Live, path: str, *texts: str) -> str:
    """The page, once it shows all of that; ten seconds at most."""
    page = ""
    try:
        async with asyncio.timeout(10):
            while not all(text in page for text in texts):
                await asyncio.sleep(0.05)
                page = (await live.get(path)).text
    except TimeoutError:
        pytest.fail(f"{[text for text in texts if text not in page]} not on the page")
    return page


async def say(live: Live, peer: PeerServer, person: PeerActor, parent: str, text: str, *, sent: bool) -> str:
    """Somebody answers; their server serves it, and sends it to us or doesn't."""
    said = note(person, parent, f"<p>{text}</p>")
    peer.publish(said)
    peer.set_replies(said["id"], [])
    if sent:
        assert (await peer.post_activity(person, f"{live.base_url}/inbox", create(person, said)))[0] == 202
    return str(said["id"])


async def test_BACK_03_BACK_05_COL_08b_a_thread_over_three_servers_ends_whole(
    live: Live, peers: list[PeerServer]
) -> None:
    """The silent server's answers stand in their places, with its likes; delivered later, nothing doubles; what is
    not to be had is named, with the way to the original."""
    post = await published(live)
    path = f"/@ana/{post.slug}"
    loud, other, silent = peers
    bo, cy, di = loud.add_person("bo"), other.add_person("cy"), silent.add_person("di", name="Di")
    first = await say(live, loud, bo, post.uri, "First, sent", sent=True)
    second = await say(live, silent, di, first, "Second, never sent", sent=False)
    third = await say(live, other, cy, second, "Third, sent", sent=False)
    fourth = await say(live, silent, di, third, "Fourth, never sent", sent=False)
    hidden = f"{silent.base_url}/hidden/1"
    silent.answer("/hidden/1", silent_refusal())
    silent.set_totals(fourth, likes=5)
    loud.set_replies(first, [second, hidden])
    silent.set_replies(second, [third])
    other.set_replies(third, [fourth])
    page = await page_with(live, path, "Second, never sent", "Fourth, never sent", "Liked by 5 people")
    assert "4 thoughts on" in page
    assert [page.index(word) for word in ("First,", "Second,", "Third,", "Fourth,")] == sorted(
        page.index(word) for word in ("First,", "Second,", "Third,", "Fourth,")
    )
    page = await page_with(live, path, "1 more reply on other servers")
    link = re.search(r'href="([^"]+)"[^>]*>1 reply at ([^<]+)<', page)
    assert link is not None
    assert (link[1], link[2]) == (f"{bo.url}/{first.rpartition('/')[2]}", urlsplit(loud.base_url).netloc)
    late, _ = silent.objects[urlsplit(second).path]
    assert (await silent.post_activity(di, f"{live.base_url}/inbox", create(di, late)))[0] == 202
    assert "4 thoughts on" in (await live.get(path)).text


def silent_refusal() -> Answer:
    """Not for us."""
    return Answer(403, {"error": "not for you"})
