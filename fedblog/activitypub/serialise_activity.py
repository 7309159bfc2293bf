"""Activities around our objects. Actor and audience of a Create or Update are those of its object (VIS-05)."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.activitypub.context import PUBLIC
from fedblog.activitypub.serialise_object import tombstone
from fedblog.activitypub.vocab import ACTOR_TYPES, Json
from fedblog.blog.model import Actor
from fedblog.text.dates import iso

# A received Follow goes back as it came, but for what only its own sender's bytes gave a meaning.
_NOT_RETURNED = frozenset({"@context", "signature", "proof"})


def create(document: Json, *, activity_id: str, published: int) -> Json:
    """`Create` of an object of ours, embedded whole."""
    return _about("Create", document, activity_id=activity_id, published=published)


def update(document: Json, *, activity_id: str, published: int) -> Json:
    """`Update` of an object or of an actor document of ours, embedded whole (ART-10, ACT-11)."""
    return _about("Update", document, activity_id=activity_id, published=published)


def delete(
    uri: str,
    *,
    actor: Actor,
    activity_id: str,
    former_type: str,
    deleted_at: int,
    to: Sequence[str],
    cc: Sequence[str] = (),
) -> Json:
    """`Delete` with a Tombstone to everybody who got it (ART-22)."""
    return {
        "id": activity_id,
        "type": "Delete",
        "actor": actor.uri,
        "published": iso(deleted_at),
        "to": list(to),
        "cc": list(cc),
        "object": tombstone(uri, former_type=former_type, deleted_at=deleted_at),
    }


def delete_actor(actor: Actor, *, activity_id: str) -> Json:
    """`Delete` of one of our actors by itself (LIFE-03)."""
    return {
        "id": activity_id,
        "type": "Delete",
        "actor": actor.uri,
        "to": [PUBLIC],
        "cc": [actor.followers_uri] if actor.followers_uri else [],
        "object": actor.uri,
    }


def announce(document: Json | str, *, actor: Actor, activity_id: str, published: int, cc: Sequence[str] = ()) -> Json:
    """`Announce` of an id or of a whole activity (ART-08, FEP-1b12): to everybody and the announcer's followers; an
    unlisted activity is announced unlisted.

    Raises `ValueError` for an activity that is not addressed to everybody: it must not be spread.
    """
    to, also = [PUBLIC], [actor.followers_uri]
    if isinstance(document, dict) and PUBLIC not in document["to"]:
        if PUBLIC not in document["cc"]:
            raise ValueError("only what is public can be announced")
        to, also = also, to
    return {
        "id": activity_id,
        "type": "Announce",
        "actor": actor.uri,
        "published": iso(published),
        "to": to,
        "cc": [*also, *cc],
        "object": _bare(document) if isinstance(document, dict) else document,
    }


def accept(follow_json: Json, *, actor: Actor, activity_id: str) -> Json:
    """`Accept` of a received Follow, embedded as it came: some peers know it by its content only (INB-21)."""
    return _answer("Accept", follow_json, actor=actor, activity_id=activity_id)


def reject(follow_json: Json, *, actor: Actor, activity_id: str) -> Json:
    """`Reject` of a received Follow."""
    return _answer("Reject", follow_json, actor=actor, activity_id=activity_id)


def follow(target_uri: str, *, actor: Actor, activity_id: str) -> Json:
    """`Follow` of a remote actor."""
    return {"id": activity_id, "type": "Follow", "actor": actor.uri, "to": [target_uri], "object": target_uri}


def like(object_uri: str, *, actor: Actor, activity_id: str, to: Sequence[str] = ()) -> Json:
    """`Like` of a remote object, addressed to its author."""
    return {"id": activity_id, "type": "Like", "actor": actor.uri, "to": list(to), "object": object_uri}


def accept_quote(request: Json, *, actor: Actor, activity_id: str, authorization: str) -> Json:
    """`Accept` of a received QuoteRequest with the URL of the authorization as its result (FEP-044f)."""
    return {**_answer("Accept", _with_ids(request), actor=actor, activity_id=activity_id), "result": authorization}


def reject_quote(request: Json, *, actor: Actor, activity_id: str) -> Json:
    """`Reject` of a received QuoteRequest."""
    return _answer("Reject", _with_ids(request), actor=actor, activity_id=activity_id)


def reject_reply(reply_uri: str, *, actor: Actor, activity_id: str, to: str) -> Json:
    """`Reject` of a reply that the interaction policy doesn't allow (ART-18), as GoToSocial reads it."""
    return {"id": activity_id, "type": "Reject", "actor": actor.uri, "to": [to], "object": reply_uri}


def move(actor: Actor, target_uri: str, *, activity_id: str, published: int) -> Json:
    """`Move` of one of our actors to another account (ACT-12)."""
    return {
        "id": activity_id,
        "type": "Move",
        "actor": actor.uri,
        "published": iso(published),
        "to": [actor.followers_uri],
        "object": actor.uri,
        "target": target_uri,
    }


def flag(objects: Sequence[str], *, actor: Actor, activity_id: str, content: str, to: Sequence[str]) -> Json:
    """`Flag`: a report about what another server's people wrote, for its moderators (INB-30)."""
    return {
        "id": activity_id,
        "type": "Flag",
        "actor": actor.uri,
        "to": list(to),
        "content": content,
        "object": list(objects),
    }


def pin(kind: str, object_uri: str, *, actor: Actor, activity_id: str, target: str) -> Json:
    """`Add` to or `Remove` from the collection of pinned posts (ACT-13)."""
    return {
        "id": activity_id,
        "type": kind,
        "actor": actor.uri,
        "to": [PUBLIC],
        "cc": [actor.followers_uri],
        "object": object_uri,
        "target": target,
    }


def undo(activity: Json, *, activity_id: str) -> Json:
    """`Undo` of an activity of ours: same actor and audience, the activity embedded with its object as an id."""
    inner = {**activity, "object": _id(activity.get("object"))}
    document: Json = {"id": activity_id, "type": "Undo", "actor": activity["actor"]}
    document.update({key: activity[key] for key in ("to", "cc") if key in activity})
    document["object"] = _bare(inner)
    return document


def _about(kind: str, document: Json, *, activity_id: str, published: int) -> Json:
    is_actor = document["type"] in ACTOR_TYPES
    return {
        "id": activity_id,
        "type": kind,
        "actor": document["id"] if is_actor else document["attributedTo"],
        "published": iso(published),
        "to": [PUBLIC] if is_actor else document["to"],
        "cc": [document["followers"]] if is_actor else document["cc"],
        **({"audience": document["audience"]} if "audience" in document else {}),
        "object": _bare(document),
    }


def _answer(kind: str, follow_json: Json, *, actor: Actor, activity_id: str) -> Json:
    return {
        "id": activity_id,
        "type": kind,
        "actor": actor.uri,
        "to": [_id(follow_json.get("actor"))],
        "object": {key: value for key, value in follow_json.items() if key not in _NOT_RETURNED},
    }


def _with_ids(request: Json) -> Json:
    """A QuoteRequest with its objects as ids: nobody needs the quoting text from us."""
    kept: Json = {key: request[key] for key in ("id", "type") if key in request}
    return kept | {key: _id(request.get(key)) for key in ("actor", "object", "instrument")}


def _bare(document: Json) -> Json:
    return {key: value for key, value in document.items() if key != "@context"}


def _id(value: object) -> object:
    return value["id"] if isinstance(value, dict) and "id" in value else value
