"""/studio/conversations: what the fediverse says, by post or in order of time, and room to answer."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.emoji import Named
from fedblog.blog.ledger import Decision
from fedblog.blog.model import (
    Actor,
    ActorId,
    Post,
    PostId,
    Reaction,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    ThreadRow,
)
from fedblog.blog.suspicion import Ground
from fedblog.storage import accounts, actors, decisions, desk, learning, outgoing, reactions, replies, suspecting
from fedblog.storage.database import Tx
from fedblog.storage.outgoing import Flagged
from fedblog.text.excerpt import excerpt
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_query, show

HOME = "/studio/conversations"
PAGE = 30
GROUPS = 10
NEW_SHOWN = 12
OLD_SHOWN = 3
FILTERS = ("", "all", "unread", "held", "first", "reported", "hidden", "private", "letters")
_EXCERPT = 220


@dataclass(frozen=True, slots=True)
class Above:
    """What a reply answers: another reply, shortened."""

    actor: Actor
    text: str
    emoji: Named


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the conversations: a reply (`reply` is set) or a like or boost (`verb` says of what)."""

    id: int
    actor: Actor
    at: int
    unread: bool
    post: Post | None
    post_href: str
    verb: str
    reply: Reply | None = None
    above: Above | None = None
    mine: bool = False
    liked: bool = False
    link: str = ""
    decision: Decision | None = None
    grounds: tuple[Ground, ...] = ()
    flagged: Flagged | None = None

    @property
    def private(self) -> bool:
        """Whether only the one whom it answers may read it."""
        return self.reply is not None and not self.reply.visibility.is_public

    @property
    def likes(self) -> int:
        """Likes of a reply: those that reached us, or as many as its own server tells."""
        return max(self.reply.like_count, self.reply.remote_likes) if self.reply is not None else 0

    @property
    def can_answer(self) -> bool:
        """Whether there is a post to answer under."""
        imported = self.reply is not None and self.reply.imported
        return self.post is not None and bool(self.post.uri) and not imported

    @property
    def excerpt(self) -> str:
        """The reply in a few words."""
        return excerpt(self.reply.content_html, _EXCERPT) if self.reply is not None else ""

    @property
    def href(self) -> str:
        """Where it is in the studio."""
        return f"/studio/replies/{self.id}" if self.reply is not None else HOME

    @property
    def under(self) -> str:
        """The title of the post it belongs to."""
        return self.post.title if self.post is not None else ""


@dataclass(frozen=True, slots=True)
class Group:
    """The conversation under one post, with what is new in it."""

    talk: desk.Talk
    post: Post | None
    post_href: str
    items: list[Item]

    @property
    def href(self) -> str:
        """All of it."""
        return f"/studio/conversations?post={self.post.id}" if self.post is not None else f"{HOME}?show=letters"

    @property
    def is_new(self) -> bool:
        """Whether something happened, or waits."""
        return bool(self.talk.unread or self.talk.held or self.talk.likes or self.talk.boosts)


async def conversations(request: web.Request, who: Who) -> web.StreamResponse:
    """The page; opening its top marks everything as read, and older pages still know what was new."""
    services = request.app[SERVICES]
    chosen = request.query.get("show", "") if request.query.get("show", "") in FILTERS else ""
    post_id = number_in_query(request, "post")
    if not chosen and post_id is None:
        return await _by_post(request, who)
    before = number_in_query(request, "before")
    since = await _since(request, who)
    items = await services.db.read(
        items_for, who, services.ids, show=chosen, since=since, before_id=before, limit=PAGE + 1, post_id=post_id
    )
    older = ""
    if len(items) > PAGE:
        items = items[:PAGE]
        query = {"show": chosen, "post": str(post_id or ""), "before": str(items[-1].id), "since": str(since)}
        older = f"{HOME}?" + urlencode({key: value for key, value in query.items() if value})
    page = await show(
        request,
        who,
        "conversations.html",
        items=items,
        groups=None,
        filter=chosen,
        one=items[0].post if items and post_id is not None else None,
        older=older,
        open=number_in_query(request, "open"),
        draft="",
    )
    if before is None and chosen in ("all", "unread"):
        await services.db.write(accounts.mark_seen, who.account.id)
    return page


async def _since(request: web.Request, who: Who) -> int:
    """From when on things are new: as it was on the first page, or since the last visit."""
    told = number_in_query(request, "since")
    return await request.app[SERVICES].db.read(accounts.seen_at, who.account.id) if told is None else told


async def _by_post(request: web.Request, who: Who) -> web.StreamResponse:
    """A post after the other, those with something new first."""
    services, since = request.app[SERVICES], await _since(request, who)
    skip = number_in_query(request, "skip") or 0
    groups = await services.db.read(_groups, who, services.ids, since, min(skip, 100_000))
    older = ""
    if len(groups) > GROUPS:
        groups = groups[:GROUPS]
        older = f"{HOME}?" + urlencode({"skip": skip + GROUPS, "since": since})
    page = await show(
        request,
        who,
        "conversations.html",
        items=[],
        groups=groups,
        filter="",
        one=None,
        older=older,
        open=number_in_query(request, "open"),
        draft="",
    )
    if skip == 0:
        await services.db.write(accounts.mark_seen, who.account.id)
    return page


