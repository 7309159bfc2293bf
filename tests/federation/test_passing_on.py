"""What goes on to our followers that is not ours, and what servers tell each other about followers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.model import Actor, Post
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.federation.synchronise import disputed
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.digest import followers_digest
from fedblog.signatures.keys import generate_ed25519
from fedblog.signatures.model import SignedRequest
from fedblog.signatures.proofs import create_proof
from fedblog.signatures.verify import read_claims
from fedblog.storage import actors, replies
from tests.federation.conftest import PeerMaker
from tests.federation.test_delivery import Rig, activities, rig

__all__ = ["rig"]
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
SEAL = {"type": "RsaSignature2017", "creator": "x", "created": "2027-01-15T00:00:00Z", "signatureValue": "AAAA"}


def create_of(actor: PeerActor, parent: str, number: int = 1, **extra: Any) -> dict[str, Any]:
    """A public reply, with an LD signature such as Mastodon adds."""
    note = {
        "id": f"{actor.id}/notes/{number}",
        "type": "Note",
        "attributedTo": actor.id,
        "inReplyTo": parent,
        "content": "<p>Well said</p>",
        "to": [PUBLIC],
        "cc": [f"{actor.id}/followers"],
        **extra.pop("note", {}),
    }
    made = {"@context": "https://www.w3.org/ns/activitystreams", "id": f"{note['id']}/create", "type": "Create"}
    return {**made, "actor": actor.id, "object": note, "to": note["to"], "cc": note["cc"], "signature": SEAL, **extra}


class Crowd:
    """A blog with followers on two servers; `dee` lives on a third and follows nobody."""

    def __init__(self, rig: Rig, dee: PeerActor, home: PeerServer, peers: list[PeerServer], post: Post) -> None:
        self.rig, self.dee, self.home, self.peers, self.post = rig, dee, home, peers, post

    async def send(self, activity: dict[str, Any], *, body: bytes | None = None) -> int:
        """To our inbox, as dee."""
        inbox = f"{self.rig.live.base_url}/inbox"
        status, _ = await self.home.post_activity(self.dee, inbox, activity, body=body, now=self.rig.clock.now)
        await self.rig.deliver()
        return status

    def came(self, kind: str) -> list[list[bytes]]:
        """The bodies of that type that each of the followers' servers and dee's own got."""
        return [[seen.body for seen in peer.inbox if seen.type == kind] for peer in (*self.peers, self.home)]


@pytest.fixture
async def crowd(rig: Rig, make_peer: PeerMaker) -> Crowd:
    peers = [await make_peer(name=f"{name}.localhost") for name in ("one", "two")]
    for number, peer in enumerate(peers):
        await rig.follower(peer, f"bo{number}")
    home = await make_peer(name="three.localhost")
    home.clock = rig.clock
    dee = home.add_person("dee", key=rig.keys[1])
    post = await rig.publish()
    await rig.deliver()
    for peer in peers:
        peer.inbox.clear()
    return Crowd(rig, dee, home, peers, post)


@pytest.mark.parametrize("hidden", ["bto", "bcc"])
@pytest.mark.parametrize("inside", [True, False])
async def test_VIS_06_hidden_recipients_that_others_left_go_no_further(crowd: Crowd, hidden: str, inside: bool) -> None:
    """A reply that names them is kept and shown; its bytes stay here, and no document of ours repeats them."""
    secret = {hidden: ["https://secret.example/users/friend"]}
    activity = create_of(crowd.dee, crowd.post.uri, **({"note": secret} if inside else secret))
    assert await crowd.send(activity) == 202
    assert crowd.came("Create") == [[], [], []]
    stored = await crowd.rig.live.services.db.read(replies.by_uri, activity["object"]["id"])
    assert stored is not None
    for path in (f"{crowd.post.uri}/replies?page=1", f"{crowd.post.uri}/context?page=1", f"/@ana/{crowd.post.slug}"):
        assert "secret.example" not in (await crowd.rig.live.get(path, accept="application/activity+json")).text


async def test_DLV_04_a_sealed_reply_goes_on_byte_for_byte(crowd: Crowd) -> None:
    """Odd spacing and key order survive; the envelope is signed by the post's author, and comes once."""
    body = json.dumps(create_of(crowd.dee, crowd.post.uri), indent=3).encode()
    assert await crowd.send({}, body=body) == 202
    assert crowd.came("Create") == [[body], [body], []]
    (seen,) = crowd.peers[0].inbox
    author = await crowd.rig.live.services.db.read(actors.by_id, crowd.rig.author.actor_id)
    assert seen.verified, seen.problem
    assert seen.key_id == f"{author.uri}#main-key"
    assert not seen.header("Collection-Synchronization"), "that is for what we say ourselves"
    await crowd.send({}, body=body)
    assert crowd.came("Create") == [[body], [body], []]
    outbox = await crowd.rig.live.get(f"{author.uri}/outbox?page=1", accept="application/activity+json")
    assert crowd.dee.id not in outbox.text


