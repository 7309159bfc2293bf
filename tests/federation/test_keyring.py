"""Keys of others: whose they are, and how rarely they are asked for."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri, host_of
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor, Style
from fedblog.demo.peer_server import Answer
from fedblog.errors import Refused
from fedblog.federation import bounded
from fedblog.federation import keyring as keyring_module
from fedblog.federation.keyring import KeyRefused
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import actors, keys
from tests.federation.conftest import Net, PeerMaker, renamed

JSON = "application/activity+json"


@pytest.fixture
def ana(peer: PeerServer, rsa_keys: list[PrivateKey]) -> PeerActor:
    """Somebody with an RSA key."""
    return peer.add_person("ana", key=rsa_keys[0])


async def refusal(net: Net, key_id: str, actor: str | None, *, fresh: bool = False) -> Refused:
    """What asking for that key raises."""
    with pytest.raises(Refused) as caught:
        await net.keyring.key(Uri(key_id), actor_uri=None if actor is None else Uri(actor), fresh=fresh)
    return caught.value


@pytest.mark.parametrize("style", ["mastodon", "gotosocial", "misskey", "pleroma"])
async def test_KEY_01_KEY_02_each_form_of_key_id(
    net: Net, peer: PeerServer, rsa_keys: list[PrivateKey], style: Style
) -> None:
    """Inside the actor, or at a URL of its own with a stub (GoToSocial); the actor is stored with its profile."""
    ana = peer.add_person("ana", name="Ana", key=rsa_keys[0], style=style)
    key = await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
    assert (key.key_id, key.owner, key.pem) == (ana.key.key_id, ana.id, ana.key.public.pem)
    stored = await net.db.read(actors.by_uri, ana.id)
    assert stored is not None
    assert (stored.name, stored.inbox, stored.domain) == ("Ana", ana.inbox, ana.host)
    count = len(peer.requests)
    assert await net.keyring.key(ana.key.key_id, actor_uri=ana.id) == key
    assert len(peer.requests) == count


async def test_KEY_01_the_bare_actor_id(net: Net, ana: PeerActor) -> None:
    """Named as the key's id: the actor's RSA key is meant; the second time it comes from the database."""
    assert (await net.keyring.key(ana.id, actor_uri=ana.id)).pem == ana.key.public.pem
    net.clock.now += 3_600
    assert (await net.keyring.key(ana.id, actor_uri=ana.id)).pem == ana.key.public.pem


@pytest.mark.parametrize(
    "key_id",
    [
        *("http://blog.localhost:8080/ap/actors/ana#main-key", "http://169.254.169.254/k", "http://127.1/k#x"),
        *("acct:ana@peer.localhost", "file:///etc/passwd", "data:,x", "javascript:x", "https://u@peer.localhost/k"),
    ],
)
async def test_KEY_01_SEC_019_SEC_028_odd_key_ids_are_not_dialled(net: Net, opened: list[str], key_id: str) -> None:
    """Our own host, private addresses, other schemes."""
    error = await refusal(net, key_id, "https://x.example/a")
    assert isinstance(error, KeyRefused)
    assert (error.status, error.reason) == (401, "key_id_refused")
    assert opened == []


async def test_KEY_02_a_standalone_key_must_be_listed_by_its_owner(
    net: Net, peer: PeerServer, rsa_keys: list[PrivateKey]
) -> None:
    """A key document of its own; the owner lists it, so it counts."""
    bob = peer.add_person("bob", key=rsa_keys[1])
    bob.key = renamed(bob.key, f"{bob.id}/publickey")
    document = {"type": "Key", "id": bob.key.key_id, "owner": bob.id, "publicKeyPem": bob.key.public.pem}
    peer.publish(document)
    assert (await net.keyring.key(bob.key.key_id, actor_uri=bob.id)).owner == bob.id
    assert [seen.path for seen in peer.requests if seen.path.startswith("/users")] == [
        "/users/bob/publickey",
        "/users/bob",
    ]


@pytest.mark.parametrize("kind", ["Key", "CryptographicKey", "Multikey"])
async def test_KEY_02_SEC_005_a_liar_names_a_victim_as_owner(
    net: Net, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey], kind: str
) -> None:
    """The victim does not list the key: 401, and nothing under the liar's key id."""
    evil = await make_peer("evil.localhost")
    key_id = f"{evil.base_url}/key"
    owner = "controller" if kind == "Multikey" else "owner"
    evil.publish({"type": kind, "id": key_id, owner: ana.id, "publicKeyPem": rsa_keys[2].public.pem})
    error = await refusal(net, key_id, ana.id)
    assert (error.status, error.reason) == (401, "key_owner_mismatch")
    assert evil.requests == [], "nothing that is there could be hers"
    error = await refusal(net, key_id, None)
    assert (error.status, error.reason) == (401, "key_not_listed")
    assert await net.db.read(keys.remote_key, key_id) is None


