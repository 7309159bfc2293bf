"""What has to be known of many activities at once, each thing in one look for all of them (SQLite only).

The same questions as `acquaintances.still_holds`, `inbox.receive`, `heads.standing` and `heads.post_spot` ask for one.
A statement lets go of the interpreter's lock, and getting that back beside a busy event loop costs more than the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from fedblog.blog.heads import PostHead, ReplyHead, Spot
from fedblog.blog.model import ActorId, PostId, ReplyId, ReplyState
from fedblog.storage import erased, heads
from fedblog.storage.acquaintances import Acquaintance
from fedblog.storage.tx import Tx, ask

_RECEIVED = (
    "EXISTS (SELECT 1 FROM received c WHERE c.uri = q.activity"
    " AND c.type = q.type AND c.actor_uri IN (q.actor_uri, ''))"
)
_KNOWN_REPLY = (
    "EXISTS (SELECT 1 FROM tombstones t WHERE t.uri = q.uri) OR EXISTS (SELECT 1 FROM replies k WHERE k.uri = q.uri)"
    " OR EXISTS (SELECT 1 FROM replies o WHERE o.state = 'orphan' AND o.in_reply_to = q.uri)"
)


class Sender(NamedTuple):
    """An actor in good standing: what was said of it here (`actors.standing`), and whether something of it shows."""

    trust: int
    has_published: bool


class NewNote(NamedTuple):
    """A reply that wants to be kept, and where: at a reply of ours (`parent_id`) or of others (`parent_uri`), or at the
    post itself (`post_id`, by the id `post_uri`)."""

    type: str
    activity: str
    actor_uri: str
    uri: str
    parent_uri: str | None
    parent_id: ReplyId | None
    post_id: PostId | None
    post_uri: str | None


class NewLike(NamedTuple):
    """A reaction to a post that wants to be counted."""

    type: str
    activity: str
    actor_uri: str
    actor_id: ActorId
    kind: str
    post_uri: str
    post_id: PostId


def senders(tx: Tx, known: Sequence[Acquaintance]) -> dict[int, Sender]:
    """By their place in the list, those of whom all still holds that is remembered of them, blocks aside."""
    rows = ask(
        tx,
        "SELECT q.n, k.public_pem, a.fetched_at, a.followers_uri, a.approved, EXISTS (SELECT 1 FROM replies w"
        " WHERE w.actor_id = a.id AND w.state = 'published' AND w.visibility IN ('public', 'unlisted'))"
        " FROM asked q JOIN keys k ON k.key_id = q.key_id AND k.actor_id = q.actor_id"
        " JOIN actors a ON a.id = k.actor_id WHERE a.suspended_at IS NULL AND a.deleted_at IS NULL",
        "key_id, actor_id",
        [(one.key.key_id, one.actor.id) for one in known],
    )
    found: dict[int, Sender] = {}
    for place, *told, approved, published in rows:
        actor, key = known[place]
        if told == [key.public_pem, actor.fetched_at, actor.followers_uri]:
            found[place] = Sender(approved, bool(published))
    return found


class House(NamedTuple):
    """Whether there is anything at all of some kinds here; most have none of it."""

    blocks: bool
    erased: bool
    word_rules: bool
    learned: bool


def house(tx: Tx) -> House:
    """What there is here."""
    tables = ", ".join(f"EXISTS (SELECT 1 FROM {name})" for name in House._fields)
    return House(*(bool(value) for value in tx.all(f"SELECT {tables}")[0]))


def named_in_blocks(tx: Tx, names: Collection[str]) -> set[str]:
    """Those of these actors and domains that a block of any kind names."""
    found = ask(
        tx,
        "SELECT b.value FROM asked q JOIN blocks b ON b.kind IN ('actor', 'domain', 'limit') AND b.value = q.name",
        "name",
        [(name,) for name in names],
    )
    return {value for (value,) in found}


def places_for(tx: Tx, notes: Sequence[NewNote], *, any_erased: bool) -> dict[int, Spot]:
    """By their place in the list, where notes can stand that are new here, that nobody deleted or waits for, and that
    come by an activity that was not taken before. Of authors who had something erased, none is among them."""
    digest = erased.digest if any_erased else _no_digest
    rows = ask(
        tx,
        f"SELECT q.n, {heads.POST}, {heads.REPLY} FROM asked q LEFT JOIN replies r ON"
        " r.id = coalesce(q.parent_id, (SELECT x.id FROM replies x WHERE x.uri = q.parent_uri))"
        " JOIN posts p ON p.id = coalesce(r.post_id, q.post_id)"
        f" WHERE p.status = 'published' AND NOT {_RECEIVED} AND NOT ({_KNOWN_REPLY})"
        " AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.digest IN (q.own_digest, q.actor_digest))",
        ", ".join((*NewNote._fields, "own_digest", "actor_digest")),
        [(*note, digest(note.uri), digest(note.actor_uri)) for note in notes],
    )
    found, posts = dict[int, Spot](), dict[int, PostHead]()
    for place, *row in rows:
        post = posts.get(row[0]) or posts.setdefault(row[0], heads.read_post(tuple(row)))
        reply = heads.read_reply(tuple(row)) if row[heads.POST_WIDTH] is not None else None
        if _is_plain(notes[place], post, reply):
            found[place] = Spot(post, reply)
    return found


def _no_digest(_uri: str) -> str:
    return ""


def _is_plain(note: NewNote, post: PostHead, reply: ReplyHead | None) -> bool:
    """Whether nothing changes but what a newcomer changes; under a removed one placeholders may show as well."""
    if reply is None:
        return note.post_uri == post.uri  # a withdrawn id never returns
    return reply.state is not ReplyState.REMOVED


def new_likes(tx: Tx, likes: Sequence[NewLike]) -> set[int]:
    """The places in the list of reactions that are new here, that were not undone before they came, and that come by an
    activity that was not taken before."""
    rows = ask(
        tx,
        "SELECT q.n FROM asked q JOIN posts p ON p.id = q.post_id AND p.uri = q.post_uri WHERE p.status = 'published'"
        f" AND NOT {_RECEIVED} AND NOT EXISTS (SELECT 1 FROM undone u WHERE u.actor_uri = q.actor_uri)"
        " AND NOT EXISTS (SELECT 1 FROM reactions x WHERE x.post_id = q.post_id AND x.kind = q.kind"
        " AND x.actor_id = q.actor_id)",
        ", ".join(NewLike._fields),
        likes,
    )
    return {place for (place,) in rows}
