"""Delivery over real signed HTTP: to servers that answer well, badly, late, or not at all."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedblog.activitypub.urls import Uri, host_of
from fedblog.blog.ledger import Account, ActivityId
from fedblog.blog.model import Actor, Post, Writing
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Answer
from fedblog.federation import delivery
from fedblog.federation.delivery import DeliveryWorker
from fedblog.federation.setup import add_author
from fedblog.federation.signer import Signer, Unsigned
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import deliveries, expansion, followers, hosts, lanes, outgoing
from fedblog.storage.database import Tx
from tests.federation.conftest import PeerMaker
from tests.live import Live, live_app

WEEK = 7 * 86_400


class Clock:
    """Time that a test moves. It starts at the real time, which signatures are checked against."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


@dataclass
class Rig:
    """A blog with one author, and what a test needs to deliver by hand."""

    live: Live
    clock: Clock
    author: Account
    keys: list[PrivateKey]

    @property
    def worker(self) -> DeliveryWorker:
        return self.live.services.worker

    async def follower(self, peer: PeerServer, username: str, **extra: object) -> tuple[PeerActor, Actor]:
        """Somebody on `peer` who follows the author."""
        peer.clock = self.clock
        person = peer.add_person(username, key=self.keys[0], **extra)  # type: ignore[arg-type]
        actor = await self.live.services.resolver.actor(Uri(person.id))
        await self.live.services.db.write(self._follow, actor)
        return person, actor

    def _follow(self, tx: Tx, actor: Actor) -> None:
        uri = f"{actor.uri}/follows/1"
        followers.add(
            tx, actor_id=actor.id, target_id=self.author.actor_id, state="accepted", follow_uri=uri, follow_json="{}"
        )

    async def publish(self, title: str = "A title") -> Post:
        """A post, written and published; nothing sent yet."""
        publisher = self.live.services.publisher
        text = await publisher.compose(Writing(title=title, source="Some words."))
        draft = await publisher.save_draft(text, author_id=self.author.actor_id)
        return await publisher.publish(draft.id)

    async def deliver(self, *, later: float = 0) -> None:
        """Send what is due, `later` seconds from now."""
        self.clock.now += later
        await self.worker.drain()

    async def counts(self, post: Post) -> tuple[int, int, int]:
        """(delivered, waiting, failed) of the newest activity about the post."""
        counts = await self.live.services.db.read(deliveries.counts_of_object, post.uri)
        return counts.delivered, counts.waiting, counts.failed


@pytest.fixture
async def rig(tmp_path: Path, rsa_keys: list[PrivateKey]) -> AsyncIterator[Rig]:
    clock = Clock(1_800_000_000)
    async with live_app(tmp_path, clock=clock) as live:
        parts = live.services
        author = await add_author(parts.db, parts.ids, parts.sealer, parts.settings, username="ana", name="Ana")
        yield Rig(live, clock, author, rsa_keys)


def activities(peer: PeerServer, kind: str) -> list[str]:
    return [seen.path for seen in peer.inbox if seen.type == kind]


