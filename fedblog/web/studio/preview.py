"""/studio/preview: the text as readers will see it, here and elsewhere, before it is saved."""

from __future__ import annotations

import asyncio

from aiohttp import web

from fedblog.blog.model import Post, PostId, Writing
from fedblog.media.figures import frame, only_ours
from fedblog.storage import media
from fedblog.text.markdown import render_html, render_markdown
from fedblog.web.keys import RENDERER, SERVICES
from fedblog.web.studio.access import Who, post_for
from fedblog.web.studio.checks import PLACES, place_name, place_words, remark_words
from fedblog.web.studio.composing import compose
from fedblog.web.studio.elsewhere import see_elsewhere
from fedblog.web.studio.forms import Form
from fedblog.web.studio.writing import of_form


async def preview(request: web.Request, who: Who, form: Form) -> web.StreamResponse:
    """One view of the text alone, for the editor's live preview: `look` names another place than our own page."""
    number = form.number("post")
    post = await request.app[SERVICES].db.read(post_for, PostId(number), who.scope) if number is not None else None
    html = await draw_preview(request, who, form, of_form(form, post), post)
    return web.Response(text=html, content_type="text/html", charset="utf-8")


async def draw_preview(request: web.Request, who: Who, form: Form, writing: Writing, post: Post | None) -> str:
    """The view that the form asks for, as safe HTML. Raises `InvalidInput` for a text that can't be looked at."""
    place = form.line("look")
    if place not in PLACES:
        return await render_preview(request, writing)
    text = await compose(request, writing, is_draft=True)
    seen = await see_elsewhere(request, who, text, post, place)
    look = seen.at(place)
    return request.app[RENDERER].html(
        "studio/_look.html",
        look=look,
        author=seen.author,
        name=place_name(place),
        words=place_words(place),
        remarks=[remark_words(found) for found in (look.found if look is not None else ())],
        lang=text.language,
    )


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
