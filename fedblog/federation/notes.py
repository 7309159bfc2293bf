"""Somebody's Note on its way into a thread: whose it is, who may see it, where it belongs, what we think of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec

from fedblog.activitypub.normalise import read_note
from fedblog.activitypub.represent import reply_of, visibility_of
from fedblog.activitypub.urls import Uri, host_of, maybe_uri, parse_uri, same_id, same_origin
from fedblog.activitypub.vocab import CHAT_TYPES, Activity, Json, Note
from fedblog.blog.heads import PostHead, Spot
from fedblog.blog.model import Actor, NewReply, Reply, ReplyState, Visibility
from fedblog.blog.policy import Action, Suspicion, hold_of, judge_reply
from fedblog.blog.suspicion import Ground, points
from fedblog.errors import FetchFailed, FetchTemporary, InvalidInput, Refused
from fedblog.federation.context import Context, Effect, NeedsNetwork, Trust, ignored
from fedblog.federation.look_after import look_after
from fedblog.federation.permission import (
    COMMENTS_CLOSED,
    NOT_PERMITTED,
    REFUSALS,
    recheck_below,
    refusal,
    tell_refused,
)
from fedblog.federation.places import names_actor, spot_of
from fedblog.federation.quotes import keep_quote, quoted_place
from fedblog.federation.reasons import Outcome
from fedblog.records import record
from fedblog.storage import heads, jobs, placeholders, posts, replies, suspecting, tree
from fedblog.storage.database import Tx
from fedblog.storage.heads import Standing
from fedblog.storage.replies import Added

# Late answers under closed comments are kept for the author's eyes (ART-18).
_STATES = {Action.PUBLISH: ReplyState.PUBLISHED, Action.HOLD: ReplyState.HELD, Action.DROP: ReplyState.HIDDEN}
LONG_TEXT = 20_000  # characters


@record(frozen=True, slots=True)
class Arrived:
    """A Note that may be believed: `author` wrote it, `visibility` is the narrowest that anybody said."""

    note: Note
    author: Actor
    visibility: Visibility


async def believe(ctx: Context, activity: Activity, item: str | Json, sender: Actor) -> Arrived | Effect:
    """The Note behind an activity's object: the embedded one where the signer may speak for it, else the one that
    its origin answers (INB-11, INB-12, INB-27). An `Effect` where there is nothing to believe."""
    found = maybe_uri(item if isinstance(item, str) else item.get("id"))
    if found is None:
        return ignored(Outcome.OBJECT_MISSING)
    if ctx.ids.is_local(found):
        return ignored(Outcome.NOT_OURS)  # nobody else makes objects of ours
    if isinstance(item, dict) and ctx.trust is Trust.SIGNED:
        embedded = _embedded(item, sender)
        if embedded is not None:
            return Arrived(embedded, sender, visibility_of(embedded, activity, followers_uri=sender.followers_uri))
    return await fetch_public(ctx, found, sender)


async def fetch(ctx: Context, uri: Uri, sender: Actor | None) -> Arrived:
    """A Note from its own origin, with its author; `sender` saves a look-up where it is the author.

    Raises `FetchTemporary`, `FetchGone` for what is gone, `FetchFailed` for all that can't be used.
    """
    try:
        note = await ctx.resolver.note(uri, budget=ctx.budget)
        author_uri = parse_uri(note.attributed_to[0] if note.attributed_to else None)
        author = sender
        if author is None or not same_id(author_uri, author.uri):
            author = await ctx.resolver.actor(author_uri, budget=ctx.budget)
    except InvalidInput as exc:
        raise FetchFailed(f"{uri} can't be read: {exc}") from exc
    except Refused as exc:
        if exc.status >= 500:
            raise FetchTemporary(str(exc), retry_after=exc.retry_after) from exc
        raise FetchFailed(f"{uri} can't be read: {exc}") from exc
    return Arrived(note, author, visibility_of(note, None, followers_uri=author.followers_uri))


async def fetch_public(ctx: Context, uri: Uri, sender: Actor | None) -> Arrived | Effect:
    """`fetch`, for what is new here: it counts only when everybody may read it (BACK-07). What is of
    the sender's own server and can't be had now, they send again; what is of another's is asked for later."""
    if ctx.offline:
        raise NeedsNetwork(uri)
    try:
        arrived = await fetch(ctx, uri, sender)
    except FetchTemporary:
        if ctx.trust is Trust.SIGNED and sender is not None and same_origin(uri, sender.uri):
            raise
        return plan_fetch(uri)
    return arrived if arrived.visibility.is_public else ignored(Outcome.NOT_PUBLIC)


def plan_fetch(uri: str) -> Effect:
    """Ask for it later: a durable job."""

    def plan(tx: Tx) -> Outcome:
        jobs.add(tx, "fetch_parent", uri, {"uri": uri, "again": True}, tx.now)
        return Outcome.FETCH_PLANNED

    return plan


