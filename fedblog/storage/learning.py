"""Word rules, and what the decisions of people here taught: all of it can be taken back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fedblog.blog.ledger import AccountId
from fedblog.blog.model import ReplyId
from fedblog.blog.suspicion import Learned
from fedblog.errors import Conflict
from fedblog.storage.rows import write_json
from fedblog.storage.tx import Tx, chunks, marks

MAX_RULES = 500
_TOTALS = "\x20"  # in no text is this a word: the row of how many replies there were


@dataclass(frozen=True, slots=True)
class WordRule:
    """Words that hold a reply; `written` as somebody typed them."""

    id: int
    words: str
    written: str
    created_at: int


def word_rules(tx: Tx) -> list[WordRule]:
    """All of them, by their words."""
    return [WordRule(*row) for row in tx.all("SELECT id, words, written, created_at FROM word_rules ORDER BY words")]


def add_word(tx: Tx, words: str, written: str, *, by: AccountId | None) -> None:
    """A new rule; one that is there stays. Raises `Conflict` for one too many."""
    if int(tx.value("SELECT count(*) FROM word_rules")) >= MAX_RULES:
        raise Conflict(f"at most {MAX_RULES} words", reason="too_many_words")
    tx.run(
        "INSERT INTO word_rules (id, words, written, account_id, created_at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (words) DO NOTHING",
        tx.new_id(),
        words,
        written,
        by,
        tx.now,
    )


def remove_word(tx: Tx, rule_id: int) -> str:
    """Take a rule away; its words, "" where there was none."""
    return str(tx.value("DELETE FROM word_rules WHERE id = $1 RETURNING words", rule_id) or "")


def matching(rules: Iterable[WordRule], compared: str) -> list[str]:
    """Rules that stand in a text (as `text.tokens.compared` makes it), as somebody wrote them."""
    return [rule.written for rule in rules if rule.words in compared]


def teach(tx: Tx, reply_id: ReplyId, kind: str, tokens: Sequence[str]) -> None:
    """A person decided that a reply is good or spam (`kind`), or took that back (""); what was learned of it before is
    unlearned."""
    row = tx.one("SELECT kind, tokens FROM learned_from WHERE reply_id = $1", reply_id)
    before = row[0] if row is not None else ""
    if before == kind:
        return
    if row is not None:
        _count(tx, before, json.loads(row[1]), -1)
        tx.run("DELETE FROM learned_from WHERE reply_id = $1", reply_id)
        tx.run("DELETE FROM learned WHERE good <= 0 AND spam <= 0")
    if kind:
        _count(tx, kind, tokens, 1)
        tx.run(
            "INSERT INTO learned_from (reply_id, kind, tokens) VALUES ($1, $2, $3)", reply_id, kind, write_json(tokens)
        )


def _count(tx: Tx, kind: str, tokens: Iterable[str], change: int) -> None:
    column = "good" if kind == "good" else "spam"
    good, spam = (change, 0) if kind == "good" else (0, change)
    # In one order, so that two decisions at a time don't wait for each other in a circle.
    tx.many(
        "INSERT INTO learned (token, good, spam) VALUES ($1, $2, $3)"
        f" ON CONFLICT (token) DO UPDATE SET {column} = learned.{column} + {change}",
        [(token, good, spam) for token in sorted({*tokens, _TOTALS})],
    )


def has_learned(tx: Tx) -> bool:
    """Whether anything was learned."""
    return tx.one("SELECT 1 FROM learned LIMIT 1") is not None


def learned(tx: Tx, tokens: Sequence[str]) -> Learned:
    """What is known of these tokens."""
    found: dict[str, tuple[int, int]] = {}
    for some in chunks((_TOTALS, *tokens)):
        rows = tx.all(f"SELECT token, good, spam FROM learned WHERE token IN ({marks(len(some))})", *some)
        found.update({row[0]: (max(row[1], 0), max(row[2], 0)) for row in rows})
    good, spam = found.pop(_TOTALS, (0, 0))
    return Learned(good, spam, found)


def forget(tx: Tx) -> None:
    """Begin anew: nothing was learned."""
    tx.run("DELETE FROM learned_from")
    tx.run("DELETE FROM learned")
