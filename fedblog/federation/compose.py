"""From what an author typed to what is stored: text rendered, mentions looked up, before any transaction."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, fields, replace

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import maybe_uri
from fedblog.blog.model import Actor, Post, PostText, Writing
from fedblog.config import Settings
from fedblog.errors import FedblogError, InvalidInput, StorageUnavailable
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.resolver import Resolver
from fedblog.media.figures import frame
from fedblog.storage import actors, media
from fedblog.storage.database import Database
from fedblog.text.markdown import MentionLink, Rendered, render_html, render_markdown
from fedblog.text.slug import slugify_title

log = logging.getLogger(__name__)

MARKDOWN, HTML = "text/markdown", "text/html"
MAX_MENTIONS = 20
MAX_TITLE = 300
MAX_SERIES = 100
MAX_POSITION = 9_999
MAX_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Written:
    """A rendered text and the actors that it mentions."""

    rendered: Rendered
    mentioned: tuple[Actor, ...]


class Composer:
    """Renders texts; looks up the people whom they mention."""

    def __init__(
        self, db: Database, ids: LocalIds, settings: Settings, fetcher: Fetcher | None, resolver: Resolver | None
    ) -> None:
        """Without `fetcher` and `resolver` only known people are linked (previews, commands without network)."""
        self._db, self._ids, self._settings = db, ids, settings
        self._fetcher, self._resolver = fetcher, resolver

    async def write(self, source: str, source_type: str = MARKDOWN, *, look_up: bool = True) -> Written:
        """Render. Who can't be found stays plain text. Raises `InvalidInput` for what is too long."""
        first = await asyncio.to_thread(self._render, source, source_type, {})
        found = await self._find(first.mentions[:MAX_MENTIONS], look_up=look_up)
        if not found:
            return Written(await self._framed(first), ())
        links = {
            acct: MentionLink(actor.url or actor.uri, actor.username, actor.handle[1:]) for acct, actor in found.items()
        }
        rendered = await asyncio.to_thread(self._render, source, source_type, links)
        rendered = await self._framed(rendered)
        return Written(rendered, tuple({actor.id: actor for actor in found.values()}.values()))

    async def post(self, writing: Writing, *, look_up: bool = True) -> PostText:
        """What an author typed, rendered and ready to save. `look_up` False asks no other server (previews). Raises
        `InvalidInput`."""
        title, series = " ".join(writing.title.split()), " ".join(writing.series.split())
        _check(writing, title, series)
        written = await self.write(writing.source, writing.source_type, look_up=look_up)
        typed = {field.name: getattr(writing, field.name) for field in fields(Writing)}
        made = {
            "title": title,
            "slug": slugify_title(writing.slug or title),
            "summary": writing.summary.strip(),
            "content_warning": writing.content_warning.strip(),
            "language": writing.language or self._settings.blog.language,
            "series": series,
            "tags": _merge_tags(writing.tags, written.rendered.tags),
        }
        return PostText(
            **typed | made,
            content_html=written.rendered.html,
            mentions=tuple(actor.uri for actor in written.mentioned),
            word_count=written.rendered.word_count,
        )

    async def anew(self, post: Post) -> PostText:
        """A stored text rendered again, with everybody looked up whom it mentions."""
        return await self.post(Writing.of(post))

    async def _framed(self, rendered: Rendered) -> Rendered:
        """Our own pictures in the text with their sizes and smaller files."""
        names = media.names_in(rendered.html)
        pictures = await self._db.read(media.by_names, names) if names else {}
        if not pictures:
            return rendered
        html = await asyncio.to_thread(frame, rendered.html, pictures, self._settings.base_url)
        return replace(rendered, html=html)

    def _render(self, source: str, source_type: str, links: dict[str, MentionLink]) -> Rendered:
        render = render_html if source_type == HTML else render_markdown
        base_url = f"{self._settings.base_url}/"
        return render(source, base_url=base_url, tag_url=self._ids.tag_page, mention_urls=links)

    async def _find(self, accts: tuple[str, ...], *, look_up: bool) -> dict[str, Actor]:
        found = await asyncio.gather(*(self._actor(acct, look_up=look_up) for acct in accts))
        return {acct: actor for acct, actor in zip(accts, found, strict=True) if actor is not None}

    async def _actor(self, acct: str, *, look_up: bool) -> Actor | None:
        try:
            handle = parse_acct(acct)
            if handle.host == self._settings.domain:
                return await self._db.read(actors.by_local_name, handle.name)
            if not look_up or self._fetcher is None or self._resolver is None:
                return None
            return await self._resolver.actor(await self._fetcher.webfinger_actor(handle))
        except StorageUnavailable:
            raise  # nobody was asked: a mention that tells nobody would stay in the text for good
        except FedblogError as exc:
            log.info("@%s can't be found, it stays plain text: %s", acct, exc)
            return None


def _check(writing: Writing, title: str, series: str) -> None:
    if not title:
        raise InvalidInput("a post needs a title", reason="title_missing")
    if len(title) > MAX_TITLE:
        raise InvalidInput(f"a title has at most {MAX_TITLE} characters", reason="title_too_long")
    if not writing.visibility.is_public:
        raise InvalidInput("a post is public or unlisted", reason="visibility_unsupported")
    if writing.source_type not in (MARKDOWN, HTML):
        raise InvalidInput("write Markdown or HTML", reason="source_type_unsupported")
    if len(series) > MAX_SERIES:
        raise InvalidInput(f"the name of a series has at most {MAX_SERIES} characters", reason="series_too_long")
    if not 0 <= writing.series_position <= MAX_POSITION:
        raise InvalidInput(f"a place in a series is 1 to {MAX_POSITION}, or 0 for none", reason="position_invalid")
    if writing.canonical_url and maybe_uri(writing.canonical_url) is None:
        raise InvalidInput("the canonical address is no http(s) address", reason="canonical_invalid")
    if not 0 <= writing.close_after_days <= MAX_DAYS:
        raise InvalidInput(f"comments close after 1 to {MAX_DAYS} days, or 0 for never", reason="days_invalid")


def _merge_tags(given: tuple[str, ...], written: tuple[str, ...]) -> tuple[str, ...]:
    """Each tag once, by its letters without case, as first written."""
    merged: dict[str, str] = {}
    for tag in (*given, *written):
        name = tag.strip().lstrip("#")
        if name:
            merged.setdefault(name.casefold(), name)
    return tuple(merged.values())
