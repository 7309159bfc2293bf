"""Quotes of our posts and answers: listed beside the replies, and allowed or not by the post's policy (INB-33)."""

from __future__ import annotations

import json

from fedblog.activitypub import serialise, wire
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.vocab import Json
from fedblog.blog.heads import Spot
from fedblog.blog.ledger import ActivityId
from fedblog.blog.model import Actor, NewReply, Quote, QuoteState, ReplyState
from fedblog.blog.policy import judge_quote
from fedblog.federation.permission import is_follower
from fedblog.federation.places import our_spot
from fedblog.federation.reasons import Outcome
from fedblog.storage import actors, outgoing, quotes, replies
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Audience


def quoted_place(tx: Tx, ids: LocalIds, uri: str) -> Spot | None:
    """The public post or answer of ours that a `quote` names; None for everything else."""
    place = our_spot(tx, ids, uri) if uri and ids.is_local(uri) else None
    if place is None or not place.post.visibility.is_public:
        return None
    return None if place.reply is not None and not place.reply.visibility.is_public else place


def policy_says(tx: Tx, place: Spot, author: Actor) -> QuoteState:
    """What the post's policy says to a quote by `author`."""
    return judge_quote(place.post.quote_policy, is_follower=is_follower(tx, author.id, place.post.author_id))


def keep_quote(tx: Tx, place: Spot, author: Actor, new: NewReply) -> Outcome:
    """A Note that quotes us without having asked (yet): pending. The page lists it as such where the policy would
    accept it; `new` is judged like a reply, and what is held as one isn't listed either (ART-19)."""
    allowed = policy_says(tx, place, author) is QuoteState.ACCEPTED
    _add(tx, place, author, new, QuoteState.PENDING, listed=allowed and new.state is ReplyState.PUBLISHED, request="")
    return Outcome.QUOTE_KEPT


def answer_request(tx: Tx, ids: LocalIds, place: Spot, author: Actor, new: NewReply, request: Json) -> Outcome:
    """A QuoteRequest: Accept with an authorization, Reject, or nothing until the author decides."""
    state = policy_says(tx, place, author)
    listed = state is QuoteState.ACCEPTED and new.state is ReplyState.PUBLISHED
    kept = json.dumps(request, ensure_ascii=False, separators=(",", ":"))
    stored = _add(tx, place, author, new, state, listed=listed, request=kept)
    match stored.state:
        case QuoteState.ACCEPTED:
            say_accepted(tx, ids, stored)
            return Outcome.QUOTE_ACCEPTED
        case QuoteState.PENDING:
            return Outcome.QUOTE_PENDING
        case _:
            say_rejected(tx, ids, stored)
            return Outcome.QUOTE_REJECTED


def say_accepted(tx: Tx, ids: LocalIds, quote: Quote) -> None:
    """Queue the Accept of a quote's request."""
    speaker = quoted_actor(tx, ids, quote)
    activity_id = ActivityId(tx.new_id())
    document = serialise.accept_quote(
        json.loads(quote.request),
        actor=speaker,
        activity_id=ids.activity(activity_id),
        authorization=ids.quote(quote.id),
    )
    _say(tx, speaker, activity_id, document, quote)


def say_rejected(tx: Tx, ids: LocalIds, quote: Quote) -> None:
    """Queue the Reject of a quote's request."""
    speaker = quoted_actor(tx, ids, quote)
    activity_id = ActivityId(tx.new_id())
    document = serialise.reject_quote(json.loads(quote.request), actor=speaker, activity_id=ids.activity(activity_id))
    _say(tx, speaker, activity_id, document, quote)


def say_revoked(tx: Tx, ids: LocalIds, quote: Quote) -> None:
    """Queue the Delete of a quote's authorization (FEP-044f)."""
    speaker = quoted_actor(tx, ids, quote)
    activity_id = ActivityId(tx.new_id())
    document = serialise.delete(
        ids.quote(quote.id),
        actor=speaker,
        activity_id=ids.activity(activity_id),
        former_type="QuoteAuthorization",
        deleted_at=tx.now,
        to=[quote.actor.uri],
    )
    _say(tx, speaker, activity_id, document, quote)


def quoted_actor(tx: Tx, ids: LocalIds, quote: Quote) -> Actor:
    """Who wrote what is quoted: the answer's author, or the post's."""
    own = replies.by_uri(tx, quote.target_uri)
    if own is not None:
        return actors.by_id(tx, own.actor_id)
    author_id = tx.value("SELECT author_id FROM posts WHERE id = $1", quote.post_id)
    return actors.by_id(tx, author_id)


def _add(tx: Tx, place: Spot, author: Actor, new: NewReply, state: QuoteState, *, listed: bool, request: str) -> Quote:
    return quotes.add(
        tx,
        uri=new.uri,
        url=new.url,
        actor_id=author.id,
        post_id=place.post.id,
        target_uri=place.uri,
        state=state,
        public=new.visibility.is_public,
        listed=listed,
        request=request,
        published_at=new.published_at,
    )


def _say(tx: Tx, speaker: Actor, activity_id: ActivityId, document: Json, quote: Quote) -> None:
    outgoing.add(
        tx,
        activity_id=activity_id,
        uri=str(document["id"]),
        actor_id=speaker.id,
        type=str(document["type"]),
        object_uri=quote.uri,
        body=wire.dump(serialise.with_context(document)),
        audience=Audience(personal=(quote.actor.id,)),
        public=False,
    )
