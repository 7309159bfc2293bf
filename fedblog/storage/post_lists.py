"""The studio's list of posts: by tab, author, tag and words, with a count for each tab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedblog.blog.model import ActorId, Post
from fedblog.storage.rows import POST, POST_FROM, read_post
from fedblog.storage.tx import Tx

Tab = Literal["", "draft", "scheduled", "published", "unpublished", "trash"]
TABS: tuple[Tab, ...] = ("", "draft", "scheduled", "published", "unpublished", "trash")
_KEPT = "p.status <> 'deleted'"
_TABS: dict[Tab, str] = {
    "": f"{_KEPT} AND p.trashed_at IS NULL",
    "draft": "p.status = 'draft' AND p.trashed_at IS NULL AND p.scheduled_at IS NULL",
    "scheduled": f"{_KEPT} AND p.scheduled_at IS NOT NULL AND p.trashed_at IS NULL",
    "published": "p.status = 'published'",
    "unpublished": "p.status = 'unpublished' AND p.trashed_at IS NULL AND p.scheduled_at IS NULL",
    "trash": f"{_KEPT} AND p.trashed_at IS NOT NULL",
}
_ORDER: dict[Tab, str] = {
    "scheduled": "p.scheduled_at, p.id",
    "trash": "p.trashed_at DESC, p.id DESC",
}
_NEWEST = "coalesce(p.edited_at, p.published_at, p.created_at) DESC, p.id DESC"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the list shows. `author_id` None: everybody's; `tag` folded; `search` in title and text."""

    tab: Tab = ""
    author_id: ActorId | None = None
    tag: str = ""
    search: str = ""


def page(tx: Tx, wanted: Wanted, *, skip: int, limit: int) -> list[Post]:
    """A page of it: the last touched first; what is planned, by its time."""
    where, params = _where(wanted)
    rows = tx.all(
        f"SELECT {POST} FROM {POST_FROM} WHERE {_TABS[wanted.tab]}{where} ORDER BY {_ORDER.get(wanted.tab, _NEWEST)}"
        f" LIMIT ${len(params) + 1} OFFSET ${len(params) + 2}",
        *params,
        limit,
        skip,
    )
    return [read_post(row) for row in rows]


def counts(tx: Tx, wanted: Wanted) -> dict[Tab, int]:
    """How many posts each tab has, with the other wishes as they are."""
    where, params = _where(wanted)
    sums = ", ".join(f"coalesce(sum(CASE WHEN {_TABS[tab]} THEN 1 ELSE 0 END), 0)" for tab in TABS)
    row = tx.all(f"SELECT {sums} FROM posts p WHERE {_KEPT}{where}", *params)[0]
    return {tab: int(number) for tab, number in zip(TABS, row, strict=True)}


def tags(tx: Tx, author_id: ActorId | None) -> list[tuple[str, str]]:
    """(folded, as written) of every tag that posts have, by name."""
    mine, params = ("", list[object]()) if author_id is None else (" AND p.author_id = $1", [author_id])
    rows = tx.all(
        f"SELECT t.tag, min(t.name) FROM post_tags t JOIN posts p ON p.id = t.post_id WHERE {_KEPT}{mine}"
        " GROUP BY t.tag ORDER BY t.tag",
        *params,
    )
    return [(tag, name) for tag, name in rows]


def _where(wanted: Wanted) -> tuple[str, list[object]]:
    where, params = "", list[object]()
    if wanted.author_id is not None:
        params.append(wanted.author_id)
        where += f" AND p.author_id = ${len(params)}"
    if wanted.tag:
        params.append(wanted.tag)
        where += f" AND p.id IN (SELECT t.post_id FROM post_tags t WHERE t.tag = ${len(params)})"
    if wanted.search:
        words = wanted.search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        params.append(f"%{words}%")
        like = f"LIKE lower(${len(params)}) ESCAPE '\\'"
        where += f" AND (lower(p.title) {like} OR lower(p.source) {like})"
    return where, params
