"""From what an author typed to what is stored: text rendered, mentions looked up, before any transaction."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

from fedblog.activitypub.discovery import parse_acct
from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import maybe_uri
from fedblog.blog.model import Actor, HoldPolicy, Post, PostKind, PostText, QuotePolicy, ReplyPolicy, Visibility
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

    async def post(
        self,
        *,
        title: str,
        source: str,
        source_type: str = MARKDOWN,
        slug: str = "",
        summary: str = "",
        content_warning: str = "",
        language: str = "",
        image_url: str = "",
        image_alt: str = "",
        pictures: bool = False,
        tags: tuple[str, ...] = (),
        visibility: Visibility = Visibility.PUBLIC,
        comments_open: bool = True,
        reply_policy: ReplyPolicy = ReplyPolicy.EVERYONE,
        quote_policy: QuotePolicy = QuotePolicy.EVERYONE,
        kind: PostKind = PostKind.POST,
        federated: bool | None = None,
        series: str = "",
        series_position: int = 0,
        canonical_url: str = "",
        show_history: bool = False,
        hold_policy: HoldPolicy = HoldPolicy.BLOG,
        close_after_days: int = 0,
        look_up: bool = True,
    ) -> PostText:
        """What an author typed, rendered and ready to save.

        `slug` is made of the title where it is empty; `tags` are added to the hashtags of the text; `federated` None:
        posts are, pages aren't. `look_up` False asks no other server (previews). Raises `InvalidInput`.
        """
        title = " ".join(title.split())
        if not title:
            raise InvalidInput("a post needs a title", reason="title_missing")
        if len(title) > MAX_TITLE:
            raise InvalidInput(f"a title has at most {MAX_TITLE} characters", reason="title_too_long")
        if not visibility.is_public:
            raise InvalidInput("a post is public or unlisted", reason="visibility_unsupported")
        if source_type not in (MARKDOWN, HTML):
            raise InvalidInput("write Markdown or HTML", reason="source_type_unsupported")
        series = " ".join(series.split())
        _check_options(series, series_position, canonical_url, close_after_days)
        written = await self.write(source, source_type, look_up=look_up)
        return PostText(
            slug=slugify_title(slug or title),
            title=title,
            source=source,
            source_type=source_type,
            content_html=written.rendered.html,
            summary=summary.strip(),
            content_warning=content_warning.strip(),
            language=language or self._settings.blog.language,
            image_url=image_url,
            image_alt=image_alt,
            pictures=pictures,
            tags=_merge_tags(tags, written.rendered.tags),
            mentions=tuple(actor.uri for actor in written.mentioned),
            word_count=written.rendered.word_count,
            visibility=visibility,
            comments_open=comments_open,
            reply_policy=reply_policy,
            quote_policy=quote_policy,
            kind=kind,
            federated=kind is PostKind.POST if federated is None else federated,
            series=series,
            series_position=series_position,
            canonical_url=canonical_url,
            show_history=show_history,
            hold_policy=hold_policy,
            close_after_days=close_after_days,
        )

    async def anew(self, post: Post) -> PostText:
        """A stored text rendered again, with everybody looked up whom it mentions."""
        return await self.post(
            title=post.title,
            source=post.source,
            source_type=post.source_type,
            slug=post.slug,
            summary=post.summary,
            content_warning=post.content_warning,
            language=post.language,
            image_url=post.image_url,
            image_alt=post.image_alt,
            pictures=post.pictures,
            tags=post.tags,
            visibility=post.visibility,
            comments_open=post.comments_open,
            reply_policy=post.reply_policy,
            quote_policy=post.quote_policy,
            kind=post.kind,
            federated=post.federated,
            series=post.series,
            series_position=post.series_position,
            canonical_url=post.canonical_url,
            show_history=post.show_history,
            hold_policy=post.hold_policy,
            close_after_days=post.close_after_days,
        )

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


def _check_options(series: str, series_position: int, canonical_url: str, close_after_days: int) -> None:
    if len(series) > MAX_SERIES:
        raise InvalidInput(f"the name of a series has at most {MAX_SERIES} characters", reason="series_too_long")
    if not 0 <= series_position <= MAX_POSITION:
        raise InvalidInput(f"a place in a series is 1 to {MAX_POSITION}, or 0 for none", reason="position_invalid")
    if canonical_url and maybe_uri(canonical_url) is None:
        raise InvalidInput("the canonical address is no http(s) address", reason="canonical_invalid")
    if not 0 <= close_after_days <= MAX_DAYS:
        raise InvalidInput(f"comments close after 1 to {MAX_DAYS} days, or 0 for never", reason="days_invalid")


def _merge_tags(given: tuple[str, ...], written: tuple[str, ...]) -> tuple[str, ...]:
    """Each tag once, by its letters without case, as first written."""
    merged: dict[str, str] = {}
    for tag in (*given, *written):
        name = tag.strip().lstrip("#")
        if name:
            merged.setdefault(name.casefold(), name)
    return tuple(merged.values())
