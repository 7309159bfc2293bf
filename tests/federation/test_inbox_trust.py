"""Nobody speaks for somebody else, and nothing that is sent breaks anything."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedblog.activitypub.urls import Uri, maybe_uri
from fedblog.errors import StorageUnavailable
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey, generate_ed25519
from fedblog.signatures.proofs import create_proof
from fedblog.storage import reactions
from tests.federation.house import BASE_URL, PUBLIC, House, World, open_house
from tests.shared import fixture, fixture_index, needs_shared

ANA = f"{BASE_URL}/ap/actors/ana"
INBOX = f"{BASE_URL}/inbox"


def signed(house: House, body: bytes, actor: str, **how: Any) -> dict[str, str]:
    """Headers of an honest request."""
    return sign_cavage(
        method="POST", url=Uri(INBOX), body=body, key=house.world.key_of(actor), now=house.clock.now, **how
    )


@pytest.mark.proves("SEC-001")
async def test_SIG_01_SIG_18_nothing_without_a_signature(house: House) -> None:
    """401, one row in the log, no effect, no fetch (SECURITY 1)."""
    post, bob = await house.publish(), house.person()
    body = json.dumps(house.create(house.note(bob, post.uri))).encode()
    headers = signed(house, body, bob)
    del headers["Signature"]
    assert await house.post(body, headers) == (401, "signature_missing")
    assert [(row.status, row.reason, row.actor_uri) for row in await house.log()] == [(401, "signature_missing", bob)]
    assert house.world.seen == []
    assert await house.thread(post, public_only=False) == []


@pytest.mark.proves("SEC-002", "SEC-003", "SEC-004")
async def test_KEY_04_only_the_actors_own_key(house: House, rsa_keys: list[PrivateKey]) -> None:
    """Another private key, a neighbour's, a stranger's: 401 and nothing (SECURITY 2 to 4)."""
    post, bob = await house.publish(), house.person()
    neighbour, eve = house.person(name="neighbour"), house.person("e.example", "eve")
    create = house.create(house.note(bob, post.uri))
    wrong = PrivateKey(Uri(f"{bob}#main-key"), "rsa", rsa_keys[1].key)
    assert (await house.send(create, key=wrong))[0] == 401
    for liar in (neighbour, eve):
        assert await house.send(create, by=liar) == (401, "key_owner_mismatch")
    assert await house.thread(post, public_only=False) == []
    assert len(await house.log()) == 3
    assert await house.send(create) == (202, "reply_published")


@pytest.mark.proves("SEC-027")
async def test_KEY_05_a_rotated_key_is_picked_up(house: House, rsa_keys: list[PrivateKey]) -> None:
    """One fresh look; the old key is refused then (SECURITY 27)."""
    post, bob = await house.publish(), house.person()
    assert (await house.send(house.create(house.note(bob, post.uri))))[0] == 202
    pem = rsa_keys[2].public.pem
    house.world.person(bob, publicKey={"id": f"{bob}#main-key", "owner": bob, "publicKeyPem": pem})
    fresh = PrivateKey(Uri(f"{bob}#main-key"), "rsa", rsa_keys[2].key)
    house.clock.now += 120
    assert await house.send(house.create(house.note(bob, post.uri)), key=fresh) == (202, "reply_published")
    assert (await house.send(house.create(house.note(bob, post.uri))))[0] == 401


@pytest.mark.proves("SEC-029")
async def test_KEY_06_a_key_server_that_is_down(house: House) -> None:
    """503 with Retry-After: the sender tries again, nothing is lost (SECURITY 29)."""
    post, bob = await house.publish(), house.person()
    document = house.world.documents[("m.example", "/users/bob")]
    house.world.documents[("m.example", "/users/bob")] = (503, {})
    create = house.create(house.note(bob, post.uri))
    assert await house.send(create) == (503, "key_unreachable")
    house.world.documents[("m.example", "/users/bob")] = document
    house.clock.now += 120
    assert await house.send(create) == (202, "reply_published")


@pytest.mark.proves("SEC-014")
async def test_a_changed_body_is_refused(house: House) -> None:
    """SECURITY 14."""
    post, bob = await house.publish(), house.person()
    body = json.dumps(house.create(house.note(bob, post.uri))).encode()
    changed = body.replace(b"Well said", b"Ill said!")
    assert await house.post(changed, signed(house, body, bob)) == (401, "digest_mismatch")


@pytest.mark.proves("SEC-043")
async def test_KEY_11_the_blocked_are_not_even_looked_up(house: House) -> None:
    """403 before any fetch."""
    bob = house.person()
    await house.publisher.block_domain("m.example.localhost")
    assert await house.send(house.activity("Follow", bob, ANA)) == (403, "blocked")
    assert house.world.seen == []


@pytest.mark.proves("SEC-032")
async def test_INB_06_ids_are_on_the_actors_server(house: House) -> None:
    """A foreign id is 403 and poisons nothing (SECURITY 32)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    honest = house.create(house.note(bob, post.uri))
    forged = {**house.create(house.note(eve, post.uri)), "id": honest["id"]}
    assert await house.send(forged) == (403, "id_elsewhere")
    assert await house.send(honest) == (202, "reply_published")


