"""Authorized fetch, both ways: two real instances that serve nothing to strangers, and who else may ask."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedblog.activitypub.urls import Uri, host_of
from fedblog.blog.ledger import Account
from fedblog.blog.model import Post
from fedblog.errors import FetchFailed
from fedblog.storage import actors, moderation, reactions
from fedblog.storage import inbox as inbox_log
from tests.live import Answer, Live, live_app
from tests.samples import make_author, make_post

AS2 = "application/activity+json"


@dataclass(frozen=True)
class Pair:
    """Two blogs; `ours` has a post by `author`."""

    ours: Live
    theirs: Live
    author: Account
    friend: Account
    post: Post

    async def signed(self, uri: str, *, scheme: str = "cavage") -> Answer:
        """GET as the other blog's instance actor."""
        parts = self.theirs.services
        instance = await parts.db.read(actors.instance)
        headers = await parts.signer.headers("GET", Uri(uri), None, actor_id=instance.id, scheme=scheme)  # type: ignore[arg-type]
        return await self.ours.get(uri, accept=AS2, headers=headers)

    async def block(self) -> None:
        """Hear the other blog no more."""
        host = host_of(self.theirs.services.ids.base_url)
        await self.ours.services.db.write(moderation.block, "domain", host, "")


@pytest.fixture(params=[True, False], ids=["on", "off"])
def required(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def _pair(tmp_path: Path, *, required: bool) -> AsyncIterator[Pair]:
    federation = {"authorized_fetch": required}
    async with (
        live_app(tmp_path / "ours", federation=federation) as ours,
        live_app(tmp_path / "theirs", federation=federation) as theirs,
    ):
        author, friend = await make_author(ours.services), await make_author(theirs.services, "bo", "Bo")
        yield Pair(ours, theirs, author, friend, await make_post(ours.services, author.actor_id))


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async for made in _pair(tmp_path, required=True):
        yield made


@pytest.fixture
async def either(tmp_path: Path, required: bool) -> AsyncIterator[Pair]:
    async for made in _pair(tmp_path, required=required):
        yield made


async def test_NEG_07_ACT_10_two_careful_servers_can_begin(pair: Pair) -> None:
    """Each must fetch the other's key to answer, and signs that fetch with a key the other doesn't know."""
    fetched = await pair.theirs.services.fetcher.document(Uri(pair.post.uri))
    assert fetched.doc["name"] == pair.post.title
    friend = await pair.theirs.services.db.read(actors.by_id, pair.friend.actor_id)
    like = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{friend.uri}/likes/1",
        "type": "Like",
        "actor": friend.uri,
        "object": pair.post.uri,
    }
    body, inbox = json.dumps(like).encode(), Uri(f"{pair.ours.base_url}/inbox")
    headers = await pair.theirs.services.signer.headers("POST", inbox, body, actor_id=friend.id, scheme="cavage")
    answer = await pair.theirs.services.client.post(inbox, body, headers)
    assert answer.status == 202, answer.body
    (liked,) = await pair.ours.services.db.read(reactions.recent, before_id=None, limit=5, author_id=None)
    assert liked.actor.uri == friend.uri
    assert liked.actor.inbox == friend.inbox, "the whole actor was had, not the thin one for strangers"


async def test_NEG_07_COL_08_strangers_get_keys_and_pages_only(pair: Pair) -> None:
    ids = pair.ours.services.ids
    ana = ids.actor("ana")
    for uri in (
        pair.post.uri,
        f"{pair.post.uri}/replies?page=1",
        f"{ana}/outbox",
        f"{ana}/followers",
        ids.instance() + "/outbox",
    ):
        refused = await pair.ours.get(uri, accept=AS2)
        assert refused.status == 401, uri
        assert refused.headers["Accept-Signature"] == 'sig1=("@method" "@target-uri");created;keyid'
        assert "Signature" in refused.headers["Vary"]
        assert "no-store" in refused.headers["Cache-Control"]
    page = await pair.ours.get(f"/@ana/{pair.post.slug}")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (await pair.ours.get(f"/@ana/{pair.post.slug}", accept=AS2)).status == 401
    thin = json.loads((await pair.ours.get(ana, accept=AS2)).body)
    assert thin["publicKey"]["owner"] == ana
    assert {"inbox", "name", "summary"}.isdisjoint(thin)
    instance = json.loads((await pair.ours.get(ids.instance(), accept=AS2)).body)
    assert instance["inbox"]
    assert instance["publicKey"]


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
@pytest.mark.proves("SEC-087")
async def test_NEG_04_NEG_07_COL_08_signed_answers_are_for_the_asker_alone(pair: Pair, scheme: str) -> None:
    ana = pair.ours.services.ids.actor("ana")
    for uri in (pair.post.uri, ana, f"{ana}/outbox?page=1", f"{pair.post.uri}/context?page=1"):
        answer = await pair.signed(uri, scheme=scheme)
        assert answer.status == 200, uri
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Vary"] == "Accept, Signature"
    assert json.loads((await pair.signed(ana)).body)["inbox"]


async def test_NEG_07_a_false_signature_opens_nothing(pair: Pair) -> None:
    parts = pair.theirs.services
    instance = await parts.db.read(actors.instance)
    other = await parts.signer.headers(
        "GET", Uri(pair.ours.base_url + "/ap/x"), None, actor_id=instance.id, scheme="cavage"
    )
    answer = await pair.ours.get(pair.post.uri, accept=AS2, headers=other)
    assert answer.status == 401
    assert json.loads(answer.body)["reason"] == "signature_invalid"


async def test_COL_08_LIFE_05_blocked_askers_are_refused_whatever_the_setting(either: Pair) -> None:
    assert (await either.signed(either.post.uri)).status == 200
    await either.block()
    ana = either.ours.services.ids.actor("ana")
    for uri in (either.post.uri, ana, f"{ana}/followers", f"{either.post.uri}/likes"):
        answer = await either.signed(uri)
        assert answer.status == 403, uri
        assert json.loads(answer.body)["reason"] == "blocked"
    with pytest.raises(FetchFailed) as failed:
        await either.theirs.services.fetcher.document(Uri(either.post.uri))
    assert failed.value.reason == "http_403"


async def test_NEG_04_NEG_07_without_it_everybody_reads_and_caches_keep_it(tmp_path: Path) -> None:
    async for pair in _pair(tmp_path, required=False):
        for answer in (await pair.ours.get(pair.post.uri, accept=AS2), await pair.signed(pair.post.uri)):
            assert answer.status == 200
            assert answer.headers["Cache-Control"].startswith("public")
        assert not await pair.ours.services.db.read(inbox_log.entries, limit=5)
