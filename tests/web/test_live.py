"""News of a conversation for readers who have it open: counts at once, from any process, and never without end."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any, cast

import pytest

from fedblog.blog.model import ReplyState, Visibility, Writing
from fedblog.storage import replies
from fedblog.storage.database import Database, Event
from fedblog.web import live as live_module
from fedblog.web.live import WATCH, Watch
from tests.live import Live
from tests.samples import make_author, make_person, make_post, make_reply
from tests.storage.support import new_reply


class Stream:
    """Reads one stream."""

    def __init__(self, response: Any) -> None:
        self.response = response

    async def count(self) -> int:
        """The next count that is told."""
        while line := await asyncio.wait_for(self.response.content.readline(), 20):
            if line.startswith(b"data: "):
                return int(json.loads(line[6:])["count"])
        raise EOFError

    async def ends(self) -> bool:
        """Whether nothing more comes but the end."""
        rest = await asyncio.wait_for(self.response.content.read(), 20)
        return b"data: " not in rest


async def test_counts_come_from_this_process_and_from_others(live: Live) -> None:
    account = await make_author(live.services)
    post = await make_post(live.services, account.actor_id)
    bo = await make_person(live.services)
    async with live.session.get(f"{live.base_url}/live/{post.id}") as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        stream = Stream(response)
        assert await stream.count() == 0
        await make_reply(live.services, bo, "<p>One</p>", post=post, number=1)
        assert await stream.count() == 1
        await make_reply(live.services, bo, "<p>Held</p>", post=post, number=2, state=ReplyState.HELD)
        await make_reply(live.services, bo, "<p>Secret</p>", post=post, number=3, visibility=Visibility.DIRECT)
        other = await Database.open(live.services.settings)
        try:
            await other.write(replies.add, new_reply(bo.id, post.uri), post_id=post.id, parent_id=None)
        finally:
            await other.close()
        assert await stream.count() == 2
        await live.services.publisher.unpublish(post.id)
        assert await stream.ends()
    assert (await live.get(f"/live/{post.id}")).status == 404


async def test_only_what_everybody_may_read_has_a_stream(live: Live) -> None:
    account = await make_author(live.services)
    text = await live.services.publisher.compose(Writing(title="Draft", source="x"))
    draft = await live.services.publisher.save_draft(text, author_id=account.actor_id)
    for number in (draft.id, 1, 2**63, 10**18):
        assert (await live.get(f"/live/{number}")).status == 404
    assert (await live.request("HEAD", f"/live/{draft.id}")).status == 405


async def test_streams_are_bounded_and_places_are_given_back(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "MAX_OF_ONE", 2)
    monkeypatch.setattr(live_module, "LOOK_SECONDS", 0.05)
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    url = f"{live.base_url}/live/{post.id}"
    open_ones = [await live.session.get(url) for _ in range(2)]
    refused = await live.get(f"/live/{post.id}")
    assert (refused.status, refused.headers["Retry-After"]) == (503, "60")
    for response in open_ones:
        response.close()

    async def comes_in() -> bool:
        async with live.session.get(url) as answer:
            return answer.status == 200

    async with asyncio.timeout(20):
        while not await comes_in():
            await asyncio.sleep(0.02)


async def test_who_comes_while_the_counts_are_read_is_not_sent_away(live: Live) -> None:
    """The counts of a moment ago don't hold the post that somebody opens just now: it isn't gone for that."""
    account = await make_author(live.services)
    old, new = [await make_post(live.services, account.actor_id, title=title) for title in ("Old", "New")]
    watch, asked = Watch(), asyncio.Event()

    class Slow:
        async def read(self, function: Any, ids: Any) -> Any:
            found = await live.services.db.read(function, ids)
            places.enter_context(watch.reading(new.id, 0, "192.0.2.2"))
            asked.set()
            return found

    with contextlib.ExitStack() as places:
        places.enter_context(watch.reading(old.id, 0, "192.0.2.1"))
        watch.on_event(Event("post", old.id))
        task = asyncio.create_task(watch.run(cast("Database", Slow())))
        await asyncio.wait_for(asked.wait(), 20)
        await asyncio.sleep(0)
        with watch.reading(new.id, 0, "192.0.2.3") as topic:
            assert topic.count == 0
        task.cancel()


async def test_a_server_that_stops_does_not_wait_for_readers(live: Live) -> None:
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    async with live.session.get(f"{live.base_url}/live/{post.id}") as response:
        stream = Stream(response)
        assert await stream.count() == 0
        live.app[WATCH].stop()
        assert await stream.ends()
