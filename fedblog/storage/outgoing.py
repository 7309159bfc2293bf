"""What we say to other servers: one row an activity, kept in the transaction of the act itself, expanded afterwards.

`Audience` says who gets it; `expansion` turns that into one delivery for each distinct inbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fedblog.blog.ledger import ActivityId, OutgoingActivity
from fedblog.blog.model import ActorId
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Event, Row, Tx, chunks, marks

_OUTGOING = "o.id, o.uri, o.actor_id, o.type, o.object_uri, o.body, o.public, o.created_at, o.expanded_at"
_STILL_THERE = "NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.uri = o.object_uri)"
# A boost that was undone for a newer one is no more.
_LISTED = (
    "o.public = 1 AND (o.type = 'Create' OR o.type = 'Announce' AND NOT EXISTS (SELECT 1 FROM outgoing newer"
    " WHERE newer.object_uri = o.object_uri AND newer.actor_id = o.actor_id AND newer.type = 'Announce'"
    " AND newer.id > o.id))"
)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets an activity, as actor ids.

    `followers_of`: accepted followers of these actors of ours, by shared inbox. `actors`: by shared inbox when the
    activity is public. `personal`: by their own inbox always (private ones, Accept, Reject). `not_hosts`: servers that
    have it already.
    """

    followers_of: tuple[int, ...] = ()
    actors: tuple[int, ...] = ()
    personal: tuple[int, ...] = ()
    not_hosts: tuple[str, ...] = ()


def _read(row: Row) -> OutgoingActivity:
    return OutgoingActivity(
        id=ActivityId(row[0]),
        uri=row[1],
        actor_id=ActorId(row[2]),
        type=row[3],
        object_uri=row[4],
        body=bytes(row[5]),
        public=bool(row[6]),
        created_at=row[7],
        expanded_at=row[8],
    )


def add(
    tx: Tx,
    *,
    activity_id: ActivityId,
    uri: str,
    actor_id: ActorId,
    type: str,  # noqa: A002 - the protocol's word
    object_uri: str,
    body: bytes,
    audience: Audience,
    public: bool,
) -> OutgoingActivity:
    """Keep an activity with its final bytes; the delivery worker is told after the commit.

    `activity_id` is made by `tx.new_id()` beforehand, since it is part of `uri` and `body`.
    """
    tx.run(
        "INSERT INTO outgoing (id, uri, actor_id, type, object_uri, body, audience, public, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        activity_id,
        uri,
        actor_id,
        type,
        object_uri,
        body,
        write_json(asdict(audience)),
        int(public),
        tx.now,
    )
    tx.emit(Event("delivery", activity_id))
    return _read(tx.all(f"SELECT {_OUTGOING} FROM outgoing o WHERE o.id = $1", activity_id)[0])


def by_uri(tx: Tx, uri: str) -> OutgoingActivity | None:
    """An activity of ours by its id."""
    row = tx.one(f"SELECT {_OUTGOING} FROM outgoing o WHERE o.uri = $1", uri)
    return None if row is None else _read(row)


def last_told(tx: Tx, object_uri: str) -> OutgoingActivity | None:
    """The newest Create or Update of an object of ours: the object as its readers have it."""
    row = tx.one(
        f"SELECT {_OUTGOING} FROM outgoing o WHERE o.object_uri = $1 AND o.type IN ('Create', 'Update')"
        " ORDER BY o.id DESC LIMIT 1",
        object_uri,
    )
    return None if row is None else _read(row)


def last_announce(tx: Tx, actor_id: ActorId, object_uri: str) -> OutgoingActivity | None:
    """The newest Announce of an object by one of our actors; None where it never announced it."""
    row = tx.one(
        f"SELECT {_OUTGOING} FROM outgoing o WHERE o.object_uri = $1 AND o.actor_id = $2 AND o.type = 'Announce'"
        " ORDER BY o.id DESC LIMIT 1",
        object_uri,
        actor_id,
    )
    return None if row is None else _read(row)


@dataclass(frozen=True, slots=True)
class Flagged:
    """A report of ours to the server of a reply: when, and how that went (waiting, done, failed; sent: nobody knows any
    more)."""

    at: int
    state: str


def flags_of(tx: Tx, uris: Iterable[str]) -> dict[str, Flagged]:
    """The last report of each of these objects, where there was one."""
    found: dict[str, Flagged] = {}
    for some in chunks(dict.fromkeys(uris)):
        rows = tx.all(
            "SELECT o.object_uri, o.created_at, coalesce(d.state, CASE WHEN o.expanded_at IS NULL THEN 'waiting'"
            " ELSE 'sent' END) FROM outgoing o"
            " LEFT JOIN deliveries d ON d.activity_id = o.id"
            f" WHERE o.type = 'Flag' AND o.object_uri IN ({marks(len(some))}) ORDER BY o.id",
            *some,
        )
        found.update({row[0]: Flagged(row[1], row[2]) for row in rows})
    return found


def forwarded(tx: Tx, object_uri: str) -> tuple[ActorId, tuple[int, ...]] | None:
    """Who passed somebody's reply on, and to whose followers (DLV-04); None where nobody did."""
    row = tx.one(
        "SELECT actor_id, audience FROM outgoing WHERE object_uri = $1 AND type = 'Create' AND public = 0"
        " ORDER BY id LIMIT 1",
        object_uri,
    )
    return None if row is None else (ActorId(row[0]), tuple(json.loads(row[1])["followers_of"]))


def unexpanded(tx: Tx, limit: int) -> list[ActivityId]:
    """Activities whose deliveries are not all made yet, oldest first."""
    rows = tx.all("SELECT id FROM outgoing WHERE expanded_at IS NULL ORDER BY id LIMIT $1", limit)
    return [ActivityId(row[0]) for row in rows]


def to_expand(tx: Tx, limit: int) -> list[ActivityId]:
    """Those of them that wait for no earlier one about the same object, oldest first."""
    rows = tx.all(
        "SELECT o.id FROM outgoing o WHERE o.expanded_at IS NULL AND NOT EXISTS (SELECT 1 FROM outgoing e"
        " WHERE e.object_uri = o.object_uri AND e.expanded_at IS NULL AND e.id < o.id) ORDER BY o.id LIMIT $1",
        limit,
    )
    return [ActivityId(row[0]) for row in rows]


def outbox_page(tx: Tx, actor_id: ActorId, before: int | None, limit: int) -> list[OutgoingActivity]:
    """Public Creates and Announces of an actor whose object is still there, newest first (COL-01)."""
    rows = tx.all(
        f"SELECT {_OUTGOING} FROM outgoing o WHERE o.actor_id = $1 AND {_LISTED} AND {_STILL_THERE} AND o.id < $2"
        " ORDER BY o.id DESC LIMIT $3",
        actor_id,
        2**62 if before is None else before,
        limit,
    )
    return [_read(row) for row in rows]


def outbox_count(tx: Tx, actor_id: ActorId) -> int:
    """How many activities `outbox_page` has."""
    return int(
        tx.value(f"SELECT count(*) FROM outgoing o WHERE o.actor_id = $1 AND {_LISTED} AND {_STILL_THERE}", actor_id)
    )
