"""Everything that somebody left here, off the pages and back again: what a block does to what is there already."""

from __future__ import annotations

from contextlib import suppress

from fedblog.activitypub.urls import host_of
from fedblog.blog.model import ActorId, ReplyId, ReplyState
from fedblog.errors import Conflict, NotFound
from fedblog.storage import moderation, quotes, reactions, replies
from fedblog.storage.moderation import id_patterns
from fedblog.storage.tx import Tx

REASON = "author_blocked"
GONE = "actor_gone"  # suspended by its own server, or not found there any more (ACT-16)


def actors_of_domain(tx: Tx, domain: str) -> list[ActorId]:
    """Remote actors whose ids are on a host or on a host below it, whatever the port."""
    patterns = id_patterns(domain.lower().partition(":")[0])
    on_it = " OR ".join(f"uri LIKE ${number} ESCAPE '\\'" for number in range(1, len(patterns) + 1))
    rows = tx.all(f"SELECT id FROM actors WHERE local = '' AND ({on_it})", *patterns)
    return [ActorId(row[0]) for row in rows]


def hide_all_of(tx: Tx, actor_id: ActorId, reason: str = REASON) -> int:
    """Hide every reply of an actor that shows, or would when its parent comes; how many there were. What they liked
    and boosted isn't counted any more."""
    quotes.bump_pages(tx, actor_id)
    reactions.hide_all_of(tx, actor_id)
    return _turn(tx, actor_id, ReplyState.PUBLISHED, "", ReplyState.HIDDEN, reason)


def show_all_of(tx: Tx, actor_id: ActorId, reason: str = REASON) -> int:
    """Show again what `hide_all_of` hid for that reason, nothing else; how many there were. Whoever stays away for
    another reason is hidden again afterwards by the caller."""
    quotes.bump_pages(tx, actor_id)
    reactions.show_all_of(tx, actor_id)
    return _turn(tx, actor_id, ReplyState.HIDDEN, reason, ReplyState.PUBLISHED, "")


def show_unless_away(tx: Tx, actor_id: ActorId) -> None:
    """After a block is lifted: what it hid shows again. Who is blocked otherwise too, or was suspended by their own
    server, stays hidden."""
    row = tx.one("SELECT uri, suspended_at FROM actors WHERE id = $1", actor_id)
    if row is None or moderation.is_blocked(tx, actor_uri=row[0], host=host_of(row[0])):
        return
    show_all_of(tx, actor_id)
    if row[1] is not None:
        hide_all_of(tx, actor_id, GONE)


def _turn(tx: Tx, actor_id: ActorId, state: ReplyState, reason: str, new_state: ReplyState, new_reason: str) -> int:
    found = tx.all(
        "SELECT id FROM replies WHERE actor_id = $1 AND (state = $2 OR (state = 'orphan' AND settled = $2))"
        " AND reason = $3 AND local = 0",
        actor_id,
        state.value,
        reason,
    )
    for (reply_id,) in found:
        with suppress(Conflict, NotFound):  # deleted by its author since that look (PostgreSQL has several writers)
            replies.set_state(tx, ReplyId(reply_id), new_state, new_reason)
    return len(found)
