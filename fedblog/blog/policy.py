"""What happens to a reply that arrives: shown, held for the author, or dropped; always with a reason code."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from fedblog.blog.heads import PostHead
from fedblog.blog.model import Actor, HoldPolicy, Post, QuotePolicy, QuoteState, ReplyPolicy, Visibility

Hold = Literal["none", "first", "all"]
Suspicion = Literal["", "words", "score"]
_HOLDS: dict[HoldPolicy, Hold] = {HoldPolicy.NONE: "none", HoldPolicy.FIRST: "first", HoldPolicy.ALL: "all"}


class Action(StrEnum):
    """What to do with a reply."""

    PUBLISH = "publish"
    HOLD = "hold"
    DROP = "drop"


class Verdict(NamedTuple):
    """`action` and a stable reason code ("" for a plain publish)."""

    action: Action
    reason: str


def judge_reply(
    *,
    visibility: Visibility,
    hold: Hold,
    comments_open: bool,
    actor: Actor,
    standing: int,
    has_approved_before: bool,
    blocked: bool,
    permitted: bool = True,
    limited: bool = False,
    suspicion: Suspicion = "",
) -> Verdict:
    """The verdict on one reply.

    `hold` is the blog's setting, `standing` what was said here of this actor (1 trusted, -1 known for spam, 0 nothing
    yet), `has_approved_before` that an earlier reply of theirs is published, `permitted` what the post's own policy
    says about them (ART-17). Private replies are letters to the author: they never show in public, so neither closed
    comments nor moderation hold them back. `limited`: everything from that server is held (LIFE-05). `suspicion`: why
    the filter wants somebody to look at it, "" where it doesn't.
    """
    if blocked:
        return Verdict(Action.DROP, "blocked")
    if actor.suspended_at is not None or actor.deleted_at is not None:
        return Verdict(Action.DROP, "actor_gone")
    if actor.local or not visibility.is_public:
        return Verdict(Action.PUBLISH, "")
    if not comments_open:
        return Verdict(Action.DROP, "comments_closed")
    if not permitted:
        return Verdict(Action.DROP, "not_permitted")
    if standing < 0:
        return Verdict(Action.HOLD, "hold_spam")
    if limited:
        return Verdict(Action.HOLD, "hold_limited")
    if hold == "all":
        return Verdict(Action.HOLD, "hold_all")
    if hold == "first" and not (standing > 0 or has_approved_before):
        return Verdict(Action.HOLD, "hold_first")
    if suspicion == "words":
        return Verdict(Action.HOLD, "hold_words")
    if suspicion == "score":
        return Verdict(Action.HOLD, "hold_score")
    return Verdict(Action.PUBLISH, "")


def hold_of(post: Post | PostHead | None, blog: Hold) -> Hold:
    """Which replies are held: the post's own word, else the blog's."""
    return blog if post is None else _HOLDS.get(post.hold_policy, blog)


def may_reply(policy: ReplyPolicy, *, is_follower: bool, is_mentioned: bool) -> bool:
    """Whether a post's policy lets somebody reply who is not one of ours (ART-17)."""
    if policy is ReplyPolicy.FOLLOWERS:
        return is_follower
    return is_mentioned if policy is ReplyPolicy.MENTIONED else True


def judge_quote(policy: QuotePolicy, *, is_follower: bool) -> QuoteState:
    """What a request to quote a post comes to: accepted, rejected, or pending until the author decides (FEP-044f)."""
    if policy is QuotePolicy.EVERYONE or (policy is QuotePolicy.FOLLOWERS and is_follower):
        return QuoteState.ACCEPTED
    return QuoteState.PENDING if policy is QuotePolicy.APPROVE else QuoteState.REJECTED
