"""What is known of the replies that other servers have and we don't: where to look, what was named, what it cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fedblog.activitypub.urls import host_of
from fedblog.blog.model import PostId, Reply, ReplyId
from fedblog.storage import jobs, moderation, posts, tombstones
from fedblog.storage.arrivals import CAME
from fedblog.storage.rows import read_url
from fedblog.storage.tx import Tx, chunks, marks

KIND = "backfill"
MAX_ITEMS_A_SOURCE = 500
MAX_ITEMS_A_THREAD = 1_000
MAX_COLLECTIONS = 10  # contexts that the notes of one thread may name
QUIET_SECONDS = 30 * 86_400

_NEW_SOURCE = (
    "INSERT INTO backfill_sources (post_id, uri, kind, reply_id, told, cursor, state, reads, since, read_at, due_at)"
)
_NEW_NOW = (
    f"{_NEW_SOURCE} VALUES ($1, $2, $3, $4, NULL, '', 'new', 0, $5, NULL, $5) ON CONFLICT (post_id, uri) DO NOTHING"
)
# A branch that everybody may see, of somebody else's: only below such a one is anything looked for.
_OPEN = "r.local = 0 AND r.state = 'published' AND r.shown = 1"
_STILL_WANTED = "('waiting', 'unreachable', 'closed')"


class Run(NamedTuple):
    """The run under way: its turn, and what it has cost so far."""

    turn: int
    pages: int
    items: int


class Source(NamedTuple):
    """A place to look at: `kind` is note, context or history; `reads` how often it was read, `since` counted from."""

    uri: str
    kind: str
    reply_id: ReplyId | None
    cursor: str
    reads: int
    since: int


class Item(NamedTuple):
    """An id that a source named, and how often it was asked for in vain."""

    uri: str
    source: str
    tries: int


class Missing(NamedTuple):
    """`number` replies below one note that are on other servers only; `url` is where to read them, on `host`."""

    url: str
    host: str
    number: int


def plan(tx: Tx, post_id: PostId, since: int, until: int, *, after: Sequence[int]) -> None:
    """Remote replies came from `since` to before `until`: look for their siblings and what is below them, `after[0]`
    seconds after the first of them; nothing without `after`. What is above them is looked at anew from the first step;
    other places of a thread that was quiet as well, at the pace of the last one."""
    if not after:
        return
    tx.run(
        "INSERT INTO backfills (post_id, turn, lease_until, ran_at, pages, items, missing)"
        " VALUES ($1, 0, 0, 0, 0, 0, 0) ON CONFLICT (post_id) DO NOTHING",
        post_id,
    )
    first = max(tx.now, since + after[0])
    tx.run(
        "UPDATE backfill_sources SET reads = 0, since = $4, due_at = CASE WHEN due_at < $5 THEN due_at ELSE $5 END"
        f" WHERE state <> 'gone' AND reply_id IN (SELECT r.parent_id FROM replies r WHERE {CAME})",
        post_id,
        since,
        until,
        tx.now,
        first,
    )
    tx.run(
        "UPDATE backfill_sources SET due_at = $1 WHERE post_id = $2 AND due_at IS NULL"
        " AND state NOT IN ('gone', 'none')",
        tx.now + after[-1],
        post_id,
    )
    turn, ran_at = tx.all("SELECT turn, ran_at FROM backfills WHERE post_id = $1", post_id)[0]
    _plan_job(tx, post_id, turn, max(first, ran_at + after[0] if ran_at else 0))


def _plan_job(tx: Tx, post_id: PostId, turn: int, due_at: int) -> None:
    jobs.add(tx, KIND, f"{post_id} {turn}", {"post": post_id, "turn": turn}, due_at)


def mend_leases(tx: Tx, lease: int) -> None:
    """The clock was set back: no thread is taken for longer than `lease` seconds from now."""
    tx.run("UPDATE backfills SET lease_until = 0 WHERE lease_until > $1", tx.now + lease)


def begin(tx: Tx, post_id: PostId, turn: int, lease: int, *, after: Sequence[int]) -> Run | None:
    """Take the thread for `lease` seconds. None for a job that is not the current one (or whose thread is worked on:
    `is_busy` tells). Replies that came since the last run become places to look at."""
    tx.lock(f"backfill {post_id}")
    row = tx.one("SELECT turn, pages, items FROM backfills WHERE post_id = $1 AND lease_until <= $2", post_id, tx.now)
    if row is None or row[0] != turn:
        return None
    tx.run("UPDATE backfills SET lease_until = $1 WHERE post_id = $2", tx.now + lease, post_id)
    tx.run(
        f"{_NEW_SOURCE}"
        " SELECT r.post_id, r.uri, 'note', r.id, NULL, '', 'new', 0, r.received_at, NULL, r.received_at + $1"
        f" FROM replies r WHERE r.post_id = $2 AND {_OPEN}"
        " AND NOT EXISTS (SELECT 1 FROM backfill_sources s WHERE s.post_id = r.post_id AND s.uri = r.uri)",
        after[0],
        post_id,
    )
    return Run(*row)


def is_busy(tx: Tx, post_id: PostId) -> bool:
    """Whether somebody works on this thread now."""
    return tx.one("SELECT 1 FROM backfills WHERE post_id = $1 AND lease_until > $2", post_id, tx.now) is not None


def spend(tx: Tx, post_id: PostId, *, pages: int = 0, items: int = 0) -> None:
    """Count what the run has cost."""
    tx.run("UPDATE backfills SET pages = pages + $1, items = items + $2 WHERE post_id = $3", pages, items, post_id)


def next_item(tx: Tx, post_id: PostId) -> Item | None:
    """The next id to ask for; what came meanwhile is not asked for any more."""
    tx.run(
        "DELETE FROM backfill_items WHERE post_id = $1"
        " AND EXISTS (SELECT 1 FROM replies r WHERE r.uri = backfill_items.uri)",
        post_id,
    )
    row = tx.one(
        "SELECT uri, source, tries FROM backfill_items WHERE post_id = $1 AND due_at <= $2"
        " ORDER BY due_at, uri LIMIT 1",
        post_id,
        tx.now,
    )
    return None if row is None else Item(*row)


_DUE = (
    "FROM backfill_sources s LEFT JOIN replies r ON r.id = s.reply_id"
    f" WHERE s.post_id = $1 AND (s.reply_id IS NULL OR ({_OPEN}))"
)


def next_source(tx: Tx, post_id: PostId) -> Source | None:
    """The next place to look at: a conversation's own collections before single notes (BACK-05)."""
    row = tx.one(
        f"SELECT s.uri, s.kind, s.reply_id, s.cursor, s.reads, s.since {_DUE} AND s.due_at <= $2"
        " ORDER BY CASE s.kind WHEN 'history' THEN 0 WHEN 'context' THEN 1 ELSE 2 END, s.due_at, s.uri LIMIT 1",
        post_id,
        tx.now,
    )
    return None if row is None else Source(*row)


