"""Where something can be answered, and what stands in its way: each in one look, without the texts.

For units that write: what is read here decides what they write. On PostgreSQL the post is therefore kept from other
writers first; on SQLite there are none.
"""

from __future__ import annotations

from typing import NamedTuple

from fedblog.blog.heads import PostHead, ReplyHead, Spot
from fedblog.blog.model import ActorId, HoldPolicy, PostId, QuotePolicy, ReplyId, ReplyPolicy, ReplyState, Visibility
from fedblog.storage import erased
from fedblog.storage.moderation import domains_of
from fedblog.storage.rows import read_strings
from fedblog.storage.tx import Row, Tx, marks

POST = (
    "p.id, p.uri, p.author_id, p.visibility, p.comments_open, p.reply_policy, p.quote_policy, p.mentions, p.hold_policy"
)
REPLY = "r.id, r.uri, r.parent_id, r.path, r.depth, r.state, r.visibility, r.shown"
# An answer of ours that was taken back is no place any more; a stranger's holds its branch together.
_PLACED = "p.status = 'published' AND NOT (r.local = 1 AND r.state = 'removed')"
POST_WIDTH = len(POST.split(","))

# Most have none; a look for all the domains above a host is dear beside that.
_ANY_BLOCKS = "EXISTS (SELECT 1 FROM blocks)"

_VISIBILITIES = {visibility.value: visibility for visibility in Visibility}
_STATES = {state.value: state for state in ReplyState}


def post_spot(tx: Tx, post_id: PostId) -> Spot | None:
    """The published post itself."""
    _hold(tx, "SELECT th.post_id FROM threads th WHERE th.post_id = $1", post_id)
    row = tx.one(f"SELECT {POST} FROM posts p WHERE p.id = $1 AND p.status = 'published'", post_id)
    return None if row is None else Spot(read_post(row), None)


def reply_spot(tx: Tx, *, uri: str = "", reply_id: ReplyId | None = None) -> Spot | None:
    """The reply with that `uri` or that `reply_id`, where it stands under a published post."""
    column, value = ("uri", uri) if reply_id is None else ("id", reply_id)
    source = f"FROM replies r JOIN posts p ON p.id = r.post_id WHERE r.{column} = $1"
    _hold(
        tx, f"SELECT th.post_id FROM replies r JOIN threads th ON th.post_id = r.post_id WHERE r.{column} = $1", value
    )
    row = tx.one(f"SELECT {POST}, {REPLY} {source} AND {_PLACED}", value)
    return None if row is None else Spot(read_post(row), read_reply(row))


def _hold(tx: Tx, which: str, value: object) -> None:
    if tx.engine == "postgresql":
        tx.all(f"{which} FOR UPDATE OF th", value)


def read_post(row: Row) -> PostHead:
    """The head of a post out of `POST` columns."""
    return PostHead(
        id=PostId(row[0]),
        uri=row[1] or "",
        author_id=ActorId(row[2]),
        visibility=_VISIBILITIES[row[3]],
        comments_open=bool(row[4]),
        reply_policy=ReplyPolicy(row[5]),
        quote_policy=QuotePolicy(row[6]),
        mentions=read_strings(row[7]),
        hold_policy=HoldPolicy(row[8]),
    )


def read_reply(row: Row) -> ReplyHead:
    """The head of a reply out of `REPLY` columns behind those of its post."""
    id_, uri, parent_id, path, depth, state, visibility, shown = row[POST_WIDTH:]
    return ReplyHead(ReplyId(id_), uri, parent_id, path, depth, _STATES[state], _VISIBILITIES[visibility], bool(shown))


class Standing(NamedTuple):
    """What is known of a reply's author and of its id.

    `grave`: who deleted the id (`tombstones`), None if nobody did. `known`: the row that has the id. `is_awaited`:
    orphans wait for it. `trust`: what was said of the author here (`actors.standing`). `has_published`: a public reply
    of the author is published. `has_rules`, `has_learned`: whether there are word rules here, and learned words.
    """

    grave: str | None
    known: ReplyId | None
    is_awaited: bool
    trust: int
    has_published: bool
    is_blocked: bool
    is_limited: bool
    has_rules: bool
    has_learned: bool

    def is_deleted_by(self, author_uri: str) -> bool:
        """Whether the id is gone by the word of its author, or by its own server's answer."""
        return self.grave is not None and (not self.grave or author_uri in self.grave.split())


def standing(
    tx: Tx, *, uri: str, actor_id: ActorId, actor_uri: str, host: str, published_at: int | None = None
) -> Standing:
    """How things stand with the reply `uri` by that actor, whose id is on `host`. What was erased on its author's wish
    counts as deleted: by its id, or all that was published until then."""
    domains = domains_of(host)
    listed = f"IN ({marks(len(domains), 4)})"
    row = tx.all(
        "SELECT (SELECT t.actor_uri FROM tombstones t WHERE t.uri = $1), (SELECT r.id FROM replies r WHERE r.uri = $1),"
        " EXISTS (SELECT 1 FROM replies o WHERE o.state = 'orphan' AND o.in_reply_to = $1),"
        " (SELECT a.approved FROM actors a WHERE a.id = $2),"
        " EXISTS (SELECT 1 FROM replies w WHERE w.actor_id = $2 AND w.state = 'published'"
        " AND w.visibility IN ('public', 'unlisted')),"
        f" {_ANY_BLOCKS} AND EXISTS (SELECT 1 FROM blocks b WHERE (b.kind = 'actor' AND b.value = $3)"
        f" OR (b.kind = 'domain' AND b.value {listed})),"
        f" {_ANY_BLOCKS} AND EXISTS (SELECT 1 FROM blocks l WHERE l.kind = 'limit' AND l.value {listed}),"
        " EXISTS (SELECT 1 FROM erased), EXISTS (SELECT 1 FROM word_rules), EXISTS (SELECT 1 FROM learned)",
        uri,
        actor_id,
        actor_uri,
        *domains,
    )[0]
    grave = row[0]
    if row[7] and erased.covers(tx, uri, actor_uri, tx.now if published_at is None else published_at):
        grave = ""
    return Standing(grave, row[1], bool(row[2]), int(row[3] or 0), *(bool(value) for value in (*row[4:7], *row[8:])))
