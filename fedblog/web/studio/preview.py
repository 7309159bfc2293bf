"""/studio/preview: the text as readers will see it, before it is saved."""

from __future__ import annotations

import asyncio

from aiohttp import web

from fedblog.media.figures import frame, only_ours
from fedblog.storage import media
from fedblog.text.markdown import render_html, render_markdown
from fedblog.web.keys import SERVICES
from fedblog.web.studio.access import Who
from fedblog.web.studio.forms import Form
from fedblog.web.studio.writing import Writing, of_form


async def preview(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """The rendered text alone, for the editor's live preview."""
    html = await render_preview(request, of_form(form, None))
    return web.Response(text=html, content_type="text/html", charset="utf-8")


async def render_preview(request: web.Request, writing: Writing, *, as_it_is: bool = False) -> str:
    """Clean HTML of a text, made beside the event loop; mentions are not looked up.

    Pictures as readers will see them, or (`as_it_is`) as they were written.
    """
    ids, base_url = request.app[SERVICES].ids, request.app[SERVICES].settings.base_url
    make = render_html if writing.source_type == "text/html" else render_markdown
    rendered = await asyncio.to_thread(make, writing.source, base_url=base_url, tag_url=ids.tag_page)
    if as_it_is:
        return rendered.html
    names = media.names_in(rendered.html)
    pictures = await request.app[SERVICES].db.read(media.by_names, names) if names else {}
    site = request.app[SERVICES].settings.base_url
    return await asyncio.to_thread(lambda: only_ours(frame(rendered.html, pictures, site), site))
