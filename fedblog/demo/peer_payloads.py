"""Activities in the shapes that real servers send, made for a `PeerActor`.

Each function returns a plain dict that a caller may change before it is sent. `extra` is merged over the outermost
object; a value of None takes a property away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fedblog.demo.peer_actor import AS_CONTEXT, PeerActor

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
_CONTEXT = [AS_CONTEXT, {"ostatus": "http://ostatus.org#", "toot": "http://joinmastodon.org/ns#"}]


def timestamp(now: float | None = None) -> str:
    """`2026-01-02T03:04:05Z`."""
    return datetime.fromtimestamp(time.time() if now is None else now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def note(
    actor: PeerActor,
    in_reply_to: str | None,
    content: str,
    *,
    mentions: Sequence[tuple[str, str]] = (),
    to: Sequence[str] | None = None,
    cc: Sequence[str] | None = None,
    now: float | None = None,
    **extra: Any,
) -> dict[str, Any]:
    """A public Note; `mentions` are (actor id, @handle) pairs that are tagged and addressed."""
    note_id = f"{actor.id}/statuses/{actor.next_number()}"
    hrefs = [href for href, _ in mentions]
    made: dict[str, Any] = {
        "@context": _CONTEXT,
        "id": note_id,
        "type": "Note",
        "summary": None,
        "inReplyTo": in_reply_to,
        "published": timestamp(now),
        "url": f"{actor.url}/{note_id.rpartition('/')[2]}",
        "attributedTo": actor.id,
        "to": list(to) if to is not None else [PUBLIC],
        "cc": list(cc) if cc is not None else [actor.followers, *hrefs],
        "sensitive": False,
        "content": content if content.startswith("<") else f"<p>{content}</p>",
        "contentMap": {"en": content if content.startswith("<") else f"<p>{content}</p>"},
        "attachment": [],
        "tag": [{"type": "Mention", "href": href, "name": name} for href, name in mentions],
        "replies": {"id": f"{note_id}/replies", "type": "Collection"},
        "likes": {"id": f"{note_id}/likes", "type": "Collection", "totalItems": 0},
        "shares": {"id": f"{note_id}/shares", "type": "Collection", "totalItems": 0},
    }
    return _merged(made, extra)


def create(actor: PeerActor, obj: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Create with the object inside, addressed as the object is."""
    inner = {name: value for name, value in obj.items() if name != "@context"}
    made = {
        "@context": _CONTEXT,
        "id": f"{obj['id']}/activity",
        "type": "Create",
        "actor": actor.id,
        "published": obj.get("published"),
        "to": obj.get("to", []),
        "cc": obj.get("cc", []),
        "object": inner,
    }
    return _merged(made, extra)


def update(actor: PeerActor, obj: dict[str, Any], *, now: float | None = None, **extra: Any) -> dict[str, Any]:
    """Update of a Note (marked `updated`) or of the actor's own document."""
    inner = {name: value for name, value in obj.items() if name != "@context"}
    if "attributedTo" in inner:
        inner["updated"] = timestamp(now)
    made = {
        "@context": _CONTEXT,
        "id": f"{obj['id']}#updates/{actor.next_number()}",
        "type": "Update",
        "actor": actor.id,
        "to": obj.get("to", [PUBLIC]),
        "cc": obj.get("cc", []),
        "object": inner,
    }
    return _merged(made, extra)


def delete(actor: PeerActor, object_id: str, **extra: Any) -> dict[str, Any]:
    """Delete with a Tombstone inside; of the actor itself as a bare id, as Mastodon does."""
    target: Any = object_id if object_id == actor.id else {"id": object_id, "type": "Tombstone"}
    made = {
        "@context": _CONTEXT,
        "id": f"{object_id}#delete",
        "type": "Delete",
        "actor": actor.id,
        "to": [PUBLIC],
        "object": target,
    }
    return _merged(made, extra)


def like(actor: PeerActor, object_id: str, **extra: Any) -> dict[str, Any]:
    """A Like; `content` and `_misskey_reaction` make it an emoji reaction."""
    return _simple(actor, "Like", "likes", object_id, extra)


def emoji_react(actor: PeerActor, object_id: str, emoji: str, **extra: Any) -> dict[str, Any]:
    """EmojiReact as Pleroma and Akkoma send it."""
    return _simple(actor, "EmojiReact", "reactions", object_id, {"content": emoji, **extra})


def announce(actor: PeerActor, object_id: str, *, now: float | None = None, **extra: Any) -> dict[str, Any]:
    """A public boost."""
    audience = {"published": timestamp(now), "to": [PUBLIC], "cc": [actor.followers]}
    return _simple(actor, "Announce", "announces", object_id, {**audience, **extra})


def follow(actor: PeerActor, target_id: str, **extra: Any) -> dict[str, Any]:
    """A Follow."""
    return _simple(actor, "Follow", "follows", target_id, extra)


def block(actor: PeerActor, target_id: str, **extra: Any) -> dict[str, Any]:
    """A Block."""
    return _simple(actor, "Block", "blocks", target_id, extra)


def flag(actor: PeerActor, object_ids: Sequence[str], content: str, **extra: Any) -> dict[str, Any]:
    """A report about several objects."""
    return _simple(actor, "Flag", "reports", list(object_ids), {"content": content, **extra})


def undo(actor: PeerActor, activity: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Takes an activity back, with the activity inside."""
    inner = {name: value for name, value in activity.items() if name != "@context"}
    made = {
        "@context": AS_CONTEXT,
        "id": f"{activity['id']}/undo",
        "type": "Undo",
        "actor": actor.id,
        "object": inner,
    }
    return _merged(made, extra)


def accept(actor: PeerActor, activity: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Accepts a Follow (or a reply), with the activity inside."""
    return _answer(actor, "Accept", activity, extra)


def reject(actor: PeerActor, activity: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """Rejects a Follow (or a reply), with the activity inside."""
    return _answer(actor, "Reject", activity, extra)


def tombstone(object_id: str, former_type: str = "Note") -> dict[str, Any]:
    """What a server serves in place of something deleted."""
    return {"@context": AS_CONTEXT, "id": object_id, "type": "Tombstone", "formerType": former_type}


def _answer(actor: PeerActor, kind: str, activity: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    inner = {name: value for name, value in activity.items() if name != "@context"}
    return _simple(actor, kind, f"{kind.lower()}s", inner, extra)


def _simple(actor: PeerActor, kind: str, where: str, target: Any, extra: dict[str, Any]) -> dict[str, Any]:
    made = {
        "@context": AS_CONTEXT,
        "id": f"{actor.id}#{where}/{actor.next_number()}",
        "type": kind,
        "actor": actor.id,
        "object": target,
    }
    return _merged(made, extra)


def _merged(made: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    emptied = {name for name, value in extra.items() if value is None}
    return {name: value for name, value in {**made, **extra}.items() if name not in emptied}
