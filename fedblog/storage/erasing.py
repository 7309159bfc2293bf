"""Everything about one person of another server goes (GDPR, article 17): rows, indexes, drawn pages, logs, queues.

What others wrote stays as they wrote it. Digests of the ids stay (`erased`), so that nothing comes back by a late
delivery or by looking through threads.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from fedblog.blog.model import Actor, ActorId, PostId
from fedblog.errors import Conflict
from fedblog.storage import actors, drawn, emoji, erased, jobs, learning, posts, quotes, reactions, replies, search
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Tx, chunks, marks

TIDY = "tidy_index"
GONE_HOST = "erased.invalid"  # RFC 6761: it never leads anywhere
_LEFT = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM {table} x WHERE x.actor_id = a.id)"
    for table in ("replies", "reactions", "followers", "quotes", "blocked_by", "block_import_follows")
)
_UNUSED = (
    f"a.local = '' AND (a.deleted_at < $1 OR (a.fetched_at < $1 AND a.approved = 0 AND {_LEFT}"
    " AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.kind = 'actor' AND b.value = a.uri)))"
)
_ANSWERS = ("Accept", "Reject", "Flag", "Undo", "Block", "Move")


@dataclass(frozen=True, slots=True)
class Erased:
    """What went, and posts and answers of ours that name the person in their own words: those are their authors'."""

    replies: int
    reactions: int
    follows: int
    own_posts: tuple[PostId, ...] = ()
    own_answers: tuple[int, ...] = ()


def erase(tx: Tx, actor_id: ActorId) -> Erased:
    """Erase a remote person; digests remember that what they wrote until now is not taken again. Raises `NotFound`,
    `Conflict` for one of ours."""
    actor = actors.by_id(tx, actor_id)
    if actor.local:
        raise Conflict("an actor of ours is not erased so; delete it", reason="local_actor")
    zeroed = _overwrite(tx)
    uris = _uris(tx, actor)
    wrote, reacted, followed = (
        int(tx.value(f"SELECT count(*) FROM {table} WHERE actor_id = $1", actor_id))
        for table in ("replies", "reactions", "followers")
    )
    erased.add(tx, uris)
    touched = _pages(tx, actor_id)
    quotes.remove_all_of(tx, actor_id)
    reactions.remove_all_of(tx, actor_id)
    _forget_replies(tx, actor_id)
    for post_id in touched:
        posts.bump(tx, post_id)
        drawn.forget(tx, post_id)
    _forget_traces(tx, actor, uris)
    _forget_outgoing(tx, actor, uris)
    own_posts, own_answers = _own_words(tx, actor)
    _forget_row(tx, actor_id)
    emoji.forget_unused(tx)
    jobs.ensure(tx, TIDY, "", {}, tx.now)
    if zeroed is not None:
        tx.all(f"PRAGMA secure_delete = {zeroed}")
    return Erased(wrote, reacted, followed, own_posts, own_answers)


def unused(tx: Tx, before: int, limit: int) -> list[ActorId]:
    """People of whom nothing was heard since a time and who left nothing here: no reply, like, follow, quote or block,
    and whom no post mentions. Besides, those whose accounts are gone for so long."""
    rows = tx.all(f"SELECT a.id, a.uri FROM actors a WHERE {_UNUSED} ORDER BY a.id LIMIT $2", before, limit * 2)
    named = {uri for (told,) in tx.all("SELECT mentions FROM posts WHERE mentions <> '[]'") for uri in json.loads(told)}
    return [ActorId(row[0]) for row in rows if row[1] not in named][:limit]


def forget_unused(tx: Tx, ids: Collection[ActorId], before: int) -> list[ActorId]:
    """Take away what is left of such people, unless they came back meanwhile; who went."""
    rows = tx.all(f"SELECT a.id FROM actors a WHERE {_UNUSED} AND a.id IN ({marks(len(ids), 2)})", before, *ids)
    for (actor_id,) in rows:
        actor = actors.by_id(tx, actor_id)
        if actor.deleted_at is not None:
            erased.add(tx, _uris(tx, actor))
            _forget_replies(tx, actor_id)
        _forget_row(tx, actor_id)
    return [ActorId(row[0]) for row in rows]