async def test_DLV_04_a_proof_is_as_good_as_an_ld_signature(crowd: Crowd) -> None:
    activity = create_of(crowd.dee, crowd.post.uri)
    del activity["signature"]
    sealed = create_proof(activity, generate_ed25519(Uri(f"{crowd.dee.id}#ed25519-key")), now=crowd.rig.clock.now)
    assert await crowd.send(sealed) == 202
    assert [len(bodies) for bodies in crowd.came("Create")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ({"signature": None}, {}),
        ({"signature": {"type": "RsaSignature2017"}}, {}),
        ({}, {"to": ["https://one.localhost/users/bo0"], "cc": []}),
        ({"id": None}, {}),
        ({}, {"content": "<p>long</p>" * 10_000}),
    ],
    ids=["no seal", "empty seal", "private", "no id", "too large"],
)
async def test_DLV_04_what_is_not_passed_on(crowd: Crowd, change: dict[str, Any], note: dict[str, Any]) -> None:
    activity = create_of(crowd.dee, crowd.post.uri, note=note, **change)
    await crowd.send({name: value for name, value in activity.items() if value is not None})
    assert crowd.came("Create") == [[], [], []]


async def test_DLV_04_deeper_replies_only_when_they_name_our_followers(crowd: Crowd) -> None:
    await crowd.send(create_of(crowd.dee, crowd.post.uri))
    parent = f"{crowd.dee.id}/notes/1"
    await crowd.send(create_of(crowd.dee, parent, 2))
    assert [len(bodies) for bodies in crowd.came("Create")] == [1, 1, 0]
    author = await crowd.rig.live.services.db.read(actors.by_id, crowd.rig.author.actor_id)
    await crowd.send(create_of(crowd.dee, parent, 3, note={"cc": [author.followers_uri]}))
    assert [len(bodies) for bodies in crowd.came("Create")] == [2, 2, 0]


async def test_DLV_04_the_authors_own_server_is_not_told_what_it_told_us(crowd: Crowd) -> None:
    """A follower on the same server as the one who replies has it from there."""
    await crowd.rig.follower(crowd.home, "ed")
    await crowd.send(create_of(crowd.dee, crowd.post.uri))
    assert [len(bodies) for bodies in crowd.came("Create")] == [1, 1, 0]


async def test_DLV_05_edits_and_deletes_of_a_forwarded_reply_follow_it(crowd: Crowd) -> None:
    create = create_of(crowd.dee, crowd.post.uri)
    await crowd.send(create)
    edited = {**create["object"], "content": "<p>Better</p>", "updated": "2027-01-16T00:00:00Z"}
    update = {**create, "id": f"{crowd.dee.id}/u/1", "type": "Update", "object": edited}
    await crowd.send(update)
    assert [[json.loads(body) for body in bodies] for bodies in crowd.came("Update")] == [[update], [update], []]
    unsealed = {key: value for key, value in update.items() if key != "signature"}
    again = {**edited, "content": "<p>Best</p>", "updated": "2027-01-17T00:00:00Z"}
    await crowd.send({**unsealed, "id": f"{crowd.dee.id}/u/2", "object": again})
    assert [len(bodies) for bodies in crowd.came("Update")] == [1, 1, 0]
    delete = {**create, "id": f"{crowd.dee.id}/d/1", "type": "Delete", "object": edited["id"]}
    await crowd.send(delete)
    assert [[json.loads(body) for body in bodies] for bodies in crowd.came("Delete")] == [[delete], [delete], []]