@pytest.mark.parametrize("bad", ["not a url", "urn:uuid:1", "javascript:alert(1)", "https://[", 7, {"x": 1}])
async def test_INB_04_INB_06_unusable_ids(house: House, bad: Any) -> None:
    """400; a missing one is fine where actor and object are enough."""
    post, bob = await house.publish(), house.person()
    status, _ = await house.send({**house.create(house.note(bob, post.uri)), "id": bad})
    assert status == 400
    like = house.activity("Like", bob, post.uri)
    del like["id"]
    assert await house.send(like) == (202, "reaction_kept")
    assert await house.send(like) == (202, "reaction_kept")
    assert (await house.get_post(post)).like_count == 1
    create = house.create(house.note(bob, post.uri))
    del create["id"]
    assert await house.send(create) == (202, "reply_published")
    assert await house.send(create) == (202, "duplicate")


@pytest.mark.proves("SEC-030", "SEC-031", "SEC-034")
async def test_INB_11_embedded_objects_are_the_signers_own(house: House) -> None:
    """Attributed to others, on another server, or ours: asked for at its origin, or nothing (SECURITY 30, 31, 34)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    lies = [
        {**house.note(eve, post.uri), "attributedTo": bob},
        {**house.note(bob, post.uri), "attributedTo": bob},
        {**house.note(eve, post.uri), "id": f"{BASE_URL}/ap/notes/5"},
        {**house.note(eve, post.uri), "attributedTo": ANA},
        {**house.note(eve, post.uri), "attributedTo": [ANA, eve]},
        {**house.note(eve, post.uri), "attributedTo": None},
        {**house.note(eve, post.uri), "id": post.uri},
    ]
    for lie in lies:
        activity = house.activity("Create", eve, lie, to=[PUBLIC])
        assert (await house.send(activity))[0] == 202
    assert await house.thread(post, public_only=False) == []


async def test_INB_11_the_origin_has_the_true_version(house: House) -> None:
    """A forged copy of bob's note leads to bob's own words, by bob."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    true = house.note(bob, post.uri, "<p>True</p>")
    house.world.serve(true)
    forged = house.activity("Create", eve, {**true, "content": "<p>Forged</p>"}, to=[PUBLIC])
    assert await house.send(forged) == (202, "reply_published")
    rows = await house.thread(post)
    assert [(row.actor.uri, row.reply.content_html) for row in rows] == [(bob, "<p>True</p>")]


