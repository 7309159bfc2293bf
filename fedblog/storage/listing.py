"""Lists of posts: for readers' pages with their texts, and by title for the archive, the sitemap, a series, neighbours
and the menu."""

from __future__ import annotations

from typing import NamedTuple

from fedblog.blog.model import ActorId, Post, PostId, PostStatus
from fedblog.storage.rows import POST, POST_FROM, read_post
from fedblog.storage.tx import Tx

_PUBLIC = "p.status = 'published' AND p.visibility = 'public'"
LISTED = f"{_PUBLIC} AND p.kind = 'post'"
_TITLED = "p.id, p.slug, p.title, p.published_at, coalesce(p.edited_at, p.published_at), a.username, a.name"
_FROM = "posts p JOIN actors a ON a.id = p.author_id"


class Titled(NamedTuple):
    """What a list of titles shows of a post."""

    id: PostId
    slug: str
    title: str
    published_at: int
    changed_at: int
    username: str
    author: str


class Month(NamedTuple):
    """A month with posts (UTC)."""

    year: int
    month: int
    number: int


def count_addresses(tx: Tx) -> tuple[int, int | None]:
    """How many public posts and pages there are, and when one changed last."""
    row = tx.one(f"SELECT count(*), max(coalesce(p.edited_at, p.published_at)) FROM posts p WHERE {_PUBLIC}")
    return (row[0], row[1]) if row else (0, None)


def addresses(tx: Tx, *, offset: int, limit: int) -> list[Titled]:
    """Public posts and pages from the oldest on, so that a later one changes no earlier place."""
    rows = tx.all(
        f"SELECT {_TITLED} FROM {_FROM} WHERE {_PUBLIC} ORDER BY p.published_at, p.id LIMIT $1 OFFSET $2",
        limit,
        offset,
    )
    return [Titled(*row) for row in rows]


def months(tx: Tx) -> list[Month]:
    """Months with posts, the newest first."""
    if tx.engine == "postgresql":
        month = "to_char(to_timestamp(p.published_at) AT TIME ZONE 'UTC', 'YYYYMM')"
    else:
        month = "strftime('%Y%m', p.published_at, 'unixepoch')"
    rows = tx.all(f"SELECT {month} AS month, count(*) FROM posts p WHERE {LISTED} GROUP BY 1 ORDER BY 1 DESC")
    return [Month(int(text[:-2]), int(text[-2:]), count) for text, count in rows]


def between(tx: Tx, start: int, end: int, limit: int) -> list[Titled]:
    """Posts published in [start, end), the newest first."""
    rows = tx.all(
        f"SELECT {_TITLED} FROM {_FROM} WHERE {LISTED} AND p.published_at >= $1 AND p.published_at < $2"
        " ORDER BY p.published_at DESC, p.id DESC LIMIT $3",
        start,
        end,
        limit,
    )
    return [Titled(*row) for row in rows]


def neighbours(tx: Tx, post: Post) -> tuple[Titled | None, Titled | None]:
    """The public posts right before and right after this one."""
    sides = " UNION ALL ".join(
        f"SELECT * FROM (SELECT {older}, {_TITLED} FROM {_FROM} WHERE {LISTED}"
        f" AND (p.published_at, p.id) {sign} ($1, $2) ORDER BY p.published_at {order}, p.id {order} LIMIT 1) s{older}"
        for older, sign, order in ((1, "<", "DESC"), (0, ">", "ASC"))
    )
    found = {row[0]: Titled(*row[1:]) for row in tx.all(sides, post.published_at or 0, post.id)}
    return found.get(1), found.get(0)


def series(tx: Tx, slug: str) -> list[Titled]:
    """The parts of a series in their order: those with a position by it, then the others by date."""
    rows = tx.all(
        f"SELECT {_TITLED} FROM {_FROM} WHERE {LISTED} AND p.series_slug = $1"
        " ORDER BY CASE p.series_position WHEN 0 THEN 1 ELSE 0 END, p.series_position, p.published_at, p.id",
        slug,
    )
    return [Titled(*row) for row in rows]


def series_name(tx: Tx, slug: str) -> str:
    """The name of a series as its newest part writes it, "" for none."""
    found = tx.value(
        f"SELECT p.series FROM posts p WHERE {LISTED} AND p.series_slug = $1 ORDER BY p.published_at DESC LIMIT 1",
        slug,
    )
    return str(found or "")


def all_series(tx: Tx) -> list[tuple[str, str, int]]:
    """(slug, name, number of parts) of every series, by name."""
    rows = tx.all(
        f"SELECT p.series_slug, max(p.series), count(*) FROM posts p WHERE {LISTED} AND p.series_slug <> ''"
        " GROUP BY p.series_slug ORDER BY 2"
    )
    return [(slug, name, count) for slug, name, count in rows]


