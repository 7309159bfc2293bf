"""Blocks, who blocks us, and reports from other servers."""

from __future__ import annotations

import json
import re
from functools import lru_cache

from fedblog.blog.ledger import Block, Report
from fedblog.blog.model import ActorId
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Tx, marks

_REMEMBERED_LABELS = 6
_TAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.~+-]*\Z")
_REPORT = "id, activity_uri, reporter_uri, objects, content, created_at, resolved_at"


def block(tx: Tx, kind: str, value: str, reason: str) -> None:
    """Hear an actor (`kind` actor, `value` its URI) or a domain with its subdomains no more; their follows end.

    Kind `account`: somebody whose id nobody here knows, by `name@host`; they are blocked when it becomes known. Kind
    `limit`, of a domain: everything goes on, but what comes from there waits for an approval (LIFE-05).
    """
    value = _plain(kind, value)
    # Who has just found nobody blocked has stored the reply when the caller hides what is there; who comes later waits.
    tx.lock_all()
    tx.run(
        "INSERT INTO blocks (kind, value, reason, created_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (kind, value) DO UPDATE SET reason = excluded.reason, import_id = NULL",
        kind,
        value,
        reason,
        tx.now,
    )
    if kind in ("limit", "account"):
        return
    # Of a domain: by handle and by id, which may be on different hosts.
    of_actor, params = "a.uri = $1", [value]
    if kind == "domain":
        params += id_patterns(value)
        of_actor = "a.domain = $1 OR substr(a.domain, length(a.domain) - length($1)) = '.' || $1"
        of_actor += "".join(f" OR a.uri LIKE ${number} ESCAPE '\\'" for number in range(2, len(params) + 1))
    tx.run(
        f"DELETE FROM followers WHERE actor_id IN (SELECT a.id FROM actors a WHERE a.local = '' AND ({of_actor}))",
        *params,
    )


def id_patterns(domain: str) -> list[str]:
    """What ids on a domain and below it look like, for `LIKE … ESCAPE '\\'`; without a port it means every port."""
    plain = domain.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    ends = ("/",) if ":" in domain else ("/", ":")
    return [f"%://{before}{plain}{end}%" for before in ("", "%.") for end in ends]


def unblock(tx: Tx, kind: str, value: str) -> bool:
    """Hear them again; False if they were not blocked."""
    value = _plain(kind, value)
    return tx.run("DELETE FROM blocks WHERE kind = $1 AND value = $2", kind, value) > 0


def met(tx: Tx, uri: str, handle: str) -> bool:
    """Somebody's id is known now: a block that had only their handle (`account`) becomes one of them (`actor`).
    Whether there was one."""
    handle = handle.lower()
    if tx.one("SELECT 1 FROM blocks WHERE kind = 'account' AND value = $1", handle) is None:
        return False
    tx.lock_all()
    tx.run(
        "INSERT INTO blocks (kind, value, reason, created_at, import_id)"
        " SELECT 'actor', $1, b.reason, b.created_at, b.import_id FROM blocks b WHERE b.kind = 'account'"
        " AND b.value = $2 ON CONFLICT (kind, value) DO NOTHING",
        uri,
        handle,
    )
    return tx.run("DELETE FROM blocks WHERE kind = 'account' AND value = $1", handle) > 0


def _plain(kind: str, value: str) -> str:
    return value if kind == "actor" else value.strip().lower().removesuffix(".")


def blocks(tx: Tx) -> list[Block]:
    """All blocks, by kind and value."""
    rows = tx.all("SELECT kind, value, reason, created_at FROM blocks ORDER BY kind, value")
    return [Block(*row) for row in rows]


def blocked_handles(tx: Tx) -> list[str]:
    """Blocked people as `name@host`, by their ids where nobody knows the handle or a spreadsheet would run it."""
    rows = tx.all(
        "SELECT b.value, a.username, a.domain FROM blocks b LEFT JOIN actors a ON b.kind = 'actor' AND a.uri = b.value"
        " WHERE b.kind IN ('actor', 'account') ORDER BY b.kind, b.value"
    )
    return [f"{name}@{domain}" if name and _TAME.match(name) else value for value, name, domain in rows]