def add_collection(tx: Tx, post_id: PostId, uri: str, kind: str) -> None:
    """A note names its conversation's collection: look there too, once however many name it."""
    known = tx.value("SELECT count(*) FROM backfill_sources WHERE post_id = $1 AND kind <> 'note'", post_id)
    if known < MAX_COLLECTIONS and not is_barred(tx, uri):
        tx.run(_NEW_NOW, post_id, uri, kind, None, tx.now)


def add_found(tx: Tx, reply: Reply) -> None:
    """A reply that was found by looking: look below it in the same run."""
    tx.run(_NEW_NOW, reply.post_id, reply.uri, "note", reply.id, tx.now)


def is_barred(tx: Tx, uri: str) -> bool:
    """Whether nothing is asked for there: it was deleted, or its server is blocked (BACK-08).

    Of what was never here its own server has to say so: a neighbour's word keeps nobody out.
    """
    stone = tombstones.get(tx, uri)
    is_gone = stone is not None and (stone.local or not stone.actor_uri)
    return is_gone or moderation.is_blocked(tx, actor_uri="", host=host_of(uri))


def add_items(tx: Tx, post_id: PostId, source: str, uris: Iterable[str]) -> int:
    """Remember ids to ask for; how many are new.

    Left out: what is here in any state, what was deleted (BACK-08), what is on a blocked host, and what is too much
    (500 of one source, 1,000 of a thread).
    """
    wanted = list(dict.fromkeys(uris))
    known: set[str] = set()
    for some in chunks(wanted):
        for table in ("replies", "backfill_items"):
            mine = f" AND post_id = ${len(some) + 1}" if table == "backfill_items" else ""
            params = (*some, post_id) if mine else some
            known.update(
                uri for (uri,) in tx.all(f"SELECT uri FROM {table} WHERE uri IN ({marks(len(some))}){mine}", *params)
            )
    counted = "SELECT count(*) FROM backfill_items WHERE post_id = $1 AND state <> 'kept'"
    room = min(
        MAX_ITEMS_A_THREAD - tx.value(counted, post_id),
        MAX_ITEMS_A_SOURCE - tx.value(f"{counted} AND source = $2", post_id, source),
    )
    new = [uri for uri in wanted if uri not in known]
    new = [uri for uri in new[: max(0, room)] if not is_barred(tx, uri)]
    tx.many(
        "INSERT INTO backfill_items (post_id, uri, source, state, tries, due_at) VALUES ($1, $2, $3, 'waiting', 0, $4)",
        [(post_id, uri, source, tx.now) for uri in new],
    )
    return len(new)


