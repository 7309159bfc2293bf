"""A post with everything the fediverse said about it; the same URL answers ActivityStreams (DISC-13)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.wire import wants_activity
from fedblog.blog.ledger import Media, Session
from fedblog.blog.model import (
    Actor,
    Post,
    PostId,
    PostStatus,
    Reaction,
    ReactionKind,
    Reply,
    ReplyId,
    ReplyState,
    Role,
    ThreadOrder,
    ThreadRow,
)
from fedblog.errors import Gone, NotFound
from fedblog.storage import actors, media, posts, reactions, replies, threads
from fedblog.storage.backfill import Missing, elsewhere
from fedblog.storage.database import Tx
from fedblog.text.excerpt import reading_minutes
from fedblog.web import cursors
from fedblog.web.activitypub import post_answer
from fedblog.web.cache import CachedPage, RenderedPage, pack
from fedblog.web.conditional import cached_answer
from fedblog.web.documents import is_public
from fedblog.web.drawn_rows import Conversation, DrawnRows, all_to_draw, read_first, read_whole
from fedblog.web.fragments import DrawRow, draw_anew
from fedblog.web.hot import mark
from fedblog.web.i18n import current, grouped, ngettext
from fedblog.web.keys import ASKS_ELSEWHERE, PAGES, POST_INDEX, RENDERER, SERVICES, SESSION
from fedblog.web.pages import FOR_ALL, FOR_ONE, HTML, alternate_link
from fedblog.web.public.article import Around, article_values, read_around
from fedblog.web.public.card import card_url
from fedblog.web.public.echoes import Echoes, read_echoes
from fedblog.web.public.items import lede, tag_links
from fedblog.web.public.parts import (
    Part,
    Wanted,
    find_part,
    order_href,
    read_wanted,
    reply_href,
    reply_under,
)
from fedblog.web.renderer import Renderer
from fedblog.web.sessions import csrf_token
from fedblog.web.standing import Draw, drawn_anew

MAX_INDENT = 4
NAMES_SHOWN = 60
ORIGINALS_SHOWN = 20


class Moved(Exception):
    """The post has another address now."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


@dataclass(frozen=True, slots=True)
class ReactionGroup:
    """Likes or boosts of a post: how many, and who of them is named."""

    count: int
    words: str
    actors: tuple[Actor, ...]

    @property
    def others(self) -> int:
        """How many are not named."""
        return max(0, self.count - len(self.actors))


@dataclass(frozen=True, slots=True)
class PostView:
    """Everything that a post's page shows, read in one transaction."""

    post: Post
    author: Actor
    part: Part
    conversation: Conversation
    likes: tuple[Reaction, ...]
    boosts: tuple[Reaction, ...]
    liked_replies: dict[ReplyId, list[Actor]]
    echoes: Echoes
    elsewhere: tuple[Missing, ...]
    pictures: dict[str, Media]
    answered: ThreadRow | None  # what the form is bound to; None: the post
    around: Around


async def post(request: web.Request) -> web.Response:
    """/@NAME/SLUG"""
    name, slug = request.match_info["name"], request.match_info["slug"]
    if wants_activity(request.headers.get("Accept"), False):
        wanted = read_wanted(request.query)
        if wanted.reply is not None:
            return await _note_answer(request, name, slug, wanted.reply)
        return await post_answer(request, name, slug)
    try:
        return await _page(request, name, slug)
    except Moved as moved:
        raise web.HTTPMovedPermanently(moved.url) from None


async def _note_answer(request: web.Request, name: str, slug: str, reply_id: ReplyId) -> web.Response:
    """A permalink pasted into a search field elsewhere leads to the reply's own object, here or on its server."""
    services = request.app[SERVICES]

    def uri_of(tx: Tx) -> str:
        found, _ = find_post(tx, services.ids, name, slug)
        reply = reply_under(tx, found.id, reply_id, public_only=True)
        if reply.imported or reply.state is not ReplyState.PUBLISHED:
            raise NotFound("this reply has no object")
        return reply.uri

    uri = await services.db.read(uri_of)
    return web.Response(status=303, headers={"Location": uri, "Vary": "Accept", "Cache-Control": "no-cache"})


async def _page(request: web.Request, name: str, slug: str) -> web.Response:
    services, session, ids = request.app[SERVICES], request.get(SESSION), request.app[SERVICES].ids
    request[ASKS_ELSEWHERE] = True
    renderer, wanted = request.app[RENDERER], read_wanted(request.query)

    def build(view: PostView) -> CachedPage:
        return pack(render_view(renderer, view, session, ids, csrf_token(request)))

    if session is not None:
        view = await services.db.read(read_view, ids, name, slug, wanted, session)
        return await cached_answer(request, await asyncio.to_thread(build, view), HTML, cache_control=FOR_ONE)
    index = request.app[POST_INDEX]
    post_id = index.get(name, slug)
    if post_id is None:
        found, _ = await services.db.read(find_post, ids, name, slug)
        post_id = found.id
        index.put(name, slug, post_id)
    await renderer.refresh(services.db)
    version, part = await services.db.read(_version_and_part, post_id, wanted)

    async def make() -> CachedPage:
        made = await services.db.read(read_page, ids, name, slug, post_id, part, renderer)
        return (
            await asyncio.to_thread(pack, made)
            if isinstance(made, RenderedPage)
            else await asyncio.to_thread(build, made)
        )

    kept = await request.app[PAGES].get(("post", name, slug, part), (version, renderer.version), make)
    mark(request, post_id)
    return await cached_answer(request, kept, HTML, cache_control=FOR_ALL)