def _forget_row(tx: Tx, actor_id: ActorId) -> None:
    for table in ("followers", "keys", "blocked_by", "quotes", "reactions"):
        tx.run(f"DELETE FROM {table} WHERE actor_id = $1", actor_id)
    tx.run("DELETE FROM actors WHERE id = $1", actor_id)


def tidy(tx: Tx) -> None:
    """The job after an erasure: SQLite's index keeps words of what was taken out until its parts are put together."""
    if tx.engine == "sqlite":
        tx.run("INSERT INTO search_index (search_index) VALUES ('optimize')")


def _overwrite(tx: Tx) -> int | None:
    """SQLite writes zeros over what it deletes from now on; what it did before."""
    if tx.engine != "sqlite":
        return None
    before = int(tx.value("PRAGMA secure_delete"))
    tx.all("PRAGMA secure_delete = 1")
    return before


def _uris(tx: Tx, actor: Actor) -> list[str]:
    """Ids that are theirs: their own, and those of everything they wrote."""
    rows = tx.all(
        "SELECT uri FROM replies WHERE actor_id = $1 UNION SELECT uri FROM quotes WHERE actor_id = $1", actor.id
    )
    stones = tx.all("SELECT uri FROM tombstones WHERE local = 0 AND actor_uri = $1", actor.uri)
    return [actor.uri, *(row[0] for row in [*rows, *stones])]


def _pages(tx: Tx, actor_id: ActorId) -> list[PostId]:
    rows = tx.all(
        "SELECT post_id FROM replies WHERE actor_id = $1 AND post_id IS NOT NULL"
        " UNION SELECT post_id FROM reactions WHERE actor_id = $1 AND post_id IS NOT NULL"
        " UNION SELECT r.post_id FROM reactions x JOIN replies r ON r.id = x.reply_id"
        " WHERE x.actor_id = $1 AND r.post_id IS NOT NULL"
        " UNION SELECT post_id FROM quotes WHERE actor_id = $1",
        actor_id,
    )
    return sorted(PostId(row[0]) for row in rows)


def _forget_replies(tx: Tx, actor_id: ActorId) -> None:
    """Leaves go altogether; what is answered stays as a place that nobody wrote."""
    ids = [row[0] for row in tx.all("SELECT id FROM replies WHERE actor_id = $1", actor_id)]
    documents: list[int] = []
    for some in chunks(ids):
        places = marks(len(some))
        documents += [row[0] for row in tx.all(f"SELECT id FROM search_docs WHERE reply_id IN ({places})", *some)]
    search.store(tx, (), gone=documents)
    for reply_id in ids:
        learning.teach(tx, reply_id, "", ())
    replies.remove_all_of(tx, actor_id)
    for some in chunks(ids):
        places = marks(len(some))
        for table in ("reply_sources", "backfill_sources", "decisions"):
            tx.run(f"DELETE FROM {table} WHERE reply_id IN ({places})", *some)
    leaf = "NOT EXISTS (SELECT 1 FROM replies c WHERE c.parent_id = replies.id)"
    while tx.run(f"DELETE FROM replies WHERE actor_id = $1 AND {leaf}", actor_id):
        continue
    instance = actors.instance(tx)
    tx.run(
        "UPDATE replies SET in_reply_to = coalesce((SELECT p.uri FROM posts p WHERE p.id = replies.post_id), '')"
        " WHERE parent_id IN (SELECT r.id FROM replies r WHERE r.actor_id = $1)",
        actor_id,
    )
    tx.run(
        "UPDATE replies SET uri = 'https://' || $1 || '/' || CAST(id AS TEXT), url = '', actor_id = $2, context = '',"
        " language = '' WHERE actor_id = $3",
        GONE_HOST,
        instance.id,
        actor_id,
    )