def addresses_us(ctx: Context, note: Note) -> str:
    """The local actor that a Note mentions or is addressed to, "" for none (INB-35: tags and audience, never text)."""
    for uri in (*note.mentions, *note.to, *note.cc):
        if names_actor(ctx.ids, uri):
            return uri
    return ctx.recipient


async def off_loop(make: Callable[[Context, Arrived], Effect], ctx: Context, arrived: Arrived) -> Effect:
    """What `keep_note` or `edit_note` makes; long texts are cleaned off the event loop: hostile ones take a while."""
    if len(arrived.note.content) < LONG_TEXT:
        return make(ctx, arrived)
    return await asyncio.to_thread(make, ctx, arrived)


def keep_note(ctx: Context, arrived: Arrived) -> Effect:
    """The effect that puts a Note where it belongs, or leaves it out."""
    note = arrived.note
    if note.is_vote:
        return ignored(Outcome.VOTE_NOT_A_REPLY)
    is_chat = note.type in CHAT_TYPES
    if not note.is_reply_type and not is_chat:
        return ignored(Outcome.TYPE_NOT_A_REPLY)
    return Keep(ctx, arrived, make_reply(ctx, arrived))


@record(frozen=True, slots=True)
class Keep:
    """The effect that puts a Note where it belongs: `new` is the record of what `arrived`."""

    ctx: Context
    arrived: Arrived
    new: NewReply

    def __call__(self, tx: Tx) -> Outcome:
        """Do it."""
        return _keep(tx, self.ctx, self.arrived, self.new)


def make_reply(ctx: Context, arrived: Arrived) -> NewReply:
    """The record to keep: cleaned text, lenient dates (INB-34, INB-36). CPU work, so outside of any transaction."""
    return reply_of(
        arrived.note,
        actor_id=arrived.author.id,
        visibility=arrived.visibility,
        state=ReplyState.PUBLISHED,
        reason="",
        now=ctx.now,
        received=msgspec.json.encode(arrived.note.raw),
    )


def _keep(tx: Tx, ctx: Context, arrived: Arrived, new: NewReply) -> Outcome:
    author = arrived.author
    tx.lock(new.uri, new.in_reply_to)
    standing = _standing(tx, author, new)
    if standing.is_blocked:
        return Outcome.BLOCKED_HERE
    if standing.is_deleted_by(author.uri):
        return Outcome.DELETED_BEFORE
    known = replies.by_id(tx, standing.known) if standing.known is not None else None
    if known is not None and not placeholders.is_placeholder(known):
        return Outcome.DUPLICATE
    if known is not None:
        return _fill(tx, ctx, known, author, new)
    if standing.is_awaited:
        tree.hold_waiting(tx, new.uri)
    in_reply_to = arrived.note.in_reply_to
    spot = spot_of(tx, ctx.ids, in_reply_to[0]) if in_reply_to else None
    if spot is not None:
        return _keep_at(tx, ctx, spot, author, new, standing)
    judged = judged_reply(tx, ctx, author, new, known=standing)
    if judged is None:
        return Outcome.COMMENT_DROPPED
    quoted = quoted_place(tx, ctx.ids, arrived.note.quote)
    if quoted is not None and new.visibility.is_public:
        return keep_quote(tx, quoted, author, judged)
    return _keep_without_place(tx, ctx, judged, addresses_us(ctx, arrived.note))


def _standing(tx: Tx, author: Actor, new: NewReply) -> Standing:
    return heads.standing(
        tx,
        uri=new.uri,
        actor_id=author.id,
        actor_uri=author.uri,
        host=host_of(author.uri),
        published_at=new.published_at,
    )


def _keep_at(tx: Tx, ctx: Context, spot: Spot, author: Actor, new: NewReply, standing: Standing) -> Outcome:
    refused = refusal(tx, spot.post, author)
    judged = judged_reply(tx, ctx, author, new, spot.post, refused=refused, known=standing)
    if judged is None:
        return Outcome.COMMENT_DROPPED
    stored = replies.add_at(tx, judged, spot, is_awaited=standing.is_awaited)
    if stored.reason in REFUSALS:
        tell_refused(tx, ctx.ids, spot.post, author, stored.id, stored.uri)
    if stored.has_adopted:
        recheck_below(tx, ctx.ids, spot.post, stored.id)
    return after_adding(tx, ctx, stored)


