"""The queue of deliveries: claimed with a lease, interleaved by host, in order for each inbox and object (DLV-09)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fedblog.blog.ledger import DeliveryCounts, FailedDelivery, ServerDelivery
from fedblog.storage.hosts import (
    delay_host,
    host_failed,
    host_state,
    hosts_succeeded,
    mend_breakers,
    revive_host,
    set_scheme,
)
from fedblog.storage.tx import Event, Tx, chunks, marks

__all__ = [
    "count_waiting",
    "counts_of_object",
    "delay_host",
    "drop_stale",
    "fail",
    "failed",
    "host_failed",
    "host_state",
    "hosts_succeeded",
    "prune",
    "release",
    "retry",
    "retry_failed",
    "revive_host",
    "set_scheme",
    "succeed",
]


def succeed(tx: Tx, ids: Iterable[int], status: int) -> None:
    """They were taken, each with this status."""
    for some in chunks(ids):
        tx.run(
            "UPDATE deliveries SET state = 'done', attempts = attempts + 1, lease_until = 0, last_status = $1,"
            f" last_error = '', done_at = $2 WHERE id IN ({marks(len(some), 3)}) AND state = 'waiting'",
            status,
            tx.now,
            *some,
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


def retry_failed(tx: Tx, delivery_id: int | None = None, *, object_uri: str | None = None) -> int:
    """Send given-up deliveries again, at once: one, those about one object, or all of them; how many."""
    wanted = {"id": delivery_id, "object_uri": object_uri}
    params = {column: value for column, value in wanted.items() if value is not None}
    where = "".join(f" AND {column} = ${number}" for number, column in enumerate(params, 2))
    count = tx.run(
        "UPDATE deliveries SET state = 'waiting', attempts = 0, due_at = $1, lease_until = 0, first_try_at = NULL,"
        f" done_at = NULL WHERE state = 'failed'{where}",
        tx.now,
        *params.values(),
    )
    if count:
        tx.emit(Event("delivery", 0))
    return count


def drop_stale(tx: Tx, host: str, before: int) -> int:
    """Give up what has waited for a dead host since before a time (DLV-11); how many."""
    return tx.run(
        "UPDATE deliveries SET state = 'failed', lease_until = 0, last_error = 'host_dead', done_at = $1"
        " WHERE host = $2 AND state = 'waiting'"
        " AND (SELECT o.created_at FROM outgoing o WHERE o.id = deliveries.activity_id) < $3",
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


def mend_times(tx: Tx, *, lease_seconds: int, pauses: Sequence[int], most_closed: int) -> None:
    """The clock was set back: no lease and no pause lasts longer than it was meant to.

    `pauses` are the longest before the first, second, third … try; the last one holds for all later ones.
    """
    mend_breakers(tx, most_closed)
    tx.run("UPDATE deliveries SET lease_until = 0 WHERE state = 'waiting' AND lease_until > $1", tx.now + lease_seconds)
    for tries, pause in enumerate(pauses):
        which = ">=" if tries == len(pauses) - 1 else "="
        tx.run(
            "UPDATE deliveries SET due_at = coalesce((SELECT h.open_until FROM hosts h WHERE h.host = deliveries.host"
            f" AND h.open_until > $1), $1) WHERE state = 'waiting' AND due_at > $1 AND attempts {which} $2"
            " AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.host = deliveries.host AND h.open_until >= due_at)",
            tx.now + pause,
            tries,
        )