async def test_OUT_01_OUT_07_DLV_01_a_post_arrives_signed(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    post = await rig.publish()
    await rig.deliver()
    came = await peer.wait_for("Create")
    assert came.verified, came.problem
    assert came.activity["object"]["id"] == post.uri
    assert came.header("Content-Type") == "application/activity+json"
    assert (came.header("Digest") or "").startswith("SHA-256=")
    assert f"(+{rig.live.base_url}/)" in (came.header("User-Agent") or "")
    assert await rig.counts(post) == (1, 0, 0)


async def test_DLV_02_one_post_for_a_shared_inbox(rig: Rig, peer: PeerServer, make_peer: PeerMaker) -> None:
    other = await make_peer(name="other.localhost")
    for name in ("bo", "cy", "di"):
        await rig.follower(peer, name)
    await rig.follower(other, "ed")
    await rig.publish()
    await rig.deliver()
    assert len(activities(peer, "Create")) == 1
    assert len(activities(other, "Create")) == 1


async def test_OUT_03_OUT_04_DLV_06_second_knock_and_memory(rig: Rig, peer: PeerServer) -> None:
    peer.schemes = ("rfc9421",)
    await rig.follower(peer, "bo")
    first = await rig.publish("One")
    await rig.deliver()
    assert [seen.scheme for seen in peer.inbox] == ["cavage", "rfc9421"]
    assert [seen.verified for seen in peer.inbox] == [False, True]
    assert peer.inbox[0].body == peer.inbox[1].body
    await rig.publish("Two")
    await rig.deliver()
    assert [seen.scheme for seen in peer.inbox[2:]] == ["rfc9421"], "what worked is tried first the next time"
    assert await rig.counts(first) == (1, 0, 0)


async def test_OUT_01_a_retry_after_a_day_is_signed_anew(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(503))
    post = await rig.publish()
    await rig.deliver()
    assert await rig.counts(post) == (0, 1, 0)
    peer.script.clear("/inbox")
    await rig.deliver(later=86_400)
    dates = [seen.header("Date") for seen in peer.inbox]
    assert len(set(dates)) == 2
    assert peer.inbox[-1].verified, peer.inbox[-1].problem
    assert await rig.counts(post) == (1, 0, 0)


@pytest.mark.parametrize("status", [403, 405, 413, 422, 501])
async def test_DLV_06_a_permanent_refusal_is_not_repeated(rig: Rig, peer: PeerServer, status: int) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(status))
    post = await rig.publish()
    await rig.deliver()
    await rig.deliver(later=86_400)
    assert len(peer.inbox) == 1
    assert await rig.counts(post) == (0, 0, 1)


async def test_DLV_07_retry_after_holds_for_the_host(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(429, headers={"Retry-After": "3600"}))
    await rig.publish("One")
    await rig.deliver()
    peer.script.clear("/inbox")
    await rig.publish("Two")
    await rig.deliver(later=600)
    assert len(peer.inbox) == 1
    await rig.deliver(later=3_100)
    assert len(peer.inbox) == 3


async def test_DLV_08_gone_everywhere_drops_the_follower(rig: Rig, peer: PeerServer) -> None:
    person, actor = await rig.follower(peer, "bo", endpoints={})
    peer.gone(person.path + "/inbox")
    peer.gone(person.path)
    await rig.publish()
    await rig.deliver()
    await rig.live.services.jobs.drain()
    assert await rig.live.services.db.read(followers.count, rig.author.actor_id) == 0
    assert actor.shared_inbox == ""


async def test_DLV_08_not_found_drops_the_follower_at_the_third_time(rig: Rig, peer: PeerServer) -> None:
    person, _ = await rig.follower(peer, "bo", endpoints={})
    peer.gone(person.path + "/inbox", 404)
    peer.gone(person.path, 404)
    await rig.publish()
    counts = []
    for _ in range(3):
        await rig.deliver()
        await rig.live.services.jobs.drain()
        counts.append(await rig.live.services.db.read(followers.count, rig.author.actor_id))
        rig.clock.now += 2 * 3_600
    assert counts == [1, 1, 0]


async def test_DLV_08_a_gone_shared_inbox_falls_back_to_personal_ones(rig: Rig, peer: PeerServer) -> None:
    one, _ = await rig.follower(peer, "bo")
    two, _ = await rig.follower(peer, "cy")
    peer.gone("/inbox")
    post = await rig.publish()
    await rig.deliver()
    await rig.live.services.jobs.drain()
    await rig.deliver()
    assert {path for path in activities(peer, "Create") if path != "/inbox"} == {
        one.path + "/inbox",
        two.path + "/inbox",
    }
    assert await rig.live.services.db.read(followers.count, rig.author.actor_id) == 2
    assert (await rig.counts(post))[0] == 2


