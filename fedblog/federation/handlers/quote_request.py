"""QuoteRequest: somebody asks whether they may quote something of ours (INB-33, FEP-044f)."""

from __future__ import annotations

from fedblog.activitypub.normalise import id_of, one_or_many
from fedblog.activitypub.represent import visibility_of
from fedblog.activitypub.urls import maybe_uri, same_id, same_origin
from fedblog.activitypub.vocab import Activity
from fedblog.blog.model import Actor
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.notes import Arrived, fetch, judged_reply, make_reply, read_own
from fedblog.federation.quotes import answer_request, quoted_place
from fedblog.federation.reasons import Outcome
from fedblog.storage.database import Tx


async def quote_request(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """The quoting object comes embedded from its author's own server, or is asked for there."""
    object_uri = activity.object_id
    if object_uri is None or ctx.trust is not Trust.SIGNED or activity.id is None:
        return ignored(Outcome.OBJECT_MISSING)
    if not ctx.ids.is_local(object_uri):
        return ignored(Outcome.NOT_OURS)
    arrived = await _instrument(ctx, activity, sender)
    if arrived is None or not same_id(arrived.author.uri, sender.uri):
        return ignored(Outcome.QUOTE_MISMATCH)
    new = make_reply(ctx, arrived)

    def decide(tx: Tx) -> Outcome:
        place = quoted_place(tx, ctx.ids, object_uri)
        if place is None:
            return Outcome.NOT_OURS
        quoted = quoted_place(tx, ctx.ids, arrived.note.quote)
        if quoted is None or quoted.uri != place.uri:
            return Outcome.QUOTE_MISMATCH
        judged = judged_reply(tx, ctx, sender, new)
        if judged is None:
            return Outcome.COMMENT_DROPPED
        return answer_request(tx, ctx.ids, place, sender, judged, activity.raw)

    return decide


async def _instrument(ctx: Context, activity: Activity, sender: Actor) -> Arrived | None:
    """The quoting object; None where there is none of the sender's own server."""
    told = next(iter(one_or_many(activity.raw.get("instrument"))), None)
    uri = maybe_uri(id_of(told))
    if uri is None or not same_origin(uri, sender.uri):
        return None
    note = read_own(told) if isinstance(told, dict) else None
    if note is not None and note.attributed_to and same_id(note.attributed_to[0], sender.uri):
        return Arrived(note, sender, visibility_of(note, None, followers_uri=sender.followers_uri))
    return await fetch(ctx, uri, sender)
