"""Public replies of others by when they came: what they are in need of is done for many at a time."""

from __future__ import annotations

from fedblog.blog.model import PostId, ReplyId
from fedblog.storage.tx import Tx

#: Of `$1` the post, those received from `$2` to before `$3`.
CAME = (
    "r.post_id = $1 AND r.received_at >= $2 AND r.received_at < $3 AND r.local = 0 AND r.imported = 0"
    " AND r.visibility IN ('public', 'unlisted')"
)


def came(tx: Tx, post_id: PostId, since: int, until: int) -> bool:
    """Whether anything came from `since` to before `until`."""
    return tx.one(f"SELECT 1 FROM replies r WHERE {CAME} LIMIT 1", post_id, since, until) is not None


def next_ones(tx: Tx, post_id: PostId, since: int, until: int, *, after: ReplyId, limit: int) -> list[ReplyId]:
    """The next `limit` of what came and still stands, behind the reply `after`."""
    rows = tx.all(
        f"SELECT r.id FROM replies r WHERE {CAME} AND r.state <> 'removed' AND r.id > $4 ORDER BY r.id LIMIT $5",
        post_id,
        since,
        until,
        after,
        limit,
    )
    return [ReplyId(row[0]) for row in rows]
