"""What happens to a reply that arrives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedblog.blog.audience import visible_in_thread
from fedblog.blog.model import ReplyState, Visibility
from fedblog.blog.policy import Action, Hold, Verdict, judge_reply
from tests.blog.test_thread import ACTOR, row


def judge(
    *,
    visibility: Visibility = Visibility.PUBLIC,
    hold: Hold = "none",
    comments_open: bool = True,
    approved: bool = False,
    before: bool = False,
    blocked: bool = False,
    **changes: object,
) -> Verdict:
    return judge_reply(
        visibility=visibility,
        hold=hold,
        comments_open=comments_open,
        actor=replace(ACTOR, **changes),  # type: ignore[arg-type]
        standing=int(approved),
        has_approved_before=before,
        blocked=blocked,
    )


def test_open_comments_are_published() -> None:
    assert judge() == (Action.PUBLISH, "")
    assert judge(visibility=Visibility.UNLISTED) == (Action.PUBLISH, "")


def test_the_first_reply_of_each_person_is_held() -> None:
    assert judge(hold="first") == (Action.HOLD, "hold_first")
    assert judge(hold="first", before=True) == (Action.PUBLISH, "")
    assert judge(hold="first", approved=True) == (Action.PUBLISH, "")


def test_hold_all_means_all() -> None:
    assert judge(hold="all", before=True, approved=True) == (Action.HOLD, "hold_all")


def test_closed_comments_take_nothing_public() -> None:
    assert judge(comments_open=False, approved=True) == (Action.DROP, "comments_closed")


@pytest.mark.parametrize("visibility", [Visibility.FOLLOWERS, Visibility.DIRECT])
def test_VIS_04_private_letters_are_neither_held_nor_refused(visibility: Visibility) -> None:
    assert judge(visibility=visibility, hold="all", comments_open=False) == (Action.PUBLISH, "")


def test_blocked_and_gone_actors_are_dropped_whatever_else() -> None:
    assert judge(blocked=True, approved=True) == (Action.DROP, "blocked")
    assert judge(blocked=True, visibility=Visibility.DIRECT) == (Action.DROP, "blocked")
    assert judge(suspended_at=1) == (Action.DROP, "actor_gone")
    assert judge(deleted_at=1) == (Action.DROP, "actor_gone")


def test_our_own_answers_are_never_held() -> None:
    assert judge(hold="all", comments_open=False, local="author") == (Action.PUBLISH, "")


@pytest.mark.parametrize("state", list(ReplyState))
@pytest.mark.parametrize("visibility", list(Visibility))
def test_VIS_04_only_published_public_replies_show(state: ReplyState, visibility: Visibility) -> None:
    reply = replace(row(1, None, "x").reply, state=state, visibility=visibility)
    expected = state is ReplyState.PUBLISHED and visibility in (Visibility.PUBLIC, Visibility.UNLISTED)
    assert visible_in_thread(reply) is expected
