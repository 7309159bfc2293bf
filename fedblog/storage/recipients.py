"""Who is behind an inbox: for deliveries that were refused as gone."""

from __future__ import annotations

from fedblog.blog.model import ActorId
from fedblog.storage.database import Tx


def actors_at_inbox(tx: Tx, inbox: str) -> list[tuple[ActorId, str, str]]:
    """(id, uri, personal inbox) of the followers whose personal or shared inbox this is, at most 1,000."""
    rows = tx.all(
        "SELECT DISTINCT a.id, a.uri, a.inbox FROM actors a JOIN followers f ON f.actor_id = a.id"
        " WHERE a.local = '' AND a.deleted_at IS NULL AND (a.inbox = $1 OR a.shared_inbox = $1)"
        " ORDER BY a.id LIMIT 1000",
        inbox,
    )
    return [(ActorId(row[0]), row[1], row[2]) for row in rows]


def drop_follows_of(tx: Tx, actor_id: ActorId) -> int:
    """An actor that is gone follows nobody; how many follows that ended."""
    return tx.run("DELETE FROM followers WHERE actor_id = $1", actor_id)


def forget_shared_inbox(tx: Tx, inbox: str) -> int:
    """This shared inbox is gone: its actors are reached at their own from now on; how many there are (DLV-08)."""
    return tx.run("UPDATE actors SET shared_inbox = '' WHERE shared_inbox = $1 AND local = ''", inbox)


def send_personally(tx: Tx, delivery_id: int, inboxes: list[str], *, host: str, due_at: int) -> int:
    """Give what the delivery carried to these inboxes instead; how many new deliveries that made."""
    made = 0
    for inbox in inboxes:
        made += tx.run(
            "INSERT INTO deliveries (id, activity_id, object_uri, inbox, host, state, attempts, due_at, lease_until,"
            " first_try_at, last_status, last_error, done_at)"
            " SELECT $1, activity_id, object_uri, $2, $3, 'waiting', 0, $4, 0, NULL, NULL, '', NULL"
            " FROM deliveries WHERE id = $5"
            " ON CONFLICT (activity_id, inbox) DO NOTHING",
            tx.new_id(),
            inbox,
            host,
            due_at,
            delivery_id,
        )
    return made
