"""Upward: the parents of a reply that came before them, up to our own post (INB-15, BACK-01, BACK-06)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri, maybe_uri
from fedblog.blog.heads import PostHead
from fedblog.blog.model import Post, PostId, PostStatus
from fedblog.config import Settings
from fedblog.errors import FetchFailed, FetchGone
from fedblog.federation.context import Context
from fedblog.federation.fetcher import Budget
from fedblog.federation.handlers.refetch import refetch
from fedblog.federation.notes import Arrived, fetch, keep_note
from fedblog.federation.permission import recheck_below
from fedblog.federation.places import find_ours, find_parent
from fedblog.federation.resolver import Resolver
from fedblog.storage import actors, branches, jobs, placeholders, posts, replies
from fedblog.storage.database import Database, Tx

log = logging.getLogger(__name__)

MAX_LEVELS = 100
LEVELS_A_JOB = 10
FETCHES_A_JOB = 20
MAX_CONTEXTS = 4
DAY = 86_400
_CLOSED = ("http_401", "http_403")  # asked again after a day, and not before (BACK-02)


class ParentFetch:
    """The job `fetch_parent`: climbs from a missing parent towards a post of ours.

    Nothing is kept of a thread that doesn't reach us; a long one is climbed in several jobs.
    """

    def __init__(
        self, db: Database, resolver: Resolver, ids: LocalIds, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self._db, self._resolver, self._ids, self._settings, self._clock = db, resolver, ids, settings, clock

    async def __call__(self, payload: dict[str, Any]) -> None:
        """`payload` holds the `uri` to start at, the `level` that earlier jobs reached, and `again` for a reply that
        is known and only to be looked at anew. Raises `FetchTemporary` when it should be tried again."""
        uri = maybe_uri(payload.get("uri"))
        if uri is None:
            return
        context = Context(
            self._db, self._resolver, self._ids, self._settings, Budget(FETCHES_A_JOB), int(self._clock())
        )
        if payload.get("stand_in"):
            await self._fill(context, uri)
            return
        if payload.get("again") and await self._db.read(replies.by_uri, uri) is not None:
            await self._db.write(await refetch(context, uri))
            return
        await self._climb(context, uri, int(payload.get("level", 0)))

    async def _fill(self, context: Context, uri: Uri) -> None:
        """A day after its server didn't show it to us: perhaps it does now. Asked once, not for ever."""
        known = await self._db.read(replies.by_uri, uri)
        if known is None or not placeholders.is_placeholder(known):
            return
        arrived = await fetch(context, uri, None)
        if arrived.visibility.is_public:
            await self._db.write(keep_note(context, arrived))

    async def _climb(self, context: Context, start: Uri, level: int) -> None:
        found: list[Arrived] = []
        seen: set[str] = set()
        current: Uri | None = start
        while current is not None and not await self._db.read(_is_known, self._ids, current):
            if current in seen or self._ids.is_local(current) or level + len(found) >= MAX_LEVELS:
                log.info("the thread above %s doesn't reach us", start)
                return
            if len(found) == LEVELS_A_JOB:
                break
            seen.add(current)
            try:
                arrived = await fetch(context, current, None)
            except FetchFailed as exc:
                if exc.reason == "budget_spent" and found:
                    break  # the rest is climbed by the next job
                if not _is_missing(exc):
                    raise
                log.info("the thread above %s is broken: %s can't be had", start, current)
                # Looked for beside the writers: of a thread elsewhere, that goes through all replies.
                post_id = await self._db.read(_post_above, context, current, found)
                if post_id is not None:
                    await self._db.write(_stand_in, context, post_id, current, found, exc.reason in _CLOSED)
                return
            if not arrived.visibility.is_public:
                return
            found.append(arrived)
            current = maybe_uri(arrived.note.in_reply_to[0]) if arrived.note.in_reply_to else None
        if current is not None and found:
            await self._db.write(_keep_all, context, found, level)


def _is_missing(exc: FetchFailed) -> bool:
    """Whether the answer means: not there, or not for you."""
    return isinstance(exc, FetchGone) or exc.reason in _CLOSED


def _post_above(tx: Tx, context: Context, uri: Uri, found: list[Arrived]) -> PostId | None:
    """The post in whose thread a reply that can't be had must be, if what answers it says so."""
    waiting = branches.waiting_orphans(tx, uri)
    notes = [found[-1].note] if found else []
    contexts = dict.fromkeys([*(note.context for note in notes), *(orphan.context for orphan in waiting)])
    ours_first = sorted(filter(None, contexts), key=lambda name: not context.ids.is_local(name))
    posts_above = (_post_of(tx, context, name) for name in ours_first[:MAX_CONTEXTS])
    return next((post.id for post in posts_above if post is not None), None)


def _stand_in(tx: Tx, context: Context, post_id: PostId, uri: Uri, found: list[Arrived], closed: bool) -> None:
    """What answers a reply that can't be had keeps its place, where we know that its thread is ours (BACK-02)."""
    post = posts.by_id(tx, post_id)
    if post is None or post.status is not PostStatus.PUBLISHED:
        return
    waiting = branches.waiting_orphans(tx, uri)
    times = [orphan.published_at for orphan in waiting] or [tx.now]
    placeholder = placeholders.add(
        tx,
        uri,
        post_id=post.id,
        post_uri=post.uri,
        actor_id=actors.instance(tx).id,
        published_at=min(times),
    )
    for arrived in reversed(found):
        keep_note(context, arrived)(tx)
    recheck_below(tx, context.ids, PostHead.of(post), placeholder.id)
    if closed:
        jobs.add(tx, "fetch_parent", f"{uri} stand-in", {"uri": uri, "stand_in": True}, tx.now + DAY)


def _post_of(tx: Tx, context: Context, name: str) -> Post | None:
    """The published post whose thread a `context` names: our own collection, or one that other replies there name."""
    post = None
    if context.ids.is_local(name):
        place = find_ours(tx, context.ids, name.removesuffix("/context"))
        post = place.post if place is not None else None
    else:
        post_id = placeholders.post_of_context(tx, name)
        post = posts.by_id(tx, post_id) if post_id is not None else None
    return post if post is not None and post.status is PostStatus.PUBLISHED else None


def _is_known(tx: Tx, ids: LocalIds, uri: str) -> bool:
    return find_parent(tx, ids, uri) is not None or replies.by_uri(tx, uri) is not None


def _keep_all(tx: Tx, context: Context, found: list[Arrived], level: int) -> None:
    """From the top down, so that each finds its parent; what waited below is attached by storage. The topmost may
    itself wait for a parent: it plans the next climb."""
    for arrived in reversed(found):
        keep_note(context, arrived)(tx)
    top = found[-1].note
    if not _is_known(tx, context.ids, top.in_reply_to[0]):
        jobs.add(
            tx,
            "fetch_parent",
            top.in_reply_to[0],
            {"uri": top.in_reply_to[0], "level": level + len(found)},
            tx.now,
        )
