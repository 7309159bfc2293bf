"""A series: posts that belong together, in their order; and the list of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from fedblog.blog.model import Actor, Post
from fedblog.errors import NotFound
from fedblog.storage import actors, listing
from fedblog.storage.database import Tx
from fedblog.storage.listing import Titled
from fedblog.web.keys import SERVICES, SETTINGS
from fedblog.web.pages import page


@dataclass(frozen=True, slots=True)
class Part:
    """Where a post stands in its series: `number` of `parts`, with the parts before and after it."""

    name: str
    path: str
    number: int
    parts: tuple[Titled, ...]

    @property
    def before(self) -> Titled | None:
        """The part before, None for the first."""
        return self.parts[self.number - 2] if self.number > 1 else None

    @property
    def after(self) -> Titled | None:
        """The part after, None for the last."""
        return self.parts[self.number] if self.number < len(self.parts) else None


def read_part(tx: Tx, post: Post) -> Part | None:
    """The series that a post belongs to, None where it stands alone in it or is not listed."""
    if not post.series_slug:
        return None
    parts = listing.series(tx, post.series_slug)
    number = next((number for number, one in enumerate(parts, 1) if one.id == post.id), 0)
    if number == 0 or len(parts) < 2:
        return None
    return Part(post.series, f"/series/{post.series_slug}", number, tuple(parts))


async def series(request: web.Request) -> web.Response:
    """/series/SLUG"""
    services, settings = request.app[SERVICES], request.app[SETTINGS]
    slug = request.match_info["slug"]
    blog, name, parts = await services.db.read(_read, slug)

    def context() -> dict[str, Any]:
        return {
            "blog": blog,
            "name": name,
            "parts": parts,
            "with_author": len({one.username for one in parts}) > 1,
            "canonical": f"{settings.base_url}/series/{slug}",
            "feed": f"/series/{slug}/feed",
        }

    return await page(request, "public/series.html", (blog, name, parts), context)


def _read(tx: Tx, slug: str) -> tuple[Actor, str, tuple[Titled, ...]]:
    parts = tuple(listing.series(tx, slug))
    if not parts:
        raise NotFound("there is no such series")
    return actors.blog(tx), listing.series_name(tx, slug), parts