async def test_DLV_05_a_neighbour_keeps_no_delete_from_going_on(crowd: Crowd) -> None:
    """Ids of deletions can be guessed, and a neighbour's reply may come under one of them first."""
    create, eve = create_of(crowd.dee, crowd.post.uri), crowd.home.add_person("eve", key_type="ed25519")
    await crowd.send(create)
    delete = {**create, "id": f"{crowd.dee.id}/d/1", "type": "Delete", "object": create["object"]["id"]}
    early = {**create_of(eve, crowd.post.uri), "id": delete["id"]}
    inbox = f"{crowd.rig.live.base_url}/inbox"
    assert (await crowd.home.post_activity(eve, inbox, early, now=crowd.rig.clock.now))[0] == 202
    await crowd.rig.deliver()
    assert [len(bodies) for bodies in crowd.came("Create")] == [2, 2, 0]
    await crowd.send(delete)
    assert [[json.loads(body) for body in bodies] for bodies in crowd.came("Delete")] == [[delete], [delete], []]


async def test_DLV_05_what_became_private_or_was_never_forwarded_stays_here(crowd: Crowd) -> None:
    create = create_of(crowd.dee, crowd.post.uri)
    await crowd.send(create)
    narrowed = {**create["object"], "to": [crowd.dee.id], "cc": [], "updated": "2027-01-16T00:00:00Z", "content": "x"}
    audience = {"to": [crowd.dee.id], "cc": []}
    await crowd.send({**create, **audience, "id": f"{crowd.dee.id}/u/1", "type": "Update", "object": narrowed})
    unsealed = create_of(crowd.dee, crowd.post.uri, 2)
    del unsealed["signature"]
    await crowd.send(unsealed)
    assert await crowd.rig.live.services.db.read(replies.by_uri, unsealed["object"]["id"]) is not None
    note = {**unsealed["object"], "content": "<p>Other</p>", "updated": "2027-01-16T00:00:00Z"}
    await crowd.send({**unsealed, "id": f"{crowd.dee.id}/u/2", "type": "Update", "object": note, "signature": SEAL})
    assert crowd.came("Update") == [[], [], []]


async def test_DLV_14_posts_tell_each_server_whom_of_it_we_count(crowd: Crowd) -> None:
    author = await crowd.rig.live.services.db.read(actors.by_id, crowd.rig.author.actor_id)
    await crowd.rig.follower(crowd.peers[0], "fi")
    await crowd.rig.publish("Another")
    await crowd.rig.deliver()
    for peer, names in ((crowd.peers[0], ("bo0", "fi")), (crowd.peers[1], ("bo1",))):
        await peer.wait_for("Create")
        (seen,) = [seen for seen in peer.inbox if seen.type == "Create"]
        assert seen.verified, seen.problem
        ids = [one.id for one in peer.actors.values() if one.username in names]
        value = seen.header("Collection-Synchronization") or ""
        url = f"{author.uri}/followers_synchronization"
        assert value == (f'collectionId="{author.followers_uri}", url="{url}", digest="{followers_digest(ids)}"')
        assert "collection-synchronization" in (seen.header("Signature") or "")
        status, headers, body = await peer.fetch(url, next(iter(peer.actors.values())))
        assert status == 200
        assert json.loads(body)["orderedItems"] == sorted(ids), "the asker's own, nobody else's"
        assert headers["cache-control"] == "private, no-store"
    unsigned = await crowd.rig.live.get(f"{author.uri}/followers_synchronization", accept="application/activity+json")
    assert unsigned.status == 401


