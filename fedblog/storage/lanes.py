"""Claiming deliveries by host: a lane is what waits for one host, and one worker at a time serves it (DLV-09, DLV-10).

The order is that of `due_at`: what is due longest comes first. A host whose breaker opens takes its whole lane along to
a later time (`hosts.host_failed`), so that a claim steps over hosts that something is due for, and over no others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fedblog.blog.ledger import ActivityId, Delivery, HostState
from fedblog.blog.model import ActorId
from fedblog.storage.tx import Row, Tx, chunks, marks

PAGE = 256
MOST_STEPS = 4_096  # hosts that one claim looks at: whatever waits, the writer isn't held up for long

# Hosts with something due, one index step each. Beyond the place where the walk begins, and in its order.
_WALK = (
    "WITH RECURSIVE lane (due_at, host) AS ("
    " SELECT due_at, host FROM (SELECT d.due_at, d.host FROM deliveries d WHERE d.state = 'waiting'"
    " AND (d.due_at, d.host) > ($1, $2) AND d.due_at <= $3 ORDER BY d.due_at, d.host LIMIT 1) q"
    " UNION ALL SELECT s.due_at, s.host FROM lane {step}), walked AS (SELECT due_at, host FROM lane LIMIT $4)"
    " SELECT w.due_at, w.host, coalesce(h.failures, 0), h.failing_since, coalesce(h.open_until, 0),"
    " h.last_success_at, coalesce(h.scheme, ''), coalesce(h.scheme_at, 0)"
    " FROM walked w LEFT JOIN hosts h ON h.host = w.host ORDER BY w.due_at, w.host"
)
# The next host, in the order of (due_at, host). Only PostgreSQL can join to what a step finds, and only it uses an
# index to compare both at once; SQLite is asked in two looks for the number of a row.
_STEPS = {
    "postgresql": (
        "CROSS JOIN LATERAL (SELECT d.due_at, d.host FROM deliveries d WHERE d.state = 'waiting' AND d.due_at <= $3"
        " AND (d.due_at, d.host) > (lane.due_at, lane.host) ORDER BY d.due_at, d.host LIMIT 1) s"
    ),
    "sqlite": (
        "JOIN deliveries s ON s.id = coalesce("
        "(SELECT d.id FROM deliveries d WHERE d.state = 'waiting' AND d.due_at = lane.due_at AND d.host > lane.host"
        " ORDER BY d.host LIMIT 1), "
        "(SELECT d.id FROM deliveries d WHERE d.state = 'waiting' AND d.due_at > lane.due_at AND d.due_at <= $3"
        " ORDER BY d.due_at, d.host LIMIT 1))"
    ),
}
_DUE = "FROM deliveries d WHERE d.state = 'waiting' AND d.host = $1 AND d.due_at <= $2 AND d.lease_until <= $2"
# An activity waits while an earlier one about the same object has not been settled for the same inbox.
_IN_ORDER = (
    "NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.object_uri = d.object_uri AND e.inbox = d.inbox"
    " AND e.activity_id < d.activity_id AND e.state = 'waiting')"
)
_NOT_SERVED = (
    "NOT EXISTS (SELECT 1 FROM deliveries l WHERE l.state = 'waiting' AND l.lease_until > 0 AND l.host = $1"
    " AND l.lease_until > $2)"
)


@dataclass(frozen=True, slots=True)
class Lane:
    """What was claimed for one host, in the order in which it is to be sent."""

    host: HostState
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk over the due hosts ended; the next one goes on behind it."""

    due_at: int = -1
    host: str = ""


START = Place()


@dataclass(frozen=True, slots=True)
class Claim:
    """The lanes that were taken, and where to look next; `START` when the walk came to its end."""

    lanes: list[Lane]
    place: Place


def claim(
    tx: Tx,
    *,
    lanes: int,
    per_lane: int,
    lease_seconds: int,
    doubtful: int | None = None,
    busy: Collection[str] = (),
    place: Place = START,
) -> Claim:
    """Take the lanes of up to `lanes` hosts, `per_lane` deliveries each, for `lease_seconds`.

    Of hosts whose last answer was a failure at most `doubtful` (None: as many as there are), with one delivery each.
    Left out are hosts with an open breaker, `busy` ones, and those that somebody else holds a lease for.
    """
    taken: list[tuple[HostState, list[Row]]] = []
    for steps, (here, host) in enumerate(_walk(tx, place), 1):
        limit = _how_many(host, per_lane, doubtful)
        if limit and host.open_until <= tx.now and host.host not in busy:
            rows = _take(tx, host.host, limit, lease_seconds)
            if rows:
                taken.append((host, rows))
                if host.failures and doubtful is not None:
                    doubtful -= 1
        if len(taken) >= lanes or steps >= MOST_STEPS:
            return Claim(_filled(tx, taken), here)
    return Claim(_filled(tx, taken), START)


def _how_many(host: HostState, per_lane: int, doubtful: int | None) -> int:
    if not host.failures:
        return per_lane
    return 1 if doubtful is None or doubtful > 0 else 0


def _walk(tx: Tx, place: Place) -> Iterator[tuple[Place, HostState]]:
    """Each host once, though its deliveries may be due at several times."""
    seen: set[str] = set()
    while True:
        rows = tx.all(_WALK.format(step=_STEPS[tx.engine]), place.due_at, place.host, tx.now, PAGE)
        for due_at, *state in rows:
            place = Place(due_at, state[0])
            if place.host not in seen:
                seen.add(place.host)
                yield place, HostState(*state)
        if len(rows) < PAGE:
            return


def _take(tx: Tx, host: str, limit: int, lease_seconds: int) -> list[Row]:
    """Lease the first deliveries of a lane, unless somebody serves it."""
    lock = " FOR UPDATE SKIP LOCKED" if tx.engine == "postgresql" else ""
    rows = tx.all(
        "UPDATE deliveries SET lease_until = $3, first_try_at = coalesce(first_try_at, $2) WHERE id IN"
        f" (SELECT d.id {_DUE} AND {_IN_ORDER} AND {_NOT_SERVED} ORDER BY d.id LIMIT $4{lock})"
        " RETURNING id, activity_id, object_uri, inbox, attempts, first_try_at",
        host,
        tx.now,
        tx.now + lease_seconds,
        limit,
    )
    return sorted(rows)


def _filled(tx: Tx, taken: list[tuple[HostState, list[Row]]]) -> list[Lane]:
    """Lanes with what is to be sent; the deliveries of one activity share its bytes."""
    wanted = dict.fromkeys(row[1] for _, rows in taken for row in rows)
    bodies: dict[int, tuple[int, bytes]] = {}
    for some in chunks(wanted):
        for row in tx.all(f"SELECT id, actor_id, body FROM outgoing WHERE id IN ({marks(len(some))})", *some):
            bodies[row[0]] = (row[1], bytes(row[2]))
    return [Lane(host, tuple(_read(row, host.host, *bodies[row[1]]) for row in rows)) for host, rows in taken]


def _read(row: Row, host: str, actor_id: int, body: bytes) -> Delivery:
    return Delivery(
        id=row[0],
        activity_id=ActivityId(row[1]),
        actor_id=ActorId(actor_id),
        object_uri=row[2],
        inbox=row[3],
        host=host,
        body=body,
        attempts=row[4],
        first_try_at=row[5],
    )


def next_due(tx: Tx) -> int | None:
    """When something that isn't due now will be; None with nothing of the kind."""
    due: int | None = tx.value("SELECT min(due_at) FROM deliveries WHERE state = 'waiting' AND due_at > $1", tx.now)
    return due
