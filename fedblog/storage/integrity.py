"""Checks of what is stored: the file, its references, and the counters against what they count."""

from __future__ import annotations

from fedblog.storage.tx import Tx

# ruff: noqa: ISC004
_COUNTERS = (
    (
        "reply_count of post",
        "SELECT p.post_id, p.reply_count, (SELECT count(*) FROM replies r WHERE r.post_id = p.post_id AND r.shown = 1"
        " AND r.state = 'published') AS counted FROM threads p",
    ),
    (
        "like_count of post",
        "SELECT p.post_id, p.like_count, (SELECT count(*) FROM reactions x WHERE x.post_id = p.post_id"
        " AND x.kind = 'like' AND x.public = 1) AS counted FROM threads p",
    ),
    (
        "announce_count of post",
        "SELECT p.post_id, p.announce_count, (SELECT count(*) FROM reactions x WHERE x.post_id = p.post_id"
        " AND x.kind = 'announce' AND x.public = 1) AS counted FROM threads p",
    ),
    (
        "like_count of reply",
        "SELECT p.id, p.like_count, (SELECT count(*) FROM reactions x WHERE x.reply_id = p.id AND x.kind = 'like'"
        " AND x.public = 1) AS counted FROM replies p",
    ),
    (
        "announce_count of reply",
        "SELECT p.id, p.announce_count, (SELECT count(*) FROM reactions x WHERE x.reply_id = p.id"
        " AND x.kind = 'announce' AND x.public = 1) AS counted FROM replies p",
    ),
)
_TREE = (
    (
        "reply shown though it or something above it is not public",
        "SELECT r.id FROM replies r LEFT JOIN replies q ON q.id = r.parent_id WHERE r.shown = 1 AND"
        " (r.state NOT IN ('published', 'removed') OR r.visibility NOT IN ('public', 'unlisted') OR q.shown = 0)",
    ),
    (
        "reply hidden though it and everything above it is public",
        "SELECT r.id FROM replies r LEFT JOIN replies q ON q.id = r.parent_id WHERE r.shown = 0"
        " AND r.state = 'published' AND r.visibility IN ('public', 'unlisted') AND (q.id IS NULL OR q.shown = 1)",
    ),
    (
        "reply in the tree without its place",
        "SELECT r.id FROM replies r LEFT JOIN replies q ON q.id = r.parent_id WHERE r.state <> 'orphan' AND"
        " (r.post_id IS NULL OR r.path = '' OR q.post_id <> r.post_id OR r.depth <> coalesce(q.depth, 0) + 1)",
    ),
    (
        "orphan whose parent is here",
        "SELECT r.id FROM replies r JOIN replies q ON q.uri = r.in_reply_to"
        " WHERE r.state = 'orphan' AND q.state <> 'orphan'",
    ),
)


def problems(tx: Tx) -> list[str]:
    """One line for each problem; an empty list is good news. Reads everything."""
    found = _file_problems(tx) if tx.engine == "sqlite" else []
    if found:
        return found
    for name, sql in _COUNTERS:
        rows = tx.all(f"SELECT * FROM ({sql}) c WHERE c.counted <> c.{name.split()[0]}")
        found += [f"{name} {row[0]}: {row[1]} stored, {row[2]} counted" for row in rows]
    for name, sql in _TREE:
        found += [f"{name}: {row[0]}" for row in tx.all(sql)]
    return found


def _file_problems(tx: Tx) -> list[str]:
    lines = [str(row[0]) for row in tx.all("PRAGMA integrity_check")]
    found = [] if lines == ["ok"] else lines
    for table, rowid, parent, _ in tx.all("PRAGMA foreign_key_check"):
        found.append(f"{table} row {rowid} points to a missing row of {parent}")
    return found
