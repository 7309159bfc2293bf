"""The spam filter weighs facts and what was learned, and says why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedblog.blog.suspicion import MOST_LEARNED, Facts, Learned, points, weigh
from fedblog.text.tokens import compared, counts, rule_of, tokens_of

PLAIN = Facts(links=0, mentions=0, is_follower=False, is_first=True, has_profile=True)
MENTION = '<a href="https://far.example/@mia" class="u-url mention">@mia</a>'
TAG = '<a href="https://far.example/tags/bread" class="mention hashtag" rel="tag">#bread</a>'


def codes(facts: Facts, learned: Learned | None = None) -> dict[str, int]:
    """Each reason with its weight."""
    return {one.code: one.points for one in (weigh(facts, learned) if learned else weigh(facts))}


def test_a_wave_of_mentions_and_links_is_held_and_a_first_reply_is_not() -> None:
    assert points(weigh(PLAIN)) == 1
    wave = Facts(links=3, mentions=6, is_follower=False, is_first=True, has_profile=False)
    assert codes(wave) == {"links": 2, "mentions": 2, "first": 1, "no_profile": 1}
    assert points(weigh(wave)) >= 5
    friend = Facts(links=3, mentions=6, is_follower=True, is_first=True, has_profile=False)
    assert points(weigh(friend)) < 5
    assert (
        weigh(Facts(0, 0, is_follower=False, is_first=False, has_profile=True, rules=["casino"]))[0].detail == "casino"
    )


def test_what_was_decided_counts_once_there_is_enough_of_it() -> None:
    facts = Facts(0, 0, is_follower=False, is_first=True, has_profile=True, tokens=["casino", "bonus", "→spin.example"])
    seen = dict.fromkeys(facts.tokens, (0, 4))
    assert "learned_spam" not in codes(facts, Learned(good=2, spam=4, tokens=seen))
    found = weigh(facts, Learned(good=4, spam=4, tokens=seen))
    assert found[0].code == "learned_spam"
    assert found[0].points >= 4
    assert "casino" in found[0].detail
    good = dict.fromkeys(facts.tokens, (4, 0))
    assert codes(facts, Learned(good=4, spam=4, tokens=good))["learned_good"] <= -4
    even = dict.fromkeys(facts.tokens, (2, 2))
    assert codes(facts, Learned(good=4, spam=4, tokens=even)) == {"first": 1}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.tuples(st.integers(0, 50), st.integers(0, 50))))
def test_what_was_learned_never_weighs_more_than_it_may(tokens: dict[str, tuple[int, int]]) -> None:
    facts = Facts(0, 0, is_follower=False, is_first=False, has_profile=True, tokens=list(tokens))
    assert abs(points(weigh(facts, Learned(50, 50, tokens)))) <= MOST_LEARNED


def test_links_mentions_and_hashtags_are_told_apart() -> None:
    html = f'<p>{MENTION} {TAG} <a href="https://Spin.example/x">spin</a></p>'
    assert counts(html) == (1, 1)
    tokens = tokens_of(html, "far.example")
    assert "→spin.example" in tokens
    assert "@far.example" in tokens
    assert "bread" in tokens
    assert counts("<p>plain</p>") == (0, 0)


def test_rules_are_whole_words_in_any_case_and_parts_where_words_have_no_blanks() -> None:
    for rule, text, holds in (
        ("Casino", "The CASINO, again", True),
        ("casino", "casinos", False),
        ("free  money", "FREE\nmoney now", True),
        ("straße", "Die STRASSE", True),
        ("東京", "私は東京都に住む", True),
        ("東京", "京都", False),
        ("ok", "ok", True),
    ):
        assert (rule_of(rule) in compared(text)) is holds, (rule, text)
    assert rule_of("…!") == ""
