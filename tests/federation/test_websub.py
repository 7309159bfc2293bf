"""A hub is told when feeds change: durably, and again when it didn't answer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

from fedblog.blog.model import Visibility, Writing
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from tests.live import live_app
from tests.samples import make_author, make_post


async def test_the_hub_is_told_of_every_change(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    async with PeerServer() as hub:
        blog = {"websub_hub": f"{hub.base_url}/hub"}
        async with live_app(tmp_path, clock=lambda: now[0], blog=blog) as live:
            account = await make_author(live.services)
            hub.script.add("/hub", Answer(status=204))
            feed = await live.get("/feed.atom")
            assert f'<link rel="hub" href="{hub.base_url}/hub"/>' in feed.text
            assert feed.headers.getall("Link") == [
                f'<{hub.base_url}/hub>; rel="hub"',
                f'<{live.base_url}/feed.atom>; rel="self"',
            ]
            assert "hubs" in (await live.get("/feed.json")).text
            assert 'rel="hub"' in (await live.get("/feed.rss")).text

            post = await make_post(live.services, account.actor_id)
            await live.services.jobs.drain()
            told = [parse_qs(one.body.decode()) for one in hub.requests if one.path == "/hub"]
            assert {form["hub.url"][0] for form in told} == {
                f"{live.base_url}{place}/feed.{style}" for place in ("", "/@ana") for style in ("atom", "rss", "json")
            }
            assert {form["hub.mode"][0] for form in told} == {"publish"}

            count = len(hub.requests)
            await make_post(live.services, account.actor_id, "Quiet", visibility=Visibility.UNLISTED)
            await live.services.jobs.drain()
            assert len(hub.requests) == count

            hub.script.clear("/hub")
            hub.script.add("/hub", Answer(status=503, times=6))
            hub.script.add("/hub", Answer(status=204))
            text = await live.services.publisher.compose(Writing(title="Second", source="x", slug=post.slug))
            await live.services.publisher.edit(post.id, text, editor_id=account.actor_id)
            await live.services.jobs.drain()
            now[0] += 3600
            count = len(hub.requests)
            await live.services.jobs.drain()
            assert len(hub.requests) == count + 6
