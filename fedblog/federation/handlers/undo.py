"""Undo: takes back a Follow, a reaction or a Block. What isn't here yet is remembered for a day (INB-22)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fedblog.activitypub.normalise import id_of, one_or_many, short_names, type_of
from fedblog.activitypub.urls import maybe_uri, same_id, same_origin
from fedblog.activitypub.vocab import Activity, Json
from fedblog.blog.heads import Spot
from fedblog.blog.model import Actor, ReactionKind
from fedblog.federation.context import Context, Effect, Trust, ignored
from fedblog.federation.places import find_actor, spot_of
from fedblog.federation.reasons import Outcome
from fedblog.storage import followers, moderation, reactions
from fedblog.storage import inbox as inbox_store
from fedblog.storage.database import Tx

REMEMBERED_FOR = 86_400
_REACTIONS = {
    "Like": ReactionKind.LIKE,
    "EmojiReact": ReactionKind.LIKE,
    "Dislike": ReactionKind.DISLIKE,
    "Announce": ReactionKind.ANNOUNCE,
}


@dataclass(frozen=True, slots=True)
class _Act:
    """The act that is taken back, as far as the Undo tells."""

    type: str
    uri: str
    object_uri: str


async def undo(ctx: Context, activity: Activity, sender: Actor) -> Effect:
    """Only the one who did it takes it back: the inner actor, if told, is the sender."""
    if ctx.trust is not Trust.SIGNED or (activity.object_id is None and activity.object is None):
        return ignored(Outcome.OBJECT_MISSING)
    act = _read(activity.object) if activity.object is not None else _Act("", str(activity.object_id), "")
    if activity.object is not None and not _by(activity.object, sender):
        return ignored(Outcome.NOT_THE_AUTHOR)
    uri = maybe_uri(act.uri)
    if uri is not None and not same_origin(uri, sender.uri):
        if act.type not in _REACTIONS:
            return ignored(Outcome.NOT_THE_AUTHOR)
        act = replace(act, uri="")  # known by its actor and object alone, as when it came (INB-06)
    if not act.type and not act.uri:
        return ignored(Outcome.OBJECT_MISSING)
    if act.type and act.type not in _REACTIONS and act.type not in ("Follow", "Block"):
        return ignored(Outcome.TYPE_NOT_HANDLED)

    def take_back(tx: Tx) -> Outcome:
        return _take_back(tx, ctx, act, sender)

    return take_back


def _take_back(tx: Tx, ctx: Context, act: _Act, sender: Actor) -> Outcome:
    if not act.type:
        done, object_uri = _undo_by_uri(tx, act, sender), ""
    elif act.type in _REACTIONS:
        place = spot_of(tx, ctx.ids, act.object_uri)
        if place is None:
            return Outcome.NOT_OURS
        done, object_uri = _undo_reaction(tx, act, place, sender), place.uri
    else:
        target = find_actor(tx, ctx.ids, act.object_uri)
        if target is None:
            return Outcome.NOT_OURS
        done, object_uri = _undo_tie(tx, act, target, sender), target.uri
    if done is not None:
        return done
    inbox_store.remember_undo(tx, sender.uri, act.type, object_uri, act.uri, ctx.now + REMEMBERED_FOR)
    return Outcome.UNDO_REMEMBERED


def _undo_by_uri(tx: Tx, act: _Act, sender: Actor) -> Outcome | None:
    """A bare id: a reaction or a follow of the sender under that id; None where nothing is known of it."""
    if reactions.remove(tx, kind=None, actor_id=sender.id, activity_uri=act.uri):
        return Outcome.REACTION_REMOVED
    if followers.remove_by_follow_uri(tx, sender.id, act.uri):
        return Outcome.FOLLOW_REMOVED
    return None


def _undo_reaction(tx: Tx, act: _Act, place: Spot, sender: Actor) -> Outcome | None:
    gone = reactions.remove(
        tx, kind=_REACTIONS[act.type], actor_id=sender.id, post_id=place.post_id, reply_id=place.reply_id
    )
    return Outcome.REACTION_REMOVED if gone else None


def _undo_tie(tx: Tx, act: _Act, target: Actor, sender: Actor) -> Outcome | None:
    if act.type == "Follow":
        return Outcome.FOLLOW_REMOVED if followers.remove(tx, sender.id, target.id) else None
    return Outcome.BLOCK_LIFTED if moderation.blocked_by_remove(tx, sender.id, target.id) else None


def _read(document: Json) -> _Act:
    inner = short_names(document)
    objects = [found for item in one_or_many(inner.get("object")) if (found := id_of(item))]
    return _Act(type_of(inner), id_of(inner) or "", objects[0] if objects else "")


def _by(document: Json, sender: Actor) -> bool:
    told = [found for item in one_or_many(document.get("actor")) if (found := id_of(item))]
    return all(maybe_uri(uri) is not None and same_id(uri, sender.uri) for uri in told)
