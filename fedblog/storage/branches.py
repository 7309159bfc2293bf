"""What stands around a reply: above it, below it, and the orphans that wait for it."""

from __future__ import annotations

from fedblog.blog.model import Actor, Reply, ReplyId
from fedblog.storage.rows import ACTOR, REPLY, read_actor, read_reply
from fedblog.storage.tx import Tx


def waiting_orphans(tx: Tx, in_reply_to: str) -> list[Reply]:
    """Replies that wait for the object with this id."""
    rows = tx.all(
        f"SELECT {REPLY} FROM replies r WHERE r.state = 'orphan' AND r.in_reply_to = $1 ORDER BY r.published_at, r.id",
        in_reply_to,
    )
    return [read_reply(row) for row in rows]


def drop_orphans(tx: Tx, before: int) -> int:
    """Forget orphans received before a time; how many there were."""
    old = "SELECT id FROM replies WHERE state = 'orphan' AND received_at < $1"
    tx.run(f"DELETE FROM reactions WHERE reply_id IN ({old})", before)
    return tx.run("DELETE FROM replies WHERE state = 'orphan' AND received_at < $1", before)


def below(tx: Tx, reply_id: ReplyId) -> list[Reply]:
    """Everything of others below a reply, parents before children."""
    rows = tx.all(
        "WITH RECURSIVE branch (id) AS (SELECT c.id FROM replies c WHERE c.parent_id = $1"
        " UNION ALL SELECT c.id FROM branch b JOIN replies c ON c.parent_id = b.id)"
        f" SELECT {REPLY} FROM replies r JOIN branch b ON b.id = r.id WHERE r.local = 0 ORDER BY r.depth, r.id",
        reply_id,
    )
    return [read_reply(row) for row in rows]


def above(tx: Tx, reply_id: ReplyId) -> str:
    """The id of the reply or post that a reply stands under, "" for one outside of any post."""
    found = tx.value(
        "SELECT coalesce(q.uri, p.uri) FROM replies r LEFT JOIN replies q ON q.id = r.parent_id"
        " LEFT JOIN posts p ON p.id = r.post_id WHERE r.id = $1",
        reply_id,
    )
    return str(found or "")


def children(tx: Tx, reply_id: ReplyId, limit: int) -> list[ReplyId]:
    """What answers a reply directly, the first ones."""
    rows = tx.all("SELECT id FROM replies WHERE parent_id = $1 ORDER BY published_at, id LIMIT $2", reply_id, limit)
    return [ReplyId(row[0]) for row in rows]


def branch_actors(tx: Tx, reply_id: ReplyId) -> list[Actor]:
    """Authors of the reply and of everything above it, nearest first, each once."""
    rows = tx.all(
        "WITH RECURSIVE above (id, parent_id, actor_id, step) AS ("
        " SELECT r.id, r.parent_id, r.actor_id, 0 FROM replies r WHERE r.id = $1"
        " UNION ALL SELECT r.id, r.parent_id, r.actor_id, b.step + 1 FROM above b JOIN replies r ON r.id = b.parent_id)"
        f" SELECT {ACTOR} FROM (SELECT actor_id, min(step) AS step FROM above GROUP BY actor_id) n"
        " JOIN actors a ON a.id = n.actor_id ORDER BY n.step",
        reply_id,
    )
    return [read_actor(row) for row in rows]