def is_blocked(tx: Tx, *, actor_uri: str, host: str) -> bool:
    """Whether the actor, its host or a domain above that is blocked."""
    domains = domains_of(host)
    found = tx.one(
        "SELECT 1 FROM blocks WHERE (kind = 'actor' AND value = $1)"
        f" OR (kind = 'domain' AND value IN ({marks(len(domains), 2)}))",
        actor_uri,
        *domains,
    )
    return found is not None


def is_limited(tx: Tx, host: str) -> bool:
    """Whether what comes from a host, or from below a limited domain, is held for moderation."""
    domains = domains_of(host)
    found = tx.one(f"SELECT 1 FROM blocks WHERE kind = 'limit' AND value IN ({marks(len(domains))})", *domains)
    return found is not None


def domains_of(host: str) -> tuple[str, ...]:
    """The host, with its port if it has one, and every domain above it."""
    # Long ones are a stranger's choice, and would fill the memory.
    return _short_domains(host) if host.count(".") <= _REMEMBERED_LABELS else _domains(host)


def _domains(host: str) -> tuple[str, ...]:
    host = host.lower()
    labels = host.partition(":")[0].split(".")
    # A host name has at most 127 labels.
    return (host, *(".".join(labels[number:]) for number in range(min(len(labels), 127))))


_short_domains = lru_cache(4_096)(_domains)


def blocked_by_add(tx: Tx, actor_id: ActorId, target_id: ActorId) -> None:
    """A remote actor blocks one of ours (INB-29): the follow ends and nothing is sent there."""
    tx.run(
        "INSERT INTO blocked_by (actor_id, target_id, created_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (actor_id, target_id) DO NOTHING",
        actor_id,
        target_id,
        tx.now,
    )
    tx.run("DELETE FROM followers WHERE actor_id = $1 AND target_id = $2", actor_id, target_id)


def blocked_by_remove(tx: Tx, actor_id: ActorId, target_id: ActorId) -> bool:
    """It blocks no more; the follow does not come back by itself. False if it did not."""
    return tx.run("DELETE FROM blocked_by WHERE actor_id = $1 AND target_id = $2", actor_id, target_id) > 0


def is_blocked_by(tx: Tx, actor_id: ActorId, target_id: ActorId) -> bool:
    """Whether a remote actor blocks one of ours."""
    return tx.one("SELECT 1 FROM blocked_by WHERE actor_id = $1 AND target_id = $2", actor_id, target_id) is not None


def add_report(tx: Tx, *, activity_uri: str, reporter_uri: str, objects: tuple[str, ...], content: str) -> bool:
    """Keep a report (INB-30); False if it was there."""
    known = tx.value("SELECT reporter_uri FROM reports WHERE activity_uri = $1", activity_uri)
    if known is not None and known != reporter_uri:
        activity_uri = f"{activity_uri} {reporter_uri}"  # somebody else on their server used the id first
    added = tx.run(
        f"INSERT INTO reports ({_REPORT}) VALUES ($1, $2, $3, $4, $5, $6, NULL) ON CONFLICT (activity_uri) DO NOTHING",
        tx.new_id(),
        activity_uri,
        reporter_uri,
        write_json(objects),
        content,
        tx.now,
    )
    return added > 0


def reports(tx: Tx, *, open_only: bool = False, limit: int = 200) -> list[Report]:
    """Reports, newest first."""
    where = "WHERE resolved_at IS NULL" if open_only else ""
    rows = tx.all(f"SELECT {_REPORT} FROM reports {where} ORDER BY id DESC LIMIT $1", limit)
    return [Report(row[0], row[1], row[2], tuple(json.loads(row[3])), *row[4:]) for row in rows]


def resolve_report(tx: Tx, report_id: int) -> bool:
    """An admin dealt with it; False if it was not open."""
    return tx.run("UPDATE reports SET resolved_at = $1 WHERE id = $2 AND resolved_at IS NULL", tx.now, report_id) > 0