async def test_INB_12_objects_by_id(house: House) -> None:
    """Asked for at their origin; one that can't be had now makes the sender try again; one that lies is nothing."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri)
    create = house.activity("Create", bob, note["id"], to=[PUBLIC])
    house.world.documents[house.world._place(note["id"])] = (503, {})
    assert (await house.send(create))[0] == 503
    house.world.serve(note)
    assert await house.send(create) == (202, "reply_published")
    house.world.serve(house.note(bob, post.uri), at=f"{eve}/notes/9")
    assert await house.send(house.activity("Create", eve, f"{eve}/notes/9")) == (202, "object_unfetchable")
    assert len(await house.thread(post)) == 1


async def test_INB_12_a_third_server_that_is_down(house: House) -> None:
    """Is no reason to send again: it is asked for later."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri)
    house.world.documents[house.world._place(note["id"])] = (503, {})
    assert await house.send(house.activity("Create", eve, note["id"])) == (202, "fetch_planned")


@pytest.mark.parametrize("kind", ["Create", "Update", "Delete", "Announce", "Undo", "Like", "Follow", "Flag", "Block"])
async def test_objects_that_are_no_urls(house: House, kind: str) -> None:
    """What can't be compared as a URL belongs to nobody."""
    bob = house.person()
    for target in ("http://[", "http://[::1", "x", {"id": "http://[", "type": "Note", "attributedTo": "http://["}):
        assert (await house.send(house.activity(kind, bob, target)))[0] == 202


@pytest.mark.proves("SEC-035")
async def test_nobody_edits_for_others(house: House) -> None:
    """An Update of a foreign Note changes nothing (SECURITY 35)."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri)
    await house.send(house.create(note))
    for lie in (
        {**note, "content": "<p>Forged</p>"},
        {**note, "content": "<p>Forged</p>", "attributedTo": eve},
        note["id"],
    ):
        await house.send(house.activity("Update", eve, lie, to=[PUBLIC]))
    reply = await house.reply(note["id"])
    assert reply is not None
    assert (reply.content_html, reply.edited_at) == (note["content"], None)


@pytest.mark.proves("SEC-022", "SEC-039")
async def test_INB_27_forwarded_by_others(house: House) -> None:
    """With a linked-data signature: never believed, asked for at the origin. Without one: 401."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri, "<p>True</p>")
    ld = {"signature": {"type": "RsaSignature2017", "creator": f"{bob}#main-key", "signatureValue": "x"}}
    forwarded = house.create({**note, "content": "<p>Forged</p>"}, **ld)
    assert await house.send(forwarded, by=eve) == (202, "object_unfetchable")
    house.world.serve(note)
    assert await house.send({**forwarded, "id": f"{bob}/2"}, by=eve) == (202, "reply_published")
    edited = {**note, "content": "<p>Edited</p>", "updated": "2026-11-24T02:00:00Z"}
    house.world.serve(edited)
    update = house.activity("Update", bob, {**edited, "content": "<p>Forged</p>"}, **ld)
    assert await house.send(update, by=eve) == (202, "reply_edited")
    rows = await house.thread(post)
    assert [row.reply.content_html for row in rows] == ["<p>Edited</p>"]
    delete = house.activity("Delete", bob, note["id"], **ld)
    assert await house.send(delete, by=eve) == (202, "object_still_there")
    house.world.gone(note["id"], 404)
    assert await house.send({**delete, "id": f"{bob}/3"}, by=eve) == (202, "reply_removed")
    like = house.activity("Like", bob, post.uri, **ld)
    assert (await house.send(like, by=eve))[0] == 401


async def test_INB_27_what_cannot_be_asked_for_now_is_asked_for_later(house: House) -> None:
    """A durable job; 202."""
    post, bob, eve = await house.publish(), house.person(), house.person("e.example", "eve")
    note = house.note(bob, post.uri)
    place = house.world._place(note["id"])
    house.world.documents[place] = (503, {})
    forwarded = house.create(note, signature={"type": "RsaSignature2017"})
    assert await house.send(forwarded, by=eve) == (202, "fetch_planned")
    house.world.serve(note)
    await house.run_jobs()
    assert len(await house.thread(post)) == 1