async def _received(crowd: Crowd, header: str, *, signed: bool = True) -> int:
    """A Like by dee with that header; the status."""
    inbox = f"{crowd.rig.live.base_url}/inbox"
    like = {"id": f"{crowd.dee.id}/likes/1", "type": "Like", "actor": crowd.dee.id, "object": crowd.post.uri}
    body = json.dumps({"@context": "https://www.w3.org/ns/activitystreams", **like}).encode()
    extra = {"Collection-Synchronization": header}
    made = sign_cavage(
        method="POST",
        url=Uri(inbox),
        body=body,
        key=crowd.dee.key,
        now=crowd.rig.clock.now,
        extra=extra if signed else None,
    )
    sent: dict[str, str | None] = {**made, **extra}
    status, _ = await crowd.home.post_activity(crowd.dee, inbox, {}, scheme=None, body=body, headers=sent)
    return status


async def test_DLV_14_who_counts_us_wrongly_is_told(crowd: Crowd) -> None:
    """Our authors follow nobody: a server that thinks otherwise gets the Undo."""
    author = await crowd.rig.live.services.db.read(actors.by_id, crowd.rig.author.actor_id)
    url = f"{crowd.dee.id}/followers_synchronization"
    followers = str(crowd.dee.document()["followers"])
    stranger = "https://stranger.example/users/x"
    crowd.home.publish({"id": url, "type": "OrderedCollection", "orderedItems": [author.uri, stranger]})
    header = f'collectionId="{followers}", url="{url}", digest="{followers_digest([author.uri])}"'
    assert await _received(crowd, header) == 202
    crowd.rig.clock.now += 61
    await crowd.rig.live.services.jobs.drain()
    await crowd.rig.deliver()
    undo = (await crowd.home.wait_for("Undo")).activity
    assert (undo["actor"], undo["object"]["type"]) == (author.uri, "Follow")
    assert (undo["object"]["actor"], undo["object"]["object"]) == (author.uri, crowd.dee.id)
    assert len(activities(crowd.home, "Undo")) == 1


@pytest.mark.parametrize("case", ["agreed", "unsigned", "others", "elsewhere", "garbage"])
async def test_DLV_14_headers_that_count_for_nothing(crowd: Crowd, case: str) -> None:
    url = f"{crowd.dee.id}/followers_synchronization"
    followers = str(crowd.dee.document()["followers"])
    digest = followers_digest([] if case == "agreed" else ["https://x.example/1"])
    if case == "others":
        followers = f"{crowd.home.base_url}/users/eve/followers"
    if case == "elsewhere":
        url = "https://elsewhere.example/followers_synchronization"
    header = 'url=";' if case == "garbage" else f'collectionId="{followers}", url="{url}", digest="{digest}"'
    assert await _received(crowd, header, signed=case != "unsigned") == 202
    crowd.rig.clock.now += 61
    asked = len(crowd.home.requests)
    await crowd.rig.live.services.jobs.drain()
    assert len(crowd.home.requests) == asked


def test_DLV_14_a_doubled_header_counts_for_nothing(rsa_keys: Any) -> None:
    dee = "https://m.example/users/dee"
    header = f'collectionId="{dee}/followers", url="{dee}/fs", digest="{followers_digest([dee])}"'
    blank: dict[str, Any] = dict.fromkeys(Actor.__dataclass_fields__, "")
    sender = Actor(**{**blank, "uri": dee, "followers_uri": f"{dee}/followers"})
    made = sign_cavage(
        method="POST",
        url=Uri("https://blog.example/inbox"),
        body=b"{}",
        key=rsa_keys[0],
        now=1_800_000_000,
        extra={"Collection-Synchronization": header},
    )
    once = SignedRequest("POST", "/inbox", tuple(made.items()), b"{}", "blog.example")
    claims = read_claims(once, now=1_800_000_000)
    assert disputed(once, claims, sender) == f"{dee}/fs"
    twice = SignedRequest(
        "POST", "/inbox", (*made.items(), ("collection-synchronization", header)), b"{}", "blog.example"
    )
    assert disputed(twice, claims, sender) is None
