"""Who may see an object: exact spellings of Public, and in doubt the narrower way."""

from __future__ import annotations

import itertools

import pytest

from fedblog.blog.audience import audience_of, narrower
from fedblog.blog.model import Visibility

FOLLOWERS = "https://remote.example/users/bob/followers"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"


@pytest.mark.parametrize("spelling", [PUBLIC, "as:Public", "Public"])
def test_VIS_01_three_spellings_of_public(spelling: str) -> None:
    assert audience_of([spelling], [], FOLLOWERS, direct=False) is Visibility.PUBLIC
    assert audience_of([], [spelling], FOLLOWERS, direct=False) is Visibility.UNLISTED


@pytest.mark.parametrize(
    "lookalike",
    [
        "https://www.w3.org/ns/activitystreams#public",
        "http://www.w3.org/ns/activitystreams#Public",
        "https://evil.example/ns/activitystreams#Public",
        "as:public",
        "public",
        "PUBLIC",
        " Public",
        "Public ",
        "https://www.w3.org/ns/activitystreams#Public/",
        "https://www.w3.org/ns/activitystreams",
        "",
    ],
)
@pytest.mark.proves("SEC-082")
def test_VIS_03_lookalikes_are_not_public(lookalike: str) -> None:
    assert audience_of([lookalike], [lookalike], FOLLOWERS, direct=False) is Visibility.DIRECT


def test_VIS_02_public_in_to_or_cc_or_neither() -> None:
    someone = "https://blog.example/ap/actors/alice"
    assert audience_of([PUBLIC], [FOLLOWERS], FOLLOWERS, direct=False) is Visibility.PUBLIC
    assert audience_of([FOLLOWERS], [PUBLIC], FOLLOWERS, direct=False) is Visibility.UNLISTED
    assert audience_of([FOLLOWERS], [someone], FOLLOWERS, direct=False) is Visibility.FOLLOWERS
    assert audience_of([someone], [FOLLOWERS], FOLLOWERS, direct=False) is Visibility.FOLLOWERS
    assert audience_of([someone], [], FOLLOWERS, direct=False) is Visibility.DIRECT
    assert audience_of([], [], FOLLOWERS, direct=False) is Visibility.DIRECT
    assert audience_of([""], [], "", direct=False) is Visibility.DIRECT


def test_VIS_04_direct_message_forces_private() -> None:
    assert audience_of([PUBLIC], [PUBLIC], FOLLOWERS, direct=True) is Visibility.DIRECT


@pytest.mark.proves("SEC-083")
def test_VIS_03_the_narrower_wins() -> None:
    order = [Visibility.PUBLIC, Visibility.UNLISTED, Visibility.FOLLOWERS, Visibility.DIRECT]
    for (i, a), (j, b) in itertools.product(enumerate(order), repeat=2):
        assert narrower(a, b) is order[max(i, j)]
