"""Which signature goes out: what worked, what was asked for, and Ed25519 only to who can check it (OUT-04, OUT-09)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri, host_of
from fedblog.blog.ledger import HostState
from fedblog.blog.model import ActorId
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.errors import FetchFailed
from fedblog.federation.client import Response
from fedblog.federation.delivery import DeliveryWorker
from fedblog.federation.knocks import SCHEME_SECONDS, Knock, next_knocks, preferred, second_knock
from fedblog.federation.window import FIRST_WAVE
from fedblog.signatures.rfc9421 import accepted_components, sign_rfc9421
from fedblog.storage import deliveries, followers
from fedblog.storage.database import Tx
from tests.federation.house import House
from tests.federation.test_delivery import Rig, rig
from tests.samples import make_person

__all__ = ["rig"]
WISH = 'sig1=("@method" "@target-uri" "@authority" "content-digest" "date");created;keyid'
ED25519: dict[str, Any] = {
    "generator": {
        "type": "Application",
        "implements": [
            {"href": "https://datatracker.ietf.org/doc/html/rfc9421#name-eddsa-using-curve-edwards25", "name": "x"}
        ],
    }
}
HOUR, DAY = 3_600, 86_400


def host(scheme: str = "", at: int = 0) -> HostState:
    return HostState("a.example", 0, None, 0, None, scheme, at)


def test_OUT_04_memory_lasts_thirty_days() -> None:
    remembered = host("rfc9421", at=1_000)
    assert preferred(remembered, now=1_000 + SCHEME_SECONDS - 1) == "rfc9421"
    assert preferred(remembered, now=1_000 + SCHEME_SECONDS) == "cavage"
    assert preferred(host("something newer", at=1_000), now=1_000) == "cavage"


def test_OUT_04_wishes_are_heard_once_and_only_if_they_can_be_met() -> None:
    """A refusal can't lead us in a circle."""
    asked = second_knock(Knock("cavage"), WISH)
    assert (asked.scheme, set(asked.components)) == ("rfc9421", {*(accepted_components(WISH) or ())})
    assert second_knock(asked, WISH) == Knock("cavage")
    assert second_knock(Knock("cavage"), WISH + ';nonce="x"') == Knock("rfc9421")
    assert second_knock(Knock("rfc9421"), 'sig1=("@method");created;keyid') == Knock("cavage"), "we just did that"
    left = [Knock("cavage", with_query=False), Knock("rfc9421")]
    assert next_knocks(Knock("cavage"), left, None) == left
    assert next_knocks(Knock("cavage"), left, WISH) == [asked, left[0]]
    assert next_knocks(asked, [], WISH) == []


@pytest.mark.parametrize("remembered", ["", "rfc9421"])
async def test_OUT_04_a_delivery_is_signed_again_as_the_refusal_asks(
    rig: Rig, peer: PeerServer, remembered: str
) -> None:
    await rig.follower(peer, "bo")
    if remembered:
        await rig.live.services.db.write(deliveries.set_scheme, host_of(Uri(peer.base_url)), remembered)
    peer.answer("/inbox", Answer(401, {}, headers={"Accept-Signature": WISH}, times=1))
    post = await rig.publish()
    await rig.deliver()
    assert [seen.scheme for seen in peer.inbox] == [remembered or "cavage", "rfc9421"]
    assert peer.inbox[1].verified, peer.inbox[1].problem
    for name in ('"@authority"', '"date"', '"content-digest"'):
        assert name in (peer.inbox[1].header("Signature-Input") or "")
    assert peer.inbox[0].body == peer.inbox[1].body
    assert await rig.counts(post) == (1, 0, 0)


async def test_OUT_04_deliveries_forget_after_thirty_days(rig: Rig, peer: PeerServer) -> None:
    peer.schemes = ("rfc9421",)
    await rig.follower(peer, "bo")
    await rig.publish("One")
    await rig.deliver()
    await rig.publish("Two")
    await rig.deliver(later=20 * DAY)
    await rig.publish("Three")
    await rig.deliver(later=20 * DAY)
    assert [seen.scheme for seen in peer.inbox] == ["cavage", "rfc9421", "rfc9421", "rfc9421"], "success renews it"
    await rig.publish("Four")
    await rig.deliver(later=31 * DAY)
    assert [seen.scheme for seen in peer.inbox[4:]] == ["cavage", "rfc9421"]