def _fill(tx: Tx, ctx: Context, known: Reply, author: Actor, new: NewReply) -> Outcome:
    """What only had a placeholder is here: it stands where that stood (BACK-02)."""
    post = posts.by_id(tx, known.post_id) if known.post_id is not None else None
    head = PostHead.of(post) if post is not None else None
    refused = refusal(tx, head, author) if head is not None else ""
    judged = judged_reply(tx, ctx, author, new, head, refused=refused) if head is not None else None
    if judged is None:
        return Outcome.COMMENT_DROPPED
    return after_adding(tx, ctx, placeholders.fill(tx, known, judged))


def judged_reply(
    tx: Tx,
    ctx: Context,
    author: Actor,
    new: NewReply,
    post: PostHead | None = None,
    *,
    refused: str = "",
    known: Standing | None = None,
) -> NewReply | None:
    """The reply with the state that our rules, and those of the post where it is known, give it; None for one that is
    not even kept. `known` as it was read in this transaction, if it was."""
    known = known or _standing(tx, author, new)
    verdict = judge_reply(
        visibility=new.visibility,
        hold=hold_of(post, ctx.settings.comments.hold_for_moderation),
        comments_open=refused != COMMENTS_CLOSED,
        permitted=refused != NOT_PERMITTED,
        actor=author,
        standing=known.trust,
        has_approved_before=known.has_published,
        blocked=False,
        limited=known.is_limited,
        suspicion=_suspicion(tx, ctx, author, new, known),
    )
    if verdict.action is Action.DROP and verdict.reason not in REFUSALS:
        return None
    state = _STATES[verdict.action]
    return (
        new if (state, verdict.reason) == (new.state, new.reason) else replace(new, state=state, reason=verdict.reason)
    )


def _suspicion(tx: Tx, ctx: Context, author: Actor, new: NewReply, known: Standing) -> Suspicion:
    """Why the filter holds it, "" where it doesn't; nobody is asked about friends and private letters."""
    if author.local or known.trust > 0 or not new.visibility.is_public:
        return ""
    found = suspecting.grounds(
        tx, new, author, is_known=known.has_published, has_rules=known.has_rules, has_learned=known.has_learned
    )
    return weighed(ctx, found)


def weighed(ctx: Context, found: tuple[Ground, ...]) -> Suspicion:
    """What these grounds come to, "" where nobody has to look."""
    if any(one.code == "word" for one in found):
        return "words"
    most = ctx.settings.comments.hold_spam_points
    return "score" if most and points(found) >= most else ""


def after_adding(tx: Tx, ctx: Context, stored: Reply | Added, *, planned: bool = False) -> Outcome:
    """What follows from a reply that was stored, and what is said of it. `planned`: one under the same post has planned
    in this transaction what they have in common."""
    if not stored.visibility.is_public:
        return Outcome.REPLY_PRIVATE
    if stored.post_id is not None and not planned:
        look_after(tx, stored.post_id, ctx.settings)
    match stored.state:
        case ReplyState.HELD:
            return Outcome.REPLY_HELD
        case ReplyState.HIDDEN:
            return Outcome.REPLY_HIDDEN
        case _:
            return Outcome.REPLY_PUBLISHED


def _keep_without_place(tx: Tx, ctx: Context, new: NewReply, addressee: str) -> Outcome:
    """Its parent is not here: perhaps yet (INB-15), perhaps it is a message to one of ours (INB-10)."""
    if new.in_reply_to and ctx.ids.is_local(new.in_reply_to):
        return Outcome.PARENT_UNKNOWN_HERE
    if not addressee and not new.in_reply_to:
        return Outcome.NOT_RELATED
    if not addressee and not new.visibility.is_public:
        return Outcome.NOT_RELATED
    if not new.in_reply_to:
        new = replace(new, in_reply_to=addressee)  # stands under nothing: kept for the one it is addressed to
        replies.add(tx, new, post_id=None, parent_id=None)
        return Outcome.MENTION_KEPT if new.visibility.is_public else Outcome.REPLY_PRIVATE
    stored = replies.add(tx, new, post_id=None, parent_id=None)
    if new.visibility.is_public:
        jobs.add(tx, "fetch_parent", new.in_reply_to, {"uri": new.in_reply_to}, tx.now)
        return Outcome.REPLY_ORPHANED
    return Outcome.REPLY_PRIVATE if stored.post_id is None else after_adding(tx, ctx, stored)


def _embedded(item: Json, sender: Actor) -> Note | None:
    """The embedded object when it is the signer's own (INB-11): id on the same origin, attributed to the signer."""
    note = read_own(item)
    if note is None or not same_origin(note.id, sender.uri):
        return None
    owners = note.attributed_to
    return note if owners and same_id(owners[0], sender.uri) else None


def read_own(item: Json) -> Note | None:
    """`read_note`, or None where nothing can be read or its ids can't be compared."""
    try:
        note = read_note(item)
    except Refused:
        return None
    for uri in (note.id, *note.attributed_to):
        if maybe_uri(uri) is None:
            return None
    return note
