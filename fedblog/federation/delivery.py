"""Delivery: claim, sign, send, settle (DLV-01..12).

Every outgoing activity lies in the database before anything is sent; the worker expands it to distinct inboxes and
sends each under a lease, so a crash at any point costs at most a second copy under the same activity id. Hosts are
lanes: a dead one is skipped by its breaker while the live ones are served.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import Delivery, HostState
from fedblog.errors import FedblogError, FetchFailed, FetchTemporary, StorageUnavailable
from fedblog.federation.client import Client, Response
from fedblog.federation.knocks import Knock, is_news, preferred, second_knock
from fedblog.federation.outcome import Outcome, Verdict, judge_response, pause_after, reopen_after, retry_after_seconds
from fedblog.federation.signer import Scheme, Signer
from fedblog.storage import deliveries, jobs, outgoing, synchronisation
from fedblog.storage.database import Database, Event, Tx

log = logging.getLogger(__name__)

POST_SECONDS = 10.0
LEASE_SECONDS = 60
POLL_SECONDS = 1.0  # a command in another process may have published something
MAX_IN_FLIGHT = 50  # DLV-13: a first wave that receivers can answer with their own fetches
PER_HOST = 2
GATHER_SECONDS = 0.03
BREAKER_FAILURES = 5
WEEK = 7 * 86_400
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one try came to: the answer, or the failure that stood in its way."""

    verdict: Verdict
    status: int | None
    error: str
    scheme: Scheme
    retry_after: int | None = None
    wishes: str | None = None  # `Accept-Signature`


