"""Update: a newer state of a reply (INB-16..18) or of the actor itself."""

from __future__ import annotations

from fedblog.activitypub.normalise import read_actor
from fedblog.activitypub.represent import profile_of
from fedblog.activitypub.urls import Uri, maybe_uri, same_id
from fedblog.activitypub.vocab import Activity, Json
from fedblog.blog.ledger import Profile
from fedblog.blog.model import Actor
from fedblog.errors import Refused
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.edits import edit_note
from fedblog.federation.handlers.refetch import refetch
from fedblog.federation.notes import Arrived, believe, keep_note, off_loop, read_own
from fedblog.federation.quotes import quoted_place
from fedblog.federation.reasons import Outcome
from fedblog.storage import actors, quotes, replies
from fedblog.storage.database import Tx
from fedblog.text.dates import parse_as2_datetime

NEW_FOR = 86_400  # an Update of something unknown that is younger than this is taken as its Create


async def update(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Only its author changes a thing."""
    uri = maybe_uri(activity.object_id)
    if uri is None:
        return ignored(Outcome.OBJECT_MISSING)
    if ctx.ids.is_local(uri):
        return ignored(Outcome.NOT_OURS)
    if same_id(uri, sender.uri):
        return await _update_actor(ctx, activity.object, sender)
    if ctx.trust is Trust.HEARSAY:
        return await refetch(ctx, uri)
    if activity.object is not None and not _is_own(activity.object, sender):
        return ignored(Outcome.NOT_THE_AUTHOR)
    arrived = await believe(ctx, activity, activity.objects[0], sender)
    if not isinstance(arrived, Arrived):
        return arrived
    if arrived.author.id != sender.id:
        return ignored(Outcome.NOT_THE_AUTHOR)
    return await _apply(ctx, uri, arrived)


async def _apply(ctx: Context, uri: Uri, arrived: Arrived) -> Effect:
    if await ctx.db.read(replies.by_uri, uri) is not None:
        return await off_loop(edit_note, ctx, arrived)
    if await ctx.db.read(quotes.of_object, uri, arrived.author.id):
        return await _requote(ctx, arrived)
    published = parse_as2_datetime(arrived.note.published, now=ctx.now)
    if published is None or ctx.now - published < NEW_FOR:
        return await off_loop(keep_note, ctx, arrived)
    if any(ctx.ids.is_local(parent) for parent in arrived.note.in_reply_to[:1]):
        return await refetch(ctx, uri)
    return ignored(Outcome.NOT_RELATED)


async def _requote(ctx: Context, arrived: Arrived) -> Effect:
    """A Note that quotes us changed: it is brought up to date, or listed no more."""
    keep = await off_loop(keep_note, ctx, arrived)

    def bring(tx: Tx) -> Outcome:
        place = quoted_place(tx, ctx.ids, arrived.note.quote)
        if place is not None and arrived.visibility.is_public:
            return keep(tx)
        quotes.remove(tx, arrived.note.id, arrived.author.id)
        return Outcome.QUOTE_REMOVED

    return bring


async def _update_actor(ctx: Context, document: Json | None, sender: Actor) -> Effect:
    """From the signed copy when it is whole and the handle is the same, else from the actor's own URL (ACT-15)."""
    profile = _profile_of(ctx, document, sender) if document is not None and ctx.trust is Trust.SIGNED else None
    if profile is None:
        await ctx.resolver.actor(Uri(sender.uri), budget=ctx.budget, refresh=True)
        return ignored(Outcome.ACTOR_UPDATED)
    whole = profile

    def refresh(tx: Tx) -> Outcome:
        actors.upsert_remote(tx, whole)
        return Outcome.ACTOR_UPDATED

    return refresh


def _profile_of(ctx: Context, document: Json, sender: Actor) -> Profile | None:
    try:
        found = read_actor(document)
    except Refused:
        return None
    if found.partial or found.preferred_username != sender.username or not same_id(found.id, sender.uri):
        return None
    profile = profile_of(found, domain=sender.domain, now=ctx.now)
    return profile if profile.keys else None


def _is_own(document: Json, sender: Actor) -> bool:
    note = read_own(document)
    return note is not None and bool(note.attributed_to) and same_id(note.attributed_to[0], sender.uri)
