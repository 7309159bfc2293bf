"""Delivery: claim, sign, send, settle (DLV-01..13).

Every outgoing activity lies in the database before anything is sent; the worker expands it to distinct inboxes and
sends each under a lease, so a crash at any point costs at most a second copy under the same activity id. Hosts are
lanes: each is served by one task, one request after the other over one connection, and a dead one is skipped by its
breaker while the live ones are served. One round of the worker writes down everything that ended since the last one and
claims lanes for all free places, in one commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from fedblog.blog.ledger import Delivery
from fedblog.errors import FedblogError, StorageUnavailable
from fedblog.federation.client import Client
from fedblog.federation.outcome import DAILY, DELIVERED, LONGEST_PAUSES, MOST_RETRY_AFTER, Verdict, pause_after
from fedblog.federation.sending import Attempt, Parcel, Sender, parcel
from fedblog.federation.settling import Result, settle
from fedblog.federation.signer import Signer
from fedblog.federation.window import Window
from fedblog.federation.worker import Worker
from fedblog.storage import deliveries, expansion, lanes, outgoing, synchronisation
from fedblog.storage.database import Database, Tx
from fedblog.storage.lanes import Lane

log = logging.getLogger(__name__)

CONCURRENCY = 256
LEASE_SECONDS = 60
PER_LANE = 8
LANE_SECONDS = 30.0  # then a lane gives back what is left of it: its lease must not run out
FRESH_SECONDS = 5.0  # a signature that is older is made anew
SIGN_TOGETHER = 16
GATHER_SECONDS = 0.03
ROOM = CONCURRENCY // 4  # so many places are filled by one claim
EXPAND_AT_ONCE = 20
STUCK_SECONDS = 60.0  # after a mistake of ours; many such must not stand in the way of the others
PUT_BACK_SECONDS = 2.0


class DeliveryWorker(Worker):
    """Sends what waits in `deliveries` until it is stopped. One a process; several processes share the table."""

    name, event_kind = "delivery", "delivery"

    def __init__(
        self,
        db: Database,
        client: Client,
        signer: Signer,
        *,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        concurrency: int = CONCURRENCY,
    ) -> None:
        """`jitter` gives numbers in 0..1; `concurrency` is how many hosts that answer are served at once."""
        super().__init__(db, clock)
        self._sender, self._jitter = Sender(client, signer, clock), jitter
        self._window = Window(concurrency)
        self._room, self._freed = asyncio.Event(), 0
        self._tasks: dict[asyncio.Task[None], Lane] = {}
        self._place = lanes.START
        self._results: list[Result] = []
        self._untried: list[int] = []
        self._stuck: dict[int, float] = {}

    async def drain(self) -> None:
        """Send everything that is due now, and what follows from it at once; for commands and tests."""
        await self._keep_time()
        while await self._round() or self._tasks or self._results or self._untried:
            if self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _round(self) -> bool:
        """Expand, write down what ended, claim; whether there may be more to claim."""
        await self._gather()
        unfinished = await self._expand()
        before = self._place
        settled, found = await asyncio.gather(self._settle(), self._claim(), return_exceptions=True)
        if isinstance(found, BaseException):
            raise found
        await self._start(found)
        if isinstance(settled, BaseException):
            raise settled
        return unfinished or bool(found) or before != lanes.START or self._place != lanes.START

    async def _gather(self) -> None:
        """Where something ended, more is about to: one commit for all that ends within a moment."""
        self._room.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                if self._tasks:
                    await self._room.wait()

    async def _expand(self) -> bool:
        """A step for each activity that is not expanded yet; whether there are more to make."""
        unfinished, now = False, _now()
        self._stuck = {activity_id: until for activity_id, until in self._stuck.items() if until > now}
        found = await self._db.read(outgoing.to_expand, EXPAND_AT_ONCE + len(self._stuck))
        for activity_id in found:
            if activity_id in self._stuck:
                continue
            try:
                progress = await self._db.write(expansion.expand_some, activity_id)
                unfinished = unfinished or progress is expansion.Progress.MORE
            except StorageUnavailable:
                raise
            except Exception:
                log.exception("activity %s can't be expanded; the others go on", activity_id)
                self._stuck[activity_id] = now + STUCK_SECONDS
                unfinished = True  # others may wait behind it
        return unfinished

    async def _claim(self) -> list[Lane]:
        free = self._window.free(_now())
        if free <= 0:
            return []
        doubtful = sum(bool(lane.host.failures) for lane in self._tasks.values())
        claim = await self._db.write(
            lanes.claim,
            lanes=free,
            per_lane=PER_LANE,
            lease_seconds=LEASE_SECONDS,
            doubtful=max(0, self._window.doubtful - doubtful),
            busy={lane.host.host for lane in self._tasks.values()},
            place=self._place,
        )
        self._place = claim.place
        return claim.lanes

    async def _start(self, found: Sequence[Lane]) -> None:
        """Look up what belongs to the deliveries, and serve the lanes; a few share a hop for their signatures."""
        if not found:
            return
        pairs = [(each.activity_id, each.host) for lane in found for each in lane.deliveries]
        try:
            extra = await self._db.read(synchronisation.headers_for, pairs)
        except StorageUnavailable:
            self._untried += [each.id for lane in found for each in lane.deliveries]
            raise
        now = self._clock()
        some: list[tuple[Lane, list[Parcel]]] = []
        for lane in found:
            some.append((lane, [parcel(each, lane.host, extra, now=now) for each in lane.deliveries]))
            if sum(len(_ahead(lane, parcels)) for lane, parcels in some) >= SIGN_TOGETHER:
                self._serve_together(some)
                some = []
        if some:
            self._serve_together(some)

    def _serve_together(self, some: Sequence[tuple[Lane, list[Parcel]]]) -> None:
        signing = asyncio.ensure_future(
            self._sender.sign([each for lane, parcels in some for each in _ahead(lane, parcels)])
        )
        first = 0
        for lane, parcels in some:
            after = first + len(_ahead(lane, parcels))
            task = asyncio.create_task(self._serve(lane, parcels, signing, slice(first, after)))
            first = after
            self._tasks[task] = lane
            self._window.enter(lane.host.host, _now())
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        lane = self._tasks.pop(task)
        self._window.leave(lane.host.host)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The leases run out by themselves and the deliveries are tried again; no row is ever lost.
            log.error("deliveries to %s failed in themselves", lane.host.host, exc_info=error)
        self._wake.set()
        self._freed += 1
        if not self._tasks or self._freed >= ROOM:
            self._freed = 0
            self._room.set()

    async def _serve(
        self, lane: Lane, parcels: Sequence[Parcel], signing: asyncio.Future[list[dict[str, str]]], which: slice
    ) -> None:
        """Send what was claimed for one host, one after the other, until something stands in the way of the rest.

        `which` of the signatures are for its first ones.
        """
        left, started = deque(parcels), _now()
        signed_at = started
        try:
            headers = deque(await self._signed(_ahead(lane, parcels), signing, which))
            while left:
                if not headers or _now() - signed_at > FRESH_SECONDS:
                    headers, signed_at = deque(await self._sender.sign(list(left))), _now()
                attempt = await self._sender.send(left[0], headers.popleft(), last=len(left) == 1)
                self._note(lane, left.popleft().delivery, attempt)
                if self._stopping or attempt.verdict is Verdict.RETRY or _now() - started > LANE_SECONDS:
                    break
        except Exception:
            left.clear()  # a mistake of ours: as long as the leases last, it isn't made again
            raise
        finally:
            self._untried += [each.delivery.id for each in left]

    async def _signed(
        self, parcels: Sequence[Parcel], signing: asyncio.Future[list[dict[str, str]]], which: slice
    ) -> list[dict[str, str]]:
        try:
            return (await asyncio.shield(signing))[which]
        except FedblogError:  # one that can't be signed must not stop those that were signed together with it
            return await self._sender.sign(parcels)

    def _note(self, lane: Lane, delivery: Delivery, attempt: Attempt) -> None:
        """Keep what a try came to for the next round, which writes it down."""
        now = int(self._clock())
        if attempt.verdict is Verdict.DELIVERED:
            outcome = DELIVERED  # most are: nothing random is needed for them
        else:
            outcome = pause_after(attempt.verdict, attempt.status, delivery, now=now, jitter=self._jitter())
        self._results.append(Result(delivery, attempt, outcome, lane.host))
        if attempt.status is not None:
            self._window.answered(lane.host.host, _now())
        if outcome.state != "delivered":
            why = attempt.status or attempt.error
            log.info("delivery %s to %s: %s (%s)", delivery.id, delivery.host, outcome.state, why)

    async def _settle(self) -> None:
        """Write down what ended; what can't be written now is kept, and its places with it, until it can."""
        results, untried = self._results, self._untried
        if not results and not untried:
            return
        self._results, self._untried = [], []
        try:
            await self._db.write(settle, results, untried)
        except StorageUnavailable:
            self._results, self._untried = results + self._results, untried + self._untried
            raise
        except Exception:
            log.exception("%s deliveries can't be settled together", len(results))
            await self._settle_each(results)
        delivered = sum(result.outcome.state == "delivered" for result in results)
        log.info("delivered %s, not delivered %s, not tried %s", delivered, len(results) - delivered, len(untried))

    async def _settle_each(self, results: Iterable[Result]) -> None:
        for result in results:
            try:
                await self._db.write(settle, [result], [])
            except FedblogError as exc:
                log.warning("delivery %s is tried again when its lease is over: %s", result.delivery.id, exc)
            except Exception:
                log.exception("delivery %s can't be settled", result.delivery.id)

    async def _finish(self) -> None:
        """Give what is under way two seconds, then hand the leases back so that a restart resumes at once."""
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=PUT_BACK_SECONDS)
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
        with contextlib.suppress(FedblogError):
            await self._settle()

    @staticmethod
    def _next_due(tx: Tx) -> int | None:
        return lanes.next_due(tx)

    @staticmethod
    def _mend(tx: Tx) -> None:
        deliveries.mend_times(
            tx, lease_seconds=LEASE_SECONDS, pauses=LONGEST_PAUSES, most_closed=max(DAILY, MOST_RETRY_AFTER)
        )


def _ahead(lane: Lane, parcels: Sequence[Parcel]) -> Sequence[Parcel]:
    """What is signed before the host has answered: all for one that is known to be well, else the first one. What dead
    hosts never take would be a fifth of all signatures where three hosts in ten are bad."""
    well = lane.host.last_success_at is not None and not lane.host.failures
    return parcels if well else parcels[:1]


def _now() -> float:
    return time.monotonic()
