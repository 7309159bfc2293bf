"""From the editor's fields to a text that can be saved, looked at or published."""

from __future__ import annotations

from aiohttp import web

from fedblog.blog.model import PostText
from fedblog.web.keys import SERVICES
from fedblog.web.studio.writing import Writing, working_title


async def compose(request: web.Request, writing: Writing, *, is_draft: bool) -> PostText:
    """The text rendered. A draft may do without a title, and nobody is looked up for it. Raises `InvalidInput`."""
    services = request.app[SERVICES]
    return await services.publisher.compose(
        title=writing.title or (working_title(writing) if is_draft else ""),
        source=writing.source,
        source_type=writing.source_type,
        slug=writing.slug,
        summary=writing.summary,
        content_warning=writing.content_warning,
        language=writing.language or services.settings.blog.language,
        image_url=writing.image_url,
        image_alt=writing.image_alt,
        pictures=writing.pictures,
        tags=writing.tags,
        visibility=writing.visibility,
        comments_open=writing.comments_open,
        reply_policy=writing.reply_policy,
        quote_policy=writing.quote_policy,
        kind=writing.kind,
        federated=writing.federated,
        series=writing.series,
        series_position=writing.series_position,
        canonical_url=writing.canonical_url,
        show_history=writing.show_history,
        hold_policy=writing.hold_policy,
        close_after_days=writing.close_after_days,
        look_up=not is_draft,
    )