def _version_and_part(tx: Tx, post_id: PostId, wanted: Wanted) -> tuple[int, Part]:
    return posts.thread_version(tx, post_id), find_part(tx, post_id, wanted, public_only=True)


def read_page(
    tx: Tx, ids: LocalIds, name: str, slug: str, post_id: PostId, part: Part, renderer: Renderer
) -> PostView | RenderedPage:
    """A page for everybody: as it was drawn, if nothing has changed since, or else its data."""
    if part == Part():
        drawn = read_whole(tx, post_id, renderer.rows, renderer.frame)
        if drawn is not None:
            return drawn
    return read_view(tx, ids, name, slug, Wanted(part), None, renderer.rows)


def render_view(
    renderer: Renderer, view: PostView, session: Session | None, ids: LocalIds, csrf: str = ""
) -> RenderedPage:
    """The page's HTML; CPU work."""
    values = make_context(view, session, ids)
    values["card"] = card_url(view.post, view.author, renderer.look.look, renderer.settings)
    values |= article_values(view.post, view.author, view.around, ids, renderer.settings, card=values["card"])
    draw: DrawRow = draw_anew
    if session is None and view.conversation.post_id is None:
        echoes = view.echoes
        draw = renderer.fragments.of_page(view.post.author_id, view.liked_replies, echoes.reply_emoji, echoes.moved)
    standing = _standing(renderer, view) if session is None else drawn_anew
    html = renderer.html("public/post.html", session=session, csrf=csrf, fragment=draw, standing=standing, **values)
    page = RenderedPage(html, (alternate_link(view.post.uri),) if view.post.uri else ())
    if view.part == Part():
        view.conversation.keep_frame(renderer.frame, page)
    renderer.rows.keep(view.conversation)
    return page


def _standing(renderer: Renderer, view: PostView) -> Draw:
    """What of the page is kept; nothing where the blog's own templates may show there what we don't think of."""
    if renderer.settings.blog.templates_dir or view.part.answers is not None:
        return drawn_anew
    post = replace(view.post, thread_version=0, reply_count=min(view.post.reply_count, 1))
    around = replace(view.around, comments=())
    made_of = (
        renderer.frame,
        current(),
        post,
        view.author,
        view.likes,
        view.boosts,
        view.echoes.emoji,
        view.pictures,
        around,
    )
    return renderer.standing.of_page(post.id, made_of)


def find_post(tx: Tx, ids: LocalIds, name: str, slug: str) -> tuple[Post, Actor]:
    """A public post and its author.

    Raises `Moved` for an old slug or another spelling of the name, `Gone` for a deleted post, and `NotFound` for
    everything else, drafts and private posts included: they look like what never was (ART-23).
    """
    author = actors.by_local_name(tx, name)
    if author is None or author.local != "author":
        raise NotFound("no such post")
    found = posts.by_slug(tx, author.id, slug)
    if found is None:
        newer = posts.redirect_slug(tx, author.id, slug)
        known = posts.by_slug(tx, author.id, newer) if newer else None
        if newer is None or known is None or not is_public(known):
            raise NotFound("no such post")
        raise Moved(ids.post_page(author.username, newer))
    if found.status is PostStatus.DELETED and found.published_at is not None and found.visibility.is_public:
        raise Gone("this post was deleted")
    if not is_public(found):
        raise NotFound("no such post")
    if author.username != name:
        raise Moved(ids.post_page(author.username, slug))
    return found, author


