"""The queue of deliveries: claimed with a lease, interleaved by host, in order for each inbox and object (DLV-09)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fedblog.blog.ledger import ActivityId, Delivery, DeliveryCounts, FailedDelivery, ServerDelivery
from fedblog.blog.model import ActorId
from fedblog.storage.hosts import (
    delay_host,
    ensure_host,
    host_failed,
    host_state,
    host_succeeded,
    revive_host,
    set_scheme,
)
from fedblog.storage.tx import Event, Row, Tx, chunks, marks

__all__ = [
    "claim",
    "count_waiting",
    "counts_of_object",
    "delay_host",
    "drop_stale",
    "fail",
    "failed",
    "host_failed",
    "host_state",
    "host_succeeded",
    "next_due",
    "prune",
    "release",
    "retry",
    "retry_failed",
    "revive_host",
    "set_scheme",
    "succeed",
]

_DELIVERY = (
    "d.id, d.activity_id, o.actor_id, d.object_uri, d.inbox, d.host, o.body, d.attempts, d.first_try_at"
    " FROM deliveries d JOIN outgoing o ON o.id = d.activity_id"
)
# Hosts with something waiting, one index step each however long their lanes are; those served longest ago come first.
_LANES = (
    "WITH RECURSIVE lane (host) AS ("
    " SELECT min(d.host) FROM deliveries d WHERE d.state = 'waiting'"
    " UNION ALL SELECT (SELECT min(d.host) FROM deliveries d WHERE d.state = 'waiting' AND d.host > lane.host)"
    " FROM lane WHERE lane.host IS NOT NULL)"
    " SELECT lane.host FROM lane LEFT JOIN hosts h ON h.host = lane.host"
    " WHERE lane.host IS NOT NULL AND coalesce(h.open_until, 0) <= $1 ORDER BY coalesce(h.claimed, 0), lane.host"
)
_CANDIDATES = (
    "SELECT d.id FROM deliveries d WHERE d.host = $1 AND d.state = 'waiting' AND d.due_at <= $2 AND d.lease_until <= $2"
    " AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.object_uri = d.object_uri AND e.inbox = d.inbox"
    " AND e.activity_id < d.activity_id AND e.state = 'waiting') ORDER BY d.id LIMIT $3"
)


def _read(row: Row) -> Delivery:
    return Delivery(
        id=row[0],
        activity_id=ActivityId(row[1]),
        actor_id=ActorId(row[2]),
        object_uri=row[3],
        inbox=row[4],
        host=row[5],
        body=bytes(row[6]),
        attempts=row[7],
        first_try_at=row[8],
    )


def claim(tx: Tx, *, limit: int, per_host: int, lease_seconds: int, busy_hosts: Collection[str] = ()) -> list[Delivery]:
    """Take up to `limit` deliveries that are due, for `lease_seconds`; hosts interleaved, at most `per_host` of each.

    What is leased already counts towards `per_host`. Hosts with an open breaker and `busy_hosts` are left out. An
    activity waits while an earlier one about the same object has not been settled for the same inbox.
    """
    lanes: list[list[int]] = []
    busy = frozenset(busy_hosts)
    for (host,) in tx.all(_LANES, tx.now):
        if host in busy:
            continue
        lane = _candidates(tx, host, per_host)
        if lane:
            lanes.append(lane)
            _mark_claimed(tx, host)
        if len(lanes) == limit:
            break
    chosen = [lane[place] for place in range(per_host) for lane in lanes if place < len(lane)][:limit]
    return _lease(tx, chosen, tx.now + lease_seconds)


def _candidates(tx: Tx, host: str, per_host: int) -> list[int]:
    leased = tx.value(
        "SELECT count(*) FROM deliveries WHERE host = $1 AND state = 'waiting' AND lease_until > $2", host, tx.now
    )
    if leased >= per_host:
        return []
    lock = " FOR UPDATE SKIP LOCKED" if tx.engine == "postgresql" else ""
    return [row[0] for row in tx.all(_CANDIDATES + lock, host, tx.now, per_host - leased)]


def _mark_claimed(tx: Tx, host: str) -> None:
    ensure_host(tx, host)
    tx.run("UPDATE hosts SET claimed = $1 WHERE host = $2", tx.new_id(), host)


def _lease(tx: Tx, ids: list[int], until: int) -> list[Delivery]:
    found: dict[int, Delivery] = {}
    for some in chunks(ids):
        tx.run(
            "UPDATE deliveries SET lease_until = $1, first_try_at = coalesce(first_try_at, $2)"
            f" WHERE id IN ({marks(len(some), 3)})",
            until,
            tx.now,
            *some,
        )
        for row in tx.all(f"SELECT {_DELIVERY} WHERE d.id IN ({marks(len(some))})", *some):
            found[row[0]] = _read(row)
    return [found[delivery_id] for delivery_id in ids]


def succeed(tx: Tx, delivery_id: int, status: int) -> None:
    """It was taken."""
    tx.run(
        "UPDATE deliveries SET state = 'done', attempts = attempts + 1, lease_until = 0, last_status = $1,"
        " last_error = '', done_at = $2 WHERE id = $3 AND state = 'waiting'",
        status,
        tx.now,
        delivery_id,
    )


def retry(tx: Tx, delivery_id: int, *, due_at: int, status: int | None, error: str) -> None:
    """It was not taken now; try again at `due_at`."""
    tx.run(
        "UPDATE deliveries SET attempts = attempts + 1, lease_until = 0, due_at = $1, last_status = $2, last_error = $3"
        " WHERE id = $4 AND state = 'waiting'",
        due_at,
        status,
        error,
        delivery_id,
    )


def fail(tx: Tx, delivery_id: int, *, status: int | None, error: str) -> None:
    """It is given up; the author can see it and send it again."""
    tx.run(
        "UPDATE deliveries SET state = 'failed', attempts = attempts + 1, lease_until = 0, last_status = $1,"
        " last_error = $2, done_at = $3 WHERE id = $4 AND state = 'waiting'",
        status,
        error,
        tx.now,
        delivery_id,
    )


def release(tx: Tx, ids: Iterable[int]) -> None:
    """Give claimed ones back untried (shutdown)."""
    for some in chunks(ids):
        tx.run(f"UPDATE deliveries SET lease_until = 0 WHERE id IN ({marks(len(some))}) AND state = 'waiting'", *some)


def next_due(tx: Tx) -> int | None:
    """When the next delivery can be claimed, as far as is known now; None with nothing waiting."""
    due: int | None = tx.value(
        "SELECT min(CASE WHEN q.ready_at >= q.open_until THEN q.ready_at ELSE q.open_until END) FROM"
        " (SELECT min(CASE WHEN d.due_at >= d.lease_until THEN d.due_at ELSE d.lease_until END) AS ready_at,"
        " coalesce(max(h.open_until), 0) AS open_until FROM deliveries d LEFT JOIN hosts h ON h.host = d.host"
        " WHERE d.state = 'waiting' GROUP BY d.host) q"
    )
    return due


def counts_of_object(tx: Tx, object_uri: str) -> DeliveryCounts:
    """How far the newest activity about an object has got at each inbox."""
    rows = tx.all(
        "SELECT q.state, count(*) FROM (SELECT state, row_number() OVER (PARTITION BY inbox ORDER BY activity_id DESC)"
        " AS place FROM deliveries WHERE object_uri = $1) q WHERE q.place = 1 GROUP BY q.state",
        object_uri,
    )
    counts: dict[str, int] = dict(rows)
    return DeliveryCounts(
        delivered=counts.get("done", 0), waiting=counts.get("waiting", 0), failed=counts.get("failed", 0)
    )


def troubled(tx: Tx, object_uri: str, limit: int) -> list[ServerDelivery]:
    """Servers that did not take the newest activity about an object: given up first, then those tried once or more."""
    rows = tx.all(
        "SELECT q.host, q.state, q.attempts, q.last_status, q.last_error, q.due_at FROM"
        " (SELECT host, state, attempts, last_status, last_error, due_at,"
        " row_number() OVER (PARTITION BY inbox ORDER BY activity_id DESC) AS place"
        " FROM deliveries WHERE object_uri = $1) q WHERE q.place = 1"
        " AND (q.state = 'failed' OR (q.state = 'waiting' AND q.attempts > 0)) ORDER BY q.state, q.host LIMIT $2",
        object_uri,
        limit,
    )
    return [ServerDelivery(*row) for row in rows]


def count_waiting(tx: Tx) -> int:
    """How many deliveries wait."""
    return int(tx.value("SELECT count(*) FROM deliveries WHERE state = 'waiting'"))


def failed(tx: Tx, limit: int) -> list[FailedDelivery]:
    """Deliveries that were given up, newest first."""
    rows = tx.all(
        "SELECT d.id, d.object_uri, o.type, d.inbox, d.host, d.attempts, d.last_status, d.last_error, d.done_at"
        " FROM deliveries d JOIN outgoing o ON o.id = d.activity_id WHERE d.state = 'failed'"
        " ORDER BY d.id DESC LIMIT $1",
        limit,
    )
    return [FailedDelivery(*row) for row in rows]


def retry_failed(tx: Tx, delivery_id: int | None = None) -> int:
    """Send a given-up delivery again (None: all of them), at once; how many."""
    where, params = ("", []) if delivery_id is None else (" AND id = $2", [delivery_id])
    count = tx.run(
        "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = $1, lease_until = 0, first_try_at = NULL,"
        f" done_at = NULL WHERE state = 'failed'{where}",
        tx.now,
        *params,
    )
    if count:
        tx.emit(Event("delivery", 0))
    return count


def drop_stale(tx: Tx, host: str, before: int) -> int:
    """Give up what has waited for a dead host since before a time (DLV-11); how many."""
    return tx.run(
        "UPDATE deliveries SET state = 'failed', lease_until = 0, last_error = 'host_dead', done_at = $1"
        " WHERE host = $2 AND state = 'waiting' AND activity_id IN (SELECT id FROM outgoing WHERE created_at < $3)",
        tx.now,
        host,
        before,
    )


def drop_waiting(tx: Tx, object_uri: str) -> int:
    """Send nothing more about an object; what is gone stays gone. How many deliveries that were."""
    return tx.run("DELETE FROM deliveries WHERE object_uri = $1 AND state = 'waiting'", object_uri)


def prune(tx: Tx, before: int) -> int:
    """Forget deliveries that were taken before a time, unless they are needed to reach the same inboxes again."""
    return tx.run(
        "DELETE FROM deliveries WHERE state = 'done' AND done_at < $1"
        " AND object_uri IN (SELECT t.uri FROM tombstones t WHERE t.deleted_at < $1)",
        before,
    )
