"""What lists of posts show: posts with their authors, ready for a template, and which part of the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from aiohttp import web

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.ledger import Media
from fedblog.blog.model import Actor, ActorId, Post
from fedblog.errors import NotFound
from fedblog.storage import actors, listing, media
from fedblog.storage.database import Tx
from fedblog.text.excerpt import excerpt, reading_minutes
from fedblog.web import cursors

EXCERPT_CHARACTERS = 280
PINNED_SHOWN = 3


@dataclass(frozen=True, slots=True)
class TagLink:
    """A tag as written, and its page."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class PostItem:
    """One post of a list."""

    post: Post
    author: Actor
    url: str
    author_url: str
    minutes: int
    excerpt: str
    tags: tuple[TagLink, ...]
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class PostList:
    """One page of a list of posts; `older` is the cursor of the next page, "" on the last one."""

    posts: tuple[Post, ...]
    authors: dict[ActorId, Actor]
    older: str
    pinned: int = 0  # how many of the first are there because they are pinned
    covers: dict[str, Media] = field(default_factory=dict)  # our pictures among the posts' covers, by name

    @property
    def version(self) -> tuple[object, ...]:
        """Changes whenever the rendered list does."""
        shown = tuple((post.id, post.version, post.thread_version) for post in self.posts)
        return (shown, tuple(self.authors.values()), self.older, self.pinned)


def read_list(
    tx: Tx,
    *,
    author_id: ActorId | None = None,
    tag: str | None = None,
    series: str | None = None,
    before: str = "",
    limit: int,
    pinned: bool = False,
) -> PostList:
    """A page of the list; with `pinned` the pinned posts stand first on the first page.

    Raises `NotFound` for a bad cursor, and for an empty page behind one.
    """
    place: tuple[int, int] | None = None
    if before:
        published_at, post_id = cursors.decode(before, 2)
        place = (published_at, post_id)
    found = listing.list_public(tx, author_id=author_id, tag=tag, series=series, before=place, limit=limit + 1)
    shown = tuple(found[:limit])
    if before and not shown:
        raise NotFound("no such page")
    older = cursors.encode(shown[-1].published_at or 0, shown[-1].id) if len(found) > limit else ""
    first = listing.pinned(tx, author_id)[:PINNED_SHOWN] if pinned and not before else []
    shown = (*first, *(post for post in shown if post.id not in {one.id for one in first}))
    authors = actors.by_ids(tx, list({post.author_id for post in shown}))
    covers = [post.image_url for post in shown if post.image_url and not post.content_warning]
    return PostList(shown, authors, older, len(first), media.by_names(tx, media.names_in(*covers)))


def make_items(page: PostList, ids: LocalIds) -> list[PostItem]:
    """CPU work: the excerpts are cut out of the posts' HTML."""
    return [
        make_item(post, page.authors[post.author_id], ids, pinned=place < page.pinned)
        for place, post in enumerate(page.posts)
        if post.author_id in page.authors
    ]


def make_item(post: Post, author: Actor, ids: LocalIds, *, pinned: bool = False) -> PostItem:
    """One post as a list shows it."""
    return PostItem(
        post=post,
        author=author,
        url=ids.post_page(author.username, post.slug),
        author_url=ids.profile_page(author.username),
        minutes=reading_minutes(post.word_count),
        excerpt=lede(post),
        tags=tag_links(post.tags, ids),
        pinned=pinned,
    )


def lede(post: Post) -> str:
    """What the author wrote as an excerpt, else the first sentences; only the warning where there is one."""
    return post.content_warning or post.summary or _excerpt(post.content_html)


@lru_cache(maxsize=256)
def _excerpt(html: str) -> str:
    return excerpt(html, EXCERPT_CHARACTERS)


def tag_links(tags: Sequence[str], ids: LocalIds) -> tuple[TagLink, ...]:
    """Tags with their pages."""
    return tuple(TagLink(tag, ids.tag_page(tag)) for tag in tags)


def pages_of(request: web.Request, page: PostList) -> dict[str, str]:
    """`newer` and `older` links of a list at the request's path."""
    return {
        "newer": request.path if request.query.get("before") else "",
        "older": f"{request.path}?before={page.older}" if page.older else "",
    }
