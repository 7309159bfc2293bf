"""How far a post has got, server by server, and why somebody may not have it."""

from __future__ import annotations

from dataclasses import dataclass

from fedblog.blog.model import Actor, ActorId, Post
from fedblog.storage import actors, deliveries, moderation
from fedblog.storage.hosts import revive_host
from fedblog.storage.rows import ACTOR, read_actor
from fedblog.storage.tx import Event, Row, Tx, chunks, marks

STATES = ("failed", "waiting", "done")


@dataclass(frozen=True, slots=True)
class Parcel:
    """The newest delivery of a post to one inbox. `followers`: how many it serves; `state`: done, waiting or failed."""

    id: int
    host: str
    inbox: str
    type: str
    state: str
    attempts: int
    first_try_at: int | None
    done_at: int | None
    due_at: int
    last_status: int | None
    last_error: str
    followers: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Why somebody has a post or not. `code`: done, waiting, failed, not_sent, not_following, blocked, unknown."""

    code: str
    actor: Actor | None = None
    parcel: Parcel | None = None
    follows_since: int | None = None


_NEWEST = (
    "SELECT d.id, d.host, d.inbox, o.type, d.state, d.attempts, d.first_try_at, d.done_at, d.due_at, d.last_status,"
    " d.last_error, row_number() OVER (PARTITION BY d.inbox ORDER BY d.activity_id DESC) AS place"
    " FROM deliveries d JOIN outgoing o ON o.id = d.activity_id WHERE d.object_uri = $1"
)
_SHARED = "CASE WHEN a.shared_inbox <> '' THEN a.shared_inbox ELSE a.inbox END"


def parcels(tx: Tx, post: Post) -> list[Parcel]:
    """One for each inbox that the post went or goes to: failed ones first, then those that wait."""
    if not post.uri:
        return []
    readers: dict[str, int] = dict(
        tx.all(
            f"SELECT {_SHARED}, count(DISTINCT a.id) FROM followers f JOIN actors a ON a.id = f.actor_id"
            f" WHERE f.state = 'accepted' AND f.target_id IN ($1, $2) GROUP BY {_SHARED}",
            post.author_id,
            actors.blog(tx).id,
        )
    )
    rows = tx.all(f"SELECT q.* FROM ({_NEWEST}) q WHERE q.place = 1", post.uri)
    found = [_parcel(row, int(readers.get(row[2], 0))) for row in rows]
    return sorted(found, key=lambda one: (STATES.index(one.state), one.host, one.inbox))


def _parcel(row: Row, followers: int) -> Parcel:
    kind, state, attempts, first_try_at, done_at, due_at, last_status, last_error = row[3:11]
    return Parcel(
        id=row[0],
        host=row[1],
        inbox=row[2],
        type=kind,
        state=state,
        attempts=attempts,
        first_try_at=first_try_at,
        done_at=done_at,
        due_at=due_at,
        last_status=last_status,
        last_error=last_error,
        followers=followers,
    )


def why(tx: Tx, post: Post, username: str, domain: str) -> Reached:
    """What became of a post on its way to somebody, as far as this server knows; nobody is asked."""
    row = tx.one(
        f"SELECT {ACTOR} FROM actors a WHERE lower(a.username) = lower($1) AND a.domain = $2 AND a.local = ''"
        " ORDER BY a.deleted_at IS NOT NULL, a.id DESC LIMIT 1",
        username,
        domain,
    )
    if row is None:
        return Reached("unknown")
    actor = read_actor(row)
    blocked = moderation.is_blocked(tx, actor_uri=actor.uri, host=actor.domain) or moderation.is_blocked_by(
        tx, actor.id, post.author_id
    )
    if blocked:
        return Reached("blocked", actor)
    since = _follows_since(tx, post, actor.id)
    inboxes = {actor.shared_inbox, actor.inbox}
    parcel = next((one for one in parcels(tx, post) if one.inbox in inboxes), None)
    if parcel is not None:
        return Reached(parcel.state, actor, parcel, since)
    return Reached("not_sent" if since is not None else "not_following", actor, None, since)


def _follows_since(tx: Tx, post: Post, actor_id: ActorId) -> int | None:
    since: int | None = tx.value(
        "SELECT min(created_at) FROM followers WHERE actor_id = $1 AND state = 'accepted' AND target_id IN ($2, $3)",
        actor_id,
        post.author_id,
        actors.blog(tx).id,
    )
    return since


def try_again(tx: Tx, post: Post, host: str = "") -> int:
    """Send at once what failed or waits, to one host or ("") to all; how many deliveries."""
    chosen = [one for one in parcels(tx, post) if one.state != "done" and host in ("", one.host)]
    for one in chosen:
        if one.state == "failed":
            deliveries.retry_failed(tx, one.id)
    for name in {one.host for one in chosen}:
        revive_host(tx, name)
    for some in chunks([one.id for one in chosen if one.state == "waiting"]):
        where = f"id IN ({marks(len(some), 2)}) AND state = 'waiting'"
        tx.run(f"UPDATE deliveries SET due_at = $1 WHERE {where}", tx.now, *some)
    if chosen:
        tx.emit(Event("delivery", 0))
    return len(chosen)
