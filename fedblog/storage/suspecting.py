"""A reply and its author as the spam filter sees them (`blog.suspicion`)."""

from __future__ import annotations

from fedblog.activitypub.urls import host_of
from fedblog.blog.model import Actor, ActorId, NewReply, Reply, ReplyState
from fedblog.blog.suspicion import MANY_MENTIONS, NOTHING_LEARNED, SOME_LINKS, Facts, Ground, weigh
from fedblog.storage import learning, moderation, replies
from fedblog.storage.rows import ACTOR, REPLY, REPLY_WIDTH, read_actor, read_reply
from fedblog.storage.tx import Tx
from fedblog.text.plain import plain_text
from fedblog.text.tokens import compared, counts, tokens_of


def grounds(
    tx: Tx, reply: NewReply | Reply, author: Actor, *, is_known: bool, has_rules: bool = True, has_learned: bool = True
) -> tuple[Ground, ...]:
    """Why a reply looks like spam, or doesn't. Of people of whom something showed here (`is_known`) only the word rules
    count. `has_rules`, `has_learned`: whether there can be any, for who knows."""
    rules = learning.word_rules(tx) if has_rules else []
    text = f"{reply.name} {reply.content_warning} {plain_text(reply.content_html)}" if rules else ""
    matching = learning.matching(rules, compared(text)) if rules else []
    if is_known:
        return weigh(Facts(0, 0, is_follower=False, is_first=False, has_profile=True, rules=matching))
    links, mentions = counts(reply.content_html)
    if not (has_learned or matching or links >= SOME_LINKS or mentions >= MANY_MENTIONS):
        return ()  # as most replies are: whatever else is so, it can't come to much
    tokens = tokens_of(reply.content_html, host_of(author.uri)) if has_learned else ()
    facts = Facts(
        links=links,
        mentions=mentions,
        is_follower=_follows(tx, author.id),
        is_first=True,
        has_profile=bool(author.icon_url or author.summary_html or author.fields),
        tokens=tokens,
        rules=matching,
    )
    return weigh(facts, learning.learned(tx, tokens) if has_learned else NOTHING_LEARNED)


def _follows(tx: Tx, actor_id: ActorId) -> bool:
    return tx.one("SELECT 1 FROM followers WHERE actor_id = $1 AND state = 'accepted'", actor_id) is not None


def showed_otherwise(tx: Tx, reply: Reply) -> bool:
    """Whether something else of its author shows, or did and was approved."""
    found = tx.one(
        "SELECT 1 FROM replies WHERE actor_id = $1 AND id <> $2 AND state = 'published'"
        " AND visibility IN ('public', 'unlisted')",
        reply.actor_id,
        reply.id,
    )
    return found is not None


def teach(tx: Tx, reply: Reply, kind: str) -> None:
    """Learn from a decision about a reply of somebody else: good, spam, or ("") neither any more."""
    if reply.local:
        return
    uri = tx.value("SELECT uri FROM actors WHERE id = $1", reply.actor_id)
    learning.teach(tx, reply.id, kind, tokens_of(reply.content_html, host_of(str(uri))) if kind else ())


def release(tx: Tx) -> int:
    """Show held replies that no word rule holds any more; who is blocked or gone stays away. How many there were."""
    rows = tx.all(
        f"SELECT {REPLY}, {ACTOR} FROM replies r JOIN actors a ON a.id = r.actor_id"
        " WHERE r.state = 'held' AND r.reason = 'hold_words' ORDER BY r.id"
    )
    shown = 0
    for row in rows:
        reply, author = read_reply(row), read_actor(row, REPLY_WIDTH)
        held = any(one.code == "word" for one in grounds(tx, reply, author, is_known=True, has_learned=False))
        away = author.suspended_at is not None or moderation.is_blocked(
            tx, actor_uri=author.uri, host=host_of(author.uri)
        )
        if not held and not away:
            replies.set_state(tx, reply.id, ReplyState.PUBLISHED, "")
            shown += 1
    return shown
