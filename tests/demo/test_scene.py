"""The demo's scene in this process: its checks hold, and each of them notices when something is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest

from fedblog.demo.acts import ACTS
from fedblog.demo.checks import CHECKS, CheckFailed, Witness, run_checks
from fedblog.demo.reading import PageReader
from fedblog.demo.run import Demo, open_demo
from fedblog.demo.server import DemoServer


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    async with open_demo(port=None, any_port=True, tell=lambda _line: None, pace=0.0) as opened:
        yield opened


class BlindWitness(Witness):
    """Sees pages with nothing on them, and collections with nothing in them."""

    async def text(self, url: str, accept: str = "text/html") -> str:
        await super().text(url, accept)
        if accept != "application/activity+json":
            return "<html><body><p>nothing</p></body></html>"
        empty = '{"id": "x", "type": "Collection", "totalItems": 0, "items": []}'
        return (
            (
                '{"id": "x", "preferredUsername": "x", "followers": "FOLLOWERS", "totalItems": 0, "items": [],'
                f' "replies": {empty}, "likes": {empty}, "shares": {empty}, "context": "CONTEXT"}}'
            )
            .replace("FOLLOWERS", url)
            .replace("CONTEXT", url)
        )


async def test_the_scene_holds_and_the_checks_can_fail(demo: Demo) -> None:
    """After the scene every check passes; with empty pages and empty inboxes every one fails."""
    await demo.play()
    results = await run_checks(demo.witness())
    assert {result.name: result.problem for result in results if result.problem} == {}
    assert len(results) == len(CHECKS)
    for server in demo.crowd.servers.values():
        server.inbox.clear()
    blind = BlindWitness(demo.settings.base_url, demo.crowd, demo.stage)
    passed = [result.name for result in await run_checks(blind, patience=0.0) if not result.problem]
    assert passed == []


async def test_a_visitor_replies_from_a_simulated_server(demo: Demo) -> None:
    """The way of a click: the blog's form, WebFinger, the other server's page, a signed reply, the thread."""
    await demo.stage.arrive()
    link = demo.links["bicycle"]
    await demo.stage.find_post("bicycle", link)
    server, visitor = demo.crowd.find("visitor")
    uri = demo.stage.things["bicycle"].uri
    for kind, act in (("like", "Like"), ("reply", "Reply")):
        query = urlencode({"kind": kind, "uri": uri, "handle": visitor.handle})
        status, headers, _ = await server.fetch(f"{demo.settings.base_url}/interact?{query}", accept="text/html")
        assert status in (302, 303)
        place = headers["location"]
        assert place.startswith(f"{server.base_url}/authorize_interaction?")
        _, _, body = await server.fetch(place, accept="text/html")
        assert f"checked> {act}" in body.decode()
    page = await _html(server, f"{server.base_url}/authorize_interaction?{urlencode({'uri': uri})}")
    assert "Nineteen years beside the boiler" in page.text
    assert visitor.handle in page.text
    back = await server.interact(visitor, "reply", uri, "I <came> from elsewhere & stayed.")
    assert back == link
    await server.interact(visitor, "like", uri, "")
    found = (await _html(server, link)).find("I <came> from elsewhere & stayed.")
    assert found is not None
    assert found.depth == 1
    assert visitor.name in found.text
    note = next(document for document, _ in server.objects.values() if document.get("type") == "Note")
    assert "I <came> from elsewhere" in (await _html(server, note["url"])).text
    assert visitor.name in (await _html(server, visitor.url)).text


async def test_a_visitor_replies_to_somebody_s_reply(demo: Demo) -> None:
    """The parent lives on another server: the reply reaches the blog all the same, and stands below it."""
    await demo.play(ACTS[:9])
    umbrella, tally = demo.stage.things["umbrella"], demo.stage.things["tally"]
    server, visitor = demo.crowd.find("visitor")
    back = await server.interact(visitor, "reply", tally.uri, "Three levels down, from a form.")
    assert back == demo.links["bicycle"]
    page = await _html(server, back)
    assert [(found := page.find(words)) and found.depth for words in (umbrella.text, tally.text)] == [1, 2]
    answer = page.find("Three levels down, from a form.")
    assert answer is not None
    assert answer.depth == 3
    await server.interact(visitor, "like", umbrella.uri, "")
    assert (await server.object_of(umbrella.uri))["likes"]["totalItems"] == 1


async def test_simulated_servers_dial_nobody_else(demo: Demo) -> None:
    """Their form can't be used to reach anything beyond this machine."""
    server, visitor = demo.crowd.find("visitor")
    with pytest.raises(OSError, match="nothing beyond this machine"):
        await server.interact(visitor, "like", "http://192.0.2.1/x", "")


async def _html(server: DemoServer, url: str) -> PageReader:
    status, _, body = await server.fetch(url, accept="text/html")
    if status != 200:
        raise CheckFailed(f"{url} answered {status}: {body[:300]!r}")
    return PageReader(body.decode())