def pages(tx: Tx) -> list[Titled]:
    """The pages of the site's menu: those with a position by it, then the others by date."""
    rows = tx.all(
        f"SELECT {_TITLED} FROM {_FROM} WHERE {_PUBLIC} AND p.kind = 'page'"
        " ORDER BY CASE p.series_position WHEN 0 THEN 1 ELSE 0 END, p.series_position, p.published_at, p.id"
    )
    return [Titled(*row) for row in rows]


def around(tx: Tx, post: Post) -> list[PostId]:
    """Posts whose pages name this one: its neighbours, and the other parts of its series."""
    near = [one.id for one in neighbours(tx, post) if one is not None]
    parts = [one.id for one in series(tx, post.series_slug)] if post.series_slug else []
    return sorted({*near, *parts} - {post.id})


def list_public(
    tx: Tx,
    *,
    author_id: ActorId | None = None,
    tag: str | None = None,
    series: str | None = None,
    before: tuple[int, int] | None = None,
    limit: int,
    federated: bool = False,
) -> list[Post]:
    """Published public posts, newest first; `before` is (published_at, id) of the last one on the page before.

    `federated`: only those that have an id elsewhere."""
    where, params = _public_where(author_id, tag)
    where += " AND p.federated = 1" if federated else ""
    if series is not None:
        params.append(series)
        where += f" AND p.series_slug = ${len(params)}"
    if before is not None:
        where += f" AND (p.published_at, p.id) < (${len(params) + 1}, ${len(params) + 2})"
        params += list(before)
    params.append(limit)
    rows = tx.all(
        f"SELECT {POST} FROM {POST_FROM} WHERE {where} ORDER BY p.published_at DESC, p.id DESC LIMIT ${len(params)}",
        *params,
    )
    return [read_post(row) for row in rows]


def count_public(tx: Tx, author_id: ActorId | None = None, tag: str | None = None) -> int:
    """How many posts `list_public` has."""
    where, params = _public_where(author_id, tag)
    return int(tx.value(f"SELECT count(*) FROM posts p WHERE {where}", *params))


def _public_where(author_id: ActorId | None, tag: str | None) -> tuple[str, list[object]]:
    where, params = LISTED, list[object]()
    if author_id is not None:
        params.append(author_id)
        where += f" AND p.author_id = ${len(params)}"
    if tag is not None:
        params.append(tag.casefold())
        where += f" AND p.id IN (SELECT t.post_id FROM post_tags t WHERE t.tag = ${len(params)})"
    return where, params


def list_of_author(tx: Tx, author_id: ActorId | None, status: PostStatus | None) -> list[Post]:
    """All posts of an author (None: of everybody) in a status (None: all but deleted), the last touched first.
    What is in the trash is left out."""
    where, params = "p.status <> 'deleted' AND p.trashed_at IS NULL", list[object]()
    if status is not None:
        where, params = "p.status = $1 AND p.trashed_at IS NULL", [status.value]
    if author_id is not None:
        params.append(author_id)
        where += f" AND p.author_id = ${len(params)}"
    rows = tx.all(
        f"SELECT {POST} FROM {POST_FROM} WHERE {where}"
        " ORDER BY coalesce(p.edited_at, p.published_at, p.created_at) DESC, p.id DESC",
        *params,
    )
    return [read_post(row) for row in rows]


def tags(tx: Tx) -> list[tuple[str, str, int]]:
    """(tag, name as written, number of posts) of published public posts, by tag."""
    rows = tx.all(
        f"SELECT t.tag, min(t.name), count(*) FROM post_tags t JOIN posts p ON p.id = t.post_id WHERE {LISTED}"
        " GROUP BY t.tag ORDER BY t.tag"
    )
    return [(tag, name, count) for tag, name, count in rows]


def featured(tx: Tx, author_id: ActorId, limit: int = 5) -> list[str]:
    """Ids of the posts that an author pinned, the last pinned first; of the newest where nothing is (COL-07)."""
    chosen = [post.uri for post in pinned(tx, author_id) if post.federated]
    newest = [] if chosen else list_public(tx, author_id=author_id, limit=limit, federated=True)
    return [*chosen, *(post.uri for post in newest)][:limit]


def pinned(tx: Tx, author_id: ActorId | None = None) -> list[Post]:
    """The public posts that an author (None: anybody) pinned to the profile, the last pinned first."""
    where, params = _public_where(author_id, None)
    rows = tx.all(
        f"SELECT {POST} FROM {POST_FROM} WHERE {where} AND p.pinned_at IS NOT NULL"
        " ORDER BY p.pinned_at DESC, p.id DESC",
        *params,
    )
    return [read_post(row) for row in rows]