def _groups(tx: Tx, who: Who, ids: LocalIds, since: int, skip: int) -> list[Group]:
    found = desk.talks(tx, who.reader, since=since, skip=skip, limit=GROUPS + 1)
    under = desk.posts_by_id(tx, {talk.post_id for talk in found if talk.post_id is not None})
    authors = actors.by_ids(tx, {post.author_id for post in under.values()})
    groups = []
    for talk in found:
        post = under.get(talk.post_id or 0)
        taken: list[tuple[ThreadRow, Post | None]] = []
        for shown in ("held", "unread") if talk.unread or talk.held else ("all",):
            taken += desk.conversation(
                tx,
                who.reader,
                show=shown if talk.post_id is not None or shown != "all" else "letters",
                since=since,
                before_id=None,
                limit=NEW_SHOWN if talk.unread or talk.held else OLD_SHOWN,
                post_id=talk.post_id,
            )
        taken = [one for one in taken if (one[1] is None) == (talk.post_id is None)]
        unique = list({row.reply.id: (row, over) for row, over in taken}.values())[:NEW_SHOWN]
        groups.append(Group(talk, post, _post_href(ids, post, authors), reply_items(tx, who, ids, unique, since)))
    return groups


def items_for(
    tx: Tx,
    who: Who,
    ids: LocalIds,
    *,
    show: str,
    since: int,
    before_id: int | None,
    limit: int,
    post_id: int | None = None,
) -> list[Item]:
    """Replies and reactions in one list: ids rise with time on both, so they merge by id."""
    under = PostId(post_id) if post_id is not None else None
    found = desk.conversation(tx, who.reader, show=show, since=since, before_id=before_id, limit=limit, post_id=under)
    taken: list[Reaction] = []
    if show in ("all", "unread") and post_id is None:
        taken = reactions.recent(tx, before_id=before_id, limit=limit, author_id=who.scope)
        taken = [one for one in taken if not one.actor.local and (show == "all" or one.created_at > since)]
    items = reply_items(tx, who, ids, found, since) + _reaction_items(tx, ids, taken, since)
    return sorted(items, key=lambda item: item.id, reverse=True)[:limit]


def reply_items(tx: Tx, who: Who, ids: LocalIds, found: list[tuple[ThreadRow, Post | None]], since: int) -> list[Item]:
    authors = actors.by_ids(tx, {post.author_id for _, post in found if post is not None})
    taken = reactions.of_replies(tx, [row.reply.id for row, _ in found])
    flagged = outgoing.flags_of(tx, [row.reply.uri for row, _ in found if not row.reply.local])
    has_learned = learning.has_learned(tx)
    decided = decisions.last_of(tx, [row.reply.id for row, _ in found])
    return [
        Item(
            id=row.reply.id,
            actor=row.actor,
            at=row.reply.published_at,
            unread=not row.reply.local and row.reply.received_at > since,
            post=post,
            post_href=_post_href(ids, post, authors),
            verb="reply",
            reply=row.reply,
            above=_above(tx, row.reply.parent_id),
            mine=row.reply.local and row.actor.id == who.actor.id,
            liked=any(
                one.actor.id == who.actor.id and one.kind is ReactionKind.LIKE for one in taken.get(row.reply.id, [])
            ),
            link=_reply_link(ids, row.reply, post, authors),
            decision=decided.get(row.reply.id),
            flagged=flagged.get(row.reply.uri),
            grounds=suspecting.grounds(tx, row.reply, row.actor, is_known=_is_known(tx, row), has_learned=has_learned)
            if row.reply.state is ReplyState.HELD
            else (),
        )
        for row, post in found
    ]


def _is_known(tx: Tx, row: ThreadRow) -> bool:
    return actors.standing(tx, row.actor.id) >= 0 and actors.has_published_reply(tx, row.actor.id)


def _above(tx: Tx, parent_id: ReplyId | None) -> Above | None:
    parent = replies.by_id(tx, parent_id) if parent_id is not None else None
    if parent is None or not parent.visibility.is_public or not parent.content_html:
        return None
    author = actors.by_id(tx, parent.actor_id)
    return Above(author, excerpt(parent.content_html, _EXCERPT), parent.emoji) if author is not None else None


def _reaction_items(tx: Tx, ids: LocalIds, taken: list[Reaction], since: int) -> list[Item]:
    under = {one.id: one.post_id or _post_of_reply(tx, one.reply_id) for one in taken}
    found = desk.posts_by_id(tx, {post_id for post_id in under.values() if post_id is not None})
    authors = actors.by_ids(tx, {post.author_id for post in found.values()})
    items = []
    for one in taken:
        post = found.get(under[one.id] or 0)
        kind = ReactionKind.ANNOUNCE if one.kind is ReactionKind.ANNOUNCE else ReactionKind.LIKE
        verb = f"{kind.value} {_what(tx, one.reply_id)}"
        href = _post_href(ids, post, authors)
        items.append(Item(one.id, one.actor, one.created_at, one.created_at > since, post, href, verb))
    return items


def _what(tx: Tx, reply_id: ReplyId | None) -> str:
    """What was liked or boosted: the post itself, an answer of ours, somebody's reply."""
    reply = replies.by_id(tx, reply_id) if reply_id is not None else None
    return "post" if reply is None else "answer" if reply.local else "reply"


def _post_of_reply(tx: Tx, reply_id: ReplyId | None) -> int | None:
    reply = replies.by_id(tx, reply_id) if reply_id is not None else None
    return reply.post_id if reply is not None else None


def _post_href(ids: LocalIds, post: Post | None, authors: dict[ActorId, Actor]) -> str:
    if post is None:
        return ""
    if not post.uri:
        return f"/studio/posts/{post.id}"
    return ids.post_page(authors[post.author_id].username, post.slug)


def _reply_link(ids: LocalIds, reply: Reply, post: Post | None, authors: dict[ActorId, Actor]) -> str:
    if (reply.local or reply.imported) and post is not None and post.uri:
        return ids.reply_page(authors[post.author_id].username, post.slug, reply.id)
    return reply.url or reply.uri
