"""What stands around a post and its replies: emoji with their counts, who quotes it, and who moved since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fedblog.blog.model import Actor, Post, Quote, Reaction, ReactionKind, ReplyId, ThreadRow
from fedblog.storage import actors, quotes, reactions
from fedblog.storage.database import Tx

QUOTES_SHOWN = 50
EMOJI_SHOWN = 12

Sign = tuple[str, int, str]  # an emoji, how often it was given, and the key of its picture or ""


@dataclass(frozen=True, slots=True)
class Echoes:
    """`moved` maps the id of a new account to it, for those who wrote here under an old one (INB-31)."""

    emoji: tuple[Sign, ...]
    quotes: tuple[Quote, ...]
    reply_emoji: dict[ReplyId, tuple[Sign, ...]]
    moved: dict[str, Actor]


def read_echoes(tx: Tx, post: Post, rows: Sequence[ThreadRow], by_reply: dict[ReplyId, list[Reaction]]) -> Echoes:
    """For the page of a post that shows these rows; `by_reply` holds the reactions to its answers."""
    return Echoes(
        emoji=tuple(reactions.emoji_of_post(tx, post.id, EMOJI_SHOWN)) if post.like_count else (),
        quotes=tuple(quotes.shown(tx, post.id, QUOTES_SHOWN)),
        reply_emoji={reply_id: _counted(found) for reply_id, found in by_reply.items()},
        moved=actors.by_uris(tx, [row.actor.moved_to for row in rows if row.actor.moved_to]),
    )


def _counted(found: Sequence[Reaction]) -> tuple[Sign, ...]:
    told = Counter(
        (one.emoji, one.emoji_key) for one in found if one.emoji and one.kind is ReactionKind.LIKE and one.public
    )
    most = sorted(told.items(), key=lambda item: (-item[1], item[0]))[:EMOJI_SHOWN]
    return tuple((sign, count, key) for (sign, key), count in most)