@pytest.mark.proves("SEC-125")
async def test_OUT_08_a_redirect_is_a_failure(rig: Rig, peer: PeerServer, make_peer: PeerMaker) -> None:
    elsewhere = await make_peer(name="elsewhere.localhost")
    await rig.follower(peer, "bo")
    peer.redirect("/inbox", elsewhere.base_url + "/inbox", 307)
    post = await rig.publish()
    await rig.deliver()
    assert elsewhere.inbox == []
    assert await rig.counts(post) == (0, 1, 0)


async def test_DLV_09_edits_wait_for_the_create(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(503))
    post = await rig.publish()
    await rig.deliver()
    publisher = rig.live.services.publisher
    text = await publisher.compose(Writing(title="Changed", source="Other words."))
    await publisher.edit(post.id, text, editor_id=rig.author.actor_id, expected_version=None)
    await rig.deliver()
    assert activities(peer, "Update") == []
    peer.script.clear("/inbox")
    await rig.deliver(later=60)
    await rig.deliver(later=60)
    assert [seen.type for seen in peer.inbox] == ["Create", "Create", "Update"]


@pytest.mark.proves("SEC-125")
async def test_DLV_09_a_dead_and_a_hanging_host_hold_up_nobody(
    rig: Rig, peer: PeerServer, make_peer: PeerMaker
) -> None:
    hanging = await make_peer(name="hanging.localhost")
    await rig.follower(peer, "bo")
    await rig.follower(hanging, "cy")
    dead, _ = await rig.follower(await make_peer(name="dead.localhost"), "di")
    await _stop_listening(rig, dead)
    hanging.hang("/inbox")
    await rig.publish()
    running = asyncio.create_task(rig.worker.run())
    try:
        assert (await peer.wait_for("Create")).verified
        assert hanging.inbox == []
    finally:
        await rig.worker.stop()
        await running


