"""What a rule would have done: the replies of the last 90 days that show now and would not have, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedblog.blog.model import Actor, Reply
from fedblog.blog.suspicion import Ground, points
from fedblog.storage import block_effects, suspecting
from fedblog.storage.rows import ACTOR, REPLY, REPLY_WIDTH, read_actor, read_reply
from fedblog.storage.tx import Tx
from fedblog.text.plain import plain_text
from fedblog.text.tokens import compared, rule_of

DAYS = 90
MOST_READ = 5_000
SHOWN = 100
_DAY = 86_400
_CAME = (
    "r.local = 0 AND r.state = 'published' AND r.visibility IN ('public', 'unlisted') AND r.received_at > $1"
    " AND a.approved <= 0"
)
_FIRST = (
    "NOT EXISTS (SELECT 1 FROM replies o WHERE o.actor_id = r.actor_id AND o.id < r.id AND o.state = 'published'"
    " AND o.visibility IN ('public', 'unlisted'))"
)


@dataclass(frozen=True, slots=True)
class Would:
    """A reply that a rule would have touched; `grounds` where the filter weighed it."""

    reply: Reply
    actor: Actor
    grounds: tuple[Ground, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The newest of them, how many there are, and of how many replies that were looked at."""

    shown: list[Would]
    total: int
    looked_at: int


def words(tx: Tx, text: str) -> Rehearsal:
    """A word rule."""
    rule = rule_of(text)

    def touches(reply: Reply, actor: Actor) -> Would | None:
        said = f"{reply.name} {reply.content_warning} {plain_text(reply.content_html)}"
        return Would(reply, actor) if rule and rule in compared(said) else None

    return _look(tx, "1 = 1", touches)


def first_timers(tx: Tx) -> Rehearsal:
    """Holding the first reply of each person."""
    return _look(tx, _FIRST, Would)


def filter_points(tx: Tx, most: int) -> Rehearsal:
    """The spam filter as it knows things now, at so many points."""

    def touches(reply: Reply, actor: Actor) -> Would | None:
        found = suspecting.grounds(tx, reply, actor, is_known=False, has_rules=False)
        return Would(reply, actor, found) if points(found) >= most else None

    return _look(tx, _FIRST, touches)


def server(tx: Tx, host: str) -> Rehearsal:
    """Blocking a server and all below it, or holding what comes from there."""
    reached = set(block_effects.reach(tx, {("domain", host)}).by_id)
    return _look(tx, "1 = 1", lambda reply, actor: Would(reply, actor) if actor.id in reached else None)


def _look(tx: Tx, where: str, touches: Callable[[Reply, Actor], Would | None]) -> Rehearsal:
    rows = tx.all(
        f"SELECT {REPLY}, {ACTOR} FROM replies r JOIN actors a ON a.id = r.actor_id WHERE {_CAME} AND {where}"
        f" ORDER BY r.id DESC LIMIT {MOST_READ}",
        tx.now - DAYS * _DAY,
    )
    found = [one for row in rows if (one := touches(read_reply(row), read_actor(row, REPLY_WIDTH))) is not None]
    return Rehearsal(found[:SHOWN], len(found), len(rows))
