"""What we say to other servers: one row an activity, kept in the transaction of the act itself, expanded afterwards.

`Audience` says who gets it; `expand` turns that into one delivery for each distinct inbox.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import ActivityId, OutgoingActivity
from fedblog.blog.model import ActorId
from fedblog.storage.hosts import closed_hosts
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


def forwarded(tx: Tx, object_uri: str) -> tuple[ActorId, tuple[int, ...]] | None:
    """Who passed somebody's reply on, and to whose followers (DLV-04); None where nobody did."""
    row = tx.one(
        "SELECT actor_id, audience FROM outgoing WHERE object_uri = $1 AND type = 'Create' AND public = 0"
        " ORDER BY id LIMIT 1",
        object_uri,
    )
    return None if row is None else (ActorId(row[0]), tuple(json.loads(row[1])["followers_of"]))


def unexpanded(tx: Tx, limit: int) -> list[ActivityId]:
    """Activities whose deliveries are not made yet, oldest first."""
    rows = tx.all("SELECT id FROM outgoing WHERE expanded_at IS NULL ORDER BY id LIMIT $1", limit)
    return [ActivityId(row[0]) for row in rows]


def expand(tx: Tx, activity_id: ActivityId) -> int:
    """Make the deliveries of an activity, one for each distinct inbox (DLV-01, DLV-02); how many.

    Left out: ours, deleted and suspended actors, blocked actors and domains, and who blocks the sender. An Update or a
    Delete also goes wherever the object went before. A Delete takes back what nobody got yet (DLV-09). Nothing is done
    the second time.
    """
    row = tx.one(
        "UPDATE outgoing SET expanded_at = $1 WHERE id = $2 AND expanded_at IS NULL"
        " RETURNING actor_id, type, object_uri, audience, public",
        tx.now,
        activity_id,
    )
    if row is None:
        return 0
    actor_id, kind, object_uri, audience_json, public = row
    audience = Audience(**json.loads(audience_json))
    inboxes = _recipients(tx, actor_id, audience, public=bool(public))
    if kind in ("Update", "Delete"):
        inboxes |= _earlier_inboxes(tx, activity_id, object_uri)
    if kind == "Delete":
        inboxes -= _take_back(tx, activity_id, object_uri)
    hosts = {inbox: host for inbox, host in _hosts(tx, inboxes).items() if host not in audience.not_hosts}
    closed = closed_hosts(tx, dict.fromkeys(hosts.values()))
    tx.many(
        "INSERT INTO deliveries (id, activity_id, object_uri, inbox, host, state, attempts, due_at, lease_until,"
        " last_error) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, 0, '') ON CONFLICT (activity_id, inbox) DO NOTHING",
        [
            (tx.new_id(), activity_id, object_uri, inbox, host, closed.get(host, tx.now))
            for inbox, host in sorted(hosts.items())
        ],
    )
    if hosts:
        tx.emit(Event("delivery", activity_id))
    return len(hosts)


def _recipients(tx: Tx, sender_id: int, audience: Audience, *, public: bool) -> set[str]:
    """Inboxes of the audience, blocked actors left out."""
    reachable = (
        "a.local = '' AND a.deleted_at IS NULL AND a.suspended_at IS NULL AND a.inbox <> ''"
        " AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.kind = 'actor' AND b.value = a.uri)"
        " AND NOT EXISTS (SELECT 1 FROM blocked_by y WHERE y.actor_id = a.id AND y.target_id = $1)"
    )
    shared = "CASE WHEN a.shared_inbox <> '' THEN a.shared_inbox ELSE a.inbox END"
    found: set[tuple[str, str]] = set()
    for target_id in audience.followers_of:
        found.update(
            tx.all(
                f"SELECT DISTINCT {shared}, a.domain FROM followers f JOIN actors a ON a.id = f.actor_id"
                f" WHERE f.target_id = $2 AND f.state = 'accepted' AND {reachable}",
                sender_id,
                target_id,
            )
        )
    for inbox, ids in ((shared if public else "a.inbox", audience.actors), ("a.inbox", audience.personal)):
        for some in chunks(dict.fromkeys(ids)):
            found.update(
                tx.all(
                    f"SELECT DISTINCT {inbox}, a.domain FROM actors a"
                    f" WHERE a.id IN ({marks(len(some), 2)}) AND {reachable}",
                    sender_id,
                    *some,
                )
            )
    blocked = _blocked_domains(tx)
    return {inbox for inbox, domain in found if not _is_blocked(domain, blocked)}


def _earlier_inboxes(tx: Tx, activity_id: int, object_uri: str) -> set[str]:
    """Where earlier activities about this object went or still go."""
    rows = tx.all(
        "SELECT DISTINCT inbox FROM deliveries WHERE object_uri = $1 AND activity_id < $2 AND state <> 'failed'",
        object_uri,
        activity_id,
    )
    return {row[0] for row in rows}


def _take_back(tx: Tx, activity_id: int, object_uri: str) -> set[str]:
    """Drop waiting deliveries about a deleted object that were never tried; inboxes that know nothing of it."""
    taken = tx.all(
        "DELETE FROM deliveries WHERE object_uri = $1 AND activity_id < $2 AND state = 'waiting'"
        " AND first_try_at IS NULL RETURNING inbox",
        object_uri,
        activity_id,
    )
    return {row[0] for row in taken} - _earlier_inboxes(tx, activity_id, object_uri)


def _hosts(tx: Tx, inboxes: set[str]) -> dict[str, str]:
    """Inbox to host; unusable ones and those on blocked hosts are left out."""
    blocked = _blocked_domains(tx)
    hosts = {}
    for inbox in inboxes:
        uri = maybe_uri(inbox)
        if uri is not None and not _is_blocked(host_of(uri), blocked):
            hosts[inbox] = host_of(uri)
    return hosts


def _blocked_domains(tx: Tx) -> frozenset[str]:
    return frozenset(row[0] for row in tx.all("SELECT value FROM blocks WHERE kind = 'domain'"))


def _is_blocked(host: str, blocked: frozenset[str]) -> bool:
    if not blocked:
        return False
    labels = host.partition(":")[0].split(".")
    return host in blocked or any(".".join(labels[number:]) in blocked for number in range(len(labels)))


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
