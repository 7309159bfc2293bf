"""Work for later that needs another server first; one row for each kind and key."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from fedblog.blog.ledger import Job
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Event, Tx, chunks, marks

_JOB = "j.id, j.kind, j.key, j.payload, j.attempts, j.due_at"


def add(tx: Tx, kind: str, key: str, payload: dict[str, Any], due_at: int) -> None:
    """Plan a job; the one of this kind and key keeps its earlier time and takes the new payload."""
    tx.run(
        "INSERT INTO jobs (id, kind, key, payload, attempts, due_at, lease_until, last_error)"
        " VALUES ($1, $2, $3, $4, 0, $5, 0, '') ON CONFLICT (kind, key) DO UPDATE SET payload = excluded.payload,"
        " due_at = CASE WHEN jobs.due_at <= excluded.due_at THEN jobs.due_at ELSE excluded.due_at END",
        tx.new_id(),
        kind,
        key,
        write_json(payload),
        due_at,
    )
    if due_at <= tx.now:  # for a later one the runner's poll is early enough
        tx.emit(Event("job", 0))


def ensure(tx: Tx, kind: str, key: str, payload: dict[str, Any], due_at: int) -> None:
    """Plan a job, unless the one of this kind and key is planned: that one stays as it is.

    Who does such a job takes its row away (`drop`) in the transaction that looks at what there is to do: what comes
    later is then sure to plan the next one.
    """
    # PostgreSQL would not wait for somebody who is just taking the row away, if nothing were to be done to it.
    instead = "UPDATE SET due_at = jobs.due_at" if tx.engine == "postgresql" else "NOTHING"
    tx.run(
        "INSERT INTO jobs (id, kind, key, payload, attempts, due_at, lease_until, last_error)"
        f" VALUES ($1, $2, $3, $4, 0, $5, 0, '') ON CONFLICT (kind, key) DO {instead}",
        tx.new_id(),
        kind,
        key,
        write_json(payload),
        due_at,
    )
    if due_at <= tx.now:
        tx.emit(Event("job", 0))


def drop(tx: Tx, kind: str, key: str) -> None:
    """Take the job of this kind and key away, if there is one."""
    tx.run("DELETE FROM jobs WHERE kind = $1 AND key = $2", kind, key)


def claim(tx: Tx, limit: int, lease: int, *, only: Collection[str] = (), without: Collection[str] = ()) -> list[Job]:
    """Take up to `limit` jobs that are due, for `lease` seconds, the longest due first; of some kinds `only`, or
    `without` some."""
    lock = " FOR UPDATE SKIP LOCKED" if tx.engine == "postgresql" else ""
    kinds = [*only, *without]
    which = f" AND j.kind {'IN' if only else 'NOT IN'} ({marks(len(kinds), 3)})" if kinds else ""
    rows = tx.all(
        f"SELECT {_JOB} FROM jobs j WHERE j.due_at <= $1 AND j.lease_until <= $1{which} ORDER BY j.due_at, j.id"
        f" LIMIT $2{lock}",
        tx.now,
        limit,
        *kinds,
    )
    for some in chunks(row[0] for row in rows):
        tx.run(f"UPDATE jobs SET lease_until = $1 WHERE id IN ({marks(len(some), 2)})", tx.now + lease, *some)
    return [Job(*row) for row in rows]


def done(tx: Tx, job_id: int) -> None:
    """It is done, or not wanted any more."""
    tx.run("DELETE FROM jobs WHERE id = $1", job_id)


def retry(tx: Tx, job_id: int, due_at: int, error: str) -> None:
    """It failed; try again at `due_at`."""
    tx.run(
        "UPDATE jobs SET attempts = attempts + 1, lease_until = 0, due_at = $1, last_error = $2 WHERE id = $3",
        due_at,
        error,
        job_id,
    )


def mend_leases(tx: Tx, lease: int) -> None:
    """The clock was set back: no lease lasts longer than `lease` seconds from now."""
    tx.run("UPDATE jobs SET lease_until = 0 WHERE lease_until > $1", tx.now + lease)


def next_due(tx: Tx) -> int | None:
    """When the next job can be claimed; None without any."""
    due: int | None = tx.value("SELECT min(CASE WHEN due_at >= lease_until THEN due_at ELSE lease_until END) FROM jobs")
    return due


def get(tx: Tx, kind: str, key: str) -> Job | None:
    """A planned job by kind and key."""
    row = tx.one(f"SELECT {_JOB} FROM jobs j WHERE j.kind = $1 AND j.key = $2", kind, key)
    return None if row is None else Job(*row)
