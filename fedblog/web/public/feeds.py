"""The feeds of the blog, of an author, of a tag, and of the replies to a post: full text, with validators."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from html import escape

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, Post, ThreadRow
from fedblog.config import Settings
from fedblog.errors import NotFound
from fedblog.storage import threads
from fedblog.storage.database import Tx
from fedblog.text.plain import plain_text
from fedblog.web.cache import CachedPage, RenderedPage, pack
from fedblog.web.conditional import cached_answer
from fedblog.web.feeds import MEDIA_TYPES, Entry, Feed, Format, clean, json_feed
from fedblog.web.headers import allow_other_origins
from fedblog.web.keys import PAGES, RENDERER, SERVICES, SETTINGS
from fedblog.web.pages import FOR_ALL
from fedblog.web.public.author import find_actor
from fedblog.web.public.items import PostList, lede, read_list
from fedblog.web.public.post import Moved, find_post
from fedblog.web.public.tag import written_name

ENTRIES = 20
COMMENTS = 50


async def blog_feed(request: web.Request) -> web.Response:
    """/feed.atom, /feed.rss, /feed.json"""
    settings = request.app[SETTINGS]
    listed = await request.app[SERVICES].db.read(read_list, limit=ENTRIES)
    head = _Head(settings.blog.title, settings.blog.tagline, f"{settings.base_url}/")
    return await _posts_feed(request, head, listed)


async def author_feed(request: web.Request) -> web.Response:
    """/@NAME/feed.*"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    actor, listed = await services.db.read(_read_author, request.match_info["name"])
    name = settings.blog.title if actor.local == "blog" else f"{actor.display_name} · {settings.blog.title}"
    head = _Head(name, plain_text(actor.summary_html)[:300], services.ids.profile_page(actor.username))
    return await _posts_feed(request, head, listed)


async def tag_feed(request: web.Request) -> web.Response:
    """/tag/TAG/feed.*"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    wanted = request.match_info["tag"]
    listed = await services.db.read(read_list, tag=wanted, limit=ENTRIES)
    if not listed.posts:
        raise NotFound("no post has this tag")
    name = written_name(listed, wanted)
    head = _Head(f"#{name} · {settings.blog.title}", "", services.ids.tag_page(name))
    return await _posts_feed(request, head, listed)


async def comments_feed(request: web.Request) -> web.Response:
    """/@NAME/SLUG/comments.atom: the newest replies to a post."""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    name, slug = request.match_info["name"], request.match_info["slug"]
    try:
        post, author, rows = await services.db.read(_read_comments, services.ids, name, slug)
    except Moved as moved:
        raise web.HTTPMovedPermanently(f"{moved.url}/comments.atom") from None
    url = services.ids.post_page(author.username, post.slug)

    def build() -> Feed:
        entries = tuple(_comment(row, post, url) for row in rows)
        newest = max((entry.updated for entry in entries), default=post.published_at or 0)
        title = f"Thoughts on “{post.title}”"
        return Feed(
            f"{url}/comments.atom", title, "", url, f"{url}/comments.atom", settings.blog.language, newest, entries
        )

    return await _answer(request, "atom", (post.thread_version, post.version), build)


@dataclass(frozen=True, slots=True)
class _Head:
    title: str
    subtitle: str
    url: str


async def _posts_feed(request: web.Request, head: _Head, listed: PostList) -> web.Response:
    settings, ids = request.app[SETTINGS], request.app[SERVICES].ids
    style = _format(request)
    self_url = f"{settings.base_url}{request.path}"

    def build() -> Feed:
        entries = tuple(
            _entry(post, listed.authors[post.author_id], ids, settings)
            for post in listed.posts
            if post.author_id in listed.authors
        )
        newest = max((entry.updated for entry in entries), default=0)
        return Feed(
            f"{head.url}#feed", head.title, head.subtitle, head.url, self_url, settings.blog.language, newest, entries
        )

    return await _answer(request, style, (head, listed.version), build)


def _format(request: web.Request) -> Format:
    style = request.match_info["format"]
    return "atom" if style == "atom" else "rss" if style == "rss" else "json"


async def _answer(request: web.Request, style: Format, version: Hashable, build: Callable[[], Feed]) -> web.Response:
    renderer = request.app[RENDERER]

    def text() -> CachedPage:
        feed = clean(build())
        return pack(
            RenderedPage(json_feed(feed) if style == "json" else renderer.html(f"feeds/{style}.xml", feed=feed))
        )

    async def make() -> CachedPage:
        return await asyncio.to_thread(text)

    page = await request.app[PAGES].get(("feed", request.path), version, make)
    response = await cached_answer(request, page, MEDIA_TYPES[style], cache_control=FOR_ALL)
    allow_other_origins(response)
    return response


def _read_author(tx: Tx, name: str) -> tuple[Actor, PostList]:
    actor = find_actor(tx, name)
    return actor, read_list(tx, author_id=actor.id if actor.local == "author" else None, limit=ENTRIES)


def _read_comments(tx: Tx, ids: LocalIds, name: str, slug: str) -> tuple[Post, Actor, list[ThreadRow]]:
    post, author = find_post(tx, ids, name, slug)
    # An unlisted reply shows in the thread and nowhere else (VIS-02).
    rows = [row for row in threads.recent_public(tx, post.id, COMMENTS) if row.reply.visibility.value == "public"]
    return post, author, rows


def _entry(post: Post, author: Actor, ids: LocalIds, settings: Settings) -> Entry:
    url = ids.post_page(author.username, post.slug)
    published = post.published_at or post.created_at
    return Entry(
        id=post.uri or url,
        url=url,
        title=post.title,
        html=_warning(post.content_warning) + post.content_html,
        summary=lede(post),
        language=post.language or settings.blog.language,
        author=author.display_name,
        author_url=ids.profile_page(author.username),
        published=published,
        updated=post.edited_at or published,
        tags=post.tags,
        image=post.image_url,
        comments=post.reply_count,
        comments_url=f"{url}#thoughts",
        comments_feed=f"{url}/comments.atom",
    )


def _comment(row: ThreadRow, post: Post, url: str) -> Entry:
    reply, actor = row.reply, row.actor
    return Entry(
        id=reply.uri,
        url=f"{url}?reply={reply.id}#reply-{reply.id}",
        title=f"{actor.display_name} on “{post.title}”",
        html=_warning(reply.content_warning) + reply.content_html,
        summary="",
        language=reply.language or post.language,
        author=f"{actor.display_name} ({actor.handle})" if actor.domain else actor.display_name,
        author_url=actor.url or (actor.uri if actor.domain else url),
        published=reply.published_at,
        updated=reply.edited_at or reply.published_at,
        in_reply_to=reply.in_reply_to or post.uri or url,
        in_reply_to_url=url,
    )


def _warning(text: str) -> str:
    return f"<p><strong>Content warning:</strong> {escape(text)}</p>" if text else ""
