"""What readers' browsers ask us while they answer from their own account."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode, urlsplit

import pytest

from fedblog.blog.model import ReplyState, Visibility
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.web.keys import RENDERER
from tests.live import Live
from tests.samples import make_author, make_person, make_post, make_reply


@pytest.fixture
async def peer() -> AsyncIterator[PeerServer]:
    async with PeerServer() as running:
        running.add_person("cy")
        yield running


async def test_a_handle_leads_to_the_server_to_sign_in_at(live: Live, peer: PeerServer) -> None:
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    handle = f"@cy@{urlsplit(peer.base_url).netloc}"

    async def ask(**query: str) -> tuple[int, str]:
        answer = await live.get(f"/interact/server?{urlencode(query)}", accept="application/json")
        assert answer.headers["Content-Type"].startswith("application/json")
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, answer.text

    status, text = await ask(kind="reply", uri=post.uri, handle=handle)
    page = f"{peer.base_url}/authorize_interaction?uri={quote(post.uri, safe='')}"
    assert (status, text) == (200, f'{{"server": "{peer.base_url}", "page": "{page}", "handle": "{handle}"}}')
    assert (await ask(kind="reply", uri=post.uri, handle="nobody"))[0] == 422
    peer.answer("/.well-known/webfinger", Answer(status=404, times=1))
    status, text = await ask(kind="like", uri=post.uri, handle=f"@dy@{urlsplit(peer.base_url).netloc}")
    assert status == 422
    assert "No account with that address" in text
    assert (await live.get("/interact/server?uri=https://elsewhere.example/1&handle=@a@b.example")).status == 404


async def test_only_who_knows_a_public_reply_learns_that_it_came(live: Live) -> None:
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    bo = await make_person(live.services)
    shown = await make_reply(live.services, bo, "<p>1</p>", post=post, number=1)
    held = await make_reply(live.services, bo, "<p>2</p>", post=post, number=2, state=ReplyState.HELD)
    secret = await make_reply(live.services, bo, "<p>3</p>", post=post, number=3, visibility=Visibility.DIRECT)
    kept = await make_reply(
        live.services, bo, "<p>4</p>", post=post, number=4, visibility=Visibility.FOLLOWERS, state=ReplyState.HELD
    )
    hidden = await make_reply(live.services, bo, "<p>5</p>", post=post, number=5)
    await live.services.publisher.hide_reply(hidden.id)

    async def ask(uri: str) -> str:
        return (await live.get(f"/interact/arrived?uri={quote(uri, safe='')}")).text

    unknown = '{"state": "unknown"}'
    assert f'"?reply={shown.id}#reply-{shown.id}"' in await ask(shown.uri)
    assert await ask(held.uri) == '{"state": "held"}'
    for uri in (secret.uri, kept.uri, hidden.uri, "https://social.example/never", "", "javascript:1"):
        assert await ask(uri) == unknown


async def test_the_way_back_from_a_server_is_a_page_that_knows_nothing(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    plain = await live.get("/signed-in")
    answer = await live.get(
        "/signed-in?code=SECRET-CODE&state=SECRET-STATE&error_description=<script>alert(1)</script>"
    )
    assert answer.status == 200
    assert answer.body == plain.body
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "connect-src 'self';" in answer.headers["Content-Security-Policy"]
    # aiohttp's own client, which asks here, writes URLs down; what counts is what the blog writes.
    assert not [record for record in caplog.records if "SECRET" in record.getMessage() and "fedblog" in record.name]
    assert "SECRET" not in repr([record.__dict__ for record in caplog.records if record.name.startswith("fedblog")])


async def test_only_pages_of_posts_may_ask_other_servers(live: Live) -> None:
    post = await make_post(live.services, (await make_author(live.services)).actor_id)
    for path in (f"/@ana/{post.slug}", f"/@ana/{post.slug}?sort=newest"):
        for _ in range(2):  # the second time it is a kept answer
            policy = (await live.get(path)).headers["Content-Security-Policy"]
            assert "connect-src 'self' https: http:;" in policy  # http: as this test's servers have no TLS
            assert "script-src 'self';" in policy
    for path in ("/", "/@ana", "/login", "/follow", "/signed-in", f"/interact?uri={quote(post.uri)}"):
        assert "connect-src 'self';" in (await live.get(path)).headers["Content-Security-Policy"]


async def test_every_word_that_scripts_say_is_on_the_page(live: Live) -> None:
    page = (await live.get("/interact/parts")).text
    known = set(re.findall(r'data-word="([^"]+)"', page))
    used: set[str] = set()
    for name in ("account", "act", "answer", "form", "mastodon", "sign-in", "signed-in", "thread"):
        text = (await live.get(live.app[RENDERER].assets.url(f"talk/{name}.js"))).text
        used |= set(re.findall(r'\b(?:word|say|sayWithLink|tell|Trouble|trouble)\(\s*"([a-z-]+)"', text))
    assert used - {"problem"} <= known, used - known
    assert len(used) > 20
