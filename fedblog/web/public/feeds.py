"""The feeds of the blog, an author, a tag, a series, the replies to a post and all replies: full text, validators."""

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
from fedblog.storage import actors, listing, threads
from fedblog.storage.database import Tx
from fedblog.text.article import link_within
from fedblog.text.dates import iso
from fedblog.text.plain import plain_text
from fedblog.web.cache import CachedPage, RenderedPage, pack
from fedblog.web.conditional import cached_answer
from fedblog.web.feeds import MEDIA_TYPES, Entry, Feed, Format, clean, json_feed
from fedblog.web.filters import web_url
from fedblog.web.headers import allow_other_origins
from fedblog.web.i18n import gettext
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
    head = _Head(settings.blog.title, settings.blog.tagline, f"{settings.base_url}/", settings.blog.websub_hub)
    return await _posts_feed(request, head, listed)


async def author_feed(request: web.Request) -> web.Response:
    """/@NAME/feed.*"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    actor, listed = await services.db.read(_read_author, request.match_info["name"])
    name = settings.blog.title if actor.local == "blog" else f"{actor.display_name} · {settings.blog.title}"
    page, hub = services.ids.profile_page(actor.username), settings.blog.websub_hub
    head = _Head(name, plain_text(actor.summary_html)[:300], page, hub)
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


async def series_feed(request: web.Request) -> web.Response:
    """/series/SLUG/feed.*"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    slug = request.match_info["slug"]
    name, listed = await services.db.read(_read_series, slug)
    head = _Head(f"{name} · {settings.blog.title}", "", f"{settings.base_url}/series/{slug}")
    return await _posts_feed(request, head, listed)


async def all_comments_feed(request: web.Request) -> web.Response:
    """/comments.*: the newest replies to any post."""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    found = await services.db.read(_read_all_comments)
    home = f"{settings.base_url}/"

    def build() -> Feed:
        entries = tuple(
            _comment(row, post, services.ids.post_page(author.username, post.slug)) for row, post, author in found
        )
        newest = max((entry.updated for entry in entries), default=0)
        title = gettext("Replies on %(site)s") % {"site": settings.blog.title}
        self_url = f"{settings.base_url}{request.path}"
        return Feed(f"{home}#comments", title, "", home, self_url, settings.blog.language, newest, entries)

    version = tuple((row.reply.id, row.reply.edited_at, row.actor, post.version) for row, post, _ in found)
    return await _answer(request, _format(request), version, build)


async def comments_feed(request: web.Request) -> web.Response:
    """/@NAME/SLUG/comments.*: the newest replies to a post."""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    name, slug = request.match_info["name"], request.match_info["slug"]
    try:
        post, author, rows = await services.db.read(_read_comments, services.ids, name, slug)
    except Moved as moved:
        raise web.HTTPMovedPermanently(f"{moved.url}/comments.{_format(request)}") from None
    url = services.ids.post_page(author.username, post.slug)

    def build() -> Feed:
        entries = tuple(_comment(row, post, url) for row in rows)
        newest = max((entry.updated for entry in entries), default=post.published_at or 0)
        title = gettext("Thoughts on “%(title)s”") % {"title": post.title}
        self_url = f"{url}/comments.{_format(request)}"
        return Feed(f"{url}/comments.atom", title, "", url, self_url, settings.blog.language, newest, entries)

    return await _answer(request, _format(request), (post.thread_version, post.version), build)


@dataclass(frozen=True, slots=True)
class _Head:
    title: str
    subtitle: str
    url: str
    hub: str = ""


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
            f"{head.url}#feed",
            head.title,
            head.subtitle,
            head.url,
            self_url,
            settings.blog.language,
            newest,
            entries,
            head.hub,
        )

    return await _answer(request, style, (head, listed.version), build, hub=head.hub)


def _format(request: web.Request) -> Format:
    style = request.match_info["format"]
    return "atom" if style == "atom" else "rss" if style == "rss" else "json"


async def _answer(
    request: web.Request, style: Format, version: Hashable, build: Callable[[], Feed], *, hub: str = ""
) -> web.Response:
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
    if hub:  # WebSub §4: as headers too, so that the feed need not be read
        response.headers.add("Link", f'<{hub}>; rel="hub"')
        response.headers.add("Link", f'<{request.app[SETTINGS].base_url}{request.path}>; rel="self"')
    allow_other_origins(response)
    return response


def _read_author(tx: Tx, name: str) -> tuple[Actor, PostList]:
    actor = find_actor(tx, name)
    return actor, read_list(tx, author_id=actor.id if actor.local == "author" else None, limit=ENTRIES)


def _read_series(tx: Tx, slug: str) -> tuple[str, PostList]:
    name = listing.series_name(tx, slug)
    if not name:
        raise NotFound("there is no such series")
    return name, read_list(tx, series=slug, limit=ENTRIES)


def _read_all_comments(tx: Tx) -> list[tuple[ThreadRow, Post, Actor]]:
    found = threads.newest(tx, COMMENTS)
    authors = actors.by_ids(tx, list({post.author_id for _, post in found}))
    return [(row, post, authors[post.author_id]) for row, post in found if post.author_id in authors]


def _read_comments(tx: Tx, ids: LocalIds, name: str, slug: str) -> tuple[Post, Actor, list[ThreadRow]]:
    post, author = find_post(tx, ids, name, slug)
    # An unlisted reply shows in the thread and nowhere else (VIS-02).
    rows = [row for row in threads.recent_public(tx, post.id, COMMENTS) if row.reply.visibility.value == "public"]
    return post, author, rows


def _entry(post: Post, author: Actor, ids: LocalIds, settings: Settings) -> Entry:
    url = ids.post_page(author.username, post.slug)
    published = post.published_at or post.created_at
    return Entry(
        id=post.uri or f"tag:{settings.domain},{iso(post.created_at)[:10]}:post-{post.id}",  # RFC 4151
        url=url,
        title=post.title,
        html=_warning(post.content_warning) + link_within(post.content_html, settings.base_url, url),
        summary=lede(post),
        language=post.language or settings.blog.language,
        author=author.display_name,
        author_url=ids.profile_page(author.username),
        published=published,
        updated=post.edited_at or published,
        tags=post.tags,
        image=web_url(post.image_url),
        comments=post.reply_count,
        comments_url=f"{url}#thoughts",
        comments_feed=f"{url}/comments",
    )


def _comment(row: ThreadRow, post: Post, url: str) -> Entry:
    reply, actor = row.reply, row.actor
    return Entry(
        id=reply.uri,
        url=f"{url}?reply={reply.id}#reply-{reply.id}",
        title=gettext("%(name)s on “%(title)s”") % {"name": actor.display_name, "title": post.title},
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
    return f"<p><strong>{gettext('Content warning')}:</strong> {escape(text)}</p>" if text else ""
