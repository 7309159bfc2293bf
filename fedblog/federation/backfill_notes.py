"""The two things that backfill does with a Note: read one that is here for what is below it, find one that is not."""

from __future__ import annotations

from fedblog.activitypub.urls import Uri, host_of, maybe_uri, same_id, without_fragment
from fedblog.activitypub.values import link_of
from fedblog.blog.audience import narrower
from fedblog.blog.model import PostId, Reply
from fedblog.errors import FetchFailed, FetchGone
from fedblog.federation.context import Context
from fedblog.federation.edits import edit_note
from fedblog.federation.gather import Gathered, Gatherer
from fedblog.federation.handlers.refetch import remove_gone
from fedblog.federation.notes import Arrived, fetch, keep_note
from fedblog.federation.pace import HostPace
from fedblog.federation.places import find_parent
from fedblog.storage import backfill as store
from fedblog.storage import replies
from fedblog.storage.database import Database, Tx
from fedblog.text.dates import parse_as2_datetime

MAX_LEVELS = 10  # upwards from an id that was named, until something that is here
_GONE_FOR_GOOD = 410


class NoteReader:
    """Reads a reply at its origin: its counts, newer words, and the collections of what answers it."""

    def __init__(self, db: Database, gatherer: Gatherer, pace: HostPace) -> None:
        self._db, self._gatherer, self._pace = db, gatherer, pace

    async def read(self, ctx: Context, post_id: PostId, source: store.Source) -> Gathered:
        """Everything that a stored reply's own server says is below it. Raises `FetchFailed` and its kinds."""
        uri = Uri(source.uri)
        try:
            async with self._pace.turn(host_of(uri)):
                arrived = await fetch(ctx, uri, None)
        except FetchGone as exc:
            if exc.http_status == _GONE_FOR_GOOD:
                await self._db.write(remove_gone(uri))
            raise
        if not same_id(arrived.note.id, uri):
            raise FetchFailed(f"{uri} is another note now", reason="id_elsewhere")
        await self._bring_up_to_date(ctx, arrived)
        for kind, collection in conversation_of(ctx, arrived):
            await self._db.write(store.add_collection, post_id, collection, kind)
        return await self._gatherer.gather(
            arrived.note.replies, home=arrived.note.id, budget=ctx.budget, cursor=source.cursor
        )

    async def _bring_up_to_date(self, ctx: Context, arrived: Arrived) -> None:
        """Counts always; words and audience only where the origin says that they changed (INB-16..18)."""
        note = arrived.note
        stored = await self._db.read(replies.by_uri, note.id)
        if stored is None or stored.local or stored.actor_id != arrived.author.id:
            return
        if _is_changed(stored, arrived, ctx.now):
            await self._db.write(edit_note(ctx, arrived))
        if note.likes_total is not None or note.shares_total is not None:
            await self._db.write(replies.set_remote_counts, stored.id, note.likes_total or 0, note.shares_total or 0)


class NoteFinder:
    """Fetches what a collection named, with the parents that lead from it to a thread of ours."""

    def __init__(self, db: Database, pace: HostPace) -> None:
        self._db, self._pace = db, pace

    async def find(self, ctx: Context, post_id: PostId, uri: Uri) -> str:
        """What became of it: kept, gone, private, elsewhere (not in a thread of ours) or refused. Raises `FetchFailed`
        where it can't be had."""
        found: list[Arrived] = []
        seen: set[str] = set()
        current: Uri | None = uri
        while current is not None and current not in seen and len(found) < MAX_LEVELS:
            if ctx.ids.is_local(current):
                return "elsewhere"
            if await self._db.read(store.is_barred, current):
                return "refused"
            seen.add(current)
            try:
                async with self._pace.turn(host_of(current)):
                    arrived = await fetch(ctx, current, None)
            except FetchGone:
                return "gone"
            if not arrived.visibility.is_public:
                return "private"
            found.append(arrived)
            parent = arrived.note.in_reply_to[0] if arrived.note.in_reply_to else None
            if parent is not None and await self._db.read(_has_place, ctx, parent):
                return await self._keep(ctx, uri, found)
            current = maybe_uri(parent)
        return "elsewhere"

    async def _keep(self, ctx: Context, uri: Uri, found: list[Arrived]) -> str:
        effects = [keep_note(ctx, arrived) for arrived in reversed(found)]

        def keep(tx: Tx) -> str:
            for effect in effects:
                effect(tx)
            kept = [replies.by_uri(tx, arrived.note.id) for arrived in found]
            for reply in kept:
                if reply is not None and reply.post_id is not None and not reply.local:
                    store.add_found(tx, reply)
            return "kept" if kept[0] is not None else "refused"

        return await self._db.write(keep)


def conversation_of(ctx: Context, arrived: Arrived) -> list[tuple[str, str]]:
    """(kind, URL) of the collections that a Note names for its whole conversation (FEP-7888, FEP-f228); ours, and what
    is only a name, are left out."""
    note = arrived.note
    named = (("history", link_of(note.raw.get("contextHistory"))), ("context", note.context))
    found = []
    for kind, value in named:
        uri = maybe_uri(value)
        if uri is None or ctx.ids.is_local(uri) or same_id(without_fragment(uri), note.id):
            continue
        found.append((kind, str(uri)))
    return found


def _has_place(tx: Tx, ctx: Context, uri: str) -> bool:
    return find_parent(tx, ctx.ids, uri) is not None


def _is_changed(stored: Reply, arrived: Arrived, now: int) -> bool:
    updated = parse_as2_datetime(arrived.note.updated, now=now)
    is_newer = updated is not None and updated > (stored.edited_at or stored.published_at)
    return is_newer or narrower(stored.visibility, arrived.visibility) is not stored.visibility
