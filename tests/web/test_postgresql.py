"""The application on PostgreSQL: what differs there from one writer at a time, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from yarl import URL

from fedblog.blog.model import Writing
from fedblog.errors import Conflict
from fedblog.storage.indexer import Indexer
from fedblog.web.login import take_attempt
from tests.live import Live, live_app
from tests.samples import make_author, make_person, make_post, make_reply
from tests.storage.conftest import postgres_server, postgres_template, postgres_url  # noqa: F401 - fixtures

ODD = ("%00", "a%00b", "%D9%80", "%ED%A0%80", "%FF", "%27", "%5C", "9" * 30, "-1", "%2500", "%E2%80%AE")
PATHS = (
    "/?before={}",
    "/@ana?before={}",
    "/@{}",
    "/@ana/{}",
    "/@ana/first-light?after={}",
    "/@ana/first-light?reply={}",
    "/@ana/first-light?replyto={}",
    "/search?q={}",
    "/search?q=kettle&page={}",
    "/tag/{}",
    "/series/{}",
    "/archive/{}",
    "/interact?uri={}",
    "/interact?reply={}&handle=@a@{}",
    "/interact/arrived?uri={}",
    "/authorize_interaction?uri={}",
    "/unsubscribe/{}",
    "/draft/1/{}",
    "/live/{}",
    "/.well-known/webfinger?resource={}",
    "/.well-known/webfinger?resource=acct:{}@127.0.0.1",
    "/ap/posts/{}",
    "/ap/actors/{}",
    "/ap/actors/ana/outbox?page={}",
    "/ap/notes/{}",
    "/media/{}",
)


@pytest.fixture
async def there(tmp_path: Path, postgres_url: str) -> AsyncIterator[Live]:  # noqa: F811 - the fixture
    """A blog that keeps everything in PostgreSQL."""
    async with live_app(tmp_path, database={"url": postgres_url}) as live:
        yield live


async def test_a_post_that_two_publish_at_once_goes_out_once(there: Live) -> None:
    account, publisher = await make_author(there.services), there.services.publisher
    drafts = [
        await publisher.save_draft(
            await publisher.compose(Writing(title=f"Post {number}", source="Once.")), author_id=account.actor_id
        )
        for number in range(5)
    ]
    for draft in drafts:
        made = await asyncio.gather(*(publisher.publish(draft.id) for _ in range(4)), return_exceptions=True)
        assert sum(isinstance(one, Conflict) for one in made) == 3, made
    counted = "SELECT count(*) FROM outgoing WHERE type = 'Create'"
    assert await there.services.db.read(lambda tx: tx.value(counted)) == len(drafts)


async def test_odd_addresses_are_no_mistakes_of_ours(there: Live) -> None:
    post = await make_post(there.services, (await make_author(there.services)).actor_id)
    await make_reply(there.services, await make_person(there.services), "<p>\u0640</p>", post=post)
    await Indexer(there.services.db).catch_up()
    found = {}
    for path in PATHS:
        for odd in ODD:
            url = URL(there.base_url + path.replace("{}", odd), encoded=True)
            async with there.session.get(url, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
                await answer.read()
                found[str(url)] = answer.status
    assert {url: status for url, status in found.items() if status >= 500} == {}
    form = {"username": "an\0na", "password": "no\0thing"}
    assert (await there.request("POST", "/login", data=form)).status == 401


async def test_many_tries_at_once_are_counted_one_by_one(there: Live) -> None:
    tries = (there.services.db.write(take_attempt, ["address:x", "name:y"], 3) for _ in range(12))
    assert sum(await asyncio.gather(*tries)) == 3
