"""What stands around a post's text: contents list, series, neighbours, its history, and the same for machines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fedblog.activitypub.ids import LocalIds
from fedblog.blog.model import Actor, Post, PostKind, ThreadRow
from fedblog.config import Settings
from fedblog.media.figures import only_ours
from fedblog.storage import listing, threads
from fedblog.storage.database import Tx
from fedblog.storage.listing import Titled
from fedblog.text.article import Prose, set_prose
from fedblog.web.i18n import gettext
from fedblog.web.public.items import lede
from fedblog.web.public.series import Part, read_part
from fedblog.web.public.structured import COMMENTS, post_data

TEXTS_KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class Around:
    """Neighbours by date, the place in a series, and comments for machines; nothing of it for a page."""

    older: Titled | None = None
    newer: Titled | None = None
    series: Part | None = None
    comments: tuple[ThreadRow, ...] = ()


def read_around(tx: Tx, post: Post) -> Around:
    """Read with the post itself."""
    if post.kind is PostKind.PAGE:
        return Around()
    older, newer = listing.neighbours(tx, post)
    comments = threads.for_machines(tx, post.id, COMMENTS) if post.reply_count else []
    return Around(older, newer, read_part(tx, post), tuple(comments))


@lru_cache(maxsize=TEXTS_KEPT)
def _prose(html: str, base_url: str, word_count: int, anchor: str, table: str) -> Prose:
    """A text is read again with each new reply, and changes seldom."""
    html = only_ours(html, base_url)
    return set_prose(html, base_url=base_url, word_count=word_count, anchor=anchor, table=table)


def article_values(
    post: Post, author: Actor, around: Around, ids: LocalIds, settings: Settings, *, card: str
) -> dict[str, Any]:
    """Values of the post's template; CPU work. `card`: its picture where it has no cover."""
    words = gettext("Link to “%(heading)s”"), gettext("Table")
    return {
        "prose": _prose(post.content_html, settings.base_url, post.word_count, *words),
        "around": around,
        "is_page": post.kind is PostKind.PAGE,
        "has_history": post.show_history and post.edited_at is not None,
        "structured": post_data(
            post, author, around.comments, description=lede(post), ids=ids, settings=settings, card=card
        ),
    }