async def test_INB_27_INB_28_object_proofs(house: House) -> None:
    """A valid proof by the actor's own key is proof enough; a broken one beside a good HTTP signature spoils nothing;
    alone it is 401."""
    post, eve = await house.publish(), house.person("e.example", "eve")
    bob = house.world.url("m.example", "/users/bob")
    key = generate_ed25519(Uri(f"{bob}#ed25519-key"))
    multikey = {
        "id": key.key_id,
        "type": "Multikey",
        "controller": bob,
        "publicKeyMultibase": key.public.multibase,
    }
    house.world.person(bob, assertionMethod=[multikey])
    like = create_proof(house.activity("Like", bob, post.uri), key, now=house.clock.now)
    broken = {**like, "content": "changed", "id": f"{bob}/2"}
    assert (await house.send(broken, by=eve))[0] == 401
    assert (await house.get_post(post)).like_count == 0
    assert await house.send(like, by=eve) == (202, "reaction_kept")
    assert await house.send({**broken, "id": f"{bob}/3"}) == (202, "reaction_kept")
    foreign = generate_ed25519(Uri(f"{eve}#ed25519-key"))
    by_eve = create_proof(house.activity("Announce", bob, post.uri, to=[PUBLIC]), foreign, now=house.clock.now)
    assert (await house.send(by_eve, by=eve))[0] == 401


@pytest.mark.proves("SEC-022")
async def test_INB_08_graph_keywords_are_ignored(house: House) -> None:
    """Nothing is expanded; 202 and no effect (SECURITY 22)."""
    post, bob = await house.publish(), house.person()
    for keyword in ("@graph", "@included", "@reverse"):
        note = {**house.note(bob, post.uri), "x": [{keyword: [{"inReplyTo": post.uri}]}]}
        assert await house.send(house.create(note)) == (202, "forbidden_keyword")
    assert await house.thread(post) == []


@pytest.mark.proves("SEC-028", "SEC-034")
async def test_INB_04_no_such_inbox_and_no_local_sender(house: House) -> None:
    """404 for an actor that never was; our own don't write here (SECURITY 28)."""
    bob = house.person()
    follow = house.activity("Follow", bob, ANA)
    assert await house.send(follow, to=f"{BASE_URL}/ap/actors/nobody") == (404, "recipient_unknown")
    own = house.activity("Like", ANA, f"{BASE_URL}/ap/posts/1")
    assert await house.send(own) == (401, "actor_is_local")
    assert house.world.seen == []


async def test_INB_01_the_own_inbox_takes_the_same(house: House) -> None:
    """A reply sent to the author's inbox shows as well."""
    post, bob = await house.publish(), house.person()
    assert await house.send(house.create(house.note(bob, post.uri)), to=ANA) == (202, "reply_published")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"null", b"{", b'{"a":NaN}', b'{"type":"Like","type":"Follow"}', b"\xff\xfe{}", b"\xef\xbb\xbf{}",
        b'{"a":"\\ud800"}', b'{"a":"\\u0000"}', b'{"a":' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 1000,
        b'{"type":"Like"}', b'{"actor":"https://x.example/1","type":[]}', b'{"actor":[],"type":"Like"}',
        b'{"actor":["https://x.example/1","https://x.example/2"],"type":"Like"}',
    ],
)  # fmt: skip
@pytest.mark.proves("SEC-049", "SEC-050")
async def test_INB_04_unusable_bodies(house: House, body: bytes) -> None:
    """400, one row in the log (SECURITY 49, 50)."""
    bob = house.person()
    status, reason = await house.post(body, signed(house, body, bob))
    assert status == 400, reason
    assert [(row.status, row.reason) for row in await house.log()] == [(400, reason)]


