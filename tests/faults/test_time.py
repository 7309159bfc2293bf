"""Servers that are away for days, clocks that jump, and an end in order."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Writing
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.storage import deliveries
from tests.cli.conftest import PASSWORD
from tests.faults.rig import follow_all, make_rig, serving
from tests.faults.studio import Studio
from tests.federation.test_delivery import Clock, Rig
from tests.live import live_app
from tests.samples import make_author

HOUR, DAY = 3_600, 86_400


def a_key() -> PrivateKey:
    return generate_rsa(Uri("https://unnamed.invalid/#main-key"))


async def edits(rig: Rig, title: str, count: int) -> list[str]:
    """A post, published and edited; the activities about it in the order in which they were made."""
    post = await rig.publish(title)
    parts = rig.live.services
    for number in range(count):
        rig.clock.now += 1
        text = await parts.publisher.compose(Writing(title=title, source=f"Edit {number}"))
        await parts.publisher.edit(post.id, text, editor_id=rig.author.actor_id)
    rows = await parts.db.read(
        lambda tx: tx.all("SELECT uri FROM outgoing WHERE object_uri = $1 AND type <> 'Announce' ORDER BY id", post.uri)
    )
    return [uri for (uri,) in rows]


def received(peer: PeerServer, wanted: list[str]) -> list[str]:
    """Those of these activities that came, in the order in which they came."""
    return [seen.activity["id"] for seen in peer.inbox if seen.activity.get("id") in wanted]


async def test_after_three_days_away_everything_comes_once_and_in_order(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000)
    async with live_app(tmp_path, clock=clock) as live, PeerServer() as peer, PeerServer() as other:
        rig = Rig(live, clock, await make_author(live.services), [a_key()])
        await rig.follower(peer, "bo")
        await rig.follower(other, "cy")
        peer.answer("/inbox", Answer(503))
        posts = [await edits(rig, f"Post {number}", 2) for number in range(3)]
        for _ in range(12):
            await rig.deliver(later=6 * HOUR)
        tries = len(peer.inbox)
        assert 0 < tries < 60, "each time a few probes, however much waits"
        for wanted in posts:
            assert received(other, wanted) == wanted
        peer.script.clear("/inbox")
        peer.inbox.clear()
        for _ in range(8):
            await rig.deliver(later=6 * HOUR)
        for wanted in posts:
            assert received(peer, wanted) == wanted
        waiting = await live.services.db.read(deliveries.count_waiting)
        assert waiting == 0


async def test_what_was_given_up_can_be_sent_again(tmp_path: Path) -> None:
    clock = Clock(1_800_000_000)
    async with live_app(tmp_path, clock=clock) as live, PeerServer() as peer:
        rig = Rig(live, clock, await make_author(live.services), [a_key()])
        await rig.follower(peer, "bo")
        peer.answer("/inbox", Answer(500))
        wanted = await edits(rig, "Post", 1)
        for _ in range(10):
            await rig.deliver(later=DAY)
        db = live.services.db
        assert await db.read(deliveries.count_waiting) == 0
        failed = await db.read(deliveries.failed, 10)
        assert failed
        peer.script.clear("/inbox")
        peer.inbox.clear()
        assert await db.write(deliveries.retry_failed) == len(failed)
        for _ in range(3):
            await rig.deliver(later=DAY)
        assert received(peer, wanted) == wanted


@pytest.mark.proves("SEC-129")
async def test_a_clock_that_jumps_a_day_causes_no_storm_and_no_loss(tmp_path: Path) -> None:
    """Forward and back again, while a server is away and deliveries are leased."""
    clock = Clock(1_800_000_000)
    async with live_app(tmp_path, clock=clock) as live, PeerServer() as peer, PeerServer() as away:
        rig = Rig(live, clock, await make_author(live.services), [a_key()])
        await rig.follower(peer, "bo")
        await rig.follower(away, "cy")
        away.answer("/inbox", Answer(503))
        posts = [await edits(rig, "Before", 1)]
        await rig.deliver(later=60)
        for jump in (DAY, -DAY, -DAY, DAY):
            before = len(away.inbox)
            await rig.deliver(later=jump)
            assert len(away.inbox) - before <= 10
            posts.append(await edits(rig, f"After {len(posts)}", 1))
            await rig.deliver()
        away.script.clear("/inbox")
        away.inbox.clear()
        for _ in range(14):
            await rig.deliver(later=8 * HOUR)
        assert await live.services.db.read(deliveries.count_waiting) == 0
        for wanted in posts:
            assert received(peer, wanted) == wanted
            assert received(away, wanted) == wanted


async def test_SIGTERM_ends_in_order_under_load(tmp_path: Path) -> None:
    """Out within five seconds (and some for a slow machine), no answer 5xx, what was answered is there."""
    async with make_rig(tmp_path, seed=1) as rig:
        await follow_all(rig)
        statuses: list[int] = []
        rig.peers[2].hang("/inbox")
        async with serving(rig) as process, aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            person, peer = rig.people[0], rig.peers[0]

            async def knock() -> None:
                while True:
                    like = payloads.like(person, f"{rig.base_url}/ap/posts/{next(iter(rig.account.posts))}")
                    try:
                        status, _ = await peer.post_activity(person, f"{rig.base_url}/inbox", like)
                    except (aiohttp.ClientError, OSError):
                        return
                    statuses.append(status)

            studio = Studio(rig.base_url, session)
            await studio.log_in("alice", PASSWORD)
            assert (await studio.publish("While it ends", "A hanging server gets this"))[0] == 303
            knocking = [asyncio.create_task(knock()) for _ in range(4)]
            while len(statuses) < 20:
                await asyncio.sleep(0.01)
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(process.wait, 20)
            assert (code, time.monotonic() - started < 15) == (0, True)
            await asyncio.wait_for(asyncio.gather(*knocking), 10)
        assert [status for status in statuses if status >= 500] == []
        log = (rig.folder / "server.log").read_text()
        assert "Traceback" not in log, log[:3_000]