def settle_item(tx: Tx, post_id: PostId, uri: str, state: str, due_at: int | None) -> None:
    """What became of an id: `due_at` None when it is not asked for again."""
    tx.run(
        "UPDATE backfill_items SET state = $1, tries = tries + 1, due_at = $2 WHERE post_id = $3 AND uri = $4",
        state,
        due_at,
        post_id,
        uri,
    )


def settle_source(
    tx: Tx,
    post_id: PostId,
    source: Source,
    *,
    state: str,
    told: int | None,
    cursor: str,
    due_at: int | None,
    reads: int,
) -> None:
    """What a place said: `state` is whole, partial, failed, closed, gone or none (it has no such thing); `reads` how
    often it was read by now."""
    tx.run(
        "UPDATE backfill_sources SET state = $1, told = coalesce($2, told), cursor = $3, reads = $4, read_at = $5,"
        " due_at = $6 WHERE post_id = $7 AND uri = $8",
        state,
        told,
        cursor,
        reads,
        tx.now,
        due_at,
        post_id,
        source.uri,
    )


def last_reply_at(tx: Tx, post_id: PostId) -> int:
    """When the thread's last reply of somebody else came; 0 without any."""
    return int(tx.value("SELECT coalesce(max(received_at), 0) FROM replies WHERE post_id = $1 AND local = 0", post_id))


def finish(tx: Tx, post_id: PostId, *, cool_down: int, exhausted: bool) -> None:
    """The end of a slice of work: plan the next one at once while something is due, else end the run and plan the
    next one for when something will be, `cool_down` seconds from now at the earliest. `exhausted`: end it anyway."""
    due = _next_due(tx, post_id)
    goes_on = due is not None and due <= tx.now and not exhausted
    turn = tx.value(
        "UPDATE backfills SET turn = turn + 1, lease_until = 0 WHERE post_id = $1 RETURNING turn",
        post_id,
    )
    if not goes_on:
        tx.run("UPDATE backfills SET pages = 0, items = 0, ran_at = $1 WHERE post_id = $2", tx.now, post_id)
    if due is not None:
        _plan_job(tx, post_id, turn, tx.now if goes_on else max(due, tx.now + cool_down))
    count = sum(one.number for one in missing(tx, post_id))
    if tx.run("UPDATE backfills SET missing = $1 WHERE post_id = $2 AND missing <> $1", count, post_id):
        posts.bump(tx, post_id, ())


def _next_due(tx: Tx, post_id: PostId) -> int | None:
    sources = tx.value(f"SELECT min(s.due_at) {_DUE}", post_id)
    items = tx.value("SELECT min(due_at) FROM backfill_items WHERE post_id = $1", post_id)
    return min((due for due in (sources, items) if due is not None), default=None)


def elsewhere(tx: Tx, post_id: PostId) -> list[Missing]:
    """`missing`, for pages: nothing is counted where the last reading of the thread missed nothing."""
    is_whole = not tx.value("SELECT missing FROM backfills WHERE post_id = $1", post_id)
    return [] if is_whole else missing(tx, post_id)


def missing(tx: Tx, post_id: PostId) -> list[Missing]:
    """What is known to be on other servers and is not here, by the note it stands under, the most first.

    Counted are the ids that were named and couldn't be had. A place that couldn't be read to its end also says how
    many it has; one that was read whole is not believed beyond what it named.
    """
    rows = tx.all(
        "SELECT s.uri, coalesce(r.uri, ''), coalesce(r.url, ''), s.state, coalesce(s.told, 0), s.kind,"
        " (SELECT count(*) FROM replies c WHERE c.parent_id = s.reply_id),"
        " (SELECT count(*) FROM backfill_items i WHERE i.post_id = s.post_id AND i.source = s.uri"
        f" AND i.state IN {_STILL_WANTED} AND NOT EXISTS (SELECT 1 FROM replies k WHERE k.uri = i.uri))"
        f" {_DUE}",
        post_id,
    )
    found = []
    for uri, note_uri, url, state, told, kind, here, named in rows:
        unread = max(0, told - here) if kind == "note" and state in ("partial", "failed", "closed") else 0
        count = min(max(named, unread), MAX_ITEMS_A_SOURCE)
        if count:
            found.append(Missing(read_url(note_uri, url) or uri, host_of(uri), count))
    return sorted(found, key=lambda one: (-one.number, one.url))
