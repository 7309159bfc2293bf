"""What is known of each host that deliveries go to: failures, the breaker, the signature that works."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from fedblog.blog.ledger import HostState
from fedblog.storage import meta
from fedblog.storage.tx import Event, Tx, chunks, marks

_UNKNOWN = "INSERT INTO hosts (host, failures, failing_since, open_until, last_success_at, scheme, scheme_at)"

_PRUNED_TO = "hosts_pruned_to"


def ensure_host(tx: Tx, host: str) -> None:
    """A row for the host."""
    tx.run(f"{_UNKNOWN} VALUES ($1, 0, NULL, 0, NULL, '', 0) ON CONFLICT (host) DO NOTHING", host)


def host_state(tx: Tx, host: str) -> HostState:
    """What is known of a host; a blank state for a new one."""
    row = tx.one(
        "SELECT host, failures, failing_since, open_until, last_success_at, scheme, scheme_at FROM hosts"
        " WHERE host = $1",
        host,
    )
    return HostState(host, 0, None, 0, None, "", 0) if row is None else HostState(*row)


def host_states(tx: Tx, hosts: Collection[str]) -> dict[str, HostState]:
    """What is known of some hosts; unknown ones are left out."""
    found = {}
    for some in chunks(hosts):
        for row in tx.all(
            "SELECT host, failures, failing_since, open_until, last_success_at, scheme, scheme_at FROM hosts"
            f" WHERE host IN ({marks(len(some))})",
            *some,
        ):
            found[row[0]] = HostState(*row)
    return found


def hosts_succeeded(tx: Tx, hosts: Collection[str]) -> None:
    """They took something: no failures, the breakers closed."""
    tx.many(
        f"{_UNKNOWN} VALUES ($1, 0, NULL, 0, $2, '', 0) ON CONFLICT (host) DO UPDATE SET failures = 0,"
        " failing_since = NULL, open_until = 0, last_success_at = excluded.last_success_at",
        [(host, tx.now) for host in sorted(hosts)],
    )


def host_failed(tx: Tx, host: str, *, open_until: int) -> tuple[int, int]:
    """It failed once more; the breaker is open until then (0: still closed), and what waits for it as well.

    How many failures that makes, and since when.
    """
    ((failures, since),) = tx.all(
        f"{_UNKNOWN} VALUES ($1, 1, $2, $3, NULL, '', 0) ON CONFLICT (host) DO UPDATE SET"
        " failures = hosts.failures + 1, failing_since = coalesce(hosts.failing_since, excluded.failing_since),"
        " open_until = excluded.open_until RETURNING failures, failing_since",
        host,
        tx.now,
        open_until,
    )
    _put_off(tx, host, open_until)
    return failures, since


def _put_off(tx: Tx, host: str, until: int) -> None:
    """The whole lane waits, so that a claim doesn't even come by."""
    if until > tx.now:
        tx.run("UPDATE deliveries SET due_at = $1 WHERE host = $2 AND state = 'waiting' AND due_at < $1", until, host)


def set_scheme(tx: Tx, host: str, scheme: str) -> None:
    """Remember which signature it takes (OUT-04)."""
    ensure_host(tx, host)
    tx.run("UPDATE hosts SET scheme = $1, scheme_at = $2 WHERE host = $3", scheme, tx.now, host)


def offer_scheme(tx: Tx, host: str, scheme: str, *, memory_seconds: int) -> None:
    """One of its actors says that the host takes this signature: tried first, unless another one is known to work."""
    ensure_host(tx, host)
    tx.run(
        "UPDATE hosts SET scheme = $1, scheme_at = $2 WHERE host = $3"
        " AND (scheme IN ('', 'rfc9421') OR scheme_at <= $4)",
        scheme,
        tx.now,
        host,
        tx.now - memory_seconds,
    )


def delay_host(tx: Tx, host: str, until: int) -> None:
    """Nothing to this host before then (Retry-After, DLV-07)."""
    ensure_host(tx, host)
    tx.run("UPDATE hosts SET open_until = $1 WHERE host = $2 AND open_until < $1", until, host)
    _put_off(tx, host, until)


def revive_host(tx: Tx, host: str) -> None:
    """It spoke to us, so it is there: the breaker closes and its lane is due at once (DLV-11)."""
    revived = tx.run(
        "UPDATE hosts SET failures = 0, failing_since = NULL, open_until = 0"
        " WHERE host = $1 AND (failures > 0 OR open_until > 0)",
        host,
    )
    if revived:
        tx.run("UPDATE deliveries SET due_at = $1 WHERE host = $2 AND state = 'waiting' AND due_at > $1", tx.now, host)
        tx.emit(Event("delivery", 0))


def closed_hosts(tx: Tx, hosts: Iterable[str]) -> dict[str, int]:
    """Those of these hosts that nothing goes to now, and until when."""
    closed: dict[str, int] = {}
    for some in chunks(hosts):
        closed.update(
            tx.all(
                f"SELECT host, open_until FROM hosts WHERE open_until > $1 AND host IN ({marks(len(some), 2)})",
                tx.now,
                *some,
            )
        )
    return closed


def prune(tx: Tx, before: int, limit: int) -> int:
    """Forget hosts that nothing goes to, and of which nothing new is known since a time; how many there were. `limit`
    are looked at each time, by name: where that ended is kept."""
    after = meta.get(tx, _PRUNED_TO) or ""
    names = [row[0] for row in tx.all("SELECT host FROM hosts WHERE host > $1 ORDER BY host LIMIT $2", after, limit)]
    meta.put(tx, _PRUNED_TO, names[-1] if len(names) == limit else "")
    return sum(
        tx.run(
            f"DELETE FROM hosts WHERE host IN ({marks(len(some), 2)}) AND coalesce(last_success_at, 0) < $1"
            " AND coalesce(failing_since, 0) < $1 AND open_until < $1 AND scheme_at < $1 AND NOT EXISTS"
            " (SELECT 1 FROM deliveries d WHERE d.host = hosts.host AND d.state = 'waiting')",
            before,
            *some,
        )
        for some in chunks(names)
    )


def mend_breakers(tx: Tx, most: int) -> None:
    """The clock was set back: no breaker stays open for longer than `most` seconds from now."""
    tx.run("UPDATE hosts SET open_until = $1 WHERE open_until > $1", tx.now + most)
