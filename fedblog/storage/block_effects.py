"""Whom blocks reach among the people that are known here, and what those left: many blocks in one look."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from fedblog.blog.model import Actor, ActorId, ReplyId
from fedblog.storage import actors
from fedblog.storage.moderation import domains_of
from fedblog.storage.tx import Tx, chunks, marks

Key = tuple[str, str]  # kind and value of a block


@dataclass(frozen=True, slots=True)
class Touched:
    """Somebody whom a block reaches: how many of ours they follow, their replies that show, and the last of those."""

    actor: Actor
    follows: int
    replies: int
    last_reply: ReplyId | None


@dataclass(frozen=True, slots=True)
class Reach:
    """Who is reached by a set of blocks. `by_id`: through their id, so that what they left is hidden too; through the
    handle alone only their follows end."""

    by_key: dict[Key, list[ActorId]]
    by_id: frozenset[ActorId]

    @property
    def everybody(self) -> list[ActorId]:
        """All of them, each once."""
        return list(dict.fromkeys(actor_id for found in self.by_key.values() for actor_id in found))


def reach(tx: Tx, keys: Collection[Key]) -> Reach:
    """Remote actors that blocks of these kinds and values reach; one pass over all actors, however many blocks."""
    domains = {(kind, value) for kind, value in keys if kind in ("domain", "limit")}
    names = {value for _, value in domains}
    accounts = {value for kind, value in keys if kind == "account"}
    uris = {value for kind, value in keys if kind == "actor"}
    found: dict[Key, list[ActorId]] = {}
    by_id: set[ActorId] = set()
    if not keys:
        return Reach(found, frozenset())
    for actor_id, uri, username, domain in tx.each("SELECT id, uri, username, domain FROM actors WHERE local = ''"):
        hit: list[Key] = []
        above = {name for name in domains_of(_host(uri)) if name in names}
        if above:
            by_id.add(actor_id)
        if domain and domain not in above and names:
            above.update(name for name in domains_of(domain) if name in names)
        hit += [key for name in above for key in (("domain", name), ("limit", name)) if key in domains]
        if uri in uris:
            hit.append(("actor", uri))
            by_id.add(actor_id)
        if accounts and (handle := f"{username}@{domain}".lower()) in accounts:
            hit.append(("account", handle))
            by_id.add(actor_id)
        for key in hit:
            found.setdefault(key, []).append(actor_id)
    return Reach(found, frozenset(by_id))


def _host(uri: str) -> str:
    """`host_of`, quickly: these are ids that were read with care when they came."""
    parts = uri.split("/", 3)
    return parts[2].lower() if len(parts) > 2 else ""


def effects(tx: Tx, keys: Collection[Key]) -> dict[Key, list[Touched]]:
    """Of each block, the people with follows or replies that show, those with most of them first."""
    reached = reach(tx, keys)
    touched = _touched(tx, reached.everybody)
    found = {
        key: sorted((touched[one] for one in ids if one in touched), key=lambda one: (-one.replies, -one.follows))
        for key, ids in reached.by_key.items()
    }
    return {key: people for key, people in found.items() if people}


def _touched(tx: Tx, ids: Iterable[ActorId]) -> dict[ActorId, Touched]:
    follows: dict[int, int] = {}
    replies: dict[int, tuple[int, int]] = {}
    for some in chunks(ids):
        which = f"actor_id IN ({marks(len(some))})"
        follows.update(
            tx.all(f"SELECT actor_id, count(*) FROM followers WHERE state = 'accepted' AND {which} GROUP BY 1", *some)
        )
        rows = tx.all(
            "SELECT actor_id, count(*), max(id) FROM replies WHERE local = 0 AND state = 'published'"
            f" AND visibility IN ('public', 'unlisted') AND {which} GROUP BY 1",
            *some,
        )
        replies.update({row[0]: (row[1], row[2]) for row in rows})
    people = actors.by_ids(tx, [ActorId(one) for one in {*follows, *replies}])
    return {
        one: Touched(person, int(follows.get(one, 0)), int(number), ReplyId(last) if last else None)
        for one, person in people.items()
        for number, last in (replies.get(one, (0, None)),)
    }