def read_view(
    tx: Tx, ids: LocalIds, name: str, slug: str, wanted: Wanted, session: Session | None, known: DrawnRows | None = None
) -> PostView:
    """The whole page's data; those who may decide about replies see held, hidden and private ones as well.

    `known`: rows that were drawn before, which everybody's first page may use.
    """
    found, author = find_post(tx, ids, name, slug)
    public_only = not may_edit(session, found)
    part = find_part(tx, found.id, wanted, public_only=public_only)
    if known is not None and session is None and part == Part(answers=part.answers):
        conversation, shown = read_first(tx, found.id, found.thread_version, known, indent=MAX_INDENT, limit=part.rows)
    else:
        conversation, shown = _read_part(tx, found, part, public_only=public_only)
    liked = [row.reply.id for row in shown if row.reply.like_count]
    by_reply = reactions.of_replies(tx, liked) if liked else {}
    return PostView(
        post=found,
        author=author,
        part=part,
        conversation=conversation,
        likes=_read_reactions(tx, found, ReactionKind.LIKE, found.like_count),
        boosts=_read_reactions(tx, found, ReactionKind.ANNOUNCE, found.announce_count),
        liked_replies={
            reply_id: [one.actor for one in _public(found_here) if one.kind is ReactionKind.LIKE][:NAMES_SHOWN]
            for reply_id, found_here in by_reply.items()
        },
        echoes=read_echoes(tx, found, shown, by_reply),
        elsewhere=tuple(elsewhere(tx, found.id)),
        pictures=media.by_names(tx, media.names_in(found.image_url)),
        answered=_answered(tx, part.answers),
        around=read_around(tx, found),
    )


def _read_part(tx: Tx, found: Post, part: Part, *, public_only: bool) -> tuple[Conversation, list[ThreadRow]]:
    after = _place(tx, found, part.after)
    rows = threads.page(tx, found.id, part.order, after=after, limit=part.rows + 1, public_only=public_only)
    shown = rows[: part.rows]
    here = {row.reply.id for row in shown}
    above = {row.reply.parent_id for row in shown if row.reply.parent_id is not None} - here
    more = len(rows) > part.rows
    return all_to_draw(shown, threads.rows_by_id(tx, above), MAX_INDENT, more=more), shown


def _answered(tx: Tx, reply_id: ReplyId | None) -> ThreadRow | None:
    """The reply that the form answers; one that can be answered, for what was removed or imported has no address."""
    if reply_id is None:
        return None
    row = threads.rows_by_id(tx, [reply_id])[reply_id]
    if row.reply.state is not ReplyState.PUBLISHED or row.reply.imported:
        raise NotFound("this reply can't be answered")
    return row


def _place(tx: Tx, found: Post, after: str) -> Reply | None:
    """The reply that a cursor names. Raises `NotFound` for any other text."""
    if not after:
        return None
    reply = replies.by_id(tx, ReplyId(cursors.decode(after, 1)[0]))
    if reply is None or reply.post_id != found.id or not reply.path:
        raise NotFound("no such page")
    return reply


def _read_reactions(tx: Tx, post: Post, kind: ReactionKind, count: int) -> tuple[Reaction, ...]:
    return _public(reactions.of_post(tx, post.id, kind, NAMES_SHOWN)) if count else ()


def _public(found: Sequence[Reaction]) -> tuple[Reaction, ...]:
    return tuple(reaction for reaction in found if reaction.public and reaction.actor.deleted_at is None)


def make_context(view: PostView, session: Session | None, ids: LocalIds) -> dict[str, Any]:
    """The template's values; CPU work."""
    shown, part = view.post, view.part
    url = ids.post_page(view.author.username, shown.slug)
    return {
        "post": shown,
        "author": view.author,
        "url": url,
        "path": url,
        "author_url": ids.profile_page(view.author.username),
        "lang": shown.language,
        "minutes": reading_minutes(shown.word_count),
        "description": lede(shown),
        "tags": tag_links(shown.tags, ids),
        "likes": _group(shown.like_count, ngettext("%(num)s like", "%(num)s likes", shown.like_count), view.likes),
        "boosts": _group(
            shown.announce_count, ngettext("%(num)s boost", "%(num)s boosts", shown.announce_count), view.boosts
        ),
        "pictures": view.pictures,
        "cover": next(iter(view.pictures.values()), None),
        "conversation": view.conversation,
        "reactions": view.liked_replies,
        "emoji": view.echoes.emoji,
        "quotes": view.echoes.quotes,
        "reply_emoji": view.echoes.reply_emoji,
        "moved": view.echoes.moved,
        "elsewhere": view.elsewhere[:ORIGINALS_SHOWN],
        "elsewhere_count": sum(one.number for one in view.elsewhere),
        "part": part,
        "orders": [(order, order_href(order)) for order in ThreadOrder],
        "next_page": part.next(view.conversation.last) if view.conversation.continues else "",
        "can_edit": may_edit(session, shown),
        "act": interact_url,
        "reply_href": reply_href,
        "answered": view.answered,
    }


def _group(count: int, words: str, found: tuple[Reaction, ...]) -> ReactionGroup:
    return ReactionGroup(count, words % {"num": grouped(count)}, tuple(reaction.actor for reaction in found))


def may_edit(session: Session | None, shown: Post) -> bool:
    """Whether edit links are shown; the studio checks again."""
    if session is None:
        return False
    return session.account.role in (Role.OWNER, Role.EDITOR) or session.account.actor_id == shown.author_id


def interact_url(kind: str, uri: str) -> str:
    """Where "reply, like, boost or follow from your server" starts."""
    return f"/interact?{urlencode({'kind': kind, 'uri': uri})}"
