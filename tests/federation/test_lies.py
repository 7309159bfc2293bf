"""Lies about who said what, told with a good signature of the liar's own; and what liars make us ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.errors import FetchFailed
from fedblog.federation.pictures import RemotePictures
from fedblog.media.kept import AVATAR_LIMITS, PictureStore
from fedblog.signatures.keys import PrivateKey
from fedblog.storage.database import Tx
from tests.federation.house import BASE_URL, PUBLIC, House

ANA = f"{BASE_URL}/ap/actors/ana"


def lies(house: House, liar: str, bob: str, note: dict[str, Any], like: dict[str, Any], follow: dict[str, Any]) -> Any:
    """Name -> activity, all by `liar`, about bob's things and ours. `note` is bob's, and stored."""
    post, answer = note["inReplyTo"], f"{BASE_URL}/ap/notes/1"
    forged = {**note, "content": "<p>Forged</p>", "updated": "2026-11-24T09:00:00Z"}
    public = {"to": [PUBLIC]}

    def act(kind: str, obj: Any, **more: Any) -> dict[str, Any]:
        return house.activity(kind, liar, obj, **{**public, **more})

    def own(**changed: Any) -> dict[str, Any]:
        return {**house.note(liar, post, "<p>Forged</p>"), **changed}

    host = liar.partition("://")[2].partition("/")[0]
    return {
        "a note of the liar's, by bob": act("Create", own(attributedTo=bob)),
        "bob's note in another version": act("Create", forged),
        "bob's id, by the liar": act("Create", own(id=note["id"])),
        "a new id on our server": act("Create", own(id=f"{BASE_URL}/ap/notes/7")),
        "the id of our post": act("Create", own(id=post)),
        "by our author": act("Create", own(attributedTo=ANA)),
        "by our author and the liar": act("Create", own(attributedTo=[ANA, liar])),
        "by bob and the liar": act("Create", own(attributedTo=[bob, liar])),
        "by bob, embedded": act("Create", own(attributedTo={"id": bob, "type": "Person"})),
        "by nobody": act("Create", own(attributedTo=None)),
        "by a number": act("Create", own(attributedTo=7)),
        "on a host that ends like the liar's": act("Create", own(id=f"http://x{host}/1")),
        "on a host that begins like the liar's": act("Create", own(id=f"http://{host.partition(':')[0]}.evil/1")),
        "on the liar's host as a user": act("Create", own(id=f"http://{host.partition(':')[0]}@m.example/1")),
        "on another port": act("Create", own(id=f"http://{host.partition(':')[0]}:9/1")),
        "an edit of bob's note": act("Update", forged),
        "an edit of bob's note, by the liar": act("Update", {**forged, "attributedTo": liar}),
        "an edit of bob's note, by its id": act("Update", note["id"]),
        "an edit of our post": act("Update", {**forged, "id": post, "attributedTo": ANA}),
        "an edit of bob": act(
            "Update", {"id": bob, "type": "Person", "preferredUsername": "bob", "inbox": f"{liar}/i"}
        ),
        "an edit of our author": act("Update", {"id": ANA, "type": "Person", "name": "Forged", "inbox": f"{liar}/i"}),
        "deletes bob's note": act("Delete", note["id"]),
        "deletes bob's note, with a Tombstone": act("Delete", {"id": note["id"], "type": "Tombstone"}),
        "deletes bob": act("Delete", bob),
        "deletes our post": act("Delete", post),
        "deletes our answer": act("Delete", answer),
        "deletes our author": act("Delete", ANA),
        "undoes bob's like": act("Undo", like),
        "undoes bob's like as one's own": act("Undo", {**like, "actor": liar}),
        "undoes bob's like, by its id": act("Undo", like["id"]),
        "undoes bob's follow": act("Undo", follow),
        "undoes bob's follow, by its id": act("Undo", follow["id"]),
        "undoes a block of bob's": act("Undo", {"id": f"{bob}/b", "type": "Block", "actor": bob, "object": ANA}),
        "wraps a forged note": act("Announce", house.create(forged)),
        "wraps a forged edit": act("Announce", {**house.activity("Update", bob, forged)}),
        "wraps a deletion": act("Announce", house.activity("Delete", bob, note["id"])),
        "wraps a like": act("Announce", house.activity("Like", bob, post)),
        "adds a forged note": act("Add", house.create(forged), target=post),
        "moves bob to the liar": act("Move", bob, target=liar),
        "moves to bob, who knows nothing of it": act("Move", liar, target=bob),
        "moves to our author": act("Move", liar, target=ANA),
        "accepts what it was not asked": act("Accept", answer, result=f"{liar}/stamp"),
        "rejects our answer to bob": act("Reject", answer),
        "asks with bob's quote": act("QuoteRequest", post, instrument=note["id"]),
        "asks with bob's quote, embedded": act("QuoteRequest", post, instrument={**note, "quote": post}),
        "an id on bob's server": {**act("Like", post), "id": f"{bob}/likes/99", "type": "Announce"},
        "an id on our server": {**act("Follow", ANA), "id": f"{BASE_URL}/ap/activities/5"},
        "for bob": {**act("Like", post), "actor": bob},
        "for bob and oneself": {**act("Like", post), "actor": [liar, bob]},
        "for our author": {**act("Like", post), "actor": ANA},
        "follows for bob": {**act("Follow", ANA), "actor": bob},
        "blocks for bob": {**act("Block", ANA), "actor": bob},
        "leaves for bob": {**act("Delete", bob), "actor": bob},
    }


@pytest.mark.proves(
    *("SEC-030", "SEC-031", "SEC-032", "SEC-034", "SEC-035", "SEC-036", "SEC-037", "SEC-038", "SEC-039", "SEC-044"),
    *("SEC-045", "SEC-046"),
)
@pytest.mark.parametrize("near", [False, True], ids=["stranger", "neighbour"])
async def test_no_lie_changes_anything(web_house: House, near: bool) -> None:
    """Told by a stranger and by a neighbour on bob's own server: nothing of bob's or ours is another than before."""
    house = web_house
    post, bob = await house.publish(), house.person()
    liar = house.person("m.example", "mallory") if near else house.person("e.example", "eve")
    note = house.note(bob, post.uri, "<p>True</p>")
    house.world.serve(note)
    like, follow = house.activity("Like", bob, post.uri), house.activity("Follow", bob, ANA)
    for honest in (house.create(note), like, follow):
        assert (await house.send(honest))[0] == 202
    stored = await house.reply(note["id"])
    assert stored is not None
    answer = await house.publisher.answer(author_id=house.author.id, reply_id=stored.id, source="Thanks")
    await house.send(house.activity("Like", liar, "https://nowhere.example/1"))  # the liar is known from here on
    before = await house.db.read(_what_is_true)
    told = lies(house, liar, bob, note, like, follow)
    if near:
        del told["an id on bob's server"]  # a boost of one's own, its id on one's own server
    assert len(told) >= 50
    for name, lie in told.items():
        text = json.dumps(lie).replace(f"{BASE_URL}/ap/notes/1", answer.uri)
        status, reason = await house.send(text.encode(), by=liar)
        assert 200 <= status < 300 or 400 <= status < 404, f"{name}: {status} {reason}"
        now = await house.db.read(_what_is_true)
        assert now == before, f"{name}: {status} {reason}: {set(now) ^ set(before)}"
        house.clock.now += 61
    newer = {**note, "content": "<p>Newer</p>", "updated": "2026-11-24T10:00:00Z"}
    assert await house.send(house.activity("Update", bob, newer, to=[PUBLIC])) == (202, "reply_edited")
    assert await house.send(house.activity("Undo", bob, like)) == (202, "reaction_removed")
    assert await house.send(house.activity("Undo", bob, follow)) == (202, "follow_removed")
    assert await house.send(house.activity("Delete", bob, note["id"])) == (202, "reply_removed")


def _what_is_true(tx: Tx) -> list[tuple[Any, ...]]:
    """All that a lie could change; not the log of what came in, nor what is known about the liar."""
    found: list[tuple[Any, ...]] = []
    for table in ("posts", "replies", "reactions", "followers", "quotes", "blocks", "blocked_by", "outgoing"):
        found += tx.all(f"SELECT '{table}', t.* FROM {table} t")
    known = "uri NOT LIKE '%/eve' AND uri NOT LIKE '%/mallory'"
    found += tx.all(f"SELECT id, uri, name, inbox, deleted_at, suspended_at, moved_to FROM actors WHERE {known}")
    found += tx.all("SELECT key_id, public_pem, actor_id FROM keys WHERE key_id NOT LIKE '%mallory%'")
    return [row for row in found if "e.example" not in str(row)]


@pytest.mark.proves("SEC-057")
async def test_no_context_is_fetched(house: House) -> None:
    """Whatever a document names as its context, by URL or inside, nobody is asked for it; terms mean what they say."""
    post, bob = await house.publish(), house.person()
    elsewhere = house.world.url("ctx.example", "/context.jsonld")
    swapped = {"content": "https://www.w3.org/ns/activitystreams#name", "to": {"@id": "as:bcc", "@type": "@id"}}
    for context in (elsewhere, [elsewhere, {"x": elsewhere}], {"@import": elsewhere}, [{"@vocab": elsewhere}, swapped]):
        activity = {**house.create(house.note(bob, post.uri)), "@context": context}
        activity["object"]["@context"] = context
        assert await house.send(activity) == (202, "reply_published")
    assert {host for host, _ in house.world.seen} == {"m.example"}
    assert len(await house.thread(post)) == 4


PRIVATE = ["http://10.0.0.1/x", "http://169.254.169.254/latest", "http://[::1]:22/x", "http://0/x", "http://127.1/x"]


@pytest.mark.proves("SEC-068")
@pytest.mark.parametrize("private", PRIVATE)
async def test_no_url_of_a_stranger_is_dialled_inwards(
    web_house: House, opened: list[str], private: str, tmp_path: Any, rsa_keys: list[PrivateKey]
) -> None:
    """One private address in every field of an actor, a note and an activity that we could ever ask for; then all that
    works later: jobs, counts, pictures, deliveries. Only the servers that speak are dialled."""
    house = web_house
    post, bob = await house.publish(), house.person()
    fields = ("outbox", "followers", "following", "featured", "url", "movedTo", "webfinger", "endpoints", "liked")
    extra: dict[str, Any] = {field: {"sharedInbox": private} if field == "endpoints" else private for field in fields}
    extra["icon"] = {"type": "Image", "mediaType": "image/png", "url": private}
    extra["image"] = {"type": "Image", "url": private}
    extra["alsoKnownAs"] = [private]
    eve = house.person("e.example", "eve", **extra)
    hostile = {
        **dict.fromkeys(("context", "contextHistory", "conversation", "quote", "quoteUrl", "url"), private),
        "replies": {"id": private, "type": "Collection", "first": private, "items": [private]},
        "likes": {"id": private, "type": "Collection", "totalItems": 1},
        "shares": private,
        "attachment": [{"type": "Document", "mediaType": "image/png", "url": private}],
        "tag": [
            {"type": "Emoji", "name": ":x:", "icon": {"url": private}, "id": private},
            {"type": "Mention", "href": private, "name": "@x@y"},
        ],
        "icon": {"url": private},
        "generator": private,
    }
    note = house.note(eve, post.uri, f"<p>:x: <img src='{private}'> <a href='{private}'>x</a></p>", **hostile)
    house.world.serve(note)
    sent = [
        house.create(note),
        house.activity("Create", eve, private),
        house.activity("Update", eve, private),
        house.activity("Announce", eve, private),
        house.activity("Announce", eve, house.create({**note, "id": private})),
        house.activity("Add", eve, house.create({**note, "id": private}), target=private),
        house.activity("Move", eve, eve, target=private),
        house.activity("QuoteRequest", eve, post.uri, instrument=private),
        house.activity("Accept", eve, post.uri, result=private),
        house.activity("Follow", eve, ANA, to=[private]),
        house.activity("Flag", eve, [ANA, private], content=private),
        house.activity("Like", eve, post.uri, target=private),
        house.create({**house.note(eve, private), "id": f"{eve}/orphan"}),
        {**house.activity("Create", bob, private), "signature": {"type": "RsaSignature2017", "creator": private}},
    ]
    for activity in sent:
        status, reason = await house.send(activity, by=eve)
        assert status in (202, 400, 401, 403), (activity["type"], status, reason)
    key = PrivateKey(Uri(private), "rsa", rsa_keys[0].key)
    assert (await house.send(house.create(house.note(eve, post.uri)), key=key))[0] in (400, 401)
    with pytest.raises(FetchFailed):
        await house.run_jobs()  # the parent that the orphan names
    store = PictureStore(tmp_path / "avatars", 1_000_000, AVATAR_LIMITS, house.clock)
    avatars = RemotePictures(house.client, store, house.clock)
    assert await avatars.get("1-v", (await house.actor(eve)).icon_url) is None
    await avatars.close()
    assert len(await house.thread(post)) == 1
    assert set(opened) == {"127.0.0.1"}
    assert {host for host, _ in house.world.seen} <= {"m.example", "e.example"}