async def test_KEY_03_SEC_006_an_actor_document_under_a_foreign_url(
    net: Net, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey]
) -> None:
    """evil serves the victim's id with its own key: 401, the victim's key is what its server says."""
    evil = await make_peer("evil.localhost")
    liar = dataclasses.replace(ana, key=renamed(rsa_keys[2], f"{evil.base_url}/ana#main-key")).document()
    evil.publish(liar, at="/ana")
    error = await refusal(net, f"{evil.base_url}/ana#main-key", ana.id)
    assert (error.status, error.reason) == (401, "key_owner_mismatch")
    error = await refusal(net, f"{evil.base_url}/ana#main-key", None)
    assert (error.status, error.reason) == (401, "key_unfetchable")
    assert await net.db.read(actors.by_uri, ana.id) is None
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).pem == ana.key.public.pem


async def test_KEY_03_SEC_006_listing_a_victims_key_id_poisons_nothing(
    net: Net, peer: PeerServer, make_peer: PeerMaker, ana: PeerActor, rsa_keys: list[PrivateKey]
) -> None:
    """A stranger elsewhere and a neighbour on the same host both list ana's key id with keys of their own."""
    evil = await make_peer("evil.localhost")
    for server, name in ((evil, "eve"), (peer, "neighbour")):
        liar = server.add_person(name, key=rsa_keys[1])
        false = {"id": ana.key.key_id, "owner": liar.id, "publicKeyPem": rsa_keys[2].public.pem}
        liar.extra["publicKey"] = [liar.document()["publicKey"], false]
        await net.keyring.key(liar.key.key_id, actor_uri=liar.id)
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).pem == ana.key.public.pem
    assert (await net.keyring.key(ana.key.key_id, actor_uri=None)).owner == ana.id
    again = await net.keyring.key(Uri(f"{peer.base_url}/users/neighbour#main-key"), actor_uri=None)
    assert again.owner == f"{peer.base_url}/users/neighbour"


async def test_KEY_04_SEC_003_a_neighbours_key_is_not_the_actors(
    net: Net, peer: PeerServer, ana: PeerActor, rsa_keys: list[PrivateKey]
) -> None:
    """Same host, other person; also when both are known already."""
    bob = peer.add_person("bob", key=rsa_keys[1])
    for _ in range(2):
        error = await refusal(net, bob.key.key_id, ana.id)
        assert (error.status, error.reason) == (401, "key_owner_mismatch")
        assert isinstance(error, KeyRefused)
        await net.keyring.key(bob.key.key_id, actor_uri=bob.id)
        await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
        net.clock.now += 61


@pytest.mark.proves("SEC-044")
async def test_KEY_04_scheme_and_host_compare_without_case(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """The actor spelt with a capital host is the same one."""
    spelt = ana.id.replace("peer.localhost", "PEER.localhost")
    assert (await net.keyring.key(ana.key.key_id, actor_uri=Uri(spelt))).owner == ana.id


async def test_KEY_05_SEC_027_rotated_keys_are_picked_up_once_a_minute(
    net: Net, peer: PeerServer, ana: PeerActor, rsa_keys: list[PrivateKey]
) -> None:
    """Fresh asks again although the first look was this second; after that not for a minute."""
    old = await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
    ana.rotate_key(rsa_keys[1])
    new = await net.keyring.key(ana.key.key_id, actor_uri=ana.id, fresh=True)
    assert (old.pem, new.pem) == (rsa_keys[0].public.pem, rsa_keys[1].public.pem)
    ana.rotate_key(rsa_keys[2])
    for _ in range(5):
        assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id, fresh=True)).pem == new.pem
    assert peer.gets("/users/ana") == 2
    net.clock.now += 61
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).pem == new.pem
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id, fresh=True)).pem == rsa_keys[2].public.pem
    assert peer.gets("/users/ana") == 3


