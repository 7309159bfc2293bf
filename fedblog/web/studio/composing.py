"""From the editor's fields to a text that can be saved, looked at or published."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from fedblog.blog.model import PostText, Writing
from fedblog.web.keys import SERVICES
from fedblog.web.studio.writing import working_title


async def compose(request: web.Request, writing: Writing, *, is_draft: bool) -> PostText:
    """The text rendered. A draft may do without a title, and nobody is looked up for it. Raises `InvalidInput`."""
    if is_draft and not writing.title:
        writing = replace(writing, title=working_title(writing))
    return await request.app[SERVICES].publisher.compose(writing, look_up=not is_draft)
