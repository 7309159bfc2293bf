"""/studio/conversations: what the fediverse says, newest first, with what it answers and room to answer back."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, ActorId, Post, Reaction, ReactionKind, Reply, ReplyId, ThreadRow
from fedblog.storage import accounts, actors, desk, reactions, replies
from fedblog.storage.database import Tx
from fedblog.text.excerpt import excerpt
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who, number_in_query, show

PAGE = 30
FILTERS = ("", "unread", "held", "private")
_EXCERPT = 220


@dataclass(frozen=True, slots=True)
class Above:
    """What a reply answers: another reply, shortened."""

    actor: Actor
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the conversations: a reply (`reply` is set) or a like or boost (`verb` says which)."""

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
        return f"/studio/conversations#reply-{self.id}"

    @property
    def under(self) -> str:
        """The title of the post it belongs to."""
        return self.post.title if self.post is not None else ""


async def conversations(request: web.Request, who: Who) -> web.StreamResponse:
    """The page; opening its top marks everything as read, and older pages still know what was new."""
    services = request.app[SERVICES]
    chosen = request.query.get("show", "") if request.query.get("show", "") in FILTERS else ""
    before, since_before = number_in_query(request, "before"), number_in_query(request, "since")
    seen_at = await services.db.read(accounts.seen_at, who.account.id)
    since = seen_at if since_before is None else since_before
    items = await services.db.read(
        items_for, who, services.ids, show=chosen, since=since, before_id=before, limit=PAGE + 1
    )
    older = ""
    if len(items) > PAGE:
        items = items[:PAGE]
        query = {"show": chosen, "before": str(items[-1].id), "since": str(since)}
        older = "/studio/conversations?" + urlencode({key: value for key, value in query.items() if value})
    page = await show(
        request,
        who,
        "conversations.html",
        items=items,
        filter=chosen,
        older=older,
        open=number_in_query(request, "open"),
        draft="",
        here=request.path_qs.partition("&done=")[0],
    )
    if before is None and chosen in ("", "unread"):
        await services.db.write(accounts.mark_seen, who.account.id)
    return page


def items_for(
    tx: Tx, who: Who, ids: LocalIds, *, show: str, since: int, before_id: int | None, limit: int
) -> list[Item]:
    """Replies and reactions in one list: ids rise with time on both, so they merge by id."""
    found = desk.conversation(tx, who.reader, show=show, since=since, before_id=before_id, limit=limit)
    taken: list[Reaction] = []
    if show in ("", "unread"):
        taken = reactions.recent(tx, before_id=before_id, limit=limit, author_id=who.scope)
        taken = [one for one in taken if not one.actor.local and (show == "" or one.created_at > since)]
    items = _reply_items(tx, who, ids, found, since) + _reaction_items(tx, ids, taken, since)
    return sorted(items, key=lambda item: item.id, reverse=True)[:limit]


def _reply_items(tx: Tx, who: Who, ids: LocalIds, found: list[tuple[ThreadRow, Post | None]], since: int) -> list[Item]:
    authors = actors.by_ids(tx, {post.author_id for _, post in found if post is not None})
    taken = reactions.of_replies(tx, [row.reply.id for row, _ in found])
    return [
        Item(
            id=row.reply.id,
            actor=row.actor,
            at=row.reply.published_at,
            unread=not row.reply.local and row.reply.received_at > since,
            post=post,
            post_href=_post_href(ids, post, authors),
            verb="replied under",
            reply=row.reply,
            above=_above(tx, row.reply.parent_id),
            mine=row.reply.local and row.actor.id == who.actor.id,
            liked=any(
                one.actor.id == who.actor.id and one.kind is ReactionKind.LIKE for one in taken.get(row.reply.id, [])
            ),
            link=_reply_link(ids, row.reply, post, authors),
        )
        for row, post in found
    ]


def _above(tx: Tx, parent_id: ReplyId | None) -> Above | None:
    parent = replies.by_id(tx, parent_id) if parent_id is not None else None
    if parent is None or not parent.visibility.is_public or not parent.content_html:
        return None
    author = actors.by_id(tx, parent.actor_id)
    return Above(author, excerpt(parent.content_html, _EXCERPT)) if author is not None else None


def _reaction_items(tx: Tx, ids: LocalIds, taken: list[Reaction], since: int) -> list[Item]:
    under = {one.id: one.post_id or _post_of_reply(tx, one.reply_id) for one in taken}
    found = desk.posts_by_id(tx, {post_id for post_id in under.values() if post_id is not None})
    authors = actors.by_ids(tx, {post.author_id for post in found.values()})
    items = []
    for one in taken:
        post = found.get(under[one.id] or 0)
        verb = "boosted" if one.kind is ReactionKind.ANNOUNCE else "liked"
        verb += _what(tx, one.reply_id)
        href = _post_href(ids, post, authors)
        items.append(Item(one.id, one.actor, one.created_at, one.created_at > since, post, href, verb))
    return items


def _what(tx: Tx, reply_id: ReplyId | None) -> str:
    """What was liked or boosted, where it is not the post itself."""
    reply = replies.by_id(tx, reply_id) if reply_id is not None else None
    if reply is None:
        return ""
    return " your answer under" if reply.local else " a reply under"


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
