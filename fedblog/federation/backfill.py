"""Downward: replies that nobody sent us, found where other servers list them (BACK-03, BACK-04, BACK-05, BACK-08).

A thread is read by one job at a time, in slices of at most 20 fetches, each host at its own pace. What is listed is a
hint: every id is asked for at its own origin and then goes the way of everything that arrives.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri, host_of, maybe_uri
from fedblog.blog.model import PostId, PostStatus
from fedblog.config import Settings
from fedblog.errors import FetchFailed, FetchTemporary, StorageUnavailable
from fedblog.federation.backfill_notes import NoteFinder, NoteReader
from fedblog.federation.budget import MAX_FETCHES, Budget
from fedblog.federation.context import Context
from fedblog.federation.gather import MAX_CONTEXT_PAGES, Gathered, Gatherer
from fedblog.federation.pace import HostPace
from fedblog.federation.resolver import Resolver
from fedblog.storage import backfill as store
from fedblog.storage import posts
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

MAX_PAGES_A_RUN = 500
MAX_ITEMS_A_RUN = 1_000
LEASE_SECONDS = 110
SLICE_SECONDS = 45.0
STEP_SECONDS = 50.0
CLOSED_SECONDS = 86_400  # 401 and 403: not again before that (BACK-02)
MAX_DOUBLINGS = 10


class Backfill:
    """The job `backfill`: one slice of reading one thread."""

    def __init__(
        self,
        db: Database,
        resolver: Resolver,
        ids: LocalIds,
        settings: Settings,
        clock: Callable[[], float],
        *,
        pace: HostPace | None = None,
    ) -> None:
        """`settings.federation.backfill_after` is the schedule, `backfill_pause` the pace where none is given."""
        self._db, self._resolver, self._ids, self._settings, self._clock = db, resolver, ids, settings, clock
        self._after = settings.federation.backfill_after
        self._pace = pace or HostPace(settings.federation.backfill_pause)
        self._gatherer = Gatherer(resolver, self._pace)
        self._reader = NoteReader(db, self._gatherer, self._pace)
        self._finder = NoteFinder(db, self._pace)

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `post` and the `turn`: a job that is not the current one does nothing."""
        post_id, turn = PostId(int(payload["post"])), int(payload["turn"])
        if not self._after or not await self._db.read(_is_open, post_id):
            return
        run = await self._db.write(store.begin, post_id, turn, LEASE_SECONDS, after=self._after)
        if run is None:
            if await self._db.read(store.is_busy, post_id):
                raise FetchTemporary("this thread is being read")
            return
        slice_ = _Slice(self, post_id, run)
        try:
            await slice_.work()
        finally:
            await self._db.write(store.finish, post_id, cool_down=self._after[0], exhausted=slice_.exhausted)

    def context(self) -> Context:
        """What a slice works with: a budget of its own."""
        return Context(self._db, self._resolver, self._ids, self._settings, Budget(MAX_FETCHES), int(self._clock()))

    async def do_item(self, ctx: Context, post_id: PostId, item: store.Item) -> None:
        """Ask for one id at its origin. Raises `FetchTemporary` after noting it, `FetchFailed` where a budget that was
        spent on others too is at its end: then it is asked for in the next slice."""
        had = ctx.budget.left
        try:
            state = await self._finder.find(ctx, post_id, Uri(item.uri))
        except FetchTemporary:
            await self.postpone_item(post_id, item)
            raise
        except FetchFailed as exc:
            if exc.reason == "budget_spent" and had < MAX_FETCHES:
                raise
            state = "closed" if exc.reason in ("http_401", "http_403") else "refused"
        due = int(self._clock()) + CLOSED_SECONDS if state == "closed" and item.tries < len(self._after) else None
        await self._db.write(store.settle_item, post_id, item.uri, state, due)

    async def postpone_item(self, post_id: PostId, item: store.Item) -> None:
        """Its server can't be asked now: at the schedule's next step, and then no more."""
        now, tries = int(self._clock()), item.tries
        due = now + self._after[tries] if tries < len(self._after) else None
        await self._db.write(store.settle_item, post_id, item.uri, "unreachable", due)

    async def do_source(self, ctx: Context, post_id: PostId, source: store.Source) -> None:
        """Look at one place. Raises `FetchTemporary` after noting it."""
        had = ctx.budget.left
        try:
            if source.kind == "note":
                found = await self._reader.read(ctx, post_id, source)
            else:
                found = await self._gatherer.gather(
                    source.uri,
                    home=source.uri,
                    budget=ctx.budget,
                    cursor=source.cursor,
                    max_next=MAX_CONTEXT_PAGES - 1,
                )
        except FetchFailed as exc:
            found = Gathered(failure=exc, cursor=source.cursor, is_lost=True)
        is_spent = found.failure is not None and found.failure.reason == "budget_spent"
        goes_on = is_spent and (had < MAX_FETCHES or found.pages > 0)
        await self._db.write(self._keep_found, post_id, source, found, goes_on)
        if isinstance(found.failure, FetchTemporary):
            raise found.failure

    def _keep_found(self, tx: Tx, post_id: PostId, source: store.Source, found: Gathered, goes_on: bool) -> None:
        """`goes_on`: the next slice reads on from the cursor, so this was no whole reading."""
        store.add_items(tx, post_id, source.uri, [uri for uri in found.ids if not self._ids.is_local(uri)])
        state, retry_at = _state_of(found, source.kind, tx.now)
        due = self._next_read(tx, post_id, source)
        if state in ("gone", "none"):
            due = None
        elif goes_on:
            due = tx.now
        elif retry_at and due is not None:
            due = max(due, retry_at)
        store.settle_source(
            tx,
            post_id,
            source,
            state=state,
            told=found.told,
            cursor="" if state == "whole" else found.cursor,
            due_at=due,
            reads=source.reads + (0 if goes_on else 1),
        )

    async def postpone_source(self, post_id: PostId, source: store.Source) -> None:
        """Its server was down a moment ago: at the schedule's next step."""
        failed = Gathered(cursor=source.cursor, failure=FetchTemporary("its server can't be asked now"))
        await self._db.write(self._keep_found, post_id, source, failed, False)

    def _next_read(self, tx: Tx, post_id: PostId, source: store.Source) -> int | None:
        """The schedule's next step, then pauses that double; None once the thread is quiet."""
        step = next_read(self._after, source.reads + 1, since=source.since, now=tx.now)
        return step if step - store.last_reply_at(tx, post_id) < store.QUIET_SECONDS else None


