"""An author leaves, or the whole blog closes: who knows them is told, and their ids answer 410 (LIFE-03, LIFE-04)."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.activitypub import serialise
from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, PostStatus, ReplyId
from fedblog.errors import Conflict
from fedblog.federation.outbox import Outbox, open_outbox
from fedblog.federation.people import reached
from fedblog.storage import accounts, actors, expansion, listing, meta, outgoing, posts, reactions, replies, tombstones
from fedblog.storage.database import Database, Tx
from fedblog.storage.outgoing import Audience
from fedblog.storage.seal import Sealer

CLOSED_KEY = "closed_at"


@dataclass(frozen=True, slots=True)
class Farewell:
    """What a departure comes to: actors that go, posts that go with them, and inboxes that are told."""

    actors: int
    posts: int
    inboxes: int


class _Rehearsal(Exception):
    """Nothing of it is kept; carries what would have happened."""

    def __init__(self, told: Farewell) -> None:
        super().__init__("a rehearsal")
        self.told = told


async def delete_author(db: Database, ids: LocalIds, sealer: Sealer, author: Actor) -> Farewell:
    """Delete an author for good: posts, answers, likes and the account go, followers and everybody who took part get
    the Delete, the id answers 410 for ever. The name stays taken. Raises `Conflict` for the only owner."""
    outbox = await open_outbox(db, ids, sealer, [author.id])
    return await db.write(_delete_author, outbox, author)


async def close_blog(db: Database, ids: LocalIds, sealer: Sealer, *, rehearse: bool) -> Farewell:
    """Delete every actor, the instance last, and answer 410 everywhere from then on. With `rehearse` nothing changes.

    Raises `Conflict` where it was done already.
    """
    everybody = await db.read(actors.local_actors)
    outbox = await open_outbox(db, ids, sealer, [actor.id for actor in everybody])
    try:
        return await db.write(_close, outbox, everybody, rehearse)
    except _Rehearsal as rehearsal:
        return rehearsal.told


def _close(tx: Tx, outbox: Outbox, everybody: list[Actor], rehearse: bool) -> Farewell:
    if meta.get(tx, CLOSED_KEY) is not None:
        raise Conflict("this blog is closed already", reason="already_closed")
    order = {"author": 0, "blog": 1, "instance": 2}
    there = [actor for actor in everybody if actor.deleted_at is None]
    told = [_leave(tx, outbox, actor) for actor in sorted(there, key=lambda actor: order.get(actor.local, 3))]
    farewell = Farewell(len(told), sum(one.posts for one in told), sum(one.inboxes for one in told))
    if rehearse:
        raise _Rehearsal(farewell)
    meta.put(tx, CLOSED_KEY, str(tx.now))
    return farewell


def _delete_author(tx: Tx, outbox: Outbox, author: Actor) -> Farewell:
    account = accounts.by_username(tx, author.username)
    if account is not None:
        accounts.remove(tx, account.id)
    return _leave(tx, outbox, author)


def _leave(tx: Tx, outbox: Outbox, actor: Actor) -> Farewell:
    """The Delete, addressed while its followers are still known; then all that the actor left here goes."""
    people = reached(tx, actor)
    sent = outbox.add(
        tx,
        lambda uri: serialise.delete_actor(actor, activity_id=uri),
        actor=actor,
        object_uri=actor.uri,
        audience=Audience(followers_of=(actor.id,), actors=people),
        public=True,
    )
    activity = outgoing.by_uri(tx, str(sent["id"]))
    inboxes = expansion.expand(tx, activity.id) if activity is not None else 0
    gone = listing.list_of_author(tx, actor.id, None) if actor.local == "author" else []
    for post in gone:
        posts.delete(tx, post.id)
    for reply_id in replies.own_of(tx, actor.id):
        replies.remove(tx, ReplyId(reply_id))
    reactions.remove_all_of(tx, actor.id)
    actors.delete_local(tx, actor.id)
    tombstones.add(tx, actor.uri, actor.type, actor.uri, local=True)
    return Farewell(1, sum(post.status is PostStatus.PUBLISHED for post in gone), inboxes)
