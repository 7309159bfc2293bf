"""The inbox's memory: what was decided and why, what was received already, and what was undone before it came."""

from __future__ import annotations

from collections.abc import Sequence

from fedblog.blog.ledger import InboxLogEntry
from fedblog.storage.tx import Row, Tx, put

LOG_ROWS = 10_000
# The log is trimmed now and then, and by more than it grows meanwhile.
_TRIM_TO = 9_000
_TRIM_BITS = 6
REMEMBER_SECONDS = 30 * 86_400
_TEXT_LIMIT = 2_048
_ENTRY = "id, received_at, activity_uri, type, actor_uri, host, status, reason, detail"


def log(
    tx: Tx,
    *,
    activity_uri: str,
    type: str,  # noqa: A002 - the protocol's word
    actor_uri: str,
    host: str,
    status: int,
    reason: str,
    detail: str,
) -> None:
    """Keep one decision; about the newest 10,000 stay."""
    log_all(tx, [(activity_uri, type, actor_uri, host, status, reason, detail)])


def log_all(tx: Tx, decisions: Sequence[tuple[str, str, str, str, int, str, str]]) -> None:
    """`log` for several: (activity_uri, type, actor_uri, host, status, reason, detail) of each."""
    rows = [
        (tx.new_id(), tx.now, *map(_shorten, told), status, reason, detail and _shorten(detail))
        for *told, status, reason, detail in decisions
    ]
    put(tx, f"inbox_log ({_ENTRY})", rows)
    if rows and tx.random_bits(_TRIM_BITS) < len(rows):
        _trim(tx)


def _shorten(text: str) -> str:
    """What strangers send goes into the log as it is, but no more than anybody reads and any column takes."""
    if len(text) <= _TEXT_LIMIT and text.isascii() and "\x00" not in text:
        return text
    return text[:_TEXT_LIMIT].encode(errors="replace").decode().replace("\x00", "�")


def _trim(tx: Tx) -> None:
    tx.run("DELETE FROM inbox_log WHERE id <= (SELECT id FROM inbox_log ORDER BY id DESC LIMIT 1 OFFSET $1)", _TRIM_TO)


def entries(
    tx: Tx, *, limit: int, before_id: int | None = None, refused_only: bool = False, host: str | None = None
) -> list[InboxLogEntry]:
    """Decisions, newest first; `refused_only`: those with a reason."""
    where, params = "id < $1", list[object]([2**62 if before_id is None else before_id])
    if refused_only:
        where += " AND status >= 300"
    if host is not None:
        params.append(host)
        where += f" AND host = ${len(params)}"
    params.append(limit)
    rows = tx.all(f"SELECT {_ENTRY} FROM inbox_log WHERE {where} ORDER BY id DESC LIMIT ${len(params)}", *params)
    return [_read(row) for row in rows]


def by_activity(tx: Tx, uri: str) -> list[InboxLogEntry]:
    """Every decision about an activity id, newest first."""
    rows = tx.all(f"SELECT {_ENTRY} FROM inbox_log WHERE activity_uri = $1 ORDER BY id DESC", uri)
    return [_read(row) for row in rows]


def _read(row: Row) -> InboxLogEntry:
    return InboxLogEntry(*row)


def was_received(tx: Tx, type: str, uri: str, actor_uri: str) -> bool:  # noqa: A002 - the protocol's word
    """Whether an activity of this type, id and actor was taken (INB-05)."""
    # Rows of versions that did not keep the actor hold for every one.
    found = tx.one(
        "SELECT 1 FROM received WHERE uri = $1 AND type = $2 AND actor_uri IN ($3, '')", uri, type, actor_uri
    )
    return found is not None


def receive(tx: Tx, type: str, uri: str, actor_uri: str) -> bool:  # noqa: A002 - the protocol's word
    """Remember that an activity is taken; False if it was before."""
    inserted = tx.run(
        "INSERT INTO received (type, uri, actor_uri, received_at) SELECT $1, $2, $3, $4 WHERE NOT EXISTS"
        " (SELECT 1 FROM received r WHERE r.uri = $2 AND r.type = $1 AND r.actor_uri = '')"
        " ON CONFLICT (uri, type, actor_uri) DO NOTHING",
        type,
        uri,
        actor_uri,
        tx.now,
    )
    return inserted > 0


def receive_new(tx: Tx, keys: Sequence[tuple[str, str, str]]) -> None:
    """Remember that activities are taken that were not taken before: (type, uri, actor_uri) of each."""
    put(tx, "received (type, uri, actor_uri, received_at)", [(*key, tx.now) for key in keys])


def remember_undo(
    tx: Tx,
    actor_uri: str,
    type: str,  # noqa: A002 - the protocol's word
    object_uri: str,
    activity_uri: str,
    until: int,
) -> None:
    """An Undo came before its act: keep that act out until then (INB-22). What is not known of it is ""."""
    tx.run(
        "INSERT INTO undone (actor_uri, type, object_uri, activity_uri, until) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (actor_uri, type, object_uri, activity_uri) DO UPDATE SET until = excluded.until",
        actor_uri,
        type,
        object_uri,
        activity_uri,
        until,
    )


def was_undone(
    tx: Tx,
    actor_uri: str,
    type: str,  # noqa: A002 - the protocol's word
    object_uri: str,
    activity_uri: str,
) -> bool:
    """Whether this act was undone before it came: by its id, or, where the Undo named none, by type and object."""
    found = tx.one(
        "SELECT 1 FROM undone WHERE actor_uri = $1 AND until > $2 AND ((activity_uri <> '' AND activity_uri = $3)"
        " OR (activity_uri = '' AND type = $4 AND object_uri = $5))",
        actor_uri,
        tx.now,
        activity_uri,
        type,
        object_uri,
    )
    return found is not None


def prune(tx: Tx) -> None:
    """Forget what is past: the log's oldest rows, ids taken 30 days ago, undos whose time is over."""
    _trim(tx)
    tx.run("DELETE FROM received WHERE received_at < $1", tx.now - REMEMBER_SECONDS)
    tx.run("DELETE FROM undone WHERE until <= $1", tx.now)
