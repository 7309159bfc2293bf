"""The unit of work of an activity: taken before or not, its effect, what follows from it, and a line in the log.

Those that wait for the database at the same moment are done together where they are what most are, new replies and
likes by people whom we know: `take_together` asks each question once for all of them and stores all of them at once.
Whatever is anything else is done alone, in the same transaction and in its order, as if nobody had come with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fedblog.activitypub.urls import host_of
from fedblog.activitypub.vocab import Activity
from fedblog.blog.heads import Spot
from fedblog.blog.model import NewReply, PostId, ReplyId
from fedblog.federation.context import Effect
from fedblog.federation.handlers.like import React
from fedblog.federation.notes import Keep, after_adding, judged_reply
from fedblog.federation.permission import REFUSALS, refusal
from fedblog.federation.reasons import Outcome
from fedblog.storage import acquaintances, heads, reactions, replies, together
from fedblog.storage import inbox as inbox_log
from fedblog.storage.acquaintances import Acquaintance
from fedblog.storage.database import Tx
from fedblog.storage.moderation import domains_of
from fedblog.storage.together import NewLike, NewNote, Sender


@dataclass(slots=True)
class Seen:
    """What is known so far about a request, for the log row."""

    activity_uri: str = ""
    type: str = ""
    actor_uri: str = ""
    host: str = ""


class Arrival(NamedTuple):
    """An activity by somebody who is remembered, and what it is to do."""

    known: Acquaintance
    activity: Activity
    seen: Seen
    effect: Effect


def key_of(activity: Activity) -> tuple[str, str, str] | None:
    """What makes a second copy a duplicate (INB-05): type, id, and the actor, whose neighbours can name the same id.
    None where there is no id: the effects of such an act are keyed by actor and object themselves, and doing it again
    changes nothing.
    """
    return None if activity.id is None else (activity.type, activity.id, activity.actor)


def settle(tx: Tx, activity: Activity | None, seen: Seen, effect: Effect) -> Outcome:
    """One activity that may be believed."""
    key = key_of(activity) if activity is not None else None
    fresh = key is None or inbox_log.receive(tx, *key)
    outcome = effect(tx) if fresh else Outcome.DUPLICATE
    log(tx, seen, 202, outcome, "")
    return outcome


def log(tx: Tx, seen: Seen, status: int, reason: str, detail: str) -> None:
    """A line about what was decided."""
    inbox_log.log(
        tx,
        activity_uri=seen.activity_uri,
        type=seen.type,
        actor_uri=seen.actor_uri,
        host=seen.host,
        status=status,
        reason=reason,
        detail=detail[:500],
    )


def take_together(tx: Tx, arrivals: list[Arrival]) -> list[Outcome | None]:
    """What came of each; None where what was remembered of its sender holds no more, and nothing was done."""
    done: dict[int, Outcome | None] = {}
    if tx.engine == "sqlite" and len(arrivals) > 1:  # elsewhere others write meanwhile: each locks what it decides on
        done |= _Batch(tx, arrivals).take()
    return [done[place] if place in done else _alone(tx, one) for place, one in enumerate(arrivals)]


def _alone(tx: Tx, one: Arrival) -> Outcome | None:
    if not acquaintances.still_holds(tx, one.known):
        return None
    return settle(tx, one.activity, one.seen, one.effect)


class _Note(NamedTuple):
    """One of the arrivals that are to be kept as a reply."""

    asked: NewNote
    keep: Keep


class _Like(NamedTuple):
    """One of the arrivals that are to be counted."""

    asked: NewLike
    react: React


class _Batch:
    """The plain ones among arrivals. They are stored before the others, so none has to do with an earlier one."""

    def __init__(self, tx: Tx, arrivals: Sequence[Arrival]) -> None:
        self._tx, self._arrivals = tx, arrivals
        self._house = together.house(tx)
        self._done: dict[int, Outcome | None] = {}

    def take(self) -> dict[int, Outcome | None]:
        """What came of those that are plain, by their place."""
        notes, likes = self._sorted_out()
        if len(notes) + len(likes) < 2:
            return {}
        senders = self._trusted([*notes, *likes])
        self._keep_notes({place: one for place, one in notes.items() if place in senders}, senders)
        self._count_likes({place: one for place, one in likes.items() if place in senders})
        finished = [(self._arrivals[place], str(outcome)) for place, outcome in self._done.items()]
        inbox_log.receive_new(self._tx, [key for one, _ in finished if (key := key_of(one.activity)) is not None])
        inbox_log.log_all(
            self._tx,
            [
                (one.seen.activity_uri, one.seen.type, one.seen.actor_uri, one.seen.host, 202, outcome, "")
                for one, outcome in finished
            ],
        )
        return self._done

    def _sorted_out(self) -> tuple[dict[int, _Note], dict[int, _Like]]:
        """Those that name nothing that an earlier one makes: an activity, a note, a reaction."""
        notes, likes = dict[int, _Note](), dict[int, _Like]()
        made: set[str] = set()
        for place, one in enumerate(self._arrivals):
            key, effect, answers = key_of(one.activity), one.effect, set[str]()
            if key is None:
                continue
            makes = {one.activity.id or ""}
            note = like = None
            if isinstance(effect, Keep):
                makes.add(effect.new.uri)
                answers.update(effect.arrived.note.in_reply_to[:1])
                note = _new_note(key, effect)
            elif isinstance(effect, React) and (like := _new_like(key, effect)) is not None:
                makes.add(f"{like.actor_id} {like.kind} {like.post_id}")  # the post's id has many spellings
            if made.isdisjoint(makes | answers):
                if isinstance(effect, Keep) and note is not None:
                    notes[place] = _Note(note, effect)
                elif isinstance(effect, React) and like is not None:
                    likes[place] = _Like(like, effect)
            made |= makes
        return notes, likes

    def _trusted(self, places: Sequence[int]) -> dict[int, Sender]:
        """Of whom all holds that is remembered, and no block of any kind names them or their servers."""
        known = {id(self._arrivals[place].known): self._arrivals[place].known for place in places}
        found = together.senders(self._tx, list(known.values()))
        trusted = {number: found[place] for place, number in enumerate(known) if place in found}
        if self._house.blocks:
            names = {
                number: {one.actor.uri, *domains_of(host_of(one.actor.uri)), *domains_of(host_of(one.key.key_id))}
                for number, one in known.items()
            }
            blocked = together.named_in_blocks(self._tx, set[str]().union(*names.values()))
            trusted = {number: one for number, one in trusted.items() if names[number].isdisjoint(blocked)}
        numbers = {place: id(self._arrivals[place].known) for place in places}
        return {place: trusted[number] for place, number in numbers.items() if number in trusted}

    def _keep_notes(self, notes: dict[int, _Note], senders: dict[int, Sender]) -> None:
        spots = together.places_for(self._tx, [note.asked for note in notes.values()], any_erased=self._house.erased)
        by_post: dict[PostId, list[tuple[int, NewReply, Spot]]] = {}
        strangers: set[int] = set()
        for number, (place, note) in enumerate(notes.items()):
            author_id, spot = note.keep.arrived.author.id, spots.get(number)
            if not senders[place].has_published:
                if author_id in strangers:
                    continue  # what is thought of it hangs on what comes of their first one
                strangers.add(author_id)
            judged = self._judged(note.keep, senders[place], spot) if spot is not None else None
            if spot is not None and judged is not None:
                by_post.setdefault(spot.post.id, []).append((place, judged, spot))
        for post_id, some in by_post.items():
            planned = False
            added = replies.add_all(self._tx, post_id, [(new, spot) for _, new, spot in some])
            for (place, *_), one in zip(some, added, strict=True):
                self._done[place] = after_adding(self._tx, notes[place].keep.ctx, one, planned=planned)
                planned = planned or one.visibility.is_public

    def _judged(self, keep: Keep, sender: Sender, spot: Spot) -> NewReply | None:
        """The reply as it is kept at that spot; None where more is to be done than to keep it."""
        author = keep.arrived.author
        refused = refusal(self._tx, spot.post, author)
        known = heads.Standing(
            None,
            None,
            is_awaited=False,
            trust=sender.trust,
            has_published=sender.has_published,
            is_blocked=False,
            is_limited=False,
            has_rules=self._house.word_rules,
            has_learned=self._house.learned,
        )
        judged = judged_reply(self._tx, keep.ctx, author, keep.new, spot.post, refused=refused, known=known)
        return None if judged is None or judged.reason in REFUSALS else judged

    def _count_likes(self, likes: dict[int, _Like]) -> None:
        fresh = together.new_likes(self._tx, [like.asked for like in likes.values()])
        by_post: dict[PostId, list[reactions.New]] = {}
        for number, (place, (asked, react)) in enumerate(likes.items()):
            if number in fresh:
                new = reactions.New(react.kind, asked.actor_id, react.kept_emoji, react.kept_picture, asked.activity)
                by_post.setdefault(asked.post_id, []).append(new)
                self._done[place] = Outcome.REACTION_KEPT
        for post_id, some in by_post.items():
            reactions.add_new(self._tx, post_id, some)


def _new_note(key: tuple[str, str, str], keep: Keep) -> NewNote | None:
    """What is asked about a reply; None where its place is none that can be looked up by an id."""
    above = keep.arrived.note.in_reply_to[0] if keep.arrived.note.in_reply_to else ""
    if not above:
        return None
    ids, uri = keep.ctx.ids, keep.new.uri
    if not ids.is_local(above):
        return NewNote(*key, uri, above, None, None, None)
    target = ids.parse(above)
    if target is None or target.id is None or target.kind not in ("note", "post"):
        return None
    if target.kind == "note":
        return NewNote(*key, uri, None, ReplyId(target.id), None, None)
    return NewNote(*key, uri, None, None, PostId(target.id), ids.post(target.id, target.publication))


def _new_like(key: tuple[str, str, str], react: React) -> NewLike | None:
    """What is asked about a reaction to a post."""
    ids = react.ctx.ids
    target = ids.parse(react.object_uri)
    if target is None or target.id is None or target.kind != "post":
        return None
    uri = ids.post(target.id, target.publication)
    return NewLike(*key, react.sender.id, react.kind.value, uri, PostId(target.id))
