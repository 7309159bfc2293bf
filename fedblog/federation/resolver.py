"""Actors and objects of other servers, as their own origin tells them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from fedblog.activitypub.normalise import read_actor, read_collection, read_note
from fedblog.activitypub.urls import Uri, same_origin
from fedblog.activitypub.values import type_of
from fedblog.activitypub.vocab import COLLECTION_TYPES, ActorDocument, CollectionDocument, Note
from fedblog.blog.model import Actor
from fedblog.errors import FetchFailed, FetchGone, Refused
from fedblog.federation.bounded import Bounded
from fedblog.federation.budget import Budget
from fedblog.federation.fetcher import FetchedDocument, Fetcher
from fedblog.federation.profiles import keep_actor
from fedblog.storage import actors
from fedblog.storage.database import Database

log = logging.getLogger(__name__)

FRESH_SECONDS = 86_400
FAILED_SECONDS = 600
MISSING_SECONDS = 86_400
_MAX_NOTES = 2_000


class Resolver:
    """Looks up what others name by id. `clock` gives Unix seconds."""

    def __init__(self, fetcher: Fetcher, db: Database, clock: Callable[[], float]) -> None:
        self._fetcher, self._db, self._clock = fetcher, db, clock
        self._failed: Bounded[Uri, bool] = Bounded(_MAX_NOTES, clock)
        self._under_way: dict[Uri, asyncio.Task[Actor]] = {}

    async def actor(self, uri: Uri, *, budget: Budget | None = None, refresh: bool = False) -> Actor:
        """The actor with that id: from the database if it was seen within a day, else fetched and stored.

        When its server can't be asked, an older copy is good enough, unless `refresh` wants a new one. Local actors
        are never fetched. Raises `FetchFailed` and its kinds (`FetchGone` for 404, 410 and Tombstones), with reason
        `not_an_actor` or `actor_partial` for a document that doesn't help.
        """
        known = await self._db.read(actors.by_uri, uri)
        if known is not None:
            fresh = self._clock() - known.fetched_at < FRESH_SECONDS or self._failed.get(uri)
            if known.local or (fresh and not refresh):
                return known
        try:
            return await self._fetch_actor(uri, budget)
        except FetchGone as exc:
            if known is not None:
                await self._note_gone(known, exc.http_status)
            if known is None or refresh or exc.http_status == 410:
                raise
            self._failed.put(uri, True, FAILED_SECONDS)
            return known
        except FetchFailed:
            if known is None or refresh:
                raise
            self._failed.put(uri, True, FAILED_SECONDS)
            return known

    async def actor_with_aliases(self, uri: Uri, *, budget: Budget | None = None) -> tuple[Actor, tuple[str, ...]]:
        """A remote actor, asked for now, with the ids that it is also known as. Raises `FetchFailed` and its kinds."""
        document = await self._actor_document(uri, budget)
        return await self._keep(uri, document, budget), document.also_known_as

    async def note(self, uri: Uri, *, budget: Budget | None = None) -> Note:
        """The object with that id, as its own origin serves it now, by an author of the same origin.

        Its `id` may be another URL of the place that `uri` led to. Raises `FetchFailed` and its kinds (`FetchGone`
        for 404, 410 and Tombstones), with reason `attribution_missing` or `attribution_elsewhere`.
        """
        return note_of(await self._fetcher.document(uri, budget=budget))

    async def collection(self, uri: Uri, *, budget: Budget | None = None) -> CollectionDocument:
        """A collection or a page of one, from its own host; what it lists are hints. Raises `FetchFailed` and its
        kinds, with reason `not_a_collection` for anything else."""
        fetched = await self._fetcher.hints(uri, budget=budget)
        found = read_collection(fetched.doc, origin=fetched.url)
        if found.type not in COLLECTION_TYPES:
            raise FetchFailed(f"{uri} is no collection", reason="not_a_collection")
        return found

    async def _note_gone(self, actor: Actor, http_status: int) -> None:
        """410 ends what it left here; 404 twice, a day apart, takes it off the pages (ACT-16)."""
        if http_status == 410:
            await self._db.write(actors.mark_deleted, actor.id)
        elif await self._db.write(actors.not_found, actor.id, patience=MISSING_SECONDS):
            log.info("%s was not found twice: what it wrote here is hidden", actor.uri)

    async def _fetch_actor(self, uri: Uri, budget: Budget | None) -> Actor:
        """All who ask for one actor at a time share one fetch."""
        task = self._under_way.get(uri)
        if task is None:
            task = asyncio.create_task(self._fetch_and_keep(uri, budget), name=f"actor {uri}")
            self._under_way[uri] = task
            task.add_done_callback(lambda done: self._ended(uri, done))
        return await asyncio.shield(task)

    def _ended(self, uri: Uri, task: asyncio.Task[Actor]) -> None:
        del self._under_way[uri]
        if not task.cancelled():
            task.exception()  # seen, even if all who waited have left

    async def _fetch_and_keep(self, uri: Uri, budget: Budget | None) -> Actor:
        return await self._keep(uri, await self._actor_document(uri, budget), budget)

    async def _actor_document(self, uri: Uri, budget: Budget | None) -> ActorDocument:
        fetched = await self._fetcher.document(uri, budget=budget)
        _refuse_tombstone(fetched)
        try:
            document = read_actor(fetched.doc)
        except Refused as exc:
            raise FetchFailed(f"{uri}: {exc}", reason=exc.reason) from exc
        if not same_origin(document.id, uri):
            raise FetchFailed(f"{uri} leads to an actor of another server", reason="id_elsewhere")
        if document.type == "actor" and document.partial:
            raise FetchFailed(f"{uri} is no actor", reason="not_an_actor")
        return document

    async def _keep(self, uri: Uri, document: ActorDocument, budget: Budget | None) -> Actor:
        actor = await keep_actor(self._fetcher, self._db, self._clock, document, budget=budget)
        if actor is None:
            raise FetchFailed(f"{uri} has no inbox", reason="actor_partial")
        return actor


def note_of(fetched: FetchedDocument) -> Note:
    """The object in a fetched document, by an author of its own origin; raises as `Resolver.note` does."""
    _refuse_tombstone(fetched)
    try:
        note = read_note(fetched.doc)
    except Refused as exc:
        raise FetchFailed(f"{fetched.url}: {exc}", reason=exc.reason) from exc
    if not note.attributed_to:
        raise FetchFailed(f"{fetched.url} names no author", reason="attribution_missing")
    if not same_origin(note.attributed_to[0], note.id):
        raise FetchFailed(f"{fetched.url} names an author of another server", reason="attribution_elsewhere")
    return note


def _refuse_tombstone(fetched: FetchedDocument) -> None:
    if type_of(fetched.doc) == "Tombstone":
        raise FetchGone(f"{fetched.url} was deleted", http_status=410)