async def test_SEC_048_a_change_of_all_keys_is_logged(
    net: Net, ana: PeerActor, rsa_keys: list[PrivateKey], caplog: pytest.LogCaptureFixture
) -> None:
    """Not the first sight of an actor, nor the same keys again."""
    await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
    await net.resolver.actor(ana.id, refresh=True)
    assert "other keys" not in caplog.text
    ana.rotate_key(rsa_keys[1])
    await net.keyring.key(ana.key.key_id, actor_uri=ana.id, fresh=True)
    assert f"{ana.id} has other keys than before" in caplog.text


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.proves("SEC-029")
async def test_KEY_06_gone_is_401(net: Net, peer: PeerServer, ana: PeerActor, status: int) -> None:
    """With the server's own number, which tells a deleted actor from a missing one (KEY-10)."""
    peer.gone(ana.path, status)
    error = await refusal(net, ana.key.key_id, ana.id)
    assert isinstance(error, KeyRefused)
    assert (error.status, error.reason, error.http_status) == (401, "key_gone", status)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
async def test_KEY_06_SEC_029_trouble_at_the_key_server_is_503(
    net: Net, peer: PeerServer, ana: PeerActor, status: int
) -> None:
    """With Retry-After, the peer's own if it gave one; then it works again."""
    peer.answer(ana.path, Answer(status, {}, headers={"Retry-After": "77"}, times=1))
    error = await refusal(net, ana.key.key_id, ana.id)
    assert (error.status, error.reason, error.retry_after) == (503, "key_unreachable", 77)
    net.clock.now += 61
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).owner == ana.id


async def test_KEY_06_a_known_key_serves_while_its_server_is_down(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Only who needs a fresh look gets 503."""
    known = await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
    await peer.stop()
    assert (await refusal(net, ana.key.key_id, ana.id, fresh=True)).status == 503
    assert await net.keyring.key(ana.key.key_id, actor_uri=ana.id) == known


async def test_KEY_07_no_answer_stops_questions_to_the_host(
    net: Net, peer: PeerServer, ana: PeerActor, opened: list[str], rsa_keys: list[PrivateKey]
) -> None:
    """One dial, then 503 at once for every key of that host, for five minutes."""
    bob = peer.add_person("bob", key=rsa_keys[1])
    await peer.stop()
    errors = [await refusal(net, who.key.key_id, who.id) for who in (ana, bob, ana, bob)]
    assert {(error.status, error.reason) for error in errors} == {(503, "key_unreachable")}
    assert all(error.retry_after and error.retry_after <= 300 for error in errors)
    assert len(opened) == 1
    net.clock.now += 301
    await refusal(net, ana.key.key_id, ana.id)
    assert len(opened) == 2


async def test_SEC_071_a_slow_key_server_meets_a_deadline(
    net: Net, peer: PeerServer, ana: PeerActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 for its own people, and the next one of its host gets it at once."""
    monkeypatch.setattr(keyring_module, "KEY_DEADLINE", 0.3)
    peer.hang(ana.path)
    for key_id in (ana.key.key_id, f"{peer.base_url}/users/other#main-key"):
        error = await refusal(net, key_id, None)
        assert (error.status, error.retry_after) == (503, 300)
    assert len(peer.requests) == 1


@pytest.mark.proves("SEC-020")
async def test_KEY_08_bad_entries_are_skipped(net: Net, ana: PeerActor, peer: PeerServer) -> None:
    """Rubbish beside a good key, an Ed25519 key in assertionMethod, one that says it is somebody else's."""
    ed = peer.add_person("ed", key_type="ed25519").key
    multikey = {
        "id": f"{ana.id}#ed25519-key",
        "type": "Multikey",
        "controller": ana.id,
        "publicKeyMultibase": ed.public.multibase,
    }
    foreign = {**multikey, "id": f"{ana.id}#foreign", "controller": f"{peer.base_url}/users/bob"}
    rubbish: list[Any] = [None, 5, "x", {"id": 5}, {"id": f"{ana.id}#bad", "publicKeyMultibase": "zzz"}]
    ana.extra["assertionMethod"] = [*rubbish, foreign, multikey]
    ana.extra["publicKey"] = [{"id": f"{ana.id}#broken", "publicKeyPem": "-----BEGIN"}, ana.document()["publicKey"]]
    assert (await net.keyring.key(Uri(f"{ana.id}#ed25519-key"), actor_uri=ana.id)).algorithm == "ed25519"
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).algorithm == "rsa"
    for name in ("bad", "broken", "foreign", "absent"):
        assert (await refusal(net, f"{ana.id}#{name}", ana.id)).reason == "key_not_listed"