def _forget_traces(tx: Tx, actor: Actor, uris: Collection[str]) -> None:
    """Logs, queues and notes by id. Nothing of it shows anywhere."""
    tx.run("DELETE FROM received WHERE actor_uri = $1", actor.uri)
    tx.run("DELETE FROM undone WHERE actor_uri = $1", actor.uri)
    tx.run(
        "DELETE FROM inbox_log WHERE actor_uri = $1 OR activity_uri LIKE $2 ESCAPE '\\' OR detail LIKE $3 ESCAPE '\\'",
        actor.uri,
        f"{_plain(actor.uri)}%",
        f"%{_plain(actor.uri)}%",
    )
    tx.run("UPDATE actors SET moved_to = '' WHERE moved_to = $1", actor.uri)
    for some in chunks(uris):
        places = marks(len(some))
        tx.run(f"DELETE FROM tombstones WHERE local = 0 AND uri IN ({places})", *some)
        tx.run(f"DELETE FROM inbox_log WHERE activity_uri IN ({places})", *some)
        tx.run(f"DELETE FROM received WHERE uri IN ({places})", *some)
        for table in ("backfill_items", "backfill_sources"):
            tx.run(f"DELETE FROM {table} WHERE uri IN ({places})", *some)
    known = frozenset(uris)
    for job_id, key, payload in tx.all("SELECT id, key, payload FROM jobs"):
        if key in known or known & _texts(payload):
            tx.run("DELETE FROM jobs WHERE id = $1", job_id)
    for report_id, reporter, objects in tx.all("SELECT id, reporter_uri, objects FROM reports"):
        named = json.loads(objects)
        left = [uri for uri in named if uri not in known]
        if reporter == actor.uri or (not left and named):
            tx.run("DELETE FROM reports WHERE id = $1", report_id)
        elif left != named:
            tx.run("UPDATE reports SET objects = $1 WHERE id = $2", write_json(left), report_id)


def _texts(payload: str) -> set[str]:
    return {value for value in json.loads(payload).values() if isinstance(value, str)}


def _forget_outgoing(tx: Tx, actor: Actor, uris: Collection[str]) -> None:
    """What we said to them or about them alone; of what others got too, only the address goes."""
    gone: list[int] = []
    for some in chunks(uris):
        rows = tx.all(f"SELECT id FROM outgoing WHERE object_uri IN ({marks(len(some))})", *some)
        gone += [row[0] for row in rows]
    mark = str(actor.id)
    for activity_id, kind, audience in tx.all(
        "SELECT id, type, audience FROM outgoing WHERE audience LIKE $1", f"%{mark}%"
    ):
        told = json.loads(audience)
        if actor.id not in (*told["actors"], *told["personal"]):
            continue  # a part of another number
        for name in ("actors", "personal"):
            told[name] = [one for one in told[name] if one != actor.id]
        if kind in _ANSWERS and not (told["followers_of"] or told["actors"] or told["personal"]):
            gone.append(activity_id)
            continue
        tx.run("UPDATE outgoing SET audience = $1 WHERE id = $2", write_json(told), activity_id)
    for some in chunks(gone):
        places = marks(len(some))
        tx.run(f"DELETE FROM deliveries WHERE activity_id IN ({places})", *some)
        tx.run(f"DELETE FROM outgoing WHERE id IN ({places})", *some)
    if (
        actor.inbox
        and tx.one("SELECT 1 FROM actors WHERE id <> $1 AND (inbox = $2 OR shared_inbox = $2)", actor.id, actor.inbox)
        is None
    ):
        tx.run("DELETE FROM deliveries WHERE inbox = $1", actor.inbox)


def _own_words(tx: Tx, actor: Actor) -> tuple[tuple[PostId, ...], tuple[int, ...]]:
    """Posts and answers of ours that name them: by id, by the address of their profile, or by handle."""
    names = dict.fromkeys(name for name in (actor.uri, actor.url, actor.handle) if len(name) > 3)
    patterns = [f"%{_plain(name)}%" for name in names]
    said = " OR ".join(
        f"lower({column}) LIKE lower(${number}) ESCAPE '\\'"
        for column in ("content_html", "source")
        for number in range(1, len(patterns) + 1)
    )
    found = tx.all(f"SELECT id FROM posts WHERE status <> 'deleted' AND ({said}) ORDER BY id", *patterns)
    answers = tx.all(
        f"SELECT id FROM replies WHERE local = 1 AND state <> 'removed' AND ({said}) ORDER BY id", *patterns
    )
    return tuple(PostId(row[0]) for row in found), tuple(row[0] for row in answers)


def _plain(name: str) -> str:
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
