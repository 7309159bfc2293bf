"""How much a stranger's reply looks like spam: points with their reasons, from facts of the fediverse and from what
people here decided before. Nothing is ever dropped by it; what has many points waits for somebody."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MANY_LINKS, SOME_LINKS, MANY_MENTIONS = 3, 2, 5
LEARN_FROM = 3  # replies of each kind, before what was learned counts
MOST_LEARNED = 6
MOST_TELLING = 15
_NEUTRAL = 0.15  # a word this near to the middle says nothing
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a reply arrives. `tokens`: its words, hosts and server, as they are learned; `rules`: words of
    the blog's own list that stand in it."""

    links: int
    mentions: int
    is_follower: bool
    is_first: bool
    has_profile: bool
    tokens: Sequence[str] = ()
    rules: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Learned:
    """How many good replies and how much spam there was, and of each token how often it stood in them."""

    good: int
    spam: int
    tokens: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Ground:
    """One reason. `code`: word, links, mentions, first, no_profile, follower, learned_spam, learned_good."""

    code: str
    points: int
    detail: str = ""


NOTHING_LEARNED = Learned(0, 0, {})


def weigh(facts: Facts, learned: Learned = NOTHING_LEARNED) -> tuple[Ground, ...]:
    """The grounds, those against it first."""
    found = [Ground("word", 100, words) for words in facts.rules]
    if facts.links >= SOME_LINKS:
        found.append(Ground("links", 2 if facts.links >= MANY_LINKS else 1, str(facts.links)))
    if facts.mentions >= MANY_MENTIONS:
        found.append(Ground("mentions", 2, str(facts.mentions)))
    if facts.is_first:
        found.append(Ground("first", 1))
    if not facts.has_profile:
        found.append(Ground("no_profile", 1))
    if facts.is_follower:
        found.append(Ground("follower", -3))
    found += _from_learned(facts.tokens, learned)
    return tuple(sorted(found, key=lambda one: -one.points))


def points(grounds: Sequence[Ground]) -> int:
    """All of them together."""
    return sum(one.points for one in grounds)


def _from_learned(tokens: Sequence[str], learned: Learned) -> list[Ground]:
    """Words weighed as a naive Bayes filter does (Graham, Robinson): the most telling ones, each by its log-odds."""
    if min(learned.good, learned.spam) < LEARN_FROM:
        return []
    odds = {token: _odds(*learned.tokens[token], learned) for token in dict.fromkeys(tokens) if token in learned.tokens}
    telling = sorted((token for token in odds if abs(odds[token]) > _NEUTRAL), key=lambda token: -abs(odds[token]))
    telling = telling[:MOST_TELLING]
    total = sum(odds[token] for token in telling)
    value = max(-MOST_LEARNED, min(MOST_LEARNED, round(total)))
    if not value:
        return []
    against = [token for token in telling if (odds[token] > 0) == (value > 0)][:_SHOWN]
    return [Ground("learned_spam" if value > 0 else "learned_good", value, ", ".join(against))]


def _odds(good: int, spam: int, learned: Learned) -> float:
    """Log-odds that something with this token is spam; tokens that were seen seldom say less."""
    in_spam, in_good = spam / learned.spam, good / learned.good
    seen = good + spam
    chance = in_spam / (in_spam + in_good) if seen else 0.5
    chance = (0.5 + seen * chance) / (1 + seen)
    return math.log(chance / (1 - chance))