class DeliveryWorker:
    """Sends what waits in `deliveries` until it is stopped. One a process; several processes share the table."""

    def __init__(
        self,
        db: Database,
        client: Client,
        signer: Signer,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        """`jitter` gives numbers in 0..1; `in_flight` is the most requests under way at once."""
        self._db, self._client, self._signer = db, client, signer
        self._clock, self._jitter, self._limit = clock, jitter, in_flight
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: dict[asyncio.Task[None], Delivery] = {}
        self._hosts: Counter[str] = Counter()
        self._probing: set[str] = set()  # hosts that failed often, and are being asked with one delivery
        db.add_listener(self._on_event)

    def wake(self) -> None:
        """There may be work: look now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Work until `stop`; what is under way then gets its answer or goes back to the queue."""
        try:
            while not self._stopping:
                self._wake.clear()
                try:
                    if not await self._round():
                        await self._sleep(await self._db.read(deliveries.next_due))
                except StorageUnavailable as exc:
                    log.warning("delivery waits: %s", exc)
                    await self._sleep(None)
                except Exception:
                    log.exception("delivery failed in itself and goes on")
                    await self._sleep(None)
        finally:
            await self._put_back()

    async def stop(self) -> None:
        """Take nothing new; `run` returns soon after."""
        self._stopping = True
        self._wake.set()

    async def drain(self) -> None:
        """Send everything that is due now, and what follows from it at once; for commands and tests."""
        while await self._round() or self._tasks:
            if self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _round(self) -> bool:
        """Expand and claim once; whether anything was started."""
        await self._make_room()
        try:
            await self._expand()
            free = self._limit - len(self._tasks)
            if free <= 0:
                return False
            busy = [host for host, count in self._hosts.items() if count >= PER_HOST or host in self._probing]
            claimed = await self._db.write(
                deliveries.claim, limit=free, per_host=PER_HOST, lease_seconds=LEASE_SECONDS, busy_hosts=busy
            )
        except StorageUnavailable:
            log.warning("delivery waits: the database can't be written now")
            return False
        for delivery in claimed:
            self._start(delivery)
        return bool(claimed)

    async def _make_room(self) -> None:
        """A claim looks at every host that something waits for, so a handful of places is filled by one, not each
        by its own; a moment at most, since hanging hosts may hold on to the others."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                while self._tasks and self._limit - len(self._tasks) < self._limit // 4:
                    self._wake.clear()
                    await self._wake.wait()

    async def _expand(self) -> None:
        for activity_id in await self._db.read(outgoing.unexpanded, 20):
            try:
                await self._db.write(outgoing.expand, activity_id)
            except StorageUnavailable:
                raise
            except Exception:
                log.exception("activity %s can't be expanded; the others go on", activity_id)

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery), name=f"deliver-{delivery.id}")
        self._tasks[task] = delivery
        self._hosts[delivery.host] += 1
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        delivery = self._tasks.pop(task)
        self._hosts[delivery.host] -= 1
        if self._hosts[delivery.host] <= 0:
            del self._hosts[delivery.host]
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease runs out by itself and the delivery is tried again; the row is never lost.
            log.error("delivery %s failed in itself", delivery.id, exc_info=error)
        self._wake.set()

    async def _deliver(self, delivery: Delivery) -> None:
        host = await self._db.read(deliveries.host_state, delivery.host)
        if host.failures < BREAKER_FAILURES:
            await self._send(delivery, host)
        elif delivery.host in self._probing:
            await self._db.write(deliveries.release, [delivery.id])  # one probe at a time (DLV-10)
        else:
            self._probing.add(delivery.host)
            try:
                await self._send(delivery, host)
            finally:
                self._probing.discard(delivery.host)

    async def _send(self, delivery: Delivery, host: HostState) -> None:
        extra = await self._db.read(synchronisation.headers_for, delivery)
        knock = Knock(preferred(host, now=self._clock()))
        attempt = await self._try(delivery, knock, extra)
        if attempt.verdict is Verdict.KNOCK_AGAIN:
            second = await self._try(delivery, second_knock(knock, attempt.wishes), extra)
            attempt = second if second.verdict is Verdict.DELIVERED else attempt
        await self._settle(delivery, attempt, host)

    async def _try(self, delivery: Delivery, knock: Knock, extra: dict[str, str]) -> Attempt:
        inbox, scheme = Uri(delivery.inbox), knock.scheme
        try:
            headers = await self._signer.headers(
                "POST",
                inbox,
                delivery.body,
                actor_id=delivery.actor_id,
                scheme=scheme,
                components=knock.components,
                extra=extra,
            )
            response = await self._client.post(inbox, delivery.body, headers, timeout=POST_SECONDS)
        except FetchTemporary as exc:
            return Attempt(Verdict.RETRY, None, str(exc), scheme, exc.retry_after)
        except FetchFailed as exc:
            return Attempt(Verdict.PERMANENT, None, str(exc), scheme)
        return self._read(response, scheme)

    def _read(self, response: Response, scheme: Scheme) -> Attempt:
        wait = retry_after_seconds(response.header("Retry-After"), now=self._clock())
        wishes = response.header("Accept-Signature")
        error = "" if response.status < 300 else response.body[:200].decode("utf-8", "replace")
        return Attempt(judge_response(response.status), response.status, error, scheme, wait, wishes)

    async def _settle(self, delivery: Delivery, attempt: Attempt, host: HostState) -> None:
        now = int(self._clock())
        outcome = pause_after(attempt.verdict, attempt.status, delivery, now=now, jitter=self._jitter())
        await self._db.write(_settle, delivery, attempt, outcome, now, host)
        log.info(
            "delivery %s to %s: %s%s",
            delivery.id,
            delivery.host,
            outcome.state,
            f" ({attempt.status or attempt.error})",
        )

    async def _sleep(self, due: int | None) -> None:
        """Until something happens, the next delivery is due, or the poll interval is over."""
        wait = POLL_SECONDS if due is None else min(POLL_SECONDS, max(0.05, due - self._clock()))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    async def _put_back(self) -> None:
        """On stop: give what is under way two seconds, then hand the leases back so that a restart resumes at once."""
        if not self._tasks:
            return
        _, pending = await asyncio.wait(self._tasks, timeout=2.0)
        unfinished = [self._tasks[task].id for task in pending]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if unfinished:
            with contextlib.suppress(FedblogError):
                await self._db.write(deliveries.release, unfinished)

    def _on_event(self, event: Event) -> None:
        if event.kind == "delivery":
            self._wake.set()


def _settle(tx: Tx, delivery: Delivery, attempt: Attempt, outcome: Outcome, now: int, host: HostState) -> None:
    """Write down what one attempt came to, and what it says about the host, in one unit."""
    if outcome.state == "delivered":
        deliveries.succeed(tx, delivery.id, attempt.status or 200)
        deliveries.host_succeeded(tx, delivery.host)
        if is_news(host, attempt.scheme, now=now):
            deliveries.set_scheme(tx, delivery.host, attempt.scheme)
        return
    if outcome.state == "failed":
        deliveries.fail(tx, delivery.id, status=attempt.status, error=attempt.error)
    else:
        deliveries.retry(tx, delivery.id, due_at=outcome.due_at, status=attempt.status, error=attempt.error)
    if attempt.status in (404, 410) or (attempt.status is not None and 300 <= attempt.status < 400):
        # Is anybody still there? (DLV-08, OUT-08): the actors behind this inbox are asked at their own ids.
        jobs.add(tx, "check_inbox", delivery.inbox, {"inbox": delivery.inbox, "delivery": delivery.id}, now)
    if attempt.verdict is Verdict.RETRY:
        _host_trouble(tx, delivery.host, attempt, now)


def _host_trouble(tx: Tx, host: str, attempt: Attempt, now: int) -> None:
    state = deliveries.host_state(tx, host)
    failures = state.failures + 1
    dead = state.failing_since is not None and now - state.failing_since > WEEK
    open_until = reopen_after(failures, now=now, dead=dead) if failures >= BREAKER_FAILURES else 0
    deliveries.host_failed(tx, host, open_until=open_until)
    if dead:
        deliveries.drop_stale(tx, host, now - WEEK)
    if attempt.retry_after is not None:
        deliveries.delay_host(tx, host, now + min(attempt.retry_after, DAY))  # DLV-07
