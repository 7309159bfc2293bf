"""Who follows our authors and the blog."""

from __future__ import annotations

from builtins import list as list_of

from fedblog.blog.model import ActorId, Follower
from fedblog.storage.rows import ACTOR, read_actor
from fedblog.storage.tx import Row, Tx

_FOLLOWER = f"f.target_id, f.state, f.follow_uri, f.follow_json, f.created_at, {ACTOR}"
_FROM = "followers f JOIN actors a ON a.id = f.actor_id"
# COL-02: blocked and gone ones are left out of what others see.
_COUNTED = "f.state = 'accepted' AND a.deleted_at IS NULL AND a.suspended_at IS NULL"


def _read(row: Row) -> Follower:
    return Follower(
        actor=read_actor(row, 5),
        target_id=ActorId(row[0]),
        state=row[1],
        follow_uri=row[2],
        follow_json=row[3],
        created_at=row[4],
    )


def add(tx: Tx, *, actor_id: ActorId, target_id: ActorId, state: str, follow_uri: str, follow_json: str) -> Follower:
    """Keep a follow (`state`: pending or accepted). A repeated one renews its id; accepted stays accepted (INB-21)."""
    tx.run(
        "INSERT INTO followers (actor_id, target_id, state, follow_uri, follow_json, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (target_id, actor_id) DO UPDATE SET"
        " follow_uri = excluded.follow_uri, follow_json = excluded.follow_json,"
        " state = CASE WHEN followers.state = 'accepted' THEN followers.state ELSE excluded.state END",
        actor_id,
        target_id,
        state,
        follow_uri,
        follow_json,
        tx.now,
    )
    return _read(
        tx.all(f"SELECT {_FOLLOWER} FROM {_FROM} WHERE f.actor_id = $1 AND f.target_id = $2", actor_id, target_id)[0]
    )


def get(tx: Tx, actor_id: ActorId, target_id: ActorId) -> Follower | None:
    """One follow, or None."""
    row = tx.one(f"SELECT {_FOLLOWER} FROM {_FROM} WHERE f.actor_id = $1 AND f.target_id = $2", actor_id, target_id)
    return None if row is None else _read(row)


def remove(tx: Tx, actor_id: ActorId, target_id: ActorId) -> bool:
    """Forget a follow; False if there was none."""
    return tx.run("DELETE FROM followers WHERE actor_id = $1 AND target_id = $2", actor_id, target_id) > 0


def remove_by_follow_uri(tx: Tx, actor_id: ActorId, follow_uri: str) -> bool:
    """Forget an actor's follow by the id of its Follow activity (Undo by bare id)."""
    return tx.run("DELETE FROM followers WHERE actor_id = $1 AND follow_uri = $2", actor_id, follow_uri) > 0


def accept(tx: Tx, actor_id: ActorId, target_id: ActorId) -> bool:
    """Accept a pending follow; False if none was pending."""
    accepted = tx.run(
        "UPDATE followers SET state = 'accepted' WHERE actor_id = $1 AND target_id = $2 AND state = 'pending'",
        actor_id,
        target_id,
    )
    return accepted > 0


def list(tx: Tx, target_id: ActorId, *, after: int = 0, limit: int, state: str = "accepted") -> list_of[Follower]:  # noqa: A001
    """Followers in a state by actor id, from the one after actor id `after`."""
    rows = tx.all(
        f"SELECT {_FOLLOWER} FROM {_FROM} WHERE f.target_id = $1 AND f.state = $2 AND f.actor_id > $3"
        " AND a.deleted_at IS NULL ORDER BY f.actor_id LIMIT $4",
        target_id,
        state,
        after,
        limit,
    )
    return [_read(row) for row in rows]


def newest(
    tx: Tx,
    target_id: ActorId,
    *,
    state: str,
    search: str = "",
    server: str = "",
    since: int = -1,
    skip: int = 0,
    limit: int,
) -> list_of[Follower]:
    """Followers in a state who came after `since`, the newest first, whose name or address holds `search`, of one
    `server` ("" for all)."""
    where = "f.target_id = $1 AND f.state = $2 AND f.created_at > $3 AND a.deleted_at IS NULL"
    params = list_of[object]([target_id, state, since])
    if search:
        params.append("%" + search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%")
        like = f"LIKE ${len(params)} ESCAPE '\\'"
        where += f" AND (lower(a.name) {like} OR lower('@' || a.username || '@' || a.domain) {like})"
    if server:
        params.append(server)
        where += f" AND a.domain = ${len(params)}"
    rows = tx.all(
        f"SELECT {_FOLLOWER} FROM {_FROM} WHERE {where} ORDER BY f.created_at DESC, f.actor_id DESC"
        f" LIMIT ${len(params) + 1} OFFSET ${len(params) + 2}",
        *params,
        limit,
        skip,
    )
    return [_read(row) for row in rows]


def servers(tx: Tx, target_id: ActorId, limit: int) -> list_of[tuple[str, int]]:
    """(host, followers there), most first."""
    rows = tx.all(
        f"SELECT a.domain, count(*) FROM {_FROM} WHERE f.target_id = $1 AND {_COUNTED} GROUP BY a.domain"
        " ORDER BY count(*) DESC, a.domain LIMIT $2",
        target_id,
        limit,
    )
    return [(domain, int(number)) for domain, number in rows]


def handles(tx: Tx, target_id: ActorId) -> list_of[str]:
    """`name@host` of every accepted follower, as Mastodon writes it into its lists."""
    rows = tx.all(
        f"SELECT a.username, a.domain FROM {_FROM} WHERE f.target_id = $1 AND {_COUNTED} ORDER BY a.domain, a.username",
        target_id,
    )
    return [f"{username}@{domain}" for username, domain in rows]


def count(tx: Tx, target_id: ActorId) -> int:
    """How many accepted followers an actor of ours has."""
    return int(tx.value(f"SELECT count(*) FROM {_FROM} WHERE f.target_id = $1 AND {_COUNTED}", target_id))


def uris_page(tx: Tx, target_id: ActorId, after: int, limit: int) -> list_of[tuple[ActorId, str]]:
    """(actor id, uri) of accepted followers, from the one after actor id `after` (COL-02)."""
    rows = tx.all(
        f"SELECT a.id, a.uri FROM {_FROM} WHERE f.target_id = $1 AND f.actor_id > $2 AND {_COUNTED}"
        " ORDER BY f.actor_id LIMIT $3",
        target_id,
        after,
        limit,
    )
    return [(ActorId(actor_id), uri) for actor_id, uri in rows]


def move(tx: Tx, old_id: ActorId, new_id: ActorId) -> list_of[Follower]:
    """Re-point the follows of an actor that moved (INB-31). Where the new account waited for what the old one had, it
    is accepted now: those follows, to be answered."""
    waiting = tx.all(
        "SELECT n.target_id FROM followers n JOIN followers o ON o.target_id = n.target_id"
        " WHERE n.actor_id = $1 AND n.state = 'pending' AND o.actor_id = $2 AND o.state = 'accepted'"
        " ORDER BY n.target_id",
        new_id,
        old_id,
    )
    taken = [ActorId(row[0]) for row in waiting if accept(tx, new_id, row[0])]
    tx.run(
        "DELETE FROM followers WHERE actor_id = $1 AND target_id IN"
        " (SELECT f.target_id FROM followers f WHERE f.actor_id = $2)",
        old_id,
        new_id,
    )
    tx.run("UPDATE followers SET actor_id = $1 WHERE actor_id = $2", new_id, old_id)
    found = [get(tx, new_id, target_id) for target_id in taken]
    return [follower for follower in found if follower is not None]
