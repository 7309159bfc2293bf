"""Full-text search over public posts and replies: FTS5 on SQLite, a tsvector on PostgreSQL, the same words in both.

The index holds words only and may lag behind; whatever is found is read anew under the rules of the page, so that
nothing withdrawn, private, or of somebody who doesn't want to be found (LIFE-07) ever shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from fedblog.blog.model import Actor, ActorId, Post, PostId, ReplyId, ThreadRow
from fedblog.storage import actors
from fedblog.storage.rows import POST, POST_FROM, THREAD_ROW, read_post, read_thread_rows
from fedblog.storage.tx import Tx, chunks, marks
from fedblog.text.search import Term, to_fts5, to_tsquery, to_tsvector, words_of

Scope = Literal["all", "posts", "replies"]
MOST = 500  # the best of what matches; nobody reads on
_POST_SHOWN = "p.status = 'published' AND p.visibility = 'public'"
_REPLY_SHOWN = "r.shown = 1 AND r.state = 'published' AND r.visibility = 'public' AND a.indexable = 1"
_SCOPES: dict[Scope, str] = {
    "all": f"(d.reply_id IS NULL OR ({_REPLY_SHOWN}))",
    "posts": "d.reply_id IS NULL",
    "replies": f"d.reply_id IS NOT NULL AND {_REPLY_SHOWN}",
}
# An edit tells its time; what changes a text without one changes its length.
_POST_STAMP = "p.version"
_REPLY_STAMP = "coalesce(r.edited_at, r.published_at) * 1000 + length(r.content_html) % 1000"


class Document(NamedTuple):
    """The text of a post (`reply_id` None) or of a reply, as plain text."""

    post_id: PostId
    reply_id: ReplyId | None
    stamp: int
    title: str
    tags: str
    text: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to happen so that the index fits a post and its replies as of `version`."""

    version: int
    gone: tuple[int, ...]
    post_stamp: int | None
    replies: tuple[ReplyId, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """A post that was found, or a reply under it."""

    post: Post
    author: Actor
    row: ThreadRow | None


def outdated(tx: Tx, after: int, limit: int) -> tuple[list[PostId], int | None]:
    """Posts whose documents don't fit them, among the next `limit` by id; and where to go on, None at the end."""
    rows = tx.all(
        "SELECT th.post_id, th.thread_version, coalesce(s.version, 0) FROM threads th"
        " LEFT JOIN search_state s ON s.post_id = th.post_id WHERE th.post_id > $1 ORDER BY th.post_id LIMIT $2",
        after,
        limit,
    )
    found = [PostId(post_id) for post_id, version, known in rows if version != known]
    return found, rows[-1][0] if len(rows) == limit else None


def changes(tx: Tx, post_id: PostId) -> Changes | None:
    """How the documents of a post differ from what is there; None where there is no such post."""
    post = tx.one(f"SELECT th.thread_version, {_POST_STAMP}, {_POST_SHOWN} FROM {POST_FROM} WHERE p.id = $1", post_id)
    if post is None:
        return None
    version, stamp, shown = post
    kept = {
        reply_id: (doc_id, old)
        for doc_id, reply_id, old in tx.all("SELECT id, reply_id, stamp FROM search_docs WHERE post_id = $1", post_id)
    }
    wanted: dict[int | None, int] = {}
    if shown:
        rows = tx.all(
            f"SELECT r.id, {_REPLY_STAMP} FROM replies r JOIN actors a ON a.id = r.actor_id"
            f" WHERE r.post_id = $1 AND {_REPLY_SHOWN}",
            post_id,
        )
        wanted = {None: stamp, **dict(rows)}
    stale = {key for key, (_, old) in kept.items() if wanted.get(key) != old}
    fresh = [key for key in wanted if key not in kept or key in stale]
    return Changes(
        version=version,
        gone=tuple(kept[key][0] for key in stale),
        post_stamp=stamp if None in fresh else None,
        replies=tuple(ReplyId(key) for key in fresh if key is not None),
    )


def reply_texts(tx: Tx, ids: Sequence[ReplyId]) -> list[tuple[ReplyId, int, str, str]]:
    """(id, stamp, name and warning, HTML) of replies."""
    rows = tx.all(
        f"SELECT r.id, {_REPLY_STAMP}, r.name, r.content_warning, r.content_html FROM replies r"
        f" WHERE r.id IN ({marks(len(ids))})",
        *ids,
    )
    return [(ReplyId(row[0]), row[1], f"{row[2]} {row[3]}", row[4]) for row in rows]


def store(tx: Tx, documents: Iterable[Document], *, gone: Sequence[int] = ()) -> None:
    """Take documents out of the index, and put others in."""
    column = "rowid" if tx.engine == "sqlite" else "id"
    documents = list(documents)
    tx.lock(*{f"search:{document.post_id}" for document in documents})
    for some in chunks(gone):
        tx.run(f"DELETE FROM search_index WHERE {column} IN ({marks(len(some))})", *some)
        tx.run(f"DELETE FROM search_docs WHERE id IN ({marks(len(some))})", *some)
    for document in documents:
        # Two processes may index the same post; the later one replaces what the earlier one put there.
        known = tx.all(
            "SELECT id FROM search_docs WHERE post_id = $1 AND coalesce(reply_id, 0) = $2",
            document.post_id,
            document.reply_id or 0,
        )
        for (doc_id,) in known:
            tx.run(f"DELETE FROM search_index WHERE {column} = $1", doc_id)
            tx.run("DELETE FROM search_docs WHERE id = $1", doc_id)
        doc_id = tx.new_id()
        tx.run(
            "INSERT INTO search_docs (id, post_id, reply_id, stamp) VALUES ($1, $2, $3, $4)",
            doc_id,
            document.post_id,
            document.reply_id,
            document.stamp,
        )
        _store_words(tx, doc_id, document)


def _store_words(tx: Tx, doc_id: int, document: Document) -> None:
    if tx.engine == "postgresql":
        vector = to_tsvector(document.title, document.tags, document.text)
        tx.run("INSERT INTO search_index (id, words) VALUES ($1, $2::tsvector)", doc_id, vector)
        return
    tx.run(
        "INSERT INTO search_index (rowid, title, tags, body) VALUES ($1, $2, $3, $4)",
        doc_id,
        " ".join(words_of(document.title)),
        " ".join(words_of(document.tags)),
        " ".join(words_of(document.text)),
    )


def settle(tx: Tx, post_id: PostId, version: int) -> None:
    """The documents of a post fit this version of it."""
    tx.run(
        "INSERT INTO search_state (post_id, version) VALUES ($1, $2)"
        " ON CONFLICT (post_id) DO UPDATE SET version = excluded.version",
        post_id,
        version,
    )


def find(tx: Tx, terms: Sequence[Term], *, scope: Scope = "all", limit: int, offset: int = 0) -> tuple[list[Hit], int]:
    """The best hits from `offset`, and how many there are (at most `MOST`)."""
    if not terms:
        return [], 0
    if tx.engine == "postgresql":
        best = (
            "SELECT i.id, -ts_rank_cd('{0.1,0.2,0.5,1.0}', i.words, q.query, 1) AS score"
            " FROM search_index i, (SELECT $1::tsquery AS query) q WHERE i.words @@ q.query"
        )
        query = to_tsquery(terms)
    else:
        best = (
            "SELECT rowid AS id, bm25(search_index, 8.0, 4.0, 1.0) AS score FROM search_index"
            " WHERE search_index MATCH $1"
        )
        query = to_fts5(terms)
    rows = tx.all(
        f"SELECT d.post_id, d.reply_id FROM ({best}) b JOIN search_docs d ON d.id = b.id"
        " JOIN posts p ON p.id = d.post_id LEFT JOIN replies r ON r.id = d.reply_id"
        f" LEFT JOIN actors a ON a.id = r.actor_id WHERE {_POST_SHOWN} AND {_SCOPES[scope]}"
        f" ORDER BY b.score, p.published_at DESC, d.id DESC LIMIT {MOST}",
        query,
    )
    return _read_hits(tx, rows[offset : offset + limit]), len(rows)


def _read_hits(tx: Tx, places: Sequence[tuple[int, int | None]]) -> list[Hit]:
    if not places:
        return []
    post_ids = list({post_id for post_id, _ in places})
    reply_ids = [reply_id for _, reply_id in places if reply_id is not None]
    found = {
        row[0]: read_post(row)
        for row in tx.all(f"SELECT {POST} FROM {POST_FROM} WHERE p.id IN ({marks(len(post_ids))})", *post_ids)
    }
    rows = (
        tx.all(
            f"SELECT {THREAD_ROW} FROM replies r JOIN actors a ON a.id = r.actor_id"
            f" WHERE r.id IN ({marks(len(reply_ids))})",
            *reply_ids,
        )
        if reply_ids
        else []
    )
    replies = {row.reply.id: row for row in read_thread_rows(rows)}
    authors = actors.by_ids(tx, list({ActorId(post.author_id) for post in found.values()}))
    return [
        Hit(found[post_id], authors[found[post_id].author_id], None if reply_id is None else replies[ReplyId(reply_id)])
        for post_id, reply_id in places
    ]