async def test_a_host_that_never_answered_gets_one_signature_at_first(
    rig: Rig, peer: PeerServer, make_peer: PeerMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead one would never take isn't signed; one that takes the first gets the rest."""
    await rig.follower(peer, "bo")
    dead, _ = await rig.follower(await make_peer(name="dead.localhost"), "di")
    await _stop_listening(rig, dead)
    await rig.deliver()  # what the set-up left
    for title in ("One", "Two", "Three"):
        await rig.publish(title)
    signed: list[str] = []  # hosts
    sign_all = Signer.sign_all

    async def counted(self: Signer, requests: Sequence[Unsigned]) -> list[dict[str, str]]:
        signed.extend(host_of(request.uri).partition(":")[0] for request in requests)
        return await sign_all(self, requests)

    monkeypatch.setattr(Signer, "sign_all", counted)
    await rig.deliver()
    assert [seen.type for seen in peer.inbox] == ["Create"] * 3
    assert sorted(signed) == ["dead.localhost", *["peer.localhost"] * 3]


async def _stop_listening(rig: Rig, person: PeerActor) -> None:
    """Points somebody's inbox at a port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    inbox = f"http://dead.localhost:{port}/inbox"
    await rig.live.services.db.write(
        lambda tx: tx.run("UPDATE actors SET inbox = $1, shared_inbox = $1 WHERE uri = $2", inbox, person.id)
    )


@pytest.mark.proves("SEC-125")
async def test_what_cannot_be_expanded_holds_up_nothing_else(
    rig: Rig, peer: PeerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than are looked at in a round, and an edit of each that waits for it."""
    await rig.follower(peer, "bo")
    monkeypatch.setattr(delivery, "EXPAND_AT_ONCE", 2)
    bad = [await rig.publish(f"Post {number}") for number in range(3)]
    broken = {post.uri for post in bad}
    expand_some = expansion.expand_some

    def expand(tx: Tx, activity_id: ActivityId) -> expansion.Progress:
        if tx.value("SELECT object_uri FROM outgoing WHERE id = $1", activity_id) in broken:
            raise ValueError("a mistake of ours")
        return expand_some(tx, activity_id)

    monkeypatch.setattr(expansion, "expand_some", expand)
    publisher = rig.live.services.publisher
    for post in bad:
        text = await publisher.compose(Writing(title="Changed", source="Other words."))
        await publisher.edit(post.id, text, editor_id=rig.author.actor_id)
    good = await rig.publish("Good")
    await rig.deliver()
    assert await rig.counts(good) == (1, 0, 0)
    broken.clear()
    monkeypatch.setattr(delivery, "STUCK_SECONDS", 0.0)
    rig.worker._stuck.clear()
    await rig.deliver()
    for _ in range(4):
        await rig.deliver(later=60)
    assert [seen.type for seen in peer.inbox] == ["Create"] * 4 + ["Update"] * 3


async def test_DLV_10_the_breaker_opens_and_probes_one_at_a_time(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(500))
    for number in range(6):
        await rig.publish(f"Post {number}")
        await rig.deliver(later=5)
    seen = len(peer.inbox)
    assert seen == 5, "five failures in a row open the breaker"
    await rig.deliver(later=10)
    assert len(peer.inbox) == seen
    await rig.deliver(later=25)
    assert len(peer.inbox) == seen + 1, "half open: one probe"
    peer.script.clear("/inbox")
    for _ in range(8):
        await rig.deliver(later=120)
    assert (await rig.live.services.db.read(hosts.host_state, peer.base_url.partition("//")[2])).failures == 0
    assert len({seen.activity["id"] for seen in peer.inbox if seen.verified}) == 6, "nothing that waited is lost"


async def test_DLV_11_a_dead_host_is_probed_daily_and_what_is_old_is_dropped(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.answer("/inbox", Answer(503))
    old = await rig.publish("Old")
    for _ in range(40):
        await rig.deliver(later=6 * 3_600)
    assert await rig.counts(old) == (0, 0, 1)
    state = await rig.live.services.db.read(hosts.host_state, peer.base_url.partition("//")[2])
    assert state.failing_since is not None
    peer.script.clear("/inbox")
    fresh = await rig.publish("Fresh")
    await rig.live.services.db.write(deliveries.revive_host, state.host)
    await rig.deliver()
    assert await rig.counts(fresh) == (1, 0, 0)


@pytest.mark.proves("SEC-126")
async def test_DLV_12_a_restart_resumes(tmp_path: Path, peer: PeerServer, rsa_keys: list[PrivateKey]) -> None:
    clock = Clock(1_800_000_000)
    async with live_app(tmp_path, clock=clock) as live:
        parts = live.services
        author = await add_author(parts.db, parts.ids, parts.sealer, parts.settings, username="ana", name="Ana")
        rig = Rig(live, clock, author, rsa_keys)
        await rig.follower(peer, "bo")
        post = await rig.publish()
        for activity_id in await parts.db.read(outgoing.unexpanded, 10):
            await parts.db.write(expansion.expand, activity_id)
        claimed = await parts.db.write(lanes.claim, lanes=10, per_lane=2, lease_seconds=60)
        assert len(claimed.lanes) == 1, "it was under way when the process ended"
        port = parts.settings.server.port
    peer.strict = False  # the second run listens on another port than its ids say, so its key can't be asked for
    async with live_app(tmp_path, clock=clock, server={"base_url": f"http://127.0.0.1:{port}"}) as live:
        await live.services.worker.drain()
        assert peer.inbox == [], "somebody else may still hold the lease"
        clock.now += 61
        await live.services.worker.drain()
        rig = Rig(live, clock, author, rsa_keys)
        assert await rig.counts(post) == (1, 0, 0)
    assert len(activities(peer, "Create")) == 1


async def test_stopping_hands_leases_back(rig: Rig, peer: PeerServer) -> None:
    await rig.follower(peer, "bo")
    peer.hang("/inbox")
    post = await rig.publish()
    running = asyncio.create_task(rig.worker.run())
    while not any(seen.method == "POST" for seen in peer.requests):
        await asyncio.sleep(0.01)
    await rig.worker.stop()
    await running
    peer.script.clear("/inbox")
    again = await rig.live.services.db.write(lanes.claim, lanes=10, per_lane=2, lease_seconds=60)
    assert [lane.deliveries[0].object_uri for lane in again.lanes] == [post.uri], "no lease is left to run out"