def next_read(after: Sequence[int], reads: int, *, since: int, now: int) -> int:
    """When a place is read again after `reads` times: `after` seconds since it came, then in pauses that double."""
    for step in after[reads:]:
        if since + step > now:
            return since + step
    return now + (after[-1] << min(max(0, reads - len(after)), MAX_DOUBLINGS))


def _state_of(found: Gathered, kind: str, now: int) -> tuple[str, int]:
    """(state of the place, not before when it may be asked again)."""
    reason = found.failure.reason if found.failure is not None else ""
    if reason in ("fetch_gone", "not_a_collection"):
        if kind == "note" and not found.is_lost:
            return "whole", 0  # the note is there, it only has no such list
        return ("gone" if kind == "note" else "none"), 0
    if reason in ("http_401", "http_403"):
        return "closed", now + CLOSED_SECONDS
    if reason:
        return ("partial" if found.pages else "failed"), 0
    return ("partial" if found.cursor else "whole"), 0


def _is_open(tx: Tx, post_id: PostId) -> bool:
    """Whether anything that is found could still show there."""
    post = posts.by_id(tx, post_id)
    return post is not None and post.status is PostStatus.PUBLISHED and post.comments_open


class _Slice:
    """One job's part of a run: at most 20 fetches and 45 seconds, no host twice that was down."""

    def __init__(self, parent: Backfill, post_id: PostId, run: store.Run) -> None:
        self._parent, self._post_id, self._run = parent, post_id, run
        self._pages, self._items = run.pages, run.items
        self._down: set[str] = set()
        self.exhausted = False

    async def work(self) -> None:
        """Work until nothing is due or enough was asked."""
        ctx, until = self._parent.context(), time.monotonic() + SLICE_SECONDS
        while time.monotonic() < until and ctx.budget.left > 0:
            if self._pages >= MAX_PAGES_A_RUN or self._items >= MAX_ITEMS_A_RUN:
                log.info("enough was read for the thread of post %s", self._post_id)
                self.exhausted = True
                return
            work = await ctx.db.write(_next_work, self._post_id)
            if work is None:
                return
            try:
                async with asyncio.timeout(STEP_SECONDS):
                    await self._step(ctx, work)
            except FetchTemporary as exc:
                log.info("%s: %s", work.uri, exc)
                self._down.add(host_of(work.uri))
            except FetchFailed as exc:
                log.debug("the slice ends: %s", exc)
                return
            except TimeoutError:
                await self._postpone(work)
            except StorageUnavailable:
                raise
            except Exception:
                # A document that trips us up must not be met again at once, for ever.
                log.exception("%s can't be worked on", work.uri)
                await self._postpone(work)

    async def _step(self, ctx: Context, work: store.Item | store.Source) -> None:
        if maybe_uri(work.uri) is None or host_of(work.uri) in self._down:
            await self._postpone(work)
        elif isinstance(work, store.Item):
            self._items += 1
            await ctx.db.write(store.spend, self._post_id, items=1)
            await self._parent.do_item(ctx, self._post_id, work)
        else:
            before = ctx.budget.left
            try:
                await self._parent.do_source(ctx, self._post_id, work)
            finally:
                cost = max(1, before - ctx.budget.left)
                self._pages += cost
                await ctx.db.write(store.spend, self._post_id, pages=cost)

    async def _postpone(self, work: store.Item | store.Source) -> None:
        if isinstance(work, store.Item):
            await self._parent.postpone_item(self._post_id, work)
        else:
            await self._parent.postpone_source(self._post_id, work)


def _next_work(tx: Tx, post_id: PostId) -> store.Item | store.Source | None:
    return store.next_item(tx, post_id) or store.next_source(tx, post_id)
