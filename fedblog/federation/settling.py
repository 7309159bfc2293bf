"""What became of deliveries, written down: many in one unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fedblog.blog.ledger import Delivery, HostState
from fedblog.federation.knocks import is_news
from fedblog.federation.outcome import (
    BREAKER_FAILURES,
    BREAKER_FIRST,
    GIVE_UP_AFTER,
    MOST_RETRY_AFTER,
    Outcome,
    Verdict,
    reopen_after,
)
from fedblog.federation.sending import Attempt
from fedblog.records import record
from fedblog.storage import deliveries, jobs
from fedblog.storage.tx import Tx

TROUBLE_SECONDS = 5
HEARD_SECONDS = 3_600  # that a host is well is written down once an hour


@record(frozen=True, slots=True)
class Result:
    """One try: what came of it, what that means, and how the host was known before."""

    delivery: Delivery
    attempt: Attempt
    outcome: Outcome
    host: HostState


def settle(tx: Tx, results: Sequence[Result], untried: Iterable[int] = ()) -> None:
    """Write down what tries came to, and what they say about the hosts; give back what was not tried."""
    _succeed(tx, [result for result in results if result.outcome.state == "delivered"])
    for result in results:
        if result.outcome.state != "delivered":
            _fail(tx, result)
    deliveries.release(tx, untried)


def _succeed(tx: Tx, results: Sequence[Result]) -> None:
    by_status: dict[int, list[int]] = {}
    for result in results:
        by_status.setdefault(result.attempt.status or 200, []).append(result.delivery.id)
    for status, ids in by_status.items():
        deliveries.succeed(tx, ids, status)
    deliveries.hosts_succeeded(tx, {result.host.host for result in results if _is_better(result.host, tx.now)})
    news = {
        result.host.host: result.attempt.scheme
        for result in results
        if is_news(result.host, result.attempt.scheme, now=tx.now)
    }
    for host, scheme in news.items():
        deliveries.set_scheme(tx, host, scheme)


def _is_better(host: HostState, now: int) -> bool:
    """Whether it is worth a write that a host took something."""
    heard = host.last_success_at is not None and 0 <= now - host.last_success_at < HEARD_SECONDS
    return not heard or host.failures > 0 or host.open_until > 0


def _fail(tx: Tx, result: Result) -> None:
    delivery, attempt = result.delivery, result.attempt
    if result.outcome.state == "failed":
        deliveries.fail(tx, delivery.id, status=attempt.status, error=attempt.error)
    else:
        due_at = result.outcome.due_at
        deliveries.retry(tx, delivery.id, due_at=due_at, status=attempt.status, error=attempt.error)
    if attempt.status in (404, 410) or (attempt.status is not None and 300 <= attempt.status < 400):
        # Is anybody still there? (DLV-08, OUT-08): the actors behind this inbox are asked at their own ids.
        jobs.add(tx, "check_inbox", delivery.inbox, {"inbox": delivery.inbox, "delivery": delivery.id}, tx.now)
    if attempt.verdict is Verdict.RETRY:
        _host_trouble(tx, result)


def _host_trouble(tx: Tx, result: Result) -> None:
    """DLV-10, DLV-11. Whatever else waits for the host would meet the same: one that gave no answer at all is left
    alone for a while, one that has trouble of its own for a moment."""
    host, attempt, now = result.delivery.host, result.attempt, tx.now
    left_alone = min(result.outcome.due_at, now + (BREAKER_FIRST if attempt.status is None else TROUBLE_SECONDS))
    failures, since = deliveries.host_failed(tx, host, open_until=left_alone)
    dead = now - since > GIVE_UP_AFTER
    if failures >= BREAKER_FAILURES:
        deliveries.delay_host(tx, host, reopen_after(failures, now=now, dead=dead))
    if dead:
        deliveries.drop_stale(tx, host, now - GIVE_UP_AFTER)
    if attempt.retry_after is not None:
        deliveries.delay_host(tx, host, now + min(attempt.retry_after, MOST_RETRY_AFTER))  # DLV-07
