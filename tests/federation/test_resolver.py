"""Actors and objects as their own origin tells them."""

from __future__ import annotations

import asyncio

import pytest

from fedblog.activitypub.urls import Uri, host_of
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Answer
from fedblog.errors import FetchFailed, FetchGone, FetchTemporary
from fedblog.federation.budget import Budget
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import actors, keys
from tests.federation.conftest import Net, PeerMaker

DAY = 86_400


@pytest.fixture
def ana(peer: PeerServer, rsa_keys: list[PrivateKey]) -> PeerActor:
    """Somebody with a profile."""
    return peer.add_person("ana", name="Ana", key=rsa_keys[0], summary="<p>hi<script>x</script></p>")


async def test_an_actor_is_fetched_once_a_day(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Stored and cleaned; fetched again when it is older than a day or when asked to."""
    actor = await net.resolver.actor(ana.id)
    assert (actor.uri, actor.handle, actor.name, actor.summary_html) == (ana.id, ana.handle, "Ana", "<p>hi</p>")
    assert actor.shared_inbox == f"{peer.base_url}/inbox"
    assert [key.key_id for key in await net.db.read(keys.actor_keys, ana.id)] == [ana.key.key_id]
    await net.resolver.actor(ana.id)
    assert peer.gets(ana.path) == 1
    ana.name = "Ana Bell"
    assert (await net.resolver.actor(ana.id, refresh=True)).name == "Ana Bell"
    ana.name = "Ana B."
    net.clock.now += DAY + 1
    renewed = await net.resolver.actor(ana.id)
    assert (renewed.name, renewed.id) == ("Ana B.", actor.id)
    assert peer.gets(ana.path) == 3


async def test_an_old_copy_serves_while_the_server_is_away(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Not for those who want a new one; and the dead server is asked once in ten minutes."""
    await net.resolver.actor(ana.id)
    net.clock.now += DAY + 1
    peer.answer(ana.path, Answer(503, {}))
    for _ in range(3):
        assert (await net.resolver.actor(ana.id)).name == "Ana"
    assert peer.gets(ana.path) == 2
    with pytest.raises(FetchTemporary):
        await net.resolver.actor(ana.id, refresh=True)
    net.clock.now += 601
    await net.resolver.actor(ana.id)
    assert peer.gets(ana.path) == 4


async def test_local_actors_are_never_fetched(net: Net, blog: PeerServer) -> None:
    """Even when asked to refresh."""
    ours = await net.db.read(actors.instance)
    assert await net.resolver.actor(Uri(ours.uri), refresh=True) == ours
    assert blog.requests == []


async def test_gone_actors_and_tombstones(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """410, 404, and a Tombstone with status 200."""
    peer.publish(payloads.tombstone(f"{peer.base_url}/users/bob", "Person"))
    with pytest.raises(FetchGone) as caught:
        await net.resolver.actor(Uri(f"{peer.base_url}/users/bob"))
    assert caught.value.http_status == 410
    peer.gone(ana.path, 404)
    with pytest.raises(FetchGone) as caught:
        await net.resolver.actor(ana.id)
    assert caught.value.http_status == 404


async def test_SEC_006_an_actor_of_another_origin_is_refused(net: Net, make_peer: PeerMaker, ana: PeerActor) -> None:
    """By a lying id or by a redirect: nothing is stored under either name."""
    evil = await make_peer("evil.localhost")
    evil.publish(ana.document(), at="/lie")
    evil.redirect("/moved", ana.id)
    for path in ("/lie", "/moved"):
        with pytest.raises(FetchFailed) as caught:
            await net.resolver.actor(Uri(evil.base_url + path))
        assert caught.value.reason == "id_elsewhere"
    assert await net.db.read(actors.by_uri, ana.id) is None


async def test_ACT_15_a_thinner_document_changes_nothing(net: Net, ana: PeerActor) -> None:
    """Known: the fuller copy stays. Unknown: a reason."""
    await net.resolver.actor(ana.id)
    ana.extra.update(inbox=None, name=None)
    kept = await net.resolver.actor(ana.id, refresh=True)
    assert (kept.name, kept.inbox) == ("Ana", ana.inbox)


async def test_ACT_15_documents_that_are_no_actor(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """A Note, and a Person without an inbox."""
    note = payloads.note(ana, None, "x")
    peer.publish(note)
    ana.extra.update(inbox=None)
    for uri, reason in ((note["id"], "not_an_actor"), (ana.id, "actor_partial")):
        with pytest.raises(FetchFailed) as caught:
            await net.resolver.actor(Uri(uri))
        assert caught.value.reason == reason


async def test_SEC_075_many_at_once_share_one_fetch(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """One fetch, one row."""
    found = await asyncio.gather(*(net.resolver.actor(ana.id) for _ in range(20)))
    assert len({actor.id for actor in found}) == 1
    assert peer.gets(ana.path) == 1


async def test_DISC_06_a_handle_on_another_domain_counts_if_that_confirms(
    net: Net, make_peer: PeerMaker, ana: PeerActor, peer: PeerServer
) -> None:
    """FEP-2c59 `webfinger`; once confirmed it is not asked again."""
    front = await make_peer("front.localhost")
    domain = host_of(Uri(front.base_url))
    ana.extra["webfinger"] = f"ana@{domain}"
    front.answer("/.well-known/webfinger", Answer(body=peer.jrd(ana) | {"subject": f"acct:ana@{domain}"}))
    assert (await net.resolver.actor(ana.id)).handle == f"@ana@{domain}"
    asked = len(front.requests)
    assert (await net.resolver.actor(ana.id, refresh=True)).domain == domain
    assert len(front.requests) == asked


@pytest.mark.parametrize("lie", ["unknown", "somebody_else", "garbage"])
@pytest.mark.proves("SEC-047")
async def test_DISC_06_a_claimed_domain_that_does_not_confirm_is_not_shown(
    net: Net, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey], lie: str
) -> None:
    """Nobody may call themselves @boss@front."""
    front = await make_peer("front.localhost")
    if lie == "somebody_else":
        front.add_person("boss", key=rsa_keys[1])
    claimed = f"boss@{host_of(Uri(front.base_url))}"
    ana.extra["webfinger"] = "no handle at all" if lie == "garbage" else claimed
    assert (await net.resolver.actor(ana.id)).handle == ana.handle


async def test_INB_12_a_note_comes_from_its_own_origin(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Signed, read as foreign, counted in the budget."""
    made = payloads.note(ana, "https://blog.example/ap/posts/1", "hello")
    peer.publish(made)
    peer.set_totals(made["id"], likes=7, shares=2)
    budget = Budget(5)
    note = await net.resolver.note(Uri(made["id"]), budget=budget)
    assert (note.id, note.attributed_to, note.content) == (made["id"], (ana.id,), "<p>hello</p>")
    assert (note.likes_total, note.shares_total) == (7, 2)
    assert (budget.left, peer.requests[-1].verified) == (4, True)


async def test_SEC_030_attribution_is_held_to_the_origin(
    net: Net, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey]
) -> None:
    """A note on evil that names a victim as its author; one that names nobody."""
    evil = await make_peer("evil.localhost")
    eve = evil.add_person("eve", key=rsa_keys[1])
    for author, reason in ((ana.id, "attribution_elsewhere"), (None, "attribution_missing")):
        forged = payloads.note(eve, None, "lie", attributedTo=author)
        evil.publish(forged)
        with pytest.raises(FetchFailed) as caught:
            await net.resolver.note(Uri(forged["id"]))
        assert caught.value.reason == reason


async def test_deleted_notes_are_gone(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """By status or as a Tombstone."""
    made = payloads.note(ana, None, "x")
    peer.publish(payloads.tombstone(made["id"]))
    with pytest.raises(FetchGone):
        await net.resolver.note(Uri(made["id"]))