@pytest.mark.proves("SEC-127")
async def test_a_full_disk_is_said_honestly(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """`StorageUnavailable` goes up (503) and nothing is kept."""
    post, bob = await house.publish(), house.person()
    like = house.activity("Like", bob, post.uri)

    def full(*_: Any, **__: Any) -> None:
        raise StorageUnavailable("disk full")

    monkeypatch.setattr(reactions, "add", full)
    with pytest.raises(StorageUnavailable):
        await house.send(like)
    monkeypatch.undo()
    assert await house.send(like) == (202, "reaction_kept")


async def test_a_fault_of_our_own_is_503_and_logged(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender tries again; the traceback is in our log, not in the answer."""
    post, bob = await house.publish(), house.person()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(reactions, "add", broken)
    assert await house.send(house.activity("Like", bob, post.uri)) == (503, "internal")
    assert "a bug" in caplog.text
    assert [(row.status, row.reason) for row in await house.log()] == [(503, "internal")]


class Fuzzed:
    """A house on a loop of its own, for tests that are no coroutines."""

    def __init__(self, runner: asyncio.Runner, house: House) -> None:
        self.house, self._runner = house, runner

    def send(self, doc: dict[str, Any]) -> tuple[int, str]:
        """Sign as the claimed actor where it is one, else as somebody, and send."""
        claimed = doc.get("actor")
        claimed = claimed.get("id") if isinstance(claimed, dict) else claimed
        usable = maybe_uri(claimed)
        signer = usable if usable is not None and usable.startswith("http://") else self.house.person()
        self.house.world.person(signer)
        return self._runner.run(self.house.send(doc, by=signer))


@pytest.fixture
def fuzzed(house_template: Path, tmp_path: Path, rsa_keys: list[PrivateKey]) -> Iterator[Fuzzed]:
    """One house for all examples."""
    with asyncio.Runner() as runner:
        world = World(rsa_keys[0])
        runner.run(world.start())
        house = runner.run(open_house(tmp_path, house_template, world))
        yield Fuzzed(runner, house)
        runner.run(house.close())
        runner.run(world.stop())


SEEDS = [
    entry["file"] for entry in fixture_index() if entry.get("type") in ("Create", "Update", "Like", "Undo", "Flag")
]
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.sampled_from(["https://m.example/x", "http://[", "acct:x@y", PUBLIC, ANA, "2026-99-99T99:99:99Z", "", []]),
    st.lists(st.none() | st.text("ab", max_size=2), max_size=3),
    st.dictionaries(st.sampled_from(["id", "type", "href", "name", "items"]), st.text("ab", max_size=2), max_size=2),
)


@needs_shared
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_SEC_058_mutated_payloads_never_break_anything(data: st.DataObject, fuzzed: Fuzzed) -> None:
    """Real activities with anything anywhere: answered 202 or 4xx, never by a fault of our own."""
    doc = fuzzed.house.world.localise(copy.deepcopy(fixture(data.draw(st.sampled_from(SEEDS)))))
    for _ in range(data.draw(st.integers(1, 4))):
        inner = doc.get("object") if isinstance(doc, dict) else None
        mutate(inner if isinstance(inner, dict) and data.draw(st.booleans()) else doc, data)
    status, reason = fuzzed.send(doc)
    assert status in (202, 400, 401, 403, 503)
    assert reason != "internal"
    assert status != 503 or reason in ("key_unreachable", "fetch_temporary", "connect_failed")


def mutate(doc: Any, data: st.DataObject) -> None:
    """Put junk somewhere, or take something away."""
    spot = doc
    while True:
        keys = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(spot[key], dict | list) and spot[key] and data.draw(st.booleans()):
            spot = spot[key]
            continue
        if data.draw(st.integers(0, 4)) == 0:
            del spot[key]
        else:
            spot[key] = data.draw(JUNK)
        return
