"""From an activity to its deliveries, one for each distinct inbox (DLV-01, DLV-02).

Left out are ours, deleted and suspended actors, blocked actors and domains, and who blocks the sender. An Update or a
Delete also goes wherever the object went before. A Delete takes back what nobody got yet (DLV-09).

Many followers are taken a step at a time, each a transaction of its own, so that nobody else waits for long. How far it
came is in the activity's row, and no inbox gets the same activity twice: whoever goes on after a crash loses nothing.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Collection
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from fedblog.activitypub.urls import host_of, maybe_uri
from fedblog.blog.ledger import ActivityId
from fedblog.storage.hosts import closed_hosts
from fedblog.storage.outgoing import Audience
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Event, Tx, chunks, marks

STEP = 1_000  # followers, or inboxes, a transaction
# A delivery that nobody got and nobody is to get, kept until the Delete is expanded: its inbox needs no Delete.
_WITHDRAWN = "withdrawn"
_REACHABLE = (
    "a.local = '' AND a.deleted_at IS NULL AND a.suspended_at IS NULL AND a.inbox <> ''"
    " AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.kind = 'actor' AND b.value = a.uri)"
    " AND NOT EXISTS (SELECT 1 FROM blocked_by y WHERE y.actor_id = a.id AND y.target_id = $1)"
)
_SHARED = "CASE WHEN a.shared_inbox <> '' THEN a.shared_inbox ELSE a.inbox END"


class _Activity(NamedTuple):
    """What a step has to know of it; `after` is the last inbox or follower that was looked at in its `phase`."""

    id: ActivityId
    actor_id: int
    type: str
    object_uri: str
    audience: Audience
    public: bool
    phase: str
    after: str | int


class Progress(Enum):
    """What a step came to."""

    DONE = "done"  # all deliveries are made
    MORE = "more"  # there are more to make
    WAITS = "waits"  # for an earlier activity about the same object, nothing was done


def expand(tx: Tx, activity_id: ActivityId) -> int:
    """Make all deliveries of an activity, and of those that it waits for; how many of its own. Nothing is done the
    second time."""
    activity = _read(tx, activity_id)
    if activity is None:
        return 0
    for earlier in _waited_for(tx, activity):
        expand(tx, earlier)
    while expand_some(tx, activity_id) is Progress.MORE:
        pass
    return int(tx.value("SELECT count(*) FROM deliveries WHERE activity_id = $1", activity_id))


def expand_some(tx: Tx, activity_id: ActivityId, step: int = STEP) -> Progress:
    """Make the next deliveries of an activity."""
    activity = _read(tx, activity_id)
    if activity is None:
        return Progress.DONE
    if _waited_for(tx, activity):
        return Progress.WAITS
    match activity.phase:
        case "earlier":
            phase, after = _to_earlier(tx, activity, step)
        case "audience":
            phase, after = _to_audience(tx, activity, step)
        case _:
            phase, after = _sweep(tx, activity, step)
    if phase == "done":
        tx.run("UPDATE outgoing SET expanded_at = $1, progress = '' WHERE id = $2", tx.now, activity_id)
        return Progress.DONE
    tx.run("UPDATE outgoing SET progress = $1 WHERE id = $2", write_json([phase, after]), activity_id)
    return Progress.MORE


def _waited_for(tx: Tx, activity: _Activity) -> list[ActivityId]:
    """Earlier ones about the same object: what they make is what an Update follows, and a Delete takes back."""
    rows = tx.all(
        "SELECT id FROM outgoing WHERE object_uri = $1 AND expanded_at IS NULL AND id < $2 ORDER BY id",
        activity.object_uri,
        activity.id,
    )
    return [ActivityId(row[0]) for row in rows]


def _read(tx: Tx, activity_id: ActivityId) -> _Activity | None:
    lock = " FOR UPDATE" if tx.engine == "postgresql" else ""
    row = tx.one(
        "SELECT actor_id, type, object_uri, audience, public, progress FROM outgoing"
        f" WHERE id = $1 AND expanded_at IS NULL{lock}",
        activity_id,
    )
    if row is None:
        return None
    actor_id, kind, object_uri, audience, public, progress = row
    first = '["earlier",""]' if kind in ("Update", "Delete") else '["audience",0]'
    phase, after = json.loads(progress or first)
    return _Activity(
        activity_id, actor_id, kind, object_uri, Audience(**json.loads(audience)), bool(public), phase, after
    )


def _to_earlier(tx: Tx, activity: _Activity, step: int) -> tuple[str, str | int]:
    """To where the object went before, or goes: the next inboxes by name."""
    about = (activity.object_uri, activity.id, activity.after)
    found = "FROM deliveries WHERE object_uri = $1 AND activity_id < $2 AND inbox > $3"
    inboxes = [row[0] for row in tx.all(f"SELECT DISTINCT inbox {found} ORDER BY inbox LIMIT $4", *about, step)]
    if not inboxes:
        return "audience", 0
    if activity.type == "Delete":
        tx.run(
            f"UPDATE deliveries SET state = '{_WITHDRAWN}', lease_until = 0 WHERE object_uri = $1 AND activity_id < $2"
            " AND inbox > $3 AND inbox <= $4 AND state = 'waiting' AND first_try_at IS NULL",
            *about,
            inboxes[-1],
        )
    told = tx.all(
        f"SELECT DISTINCT inbox {found} AND inbox <= $4 AND state NOT IN ('failed', '{_WITHDRAWN}')",
        *about,
        inboxes[-1],
    )
    _deliver(tx, activity, {row[0] for row in told})
    return ("audience", 0) if len(inboxes) < step else ("earlier", inboxes[-1])


def _to_audience(tx: Tx, activity: _Activity, step: int) -> tuple[str, str | int]:
    """To those who are named, and to the next followers by their ids."""
    after = int(activity.after)
    followers = _next_followers(tx, activity.audience.followers_of, after, step)
    last = followers[-1] if followers else after
    named = activity.audience if after == 0 else replace(activity.audience, actors=(), personal=())
    inboxes = _recipients(tx, activity, named, after, last)
    if activity.type == "Delete":
        inboxes -= _unknowing(tx, activity, inboxes)
    _deliver(tx, activity, inboxes)
    if len(followers) == step:
        return "audience", last
    return ("sweep" if activity.type == "Delete" else "done"), 0


def _sweep(tx: Tx, activity: _Activity, step: int) -> tuple[str, str | int]:
    """Away with what was taken back."""
    gone = tx.run(
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE object_uri = $1 AND activity_id < $2"
        f" AND state = '{_WITHDRAWN}' LIMIT $3)",
        activity.object_uri,
        activity.id,
        step,
    )
    return ("sweep" if gone == step else "done"), 0


def _next_followers(tx: Tx, targets: Collection[int], after: int, limit: int) -> list[int]:
    """Ids of accepted followers of any of these, from the one after `after`."""
    lists = [
        tx.all(
            "SELECT actor_id FROM followers WHERE target_id = $1 AND actor_id > $2 AND state = 'accepted'"
            " ORDER BY actor_id LIMIT $3",
            target_id,
            after,
            limit,
        )
        for target_id in targets
    ]
    return [row[0] for row in dict.fromkeys(heapq.merge(*lists))][:limit]


def _recipients(tx: Tx, activity: _Activity, audience: Audience, after: int, last: int) -> set[str]:
    """Inboxes of who is named, and of the followers behind `after` up to `last`; blocked actors left out."""
    found: set[tuple[str, str]] = set()
    for target_id in audience.followers_of:
        found.update(
            tx.all(
                f"SELECT DISTINCT {_SHARED}, a.domain FROM followers f JOIN actors a ON a.id = f.actor_id"
                f" WHERE f.target_id = $2 AND f.actor_id > $3 AND f.actor_id <= $4 AND f.state = 'accepted'"
                f" AND {_REACHABLE}",
                activity.actor_id,
                target_id,
                after,
                last,
            )
        )
    for inbox, ids in ((_SHARED if activity.public else "a.inbox", audience.actors), ("a.inbox", audience.personal)):
        for some in chunks(dict.fromkeys(ids)):
            found.update(
                tx.all(
                    f"SELECT DISTINCT {inbox}, a.domain FROM actors a"
                    f" WHERE a.id IN ({marks(len(some), 2)}) AND {_REACHABLE}",
                    activity.actor_id,
                    *some,
                )
            )
    blocked = _blocked_domains(tx)
    return {inbox for inbox, domain in found if not _is_blocked(domain, blocked)}


def _unknowing(tx: Tx, activity: _Activity, inboxes: Collection[str]) -> set[str]:
    """Those that never got what is deleted, since it was taken back in time."""
    found: set[str] = set()
    for some in chunks(inboxes):
        rows = tx.all(
            "SELECT inbox FROM deliveries WHERE object_uri = $1 AND activity_id < $2"
            f" AND inbox IN ({marks(len(some), 3)}) GROUP BY inbox"
            f" HAVING max(CASE WHEN state = '{_WITHDRAWN}' THEN 1 ELSE 0 END) = 1"
            f" AND max(CASE WHEN state NOT IN ('failed', '{_WITHDRAWN}') THEN 1 ELSE 0 END) = 0",
            activity.object_uri,
            activity.id,
            *some,
        )
        found.update(row[0] for row in rows)
    return found


def _deliver(tx: Tx, activity: _Activity, inboxes: Collection[str]) -> None:
    """A delivery to each that has none yet."""
    hosts = {inbox: host for inbox, host in _hosts(tx, inboxes).items() if host not in activity.audience.not_hosts}
    closed = closed_hosts(tx, dict.fromkeys(hosts.values()))
    tx.many(
        "INSERT INTO deliveries (id, activity_id, object_uri, inbox, host, state, attempts, due_at, lease_until,"
        " last_error) VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, 0, '') ON CONFLICT (activity_id, inbox) DO NOTHING",
        [
            (tx.new_id(), activity.id, activity.object_uri, inbox, host, closed.get(host, tx.now))
            for inbox, host in sorted(hosts.items())
        ],
    )
    if hosts:
        tx.emit(Event("delivery", activity.id))


def _hosts(tx: Tx, inboxes: Collection[str]) -> dict[str, str]:
    """Inbox to host; unusable ones and those on blocked hosts are left out."""
    blocked = _blocked_domains(tx)
    hosts = {}
    for inbox in inboxes:
        uri = maybe_uri(inbox)
        if uri is not None and not _is_blocked(host_of(uri), blocked):
            hosts[inbox] = host_of(uri)
    return hosts


def _blocked_domains(tx: Tx) -> frozenset[str]:
    return frozenset(row[0] for row in tx.all("SELECT value FROM blocks WHERE kind = 'domain'"))


def _is_blocked(host: str, blocked: frozenset[str]) -> bool:
    if not blocked:
        return False
    labels = host.partition(":")[0].split(".")
    return host in blocked or any(".".join(labels[number:]) in blocked for number in range(len(labels)))
