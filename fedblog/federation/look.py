"""What a remote object looks like to us: fetched and judged as if it had come in, and nothing of it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fedblog.activitypub.normalise import read_activity, read_actor, read_collection, type_of
from fedblog.activitypub.represent import profile_of, visibility_of
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_id
from fedblog.activitypub.vocab import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, ActorDocument, Json
from fedblog.blog.model import Actor, NewReply
from fedblog.errors import FetchFailed, InvalidInput, Refused
from fedblog.federation.budget import Budget
from fedblog.federation.context import Context
from fedblog.federation.fetcher import FetchedDocument
from fedblog.federation.notes import Arrived, keep_note, make_reply
from fedblog.federation.places import find_parent
from fedblog.federation.resolver import note_of
from fedblog.federation.services import Services
from fedblog.storage import actors, replies
from fedblog.storage.database import Tx
from fedblog.text.plain import clean_name, plain_text

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Look:
    """`kind` is note, actor, activity, collection or nothing; `told` what it says, cleaned; `outcome` what would become
    of it here (a reason code), `refused` why it can't be used, "" where it can."""

    uri: str
    kind: str
    told: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""
    refused: str = ""
    detail: str = ""


class _Undo(Exception):
    """Ends a transaction that must change nothing."""

    def __init__(self, outcome: str, new: NewReply) -> None:
        super().__init__(outcome)
        self.outcome, self.new = outcome, new


async def look(services: Services, uri: Uri) -> Look:
    """Fetch a URL as the instance actor, and say what it is to us. What can't be used is an answer too."""
    ctx = Context(services.db, services.resolver, services.ids, services.settings, Budget(), int(services.clock()))
    try:
        fetched = await services.fetcher.document(uri, budget=ctx.budget)
        return await _look_at(services, ctx, fetched)
    except (FetchFailed, Refused, InvalidInput) as exc:
        return Look(uri, "nothing", refused=exc.reason, detail=str(exc))


async def _look_at(services: Services, ctx: Context, fetched: FetchedDocument) -> Look:
    kind = type_of(fetched.doc)
    if kind in ACTOR_TYPES:
        return _actor(ctx, fetched)
    if kind in COLLECTION_TYPES:
        return _collection(fetched)
    if kind in ACTIVITY_TYPES:
        activity = read_activity(fetched.doc)
        told = {"type": kind, "actor": activity.actor, "object": activity.object_id or ""}
        return Look(fetched.url, "activity", told)
    return await _note(services, ctx, fetched)


def _actor(ctx: Context, fetched: FetchedDocument) -> Look:
    document = read_actor(fetched.doc)
    profile = profile_of(document, domain=host_of(fetched.url), now=ctx.now)
    told = {
        "type": profile.type,
        "name": profile.name,
        "handle": f"@{profile.username}@{profile.domain}",
        "about": plain_text(profile.summary_html),
        "inbox": profile.inbox,
        "shared_inbox": profile.shared_inbox,
        "keys": [f"{key.key_id} ({key.algorithm})" for key in profile.keys],
        "fields": [f"{name}: {plain_text(value)}" for name, value in profile.fields],
        "moved_to": document.moved_to,
    }
    return Look(fetched.url, "actor", told, refused="actor_partial" if document.partial else "")


def _collection(fetched: FetchedDocument) -> Look:
    found = read_collection(fetched.doc, origin=fetched.url)
    items = [*found.items, *(found.first_page.items if found.first_page is not None else ())]
    ids = [str(item.get("id") or "") if isinstance(item, dict) else item for item in items[:MAX_LISTED]]
    first = found.first or (found.first_page.id if found.first_page is not None else "")
    told = {"type": found.type, "total": found.total, "first": first, "next": found.next or "", "items": ids}
    return Look(fetched.url, "collection", told)


async def _note(services: Services, ctx: Context, fetched: FetchedDocument) -> Look:
    note = note_of(fetched)
    owner = maybe_uri(note.attributed_to[0])
    if owner is None:
        raise FetchFailed("its author's id is no URL", reason="attribution_missing")
    document = await services.fetcher.document(owner, budget=ctx.budget)
    author = read_actor(document.doc)
    if not same_id(author.id, owner):
        raise FetchFailed(f"{owner} is served as another one", reason="id_elsewhere")
    try:
        await services.db.write(_try, ctx, fetched, author)
    except _Undo as tried:
        place = await services.db.read(_stands_under, ctx, tried.new.in_reply_to)
        told = _told(tried.new, author, note.raw)
        return Look(fetched.url, "note", {**told, "stands_under": place}, outcome=tried.outcome)
    raise AssertionError("a trial ends by being undone")


def _try(tx: Tx, ctx: Context, fetched: FetchedDocument, document: ActorDocument) -> None:
    """Do what the inbox would do, then raise, so that all of it is undone."""
    known = actors.by_uri(tx, document.id)
    author: Actor = known or actors.upsert_remote(tx, profile_of(document, domain=host_of(document.id), now=ctx.now))
    note = note_of(fetched)
    visibility = visibility_of(note, None, followers_uri=author.followers_uri)
    arrived = Arrived(note, author, visibility)
    stored = replies.by_uri(tx, note.id)
    outcome = keep_note(ctx, arrived)(tx)
    detail = f"{outcome.value} (here: {stored.state.value})" if stored is not None else outcome.value
    raise _Undo(detail, make_reply(ctx, arrived))


def _stands_under(tx: Tx, ctx: Context, in_reply_to: str) -> str:
    place = find_parent(tx, ctx.ids, in_reply_to) if in_reply_to else None
    return "" if place is None else place.post.title


def _told(new: NewReply, author: ActorDocument, raw: Json) -> dict[str, Any]:
    return {
        "type": new.type,
        "id": new.uri,
        "page": new.url,
        "author": author.id,
        "author_name": clean_name(author.name),
        "audience": new.visibility.value,
        "in_reply_to": new.in_reply_to,
        "context": new.context,
        "published_at": new.published_at,
        "edited_at": new.edited_at,
        "language": new.language,
        "content_warning": new.content_warning,
        "name": new.name,
        "html": new.content_html,
        "attachments": [item.url for item in new.attachments],
        "likes": new.remote_likes,
        "boosts": new.remote_announces,
        "replies": _told_replies(raw),
    }


def _told_replies(raw: Json) -> int | None:
    replies_told = raw.get("replies")
    return read_collection(replies_told).total if isinstance(replies_told, dict) else None