@pytest.mark.parametrize("says_so", [True, False])
async def test_OUT_09_ed25519_goes_to_hosts_that_say_so(rig: Rig, peer: PeerServer, says_so: bool) -> None:
    await rig.follower(peer, "bo", **(ED25519 if says_so else {}))
    await rig.publish()
    await rig.deliver()
    (seen,) = peer.inbox
    assert seen.verified, seen.problem
    assert seen.scheme == ("rfc9421" if says_so else "cavage")
    assert ('alg="ed25519"' in (seen.header("Signature-Input") or "")) is says_so
    assert (seen.key_id or "").endswith("#ed25519-key" if says_so else "#main-key")
    peer.requests.clear()
    actor = next(iter(peer.actors.values()))
    await rig.live.services.fetcher.document(Uri(actor.id))
    assert [one.verified for one in peer.requests if one.path == actor.path] == [True]


async def test_OUT_09_a_host_that_promised_too_much_gets_rsa(rig: Rig, peer: PeerServer) -> None:
    """The refusal is believed more than the document, also when the document is read again."""
    peer.schemes = ("cavage",)
    _, actor = await rig.follower(peer, "bo", **ED25519)
    await rig.publish("One")
    await rig.deliver()
    assert [seen.scheme for seen in peer.inbox] == ["rfc9421", "cavage"]
    await rig.live.services.resolver.actor(Uri(actor.uri), refresh=True)
    await rig.publish("Two")
    await rig.deliver()
    assert [seen.scheme for seen in peer.inbox[2:]] == ["cavage"]


async def test_OUT_09_nobody_speaks_for_other_hosts(rig: Rig, peer: PeerServer) -> None:
    """An actor whose inbox is elsewhere says nothing about that server, on its own site or on somebody else's."""
    foreign = peer.add_person("eve", key=rig.keys[0], inbox="http://victim.localhost:1/inbox", **ED25519)
    with pytest.raises(FetchFailed, match="no inbox"):
        await rig.live.services.resolver.actor(Uri(foreign.id))
    below = peer.add_person("mal", key=rig.keys[1], inbox="http://below.peer.localhost:1/inbox", **ED25519)
    await rig.live.services.resolver.actor(Uri(below.id))
    for host in ("victim.localhost:1", "below.peer.localhost:1"):
        assert (await rig.live.services.db.read(deliveries.host_state, host)).scheme == ""


async def test_SIG_18_a_client_that_signs_as_it_is_asked_gets_in(web_house: House) -> None:
    """Fedify's way: send without, read Accept-Signature, sign just that, send again."""
    post, bob = await web_house.publish(), web_house.person()
    body = json.dumps(web_house.create(web_house.note(bob, post.uri))).encode()
    assert web_house.web is not None
    session, url = web_house.web.session, web_house.web.url + "/inbox"
    sent = {"Host": "blog.example", "Content-Type": "application/activity+json"}
    async with session.post(url, data=body, headers=sent) as refused:
        assert refused.status == 401
        wished = accepted_components(refused.headers["Accept-Signature"])
    assert wished == ("@method", "@target-uri", "content-digest")
    key = web_house.world.key_of(bob)
    inbox = Uri("https://blog.example/inbox")
    signed = sign_rfc9421(method="POST", url=inbox, body=body, key=key, now=web_house.clock.now, components=wished)
    assert await web_house.web.post("/inbox", body, signed) == 202
    assert [row.actor.uri for row in await web_house.thread(post)] == [bob]


class Gate:
    """Stands in for the network: counts who is under way, and lets nobody through until told."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.now = self.most = self.all = 0

    async def post(self, uri: Uri, body: bytes, headers: Any, timeout: float) -> Response:
        self.now += 1
        self.all += 1
        self.most = max(self.most, self.now)
        await self.open.wait()
        self.now -= 1
        return Response(202, {}, b"", uri)  # type: ignore[arg-type]


async def test_DLV_13_the_first_wave_is_fifty_requests(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """220 servers, each on a host of its own: fifty are asked at once, and one more for each that answers."""
    parts = rig.live.services
    crowd = [await make_person(parts, f"P{number}", f"h{number}.example") for number in range(220)]

    def follow(tx: Tx, ids: list[ActorId]) -> None:
        for actor_id in ids:
            followers.add(
                tx,
                actor_id=actor_id,
                target_id=rig.author.actor_id,
                state="accepted",
                follow_uri=f"https://f.example/{actor_id}",
                follow_json="{}",
            )

    await parts.db.write(follow, [actor.id for actor in crowd])
    post = await rig.publish()
    monkeypatch.setattr("fedblog.federation.window.PATIENCE", 1e9)
    gate = Gate()
    worker = DeliveryWorker(parts.db, gate, parts.signer, clock=rig.clock, jitter=lambda: 0.5)  # type: ignore[arg-type]
    draining = asyncio.create_task(worker.drain())
    async with asyncio.timeout(60):
        while gate.now < FIRST_WAVE:
            await asyncio.sleep(0.01)
        await worker._round()
        assert gate.most == FIRST_WAVE == 50
        gate.open.set()
        await draining
    assert gate.all == 220
    assert await rig.counts(post) == (220, 0, 0)