async def test_SEC_074_a_dead_key_is_asked_for_once_a_minute(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Whatever the reason was: gone, not listed, no document."""
    peer.gone(ana.path)
    peer.publish({"id": f"{peer.base_url}/x", "type": "Note"})
    for key_id, path in ((f"{ana.id}#k", ana.path), (f"{peer.base_url}/x#k", "/x"), (f"{peer.base_url}/y", "/y")):
        for fresh in (False, False, True, True):
            assert (await refusal(net, key_id, ana.id, fresh=fresh)).status == 401
        assert peer.gets(path) <= 2  # one look, one forced
        net.clock.now += 61
        before = peer.gets(path)
        await refusal(net, key_id, ana.id)
        assert peer.gets(path) == before + 1


async def test_SEC_075_many_at_once_share_one_fetch(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """Fifty deliveries of a new actor; one waiter that gives up takes nobody with it."""
    tasks = [asyncio.create_task(net.keyring.key(ana.key.key_id, actor_uri=ana.id)) for _ in range(50)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert {key.owner for key in found[1:] if not isinstance(key, BaseException)} == {ana.id}
    assert len([key for key in found if not isinstance(key, BaseException)]) == 49
    assert peer.gets(ana.path) == 1


async def test_ACT_15_a_stripped_document_brings_a_new_key_only(
    net: Net, peer: PeerServer, rsa_keys: list[PrivateKey]
) -> None:
    """Sharkey's answer to a signature it could not check: name and inbox stay as they are."""
    ana = peer.add_person("ana", name="Ana", key=rsa_keys[0])
    await net.keyring.key(ana.key.key_id, actor_uri=ana.id)
    ana.rotate_key(rsa_keys[1])
    ana.extra.update(inbox=None, name=None, endpoints=None, url=None)
    fresh = await net.keyring.key(ana.key.key_id, actor_uri=ana.id, fresh=True)
    assert fresh.pem == rsa_keys[1].public.pem
    stored = await net.db.read(actors.by_uri, ana.id)
    assert stored is not None
    assert (stored.name, stored.inbox) == ("Ana", ana.inbox)
    kept = await net.db.read(keys.remote_key, ana.key.key_id)
    assert kept is not None
    assert kept.public_pem == rsa_keys[1].public.pem


async def test_ACT_15_an_unknown_stripped_actor_is_not_stored(net: Net, ana: PeerActor) -> None:
    """Its key verifies, that is all."""
    ana.extra["inbox"] = None
    assert (await net.keyring.key(ana.key.key_id, actor_uri=ana.id)).owner == ana.id
    assert await net.db.read(actors.by_uri, ana.id) is None


async def test_SEC_056_a_key_costs_few_requests(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """A chain of redirects before an owner behind another chain ends by budget."""
    for number in range(4):
        peer.redirect(f"/k{number}", f"/k{number + 1}")
        peer.redirect(f"/o{number}", f"/o{number + 1}")
    peer.publish({"type": "Key", "id": f"{peer.base_url}/k4", "owner": f"{peer.base_url}/o0", "publicKeyPem": "x"})
    assert (await refusal(net, f"{peer.base_url}/k0", ana.id)).reason == "key_unfetchable"
    assert len(peer.requests) <= 8


def test_SEC_129_a_clock_that_was_set_back_keeps_no_note_for_a_day() -> None:
    """A minute's note made before the clock went back a day is over, not a day longer."""
    now = [1_000_000.0]
    cache: bounded.Bounded[str, int] = bounded.Bounded(10, lambda: now[0])
    cache.put("host", 1, 60)
    now[0] -= 86_400
    assert cache.get("host") is None
    assert cache.seconds_left("host") == 0


def test_SEC_076_caches_are_bounded_and_expire() -> None:
    """The oldest goes first; time ends the others."""
    now = 0.0
    cache: bounded.Bounded[int, int] = bounded.Bounded(10, lambda: now)
    for number in range(1_000):
        cache.put(number, number, 60)
    assert len(cache) == 10
    assert (cache.get(989), cache.get(990)) == (None, 990)
    assert cache.seconds_left(990) == 60
    now = 60.0
    assert (cache.get(990), cache.seconds_left(991), len(cache)) == (None, 0, 9)
    cache.drop(991)
    assert cache.get(991) is None


async def test_host_of_a_key_is_told_in_the_refusal(net: Net, peer: PeerServer, ana: PeerActor) -> None:
    """The log's reader wants to know who could not be reached."""
    await peer.stop()
    assert host_of(ana.id) in str(await refusal(net, ana.key.key_id, ana.id))
