"""The scripted peer itself: two of them talk to each other as real servers would."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor, Style
from fedblog.demo.peer_server import Answer
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.signatures.model import Scheme

KEY = generate_rsa(Uri("https://unnamed.invalid/#main-key"))
OTHER_KEY = generate_rsa(Uri("https://unnamed.invalid/#main-key"))


@pytest.fixture
async def two() -> AsyncIterator[tuple[PeerServer, PeerServer]]:
    """Two started servers."""
    one, other = PeerServer(), PeerServer()
    await one.start(name="one.localhost")
    await other.start(name="other.localhost")
    yield one, other
    await one.stop()
    await other.stop()


def person(server: PeerServer, name: str, key: PrivateKey = KEY, style: Style = "mastodon") -> PeerActor:
    """Somebody with a ready key."""
    return server.add_person(name, key=key, style=style)


@pytest.mark.parametrize("style", ["mastodon", "gotosocial", "misskey", "pleroma"])
@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_a_signed_reply_arrives_verified(
    two: tuple[PeerServer, PeerServer], style: Style, scheme: Scheme
) -> None:
    """Each style's key form resolves over HTTP, in both schemes."""
    one, other = two
    ana, ben = person(one, "ana", style=style), person(other, "ben", OTHER_KEY)
    reply = payloads.create(ana, payloads.note(ana, f"{ben.id}/statuses/1", "hello", mentions=[(ben.id, ben.handle)]))
    status, _ = await one.post_activity(ana, ben.inbox, reply, scheme)
    got = await other.wait_for("Create", timeout=2)
    assert status == 202
    assert (got.verified, got.scheme, got.activity["object"]["content"]) == (True, scheme, "<p>hello</p>")


async def test_ed25519_multikey_verifies(two: tuple[PeerServer, PeerServer]) -> None:
    """A key that is listed under assertionMethod only."""
    one, other = two
    ana = one.add_person("ana", key_type="ed25519")
    status, _ = await one.post_activity(ana, f"{other.base_url}/inbox", payloads.like(ana, "https://blog.example/x"))
    assert status == 202


async def test_forgeries_are_answered_401(two: tuple[PeerServer, PeerServer]) -> None:
    """Another key, no signature, a changed body header, a key from before the rotation, an unknown scheme."""
    one, other = two
    ana = person(one, "ana")
    inbox = f"{other.base_url}/inbox"
    like = payloads.like(ana, "https://blog.example/x")
    assert (await one.post_activity(ana, inbox, like, key=_as(ana, OTHER_KEY)))[0] == 401
    assert (await one.post_activity(ana, inbox, like, None))[0] == 401
    assert (await one.post_activity(ana, inbox, like, headers={"Digest": "SHA-256=AAAA"}))[0] == 401
    ana.rotate_key(OTHER_KEY)
    assert (await one.post_activity(ana, inbox, like, key=ana.old_keys[0]))[0] == 401
    assert (await one.post_activity(ana, inbox, like))[0] == 202
    other.schemes = ("rfc9421",)
    assert (await one.post_activity(ana, inbox, like))[0] == 401
    assert [seen.verified for seen in other.inbox] == [False, None, False, False, True, False]


async def test_scripts_change_answers(two: tuple[PeerServer, PeerServer]) -> None:
    """Gone, redirect, lying id, authorized fetch, a Retry-After that passes."""
    one, other = two
    ana = person(one, "ana")
    note = payloads.note(ana, None, "x")
    one.publish(note)
    one.set_totals(note["id"], likes=3)
    one.publish(note, at="/lie")
    assert json.loads((await other.fetch(f"{one.base_url}/lie"))[2])["id"] == note["id"]
    assert (await other.fetch_json(note["id"]))["likes"]["totalItems"] == 3
    one.redirect("/r", "/lie")
    assert (await other.fetch(f"{one.base_url}/r"))[:1] == (302,)
    one.gone(ana.path)
    assert (await other.fetch(ana.id))[0] == 410
    one.answer("/inbox", Answer(429, headers={"Retry-After": "7"}, times=1))
    ben = person(other, "ben", OTHER_KEY)
    like = payloads.like(ben, note["id"])
    statuses = [(await other.post_activity(ben, f"{one.base_url}/inbox", like))[0] for _ in range(2)]
    assert statuses == [429, 202]
    one.authorized_fetch = True
    assert (await other.fetch(note["id"]))[0] == 401
    assert (await other.fetch(note["id"], ben))[0] == 200


async def test_names_are_found(two: tuple[PeerServer, PeerServer]) -> None:
    """WebFinger with the subscribe template and FEP-3b86 intents; NodeInfo."""
    one, other = two
    ana = person(one, "ana")
    one.intents = True
    jrd = await other.webfinger(ana.handle)
    rels = {link["rel"]: link for link in jrd["links"]}
    assert rels["self"]["href"] == ana.id
    assert "{uri}" in rels["http://ostatus.org/schema/1.0/subscribe"]["template"]
    assert "{object}" in rels["https://w3id.org/fep/3b86/Object"]["template"]
    assert (await other.fetch_json(f"{one.base_url}/nodeinfo/2.0"))["software"]["name"] == "mastodon"


async def test_waiting_says_what_came_instead(two: tuple[PeerServer, PeerServer]) -> None:
    """The message of the TimeoutError helps."""
    one, other = two
    ana = person(one, "ana")
    await one.post_activity(ana, f"{other.base_url}/inbox", payloads.follow(ana, "https://blog.example/ap/actors/a"))
    with pytest.raises(TimeoutError, match=r"'Accept' did not come .*Follow on /inbox \(fine\)"):
        await other.wait_for("Accept", timeout=0.01)


def _as(actor: PeerActor, key: PrivateKey) -> PrivateKey:
    return PrivateKey(actor.key.key_id, key.algorithm, key.key)
