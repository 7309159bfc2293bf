"""How each kind of software words a note and a reaction: ids, extra properties and quirks (see docs/conformance.md)."""

from __future__ import annotations

import html
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer_actor import PeerActor, Style

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a reply mentions: actor id, profile page and handle."""

    id: str
    url: str
    handle: str


def write_note(
    actor: PeerActor, in_reply_to: str | None, text: str, mentions: list[Addressee], *, now: float
) -> Document:
    """A public Note as the actor's software would serve it. `text` is plain."""
    number = f"{zlib.crc32(actor.username.encode()) % 900 + 100}{actor.next_number():03d}"
    base = payloads.note(actor, in_reply_to, "", mentions=[(person.id, person.handle) for person in mentions], now=now)
    note = _with_id(base, *_addresses(actor, number))
    return _HABITS[actor.style](actor, note, text, mentions)


def write_create(actor: PeerActor, note: Document) -> Document:
    """The Create around it, with the id that the software would give it."""
    suffix = {"wordpress": "#activity#create", "gotosocial": "/activity#Create"}.get(actor.style, "/activity")
    activity = payloads.create(actor, note, id=f"{note['id']}{suffix}")
    if actor.style == "lemmy":
        activity["audience"] = note["audience"]
    return activity


def rewrite(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    """The same note with another text."""
    return _HABITS[actor.style](actor, note, text, mentions)


def react(actor: PeerActor, object_id: str, emoji: str) -> Document:
    """An emoji reaction: a Like with a reaction in Misskey, an EmojiReact elsewhere."""
    if actor.style == "misskey":
        return payloads.like(actor, object_id, content=emoji, _misskey_reaction=emoji)
    return payloads.emoji_react(actor, object_id, emoji)


def _addresses(actor: PeerActor, number: str) -> tuple[str, str]:
    """Id and page of a note."""
    base = actor.base_url
    if actor.style == "gotosocial":
        ulid = f"01KB{number:0>22}"
        return f"{actor.id}/statuses/{ulid}", f"{actor.url}/statuses/{ulid}"
    if actor.style == "pleroma":
        return f"{base}/objects/{uuid.uuid5(uuid.NAMESPACE_URL, base + number)}", f"{base}/notice/A{number}"
    if actor.style == "misskey":
        return f"{base}/notes/a{number}", f"{base}/notes/a{number}"
    if actor.style == "lemmy":
        return f"{base}/comment/{number}", f"{base}/comment/{number}"
    if actor.style == "wordpress":
        return f"{base}/?c={number}", f"{base}/?p={number}"
    return f"{actor.id}/statuses/1157{number}", f"{actor.url}/1157{number}"


def _with_id(note: Document, note_id: str, url: str) -> Document:
    collections = {
        name: {**note[name], "id": f"{note_id.replace('/?c=', '/wp-json/activitypub/1.0/comments/')}/{name}"}
        for name in ("replies", "likes", "shares")
    }
    return {**note, **collections, "id": note_id, "url": url}


def _paragraph(text: str, mentions: list[Addressee]) -> str:
    """Mentions first, as most software writes a reply."""
    people = " ".join(
        f'<span class="h-card" translate="no"><a href="{html.escape(person.url)}" class="u-url mention">'
        f"@<span>{html.escape(person.handle.split('@')[1])}</span></a></span>"
        for person in mentions
    )
    return f"<p>{people} {html.escape(text, quote=False)}</p>" if people else f"<p>{html.escape(text, quote=False)}</p>"


def _plain(text: str, mentions: list[Addressee]) -> str:
    return " ".join([*(person.handle for person in mentions), text])


def _mastodon(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    content = _paragraph(text, mentions)
    return {**note, "content": content, "contentMap": {"en": content}}


def _gotosocial(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    """A list of one is the thing itself; a policy says who may answer."""
    policy = {"automaticApproval": [payloads.PUBLIC], "manualApproval": []}
    written = _mastodon(actor, note, text, mentions)
    tags = written["tag"]
    return {
        **written,
        "to": payloads.PUBLIC,
        "tag": tags[0] if isinstance(tags, list) and len(tags) == 1 else tags,
        "summary": "",
        "interactionPolicy": {"canReply": policy, "canLike": policy, "canAnnounce": policy},
    }


def _pleroma(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    """`source` as a string, an actor beside attributedTo, no language, the conversation's name twice."""
    thread = f"{actor.base_url}/contexts/{uuid.uuid5(uuid.NAMESPACE_URL, str(note['inReplyTo']))}"
    written = {**note, "content": _paragraph(text, mentions).removeprefix("<p>").removesuffix("</p>")}
    written.pop("contentMap", None)
    return {
        **written,
        "actor": actor.id,
        "source": _plain(text, mentions),
        "summary": "",
        "sensitive": None,
        "context": thread,
        "conversation": thread,
    }


def _misskey(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    """The text in its own markup beside the HTML."""
    plain = _plain(text, mentions)
    people = " ".join(
        f'<a href="{html.escape(person.url)}" class="u-url mention">{html.escape(person.handle)}</a>'
        for person in mentions
    )
    written = {**note, "content": f"<p>{people}<span> {html.escape(text, quote=False)}</span></p>"}
    written.pop("contentMap", None)
    return {
        **written,
        "_misskey_content": plain,
        "source": {"content": plain, "mediaType": "text/x.misskeymarkdown"},
    }


def _lemmy(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    """A community as the audience, Markdown as the source, the mention in tags only."""
    return {
        **note,
        "content": f"<p>{html.escape(text, quote=False)}</p>\n",
        "contentMap": None,
        "mediaType": "text/html",
        "source": {"content": text, "mediaType": "text/markdown"},
        "audience": f"{actor.base_url}/c/gardening",
        "distinguished": False,
        "language": {"identifier": "en", "name": "English"},
    }


def _wordpress(actor: PeerActor, note: Document, text: str, mentions: list[Addressee]) -> Document:
    written = _mastodon(actor, note, text, mentions)
    written.pop("sensitive", None)
    return {**written, "mediaType": "text/html"}


_HABITS: dict[Style, Callable[[PeerActor, Document, str, list[Addressee]], Document]] = {
    "mastodon": _mastodon,
    "gotosocial": _gotosocial,
    "pleroma": _pleroma,
    "misskey": _misskey,
    "lemmy": _lemmy,
    "wordpress": _wordpress,
}
