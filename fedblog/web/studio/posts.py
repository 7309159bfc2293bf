"""/studio/posts: the list of posts, by where they are, who wrote them, tag and words, with how they do."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import web

from fedblog.blog.ledger import DeliveryCounts
from fedblog.blog.model import Actor, ActorId, Post, PostStatus
from fedblog.storage import actors, deliveries, post_lists, stats
from fedblog.storage.database import Tx
from fedblog.storage.post_lists import TABS, Tab, Wanted
from fedblog.web.i18n import gettext as _
from fedblog.web.i18n import ngettext
from fedblog.web.keys import COUNTS, SERVICES
from fedblog.web.studio.access import Who, number_in_query, show
from fedblog.web.studio.bulk import MOST, undo_of
from fedblog.web.studio.reach import summary

PAGE = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One post of the list. `reach` is None for what goes nowhere."""

    post: Post
    author: Actor
    views: int
    reach: DeliveryCounts | None

    @property
    def reach_words(self) -> str:
        """`214 of 220 servers have it`."""
        return summary(self.reach.total, self.reach.delivered) if self.reach is not None else ""


@dataclass(frozen=True, slots=True)
class Found:
    """Everything on the page, from one read."""

    rows: list[Row]
    counts: dict[Tab, int]
    tags: list[tuple[str, str]]
    authors: list[Actor]


async def list_posts(request: web.Request, who: Who) -> web.StreamResponse:
    """The posts this person may edit, the last touched first."""
    await request.app[COUNTS].flush()
    query = request.query
    tab: Tab = next((one for one in TABS if one == query.get("status", "")), "")
    search = " ".join(query.get("q", "").split())[:200]
    tag, author = query.get("tag", "")[:200].casefold(), query.get("author", "")[:100] if who.edits_all else ""
    number = min(number_in_query(request, "page") or 0, 10_000)
    found = await request.app[SERVICES].db.read(_read, who.scope, tab, tag, search, author, number * PAGE)
    kept = {"q": search, "tag": tag, "author": author}
    older = _link({"status": tab, **kept, "page": str(number + 1)}) if len(found.rows) > PAGE else ""
    return await show(
        request,
        who,
        "posts.html",
        rows=found.rows[:PAGE],
        tabs=[
            (_link({"status": key, **kept}), label, found.counts[key], key == tab) for key, label in _names().items()
        ],
        chosen=tab,
        search=search,
        tag=tag,
        author=author,
        tags=found.tags,
        authors=found.authors if len(found.authors) > 1 else [],
        older=older,
        back=_link({"status": tab, **kept, "page": str(number) if number else ""}),
        bulk_words=_bulk_words(request),
        bulk_undo=undo_of(request),
        most=MOST,
    )


def _names() -> dict[Tab, str]:
    return {
        "": _("All"),
        "draft": _("Drafts"),
        "scheduled": _("Scheduled"),
        "published": _("Published"),
        "unpublished": _("Unpublished"),
        "trash": _("Trash"),
    }


def _bulk_words(request: web.Request) -> str:
    """What the last act on several posts came to."""
    changed, failed = number_in_query(request, "changed"), number_in_query(request, "failed")
    if changed is None:
        return ""
    words = ngettext("Done with %(num)s post.", "Done with %(num)s posts.", changed) % {"num": changed}
    if failed:
        left = ngettext("%(num)s was left as it is.", "%(num)s were left as they are.", failed) % {"num": failed}
        words = f"{words} {left}"
    return words


def _link(query: dict[str, str]) -> str:
    kept = {key: value for key, value in query.items() if value}
    return f"/studio/posts?{urlencode(kept)}" if kept else "/studio/posts"


def _read(tx: Tx, scope: ActorId | None, tab: Tab, tag: str, search: str, author: str, skip: int) -> Found:
    writers = [one for one in actors.local_actors(tx) if one.local == "author"] if scope is None else []
    chosen = next((one.id for one in writers if one.username == author), scope)
    wanted = Wanted(tab, chosen, tag, search)
    found = post_lists.page(tx, wanted, skip=skip, limit=PAGE + 1)
    names = actors.by_ids(tx, {post.author_id for post in found})
    views = stats.views_of_posts(tx, [post.id for post in found])
    rows = [Row(post, names[post.author_id], views.get(post.id, 0), _reach(tx, post)) for post in found]
    return Found(rows, post_lists.counts(tx, wanted), post_lists.tags(tx, scope), writers)


def _reach(tx: Tx, post: Post) -> DeliveryCounts | None:
    if post.status is not PostStatus.PUBLISHED or not post.uri or not post.federated:
        return None
    return deliveries.counts_of_object(tx, post.uri)
