"""What live servers put on the wire: their own bytes pass the inbox, and do here what their types ask."""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pytest

from fedblog.activitypub.normalise import id_of, type_of
from fedblog.activitypub.vocab import ACTOR_TYPES
from fedblog.blog.ledger import Profile, RemoteKey
from fedblog.errors import Refused
from fedblog.signatures.model import SignedRequest
from fedblog.storage import actors
from tests.federation.house import ACTIVITY_JSON, BASE_URL, PUBLIC, House, actor_of
from tests.shared import capture, capture_names, needs_shared

pytestmark = needs_shared

ANA = f"{BASE_URL}/ap/actors/ana"
POSTS = [name for name in capture_names() if "-doc-" not in name and "-get-signed-" not in name]


async def meet(house: House, taken: dict[str, Any]) -> None:
    """The sender is known, with the key that was valid then; nothing has to be fetched."""
    owner, key = taken["key"]["owner"], taken["key"]
    about = taken["body_json"].get("object")
    username = about.get("preferredUsername", "sender") if isinstance(about, dict) else "sender"
    algorithm = "ed25519" if "ed25519" in key["id"] else "rsa"
    profile = Profile(
        uri=owner,
        type="Person",
        username=username,
        domain=owner.split("/")[2],
        name="Sender",
        summary_html="",
        url=owner,
        icon_url="",
        image_url="",
        inbox=f"{owner}/inbox",
        shared_inbox="",
        followers_uri=f"{owner}/followers",
        manually_approves=False,
        fields=(),
        suspended=False,
        keys=(RemoteKey(key["id"], owner, algorithm, key["publicKeyPem"], int(house.clock.now)),),
    )
    await house.db.write(actors.upsert_remote, profile)


async def deliver(house: House, taken: dict[str, Any], body: bytes) -> tuple[int, str]:
    """The captured request as it was, with this body."""
    request = taken["request"]
    headers = tuple((name, value) for name, value in request["headers"])
    host = next(value for name, value in headers if name.lower() == "host")
    signed = SignedRequest("POST", request["target"], headers, body, authority=host)
    content_type = next((value for name, value in headers if name.lower() == "content-type"), ACTIVITY_JSON)
    try:
        receipt = await house.inbox.receive(signed, content_type=content_type)
    except Refused as exc:
        return exc.status, exc.reason
    return receipt.status, receipt.reason


@pytest.mark.parametrize("name", POSTS)
async def test_INB_03_their_own_bytes_are_taken(house: House, name: str) -> None:
    """202 with the clock at the time of receipt; one changed byte is 401; twice changes nothing."""
    taken = capture(name)
    house.clock.now = datetime.fromisoformat(taken["request"]["received"]).timestamp()
    await meet(house, taken)
    body = taken["body"].encode()
    changed = body.replace(b'"type"', b'"tYpe"', 1)
    assert changed != body
    assert (await deliver(house, taken, changed))[0] == 401
    status, reason = await deliver(house, taken, body)
    if names_itself(taken["body_json"]):
        assert status == 503, reason  # its server would have to be asked, and is not to be reached
        return
    assert status == 202, reason
    again = await deliver(house, taken, body)
    assert again == (202, "duplicate")
    assert [row.status for row in await house.log()] == [202, 202, 401]


def names_itself(doc: dict[str, Any]) -> bool:
    """An Update of the actor by its bare id: the new document has to be fetched."""
    return bool(doc["type"] == "Update" and doc["object"] == doc["actor"])


def bound(doc: dict[str, Any], post_uri: str) -> dict[str, Any]:
    """The activity as if it were about our post or author."""
    doc = copy.deepcopy(doc)
    kind, inner = type_of(doc), doc.get("object")
    if kind in ("Follow", "Block"):
        return {**doc, "object": ANA}
    if kind in ("Like", "Announce"):
        return {**doc, "object": post_uri}
    if kind == "Flag":
        return {**doc, "object": [ANA, post_uri]}
    if kind == "Undo" and isinstance(inner, dict):
        return {**doc, "object": bound(inner, post_uri)}
    if kind in ("Create", "Update") and isinstance(inner, dict) and inner.get("inReplyTo"):
        return {**doc, "object": {**inner, "inReplyTo": post_uri}}
    return doc


def expected(doc: dict[str, Any]) -> set[str]:
    """What may come of it, by its type."""
    kind, inner = type_of(doc), doc.get("object")
    about = type_of(inner) if isinstance(inner, dict) else ""
    reply = isinstance(inner, dict) and bool(inner.get("inReplyTo"))
    told: dict[str, set[str]] = {
        "Accept": {"nothing_pending"},
        "Announce": {"reaction_kept"},
        "Block": {"block_kept"},
        "Create": {"reply_published", "reply_private"} if reply else {"not_related"},
        "Delete": {"reply_removed"},
        "Flag": {"report_queued"},
        "Follow": {"follow_accepted"},
        "Like": {"reaction_kept"},
        "Update": {"reply_edited"}
        if reply
        else {"actor_updated"}
        if about in ACTOR_TYPES or names_itself(doc)
        else {"not_related"},
    }
    if kind == "Undo":
        return {"Follow": {"follow_removed"}, "Block": {"block_lifted"}}.get(about, {"reaction_removed"})
    return told[kind]


async def prepare(house: House, doc: dict[str, Any], post_uri: str) -> None:
    """What it takes back, edits or deletes was here before."""
    kind, inner, actor = type_of(doc), doc.get("object"), actor_of(doc)
    if kind == "Undo" and isinstance(inner, dict):
        before = {"actor": actor, **inner, "to": [PUBLIC]}
    elif kind in ("Update", "Delete") and id_of(inner) != actor:
        note = house.note(actor, post_uri, "<p>before</p>", published="2026-11-01T00:00:00Z")
        before = house.create({**note, "id": str(id_of(inner))})
    else:
        return
    assert (await house.send(before))[0] == 202


@pytest.mark.parametrize("name", POSTS)
async def test_INB_07_INB_09_what_their_activities_do(house: House, name: str) -> None:
    """The same shapes, bound to a post of ours and signed anew by the same actor."""
    post = await house.publish()
    original = house.world.localise(capture(name)["body_json"])
    doc = bound(original, post.uri)
    if type_of(doc) == "Announce" and isinstance(original["object"], dict):
        doc = original  # a group that passes an activity on: the inner one is asked for at its origin
    about = doc.get("object")
    house.world.person(actor_of(doc))
    is_note = isinstance(about, dict) and about.get("inReplyTo")
    if type_of(doc) != "Update" or is_note:
        await prepare(house, doc, post.uri)
    status, reason = await house.send(doc)
    assert status == 202
    wraps = isinstance(about, dict) and type_of(doc) == "Announce"
    assert reason in ({"object_unfetchable"} if wraps else expected(doc) | _when_old(doc))
    assert await house.send(doc) == (202, "duplicate" if "id" in doc else reason)


def _when_old(doc: dict[str, Any]) -> set[str]:
    """An Update of an article that nobody here knows."""
    return {"not_related", "object_unfetchable"} if type_of(doc) == "Update" else set()
