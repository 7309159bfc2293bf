"""Who quotes our posts and answers, and what we said to it (INB-33, ART-19, FEP-044f)."""

from __future__ import annotations

from fedblog.activitypub.urls import host_of
from fedblog.blog.model import ActorId, PostId, Quote, QuoteState
from fedblog.storage import moderation, posts
from fedblog.storage.rows import ACTOR, read_actor
from fedblog.storage.tx import Row, Tx

_QUOTE = (
    "q.id, q.uri, q.url, q.post_id, q.target_uri, q.state, q.public, q.listed, q.request, q.published_at,"
    f" q.created_at, {ACTOR}"
)
_FROM = "quotes q JOIN actors a ON a.id = q.actor_id"


def _read(row: Row) -> Quote:
    return Quote(
        id=row[0],
        uri=row[1],
        url=row[2],
        actor=read_actor(row, 11),
        post_id=PostId(row[3]),
        target_uri=row[4],
        state=QuoteState(row[5]),
        public=bool(row[6]),
        listed=bool(row[7]),
        request=row[8],
        published_at=row[9],
        created_at=row[10],
    )


def add(
    tx: Tx,
    *,
    uri: str,
    url: str,
    actor_id: ActorId,
    post_id: PostId,
    target_uri: str,
    state: QuoteState,
    public: bool,
    listed: bool,
    request: str,
    published_at: int,
) -> Quote:
    """Keep a quote, or bring it up to date: a QuoteRequest settles what its Note only claimed, never the other way
    round; what the author refused or took back stays so."""
    posts.bump(tx, post_id, ())
    tx.run(
        "INSERT INTO quotes (id, uri, url, actor_id, post_id, target_uri, state, public, listed, request,"
        " published_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        " ON CONFLICT (uri, target_uri) DO UPDATE SET url = excluded.url, public = excluded.public,"
        " request = CASE WHEN excluded.request = '' THEN quotes.request ELSE excluded.request END,"
        " listed = CASE WHEN quotes.state = 'pending' THEN excluded.listed ELSE quotes.listed END,"
        " state = CASE WHEN quotes.state = 'pending' THEN excluded.state ELSE quotes.state END"
        " WHERE quotes.actor_id = excluded.actor_id",
        tx.new_id(),
        uri,
        url,
        actor_id,
        post_id,
        target_uri,
        state.value,
        int(public),
        int(listed),
        request,
        published_at,
        tx.now,
    )
    return _read(tx.all(f"SELECT {_QUOTE} FROM {_FROM} WHERE q.uri = $1 AND q.target_uri = $2", uri, target_uri)[0])


def by_id(tx: Tx, quote_id: int) -> Quote | None:
    """A quote, or None."""
    row = tx.one(f"SELECT {_QUOTE} FROM {_FROM} WHERE q.id = $1", quote_id)
    return None if row is None else _read(row)


def of_object(tx: Tx, uri: str, actor_id: ActorId) -> list[Quote]:
    """What an object quotes of ours, if its author is this actor."""
    rows = tx.all(f"SELECT {_QUOTE} FROM {_FROM} WHERE q.uri = $1 AND q.actor_id = $2", uri, actor_id)
    return [_read(row) for row in rows]


def set_state(tx: Tx, quote_id: int, state: QuoteState, *, listed: bool) -> Quote:
    """The author decided."""
    row = tx.one(
        "UPDATE quotes SET state = $1, listed = $2 WHERE id = $3 RETURNING post_id", state.value, int(listed), quote_id
    )
    if row is not None:
        posts.bump(tx, PostId(row[0]), ())
    return _read(tx.all(f"SELECT {_QUOTE} FROM {_FROM} WHERE q.id = $1", quote_id)[0])


def remove(tx: Tx, uri: str, actor_id: ActorId) -> bool:
    """The quoting object is gone, or quotes us no more; False if it never did."""
    rows = tx.all("DELETE FROM quotes WHERE uri = $1 AND actor_id = $2 RETURNING post_id", uri, actor_id)
    for (post_id,) in rows:
        posts.bump(tx, PostId(post_id), ())
    return bool(rows)


def remove_all_of(tx: Tx, actor_id: ActorId) -> None:
    """Forget every quote by an actor."""
    for (post_id,) in tx.all("DELETE FROM quotes WHERE actor_id = $1 RETURNING post_id", actor_id):
        posts.bump(tx, PostId(post_id), ())


def bump_pages(tx: Tx, actor_id: ActorId) -> None:
    """The pages that list quotes by an actor changed: it was blocked, or is heard again."""
    for (post_id,) in tx.all("SELECT DISTINCT post_id FROM quotes WHERE actor_id = $1 ORDER BY post_id", actor_id):
        posts.bump(tx, PostId(post_id), ())


def shown(tx: Tx, post_id: PostId, limit: int) -> list[Quote]:
    """What a post's page lists, oldest first: public ones that may show, and that don't stand in the thread anyway."""
    rows = tx.all(
        f"SELECT {_QUOTE} FROM {_FROM} WHERE q.post_id = $1 AND q.listed = 1 AND q.public = 1"
        " AND a.deleted_at IS NULL AND a.suspended_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM blocks b WHERE (b.kind = 'actor' AND b.value = a.uri)"
        " OR (b.kind = 'domain' AND (a.domain = b.value"
        " OR substr(a.domain, length(a.domain) - length(b.value)) = '.' || b.value)))"
        " AND NOT EXISTS (SELECT 1 FROM replies r WHERE r.uri = q.uri AND r.shown = 1)"
        " ORDER BY q.id LIMIT $2",
        post_id,
        limit,
    )
    found = [_read(row) for row in rows]
    # A server's people may have handles of another domain: what counts is where their ids are.
    return [one for one in found if not moderation.is_blocked(tx, actor_uri="", host=host_of(one.actor.uri))]


def recent(tx: Tx, author_id: ActorId | None, limit: int) -> list[Quote]:
    """Quotes of an author's posts (None: of everybody's) for the studio, newest first."""
    where, params = "q.public = 1", list[object]([limit])
    if author_id is not None:
        params.append(author_id)
        where += " AND p.author_id = $2"
    rows = tx.all(
        f"SELECT {_QUOTE} FROM {_FROM} JOIN posts p ON p.id = q.post_id WHERE {where} ORDER BY q.id DESC LIMIT $1",
        *params,
    )
    return [_read(row) for row in rows]
