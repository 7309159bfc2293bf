"""What the fediverse did, day by day (UTC): replies, likes, boosts, follows, and how many followers there were."""

from __future__ import annotations

from fedblog.blog.model import ActorId
from fedblog.storage import actors
from fedblog.storage.stats import DAY, Scope
from fedblog.storage.tx import Tx

KINDS = ("reply", "like", "announce")
_MINE = "q.post_id IN (SELECT p.id FROM posts p WHERE p.author_id = $3)"


def by_day(tx: Tx, scope: Scope, kind: str) -> dict[int, int]:
    """How many replies of others (`reply`), likes (`like`) or boosts (`announce`) arrived on each day that has any.

    Private ones are nobody's number, and what was deleted or taken back since is not counted any more.
    """
    params: list[object] = [scope.first * DAY, (scope.last + 1) * DAY]
    mine = ""
    if scope.post_id is not None:
        params.append(scope.post_id)
        mine = " AND q.post_id = $3"
    elif scope.author_id is not None:
        params.append(scope.author_id)
        mine = f" AND {_MINE}"
    if kind == "reply":
        source = (
            "SELECT r.post_id, r.received_at AS at FROM replies r WHERE r.received_at >= $1 AND r.received_at < $2"
            " AND r.local = 0 AND r.shown = 1 AND r.state = 'published'"
        )
    else:
        params.append(kind)
        source = (
            "SELECT coalesce(x.post_id, r.post_id) AS post_id, x.created_at AS at FROM reactions x"
            " LEFT JOIN replies r ON r.id = x.reply_id WHERE x.created_at >= $1 AND x.created_at < $2"
            f" AND x.public = 1 AND x.kind = ${len(params)}"
        )
    rows = tx.all(f"SELECT q.at / {DAY}, count(*) FROM ({source}) q WHERE 1 = 1{mine} GROUP BY q.at / {DAY}", *params)
    return {int(day): int(number) for day, number in rows}


def follows_by_day(tx: Tx, target_id: ActorId | None, scope: Scope) -> dict[int, int]:
    """How many of today's followers of one of ours (None: of anybody here, each once) began on each day."""
    rows = tx.all(
        f"SELECT q.at / {DAY}, count(*) FROM ({_starts(target_id)}) q WHERE q.at >= $1 AND q.at < $2"
        f" GROUP BY q.at / {DAY}",
        scope.first * DAY,
        (scope.last + 1) * DAY,
        *_of(target_id),
    )
    return {int(day): int(number) for day, number in rows}


def _starts(target_id: ActorId | None, place: int = 3) -> str:
    whom = "" if target_id is None else f" AND target_id = ${place}"
    return f"SELECT min(created_at) AS at FROM followers WHERE state = 'accepted'{whom} GROUP BY actor_id"


def _of(target_id: ActorId | None) -> list[ActorId]:
    return [] if target_id is None else [target_id]


_COUNTED = (
    "FROM followers f JOIN actors b ON b.id = f.actor_id WHERE f.state = 'accepted'"
    " AND b.deleted_at IS NULL AND b.suspended_at IS NULL"
)


def keep_totals(tx: Tx) -> None:
    """Write down how many followers each of ours has today; the last word of a day stays.

    The instance's own actor, whom nobody follows, stands for everybody here together.
    """
    tx.run(
        "INSERT INTO stat_followers (day, actor_id, followers) SELECT CAST($1 AS BIGINT), a.id, CASE"
        f" WHEN a.local = 'instance' THEN (SELECT count(DISTINCT f.actor_id) {_COUNTED})"
        f" ELSE (SELECT count(*) {_COUNTED} AND f.target_id = a.id) END"
        " FROM actors a WHERE a.local <> '' AND a.deleted_at IS NULL"
        " ON CONFLICT (day, actor_id) DO UPDATE SET followers = excluded.followers",
        tx.now // DAY,
    )


def totals_by_day(tx: Tx, target_id: ActorId | None, first: int, last: int) -> list[tuple[int, int]]:
    """(day, followers) of one of ours (None: of anybody here) for every day.

    Days that nobody wrote down are reckoned from the day before and from when those who follow now began to.
    """
    kept_for = target_id if target_id is not None else actors.instance(tx).id
    kept: dict[int, int] = dict(
        tx.all(
            "SELECT day, followers FROM stat_followers WHERE actor_id = $1 AND day >= $2 AND day <= $3",
            kept_for,
            first,
            last,
        )
    )
    known: int | None = tx.value(
        "SELECT followers FROM stat_followers WHERE actor_id = $1 AND day < $2 ORDER BY day DESC LIMIT 1",
        kept_for,
        first,
    )
    total = int(
        tx.value(f"SELECT count(*) FROM ({_starts(target_id, 2)}) q WHERE q.at < $1", first * DAY, *_of(target_id))
    )
    came = follows_by_day(tx, target_id, Scope(first, last))
    now = int(tx.value(f"SELECT count(*) FROM ({_starts(target_id, 1)}) q", *_of(target_id)))
    total = total if known is None else known
    found = []
    for day in range(first, last + 1):
        total = now if day == tx.now // DAY else kept.get(day, total + came.get(day, 0))
        found.append((day, total))
    return found


def first_follow_day(tx: Tx, target_id: ActorId | None) -> int | None:
    """The day of the first follow that is known."""
    first: int | None = tx.value(f"SELECT min(q.at) FROM ({_starts(target_id, 1)}) q", *_of(target_id))
    return None if first is None else first // DAY
