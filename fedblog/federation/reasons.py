"""Stable codes for what became of an activity that was answered 202; `docs/reasons.md` explains each.

Refusals carry codes of their own (`Refused.reason`), those of signatures are in `signatures.model.Reason`.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What an activity did here, or why it did nothing."""

    REPLY_PUBLISHED = "reply_published"
    REPLY_HELD = "reply_held"
    REPLY_HIDDEN = "reply_hidden"
    REPLY_PRIVATE = "reply_private"
    REPLY_ORPHANED = "reply_orphaned"
    REPLY_EDITED = "reply_edited"
    REPLY_COUNTED = "reply_counted"
    REPLY_REMOVED = "reply_removed"
    MENTION_KEPT = "mention_kept"
    REACTION_KEPT = "reaction_kept"
    REACTION_REMOVED = "reaction_removed"
    FOLLOW_ACCEPTED = "follow_accepted"
    FOLLOW_PENDING = "follow_pending"
    FOLLOW_REJECTED = "follow_rejected"
    FOLLOW_REMOVED = "follow_removed"
    ACTOR_UPDATED = "actor_updated"
    ACTOR_DELETED = "actor_deleted"
    BLOCK_KEPT = "block_kept"
    BLOCK_LIFTED = "block_lifted"
    REPORT_QUEUED = "report_queued"
    TOMBSTONE_KEPT = "tombstone_kept"
    UNDO_REMEMBERED = "undo_remembered"
    FETCH_PLANNED = "fetch_planned"

    DUPLICATE = "duplicate"
    ACTOR_UNKNOWN = "actor_unknown"
    BLOCKED_HERE = "blocked_here"
    COMMENT_DROPPED = "comment_dropped"
    DELETED_BEFORE = "deleted_before"
    UNDONE_BEFORE = "undone_before"
    FORBIDDEN_KEYWORD = "forbidden_keyword"
    NOT_RELATED = "not_related"
    NOT_OURS = "not_ours"
    NOT_NEWER = "not_newer"
    NOT_PUBLIC = "not_public"
    NOT_THE_AUTHOR = "not_the_author"
    NOTHING_PENDING = "nothing_pending"
    OBJECT_MISSING = "object_missing"
    OBJECT_UNFETCHABLE = "object_unfetchable"
    OBJECT_STILL_THERE = "object_still_there"
    PARENT_UNKNOWN_HERE = "parent_unknown_here"
    REACTION_UNREADABLE = "reaction_unreadable"
    TYPE_NOT_HANDLED = "type_not_handled"
    TYPE_NOT_A_REPLY = "type_not_a_reply"
    VOTE_NOT_A_REPLY = "vote_not_a_reply"
