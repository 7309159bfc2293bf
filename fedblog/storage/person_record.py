"""Everything that is kept about one person of another server, for them to see (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
from typing import Any

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.model import Actor
from fedblog.storage import branches, sources
from fedblog.storage.moderation import domains_of
from fedblog.storage.rows import ACTOR, read_actor, read_url
from fedblog.storage.tx import Row, Tx, marks

MAX_LOG = 10_000


def find(tx: Tx, typed: str) -> list[Actor]:
    """Remote people by @name@host, by id or by the address of their profile; nobody is asked. Raises `InvalidInput`."""
    uri = maybe_uri(typed.strip())
    if uri is not None:
        where, params = "a.uri = $1 OR a.url = $1", [str(uri)]
    else:
        handle = parse_acct(typed)
        where, params = "lower(a.username) = lower($1) AND a.domain = $2", [handle.name, handle.host]
    rows = tx.all(f"SELECT {ACTOR} FROM actors a WHERE a.local = '' AND ({where}) ORDER BY a.id", *params)
    return [read_actor(row) for row in rows]


def counts(tx: Tx, actor: Actor) -> dict[str, int]:
    """How much there is: replies, reactions, follows, reports (by them and about them)."""
    found = {
        name: int(tx.value(f"SELECT count(*) FROM {table} WHERE actor_id = $1", actor.id))
        for name, table in (("replies", "replies"), ("reactions", "reactions"), ("follows", "followers"))
    }
    reported = _moderation(tx, actor)
    return {**found, "reports": len(reported["reports_by_them"]) + len(reported["reports_about_them"])}


def held(tx: Tx, actor: Actor) -> dict[str, Any]:
    """All of it, as plain JSON. Times are Unix seconds."""
    row = tx.all("SELECT created_at, fetched_at, approved, moved_to, summary_html FROM actors WHERE id = $1", actor.id)[
        0
    ]
    return {
        "profile": {
            "id": actor.uri,
            "type": actor.type,
            "handle": actor.handle,
            "name": actor.name,
            "summary": row[4],
            "url": actor.url,
            "icon": actor.icon_url,
            "image": actor.image_url,
            "inbox": actor.inbox,
            "fields": [list(pair) for pair in actor.fields],
            "moved_to": row[3],
            "known_since": row[0],
            "fetched_at": row[1],
            "standing_here": {1: "trusted", -1: "known for spam"}.get(row[2], "nothing said"),
            "suspended_at": actor.suspended_at,
            "deleted_at": actor.deleted_at,
        },
        "keys": _rows(tx, "key_id, algorithm, public_pem", "keys WHERE actor_id = $1", actor.id),
        "replies": [
            _reply(tx, one) for one in tx.all(f"SELECT id, {_REPLY} FROM replies WHERE actor_id = $1", actor.id)
        ],
        "reactions": _rows(
            tx,
            "x.kind, x.emoji, x.activity_uri, coalesce(p.uri, r.uri) AS object, x.created_at",
            "reactions x LEFT JOIN posts p ON p.id = x.post_id LEFT JOIN replies r ON r.id = x.reply_id"
            " WHERE x.actor_id = $1",
            actor.id,
        ),
        "follows": _rows(
            tx,
            "t.uri AS target, f.state, f.follow_uri, f.created_at",
            "followers f JOIN actors t ON t.id = f.target_id WHERE f.actor_id = $1",
            actor.id,
        ),
        "quotes": _rows(
            tx, "uri, url, target_uri, state, published_at, created_at", "quotes WHERE actor_id = $1", actor.id
        ),
        "blocks_of_us": _rows(
            tx,
            "t.uri AS target, b.created_at",
            "blocked_by b JOIN actors t ON t.id = b.target_id WHERE b.actor_id = $1",
            actor.id,
        ),
        **_moderation(tx, actor),
        "inbox_log": _rows(
            tx,
            "received_at, activity_uri, type, status, reason",
            f"inbox_log WHERE actor_uri = $1 ORDER BY id DESC LIMIT {MAX_LOG}",
            actor.uri,
        ),
    }


_REPLY = (
    "uri, url, in_reply_to, state, reason, visibility, name, content_warning, content_html, language, published_at,"
    " edited_at, received_at, attachments"
)


def _reply(tx: Tx, row: Row) -> dict[str, Any]:
    found = dict(zip(_REPLY.replace(" ", "").split(","), row[1:], strict=True))
    found["attachments"] = json.loads(found["attachments"])
    found["url"] = read_url(found["uri"], found["url"])
    found["in_reply_to"] = found["in_reply_to"] or branches.above(tx, row[0])
    received = sources.original(tx, row[0])
    found["as_received"] = _json(received) if received else None
    return found


def _json(document: bytes) -> Any:
    try:
        return json.loads(document)
    except ValueError:
        return document.decode("utf-8", "replace")


def _moderation(tx: Tx, actor: Actor) -> dict[str, Any]:
    uris = {row[0] for row in tx.all("SELECT uri FROM replies WHERE actor_id = $1", actor.id)} | {actor.uri}
    above = dict.fromkeys((*domains_of(host_of(actor.uri)), *domains_of(actor.domain)))
    by_them: list[dict[str, Any]] = []
    about: list[dict[str, Any]] = []
    for reporter, objects, content, at in tx.all("SELECT reporter_uri, objects, content, created_at FROM reports"):
        named = json.loads(objects)
        if reporter == actor.uri:
            by_them.append({"objects": named, "content": content, "created_at": at})
        if uris & set(named):  # who reported is not theirs to know
            about.append({"objects": sorted(uris & set(named)), "created_at": at})
    return {
        "reports_by_them": by_them,
        "reports_about_them": about,
        "decisions": _rows(
            tx,
            "r.uri AS reply, d.kind, d.created_at, d.undone_at",
            "decisions d JOIN replies r ON r.id = d.reply_id WHERE r.actor_id = $1",
            actor.id,
        ),
        "blocks": _rows(
            tx,
            "kind, value, reason, created_at",
            "blocks WHERE (kind = 'actor' AND value = $1) OR (kind = 'account' AND value = $2)"
            f" OR (kind IN ('domain', 'limit') AND value IN ({marks(len(above), 3)}))",
            actor.uri,
            f"{actor.username}@{actor.domain}".lower(),
            *above,
        ),
    }


def _rows(tx: Tx, columns: str, source: str, *params: Any) -> list[dict[str, Any]]:
    names = [one.strip().rpartition(" ")[2].rpartition(".")[2] for one in _split(columns)]
    return [dict(zip(names, row, strict=True)) for row in tx.all(f"SELECT {columns} FROM {source}", *params)]


def _split(columns: str) -> list[str]:
    """At the commas outside of brackets."""
    parts, depth = [""], 0
    for char in columns:
        depth += (char == "(") - (char == ")")
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts
