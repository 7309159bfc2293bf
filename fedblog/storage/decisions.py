"""What people of the blog decided about replies; each decision remembers what it changed, so that it can be undone."""

from __future__ import annotations

from fedblog.activitypub.urls import host_of
from fedblog.blog.ledger import AccountId, Decision
from fedblog.blog.model import Reply, ReplyId, ReplyState
from fedblog.storage import actors, hiding, moderation, replies, suspecting
from fedblog.storage.tx import Tx, marks

_LEFT = {"approve": ("published", ""), "hide": ("hidden", "hidden_by_author"), "spam": ("hidden", "spam")}
_TEACHES = {"approve": "good", "spam": "spam"}
_DECISION = "id, reply_id, account_id, kind, before_state, before_reason, before_standing, created_at, undone_at"


def decide(tx: Tx, reply_id: ReplyId, kind: str, state: ReplyState, reason: str, *, by: AccountId | None) -> Decision:
    """Give a reply a state, and keep what it had. Raises `NotFound`, `Conflict` for a removed one."""
    held = replies.lock(tx, reply_id)
    after = replies.set_state(tx, reply_id, state, reason)
    decision = Decision(
        id=tx.new_id(),
        reply_id=reply_id,
        account_id=by,
        kind=kind,
        before_state=held.state.value,
        before_reason=held.reason,
        before_standing=actors.standing(tx, after.actor_id),
        created_at=tx.now,
        undone_at=None,
    )
    tx.run(
        f"INSERT INTO decisions ({_DECISION}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)",
        decision.id,
        reply_id,
        by,
        kind,
        decision.before_state,
        decision.before_reason,
        decision.before_standing,
        tx.now,
    )
    suspecting.teach(tx, after, _TEACHES.get(kind, ""))
    return decision


def by_id(tx: Tx, decision_id: int) -> Decision | None:
    """One decision."""
    row = tx.one(f"SELECT {_DECISION} FROM decisions WHERE id = $1", decision_id)
    return None if row is None else Decision(*row)


def undo(tx: Tx, decision: Decision) -> Reply | None:
    """Give the reply and its author back what they had; None where the decision no longer stands.

    Only the last decision about a reply can be undone: what came later would be lost otherwise.
    """
    if replies.by_id(tx, decision.reply_id) is None:
        return None
    current = replies.lock(tx, decision.reply_id)
    if not _stands(tx, decision, current):
        return None
    tx.run("UPDATE decisions SET undone_at = $1 WHERE id = $2", tx.now, decision.id)
    state = ReplyState(decision.before_state)
    # One that was an orphan then stands in the tree by now, or still waits: held until somebody looks again.
    standing = last_of(tx, [current.id]).get(current.id)
    suspecting.teach(tx, current, _TEACHES.get(standing.kind, "") if standing is not None else "")
    settled = ReplyState.HELD if state is ReplyState.ORPHAN else state
    actors.set_standing(tx, current.actor_id, decision.before_standing)
    away = _why_away(tx, current) if settled is ReplyState.PUBLISHED else ""
    if away:  # as everything else of theirs: it shows again with the rest
        return replies.set_state(tx, decision.reply_id, ReplyState.HIDDEN, away)
    return replies.set_state(tx, decision.reply_id, settled, decision.before_reason)


def _why_away(tx: Tx, reply: Reply) -> str:
    """Why nothing of a reply's author shows any more, "" where it does: a block came, or they left."""
    author = actors.by_id(tx, reply.actor_id)
    if moderation.is_blocked(tx, actor_uri=author.uri, host=host_of(author.uri)):
        return hiding.REASON
    return hiding.GONE if author.suspended_at is not None else ""


def _stands(tx: Tx, decision: Decision, current: Reply) -> bool:
    """Whether the reply is still as the decision left it: nothing decided it anew, nor did a block or a Delete."""
    later = "SELECT 1 FROM decisions WHERE reply_id = $1 AND id > $2 AND undone_at IS NULL"
    if decision.undone_at is not None or tx.one(later, decision.reply_id, decision.id) is not None:
        return False
    return current.state is ReplyState.ORPHAN or (current.state.value, current.reason) == _LEFT.get(decision.kind)


def last_of(tx: Tx, reply_ids: list[ReplyId]) -> dict[ReplyId, Decision]:
    """The decision that stands for each reply, where there is one."""
    found: dict[ReplyId, Decision] = {}
    if reply_ids:
        rows = tx.all(
            f"SELECT {_DECISION} FROM decisions WHERE undone_at IS NULL AND reply_id IN ({marks(len(reply_ids))})"
            " ORDER BY id",
            *reply_ids,
        )
        for row in rows:
            found[ReplyId(row[1])] = Decision(*row)
    return found
