"""What an author is told of, read from where it is kept anyway: nothing is written twice when something arrives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fedblog.blog.ledger import Account
from fedblog.blog.model import Actor, ActorId, QuoteState, Reaction, ReactionKind, ReplyState, Role
from fedblog.storage import actors, desk, followers, moderation, quotes, reactions, replies
from fedblog.storage.desk import Reader
from fedblog.storage.tx import Tx
from fedblog.text.excerpt import excerpt

EXCERPT = 200


class Kind(StrEnum):
    """What happened."""

    REPLY = "reply"
    HELD = "held"
    PRIVATE = "private"
    LIKE = "like"
    BOOST = "boost"
    FOLLOW = "follow"
    FOLLOW_REQUEST = "follow_request"
    QUOTE = "quote"
    QUOTE_REQUEST = "quote_request"
    TROUBLE = "trouble"
    REPORT = "report"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened. `title` is of the post that it is about; `target` tells things of one kind apart."""

    kind: Kind
    at: int
    href: str
    actor: Actor | None = None
    title: str = ""
    target: int = 0
    text: str = ""
    number: int = 1
    to_answer: bool = False  # of a like or boost: it was of an answer rather than of the post


def recent(tx: Tx, account: Account, *, since: int, until: int, limit: int) -> list[Notice]:
    """What happened after `since` up to `until`, the newest first, about what this author wrote.

    Editors and the owner also get what they look after: replies held elsewhere, followers of the blog, reports. Texts
    of private replies are only ever in what the one whom they are for gets.
    """
    found = _replies(tx, account, since, limit) + _reactions(tx, account.actor_id, since, limit)
    found += _follows(tx, account, since, limit) + _quotes(tx, account.actor_id, limit) + _trouble(tx, account, since)
    if _looks_after(account):
        found += [
            Notice(Kind.REPORT, one.created_at, "/studio", text=one.content[:EXCERPT])
            for one in moderation.reports(tx, limit=limit)
        ]
    shown = [one for one in found if since < one.at <= until]
    return sorted(shown, key=lambda one: one.at, reverse=True)[:limit]


def _looks_after(account: Account) -> bool:
    return account.role in (Role.EDITOR, Role.OWNER)


def _replies(tx: Tx, account: Account, since: int, limit: int) -> list[Notice]:
    mine = desk.conversation(
        tx, Reader(account.actor_id, everything=False), show="unread", since=since, before_id=None, limit=limit
    )
    held = []
    if _looks_after(account):
        everybodys = Reader(account.actor_id, everything=True)
        held = desk.conversation(tx, everybodys, show="held", since=since, before_id=None, limit=limit)
    rows = {row.reply.id: (row, post) for row, post in [*held, *mine]}
    return [
        Notice(
            # One that was held and became private is private above all: some channels leave its text out.
            Kind.PRIVATE
            if not row.reply.visibility.is_public
            else Kind.HELD
            if row.reply.state is ReplyState.HELD
            else Kind.REPLY,
            row.reply.received_at,
            f"/studio/conversations#reply-{row.reply.id}",
            row.actor,
            post.title if post is not None else "",
            row.reply.id,
            excerpt(row.reply.content_html, EXCERPT) if not row.reply.content_warning else row.reply.content_warning,
        )
        for row, post in rows.values()
        if row.reply.state is not ReplyState.HIDDEN and not row.reply.local
    ]


def _reactions(tx: Tx, actor_id: ActorId, since: int, limit: int) -> list[Notice]:
    taken = [
        one
        for one in reactions.recent(tx, limit=limit, author_id=actor_id, since=since)
        if not one.actor.local and one.kind is not ReactionKind.DISLIKE
    ]
    under = {one.id: _post_of(tx, one) for one in taken}
    titles = desk.posts_by_id(tx, {post_id for post_id in under.values() if post_id})
    found = []
    for one in taken:
        post = titles.get(under[one.id])
        found.append(
            Notice(
                Kind.BOOST if one.kind is ReactionKind.ANNOUNCE else Kind.LIKE,
                one.created_at,
                f"/studio/conversations#reply-{one.id}",
                one.actor,
                post.title if post is not None else "",
                one.post_id or int(one.reply_id or 0),
                one.emoji,
                to_answer=one.reply_id is not None,
            )
        )
    return found


def _post_of(tx: Tx, one: Reaction) -> int:
    if one.post_id is not None:
        return one.post_id
    reply = replies.by_id(tx, one.reply_id) if one.reply_id is not None else None
    return int(reply.post_id or 0) if reply is not None else 0


def _follows(tx: Tx, account: Account, since: int, limit: int) -> list[Notice]:
    targets = [account.actor_id, *([actors.blog(tx).id] if _looks_after(account) else [])]
    found = []
    for target in targets:
        # Who follows the author and the blog is one person, told of once.
        for state, kind in (("accepted", Kind.FOLLOW), ("pending", Kind.FOLLOW_REQUEST)):
            where = "/studio/followers" if state == "accepted" else "/studio/followers?state=pending"
            found += [
                Notice(kind, one.created_at, where, one.actor, target=one.actor.id)
                for one in followers.newest(tx, target, state=state, since=since, limit=limit)
            ]
    once: dict[tuple[Kind, int], Notice] = {}
    for notice in found:
        once.setdefault((notice.kind, notice.target), notice)
    return list(once.values())


def _quotes(tx: Tx, actor_id: ActorId, limit: int) -> list[Notice]:
    found = [
        one for one in quotes.recent(tx, actor_id, limit) if one.state in (QuoteState.PENDING, QuoteState.ACCEPTED)
    ]
    titles = desk.posts_by_id(tx, {one.post_id for one in found})
    return [
        Notice(
            Kind.QUOTE_REQUEST if one.state is QuoteState.PENDING else Kind.QUOTE,
            one.created_at,
            "/studio/quotes",
            one.actor,
            titles[one.post_id].title if one.post_id in titles else "",
            one.id,
        )
        for one in found
    ]


def _trouble(tx: Tx, account: Account, since: int) -> list[Notice]:
    """Posts that servers could not be given; one notice a post."""
    rows = tx.all(
        "SELECT p.id, p.title, count(*), max(d.done_at) FROM deliveries d JOIN posts p ON p.uri = d.object_uri"
        " WHERE d.state = 'failed' AND d.done_at > $1 AND p.author_id = $2 AND p.status = 'published'"
        " GROUP BY p.id, p.title",
        since,
        account.actor_id,
    )
    return [
        Notice(Kind.TROUBLE, int(at), f"/studio/posts/{post_id}/reach", None, title, post_id, number=int(number))
        for post_id, title, number, at in rows
    ]
