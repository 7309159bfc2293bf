"""Answers with a page."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fedblog.web.keys import RENDERER, SESSION


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """A page made of a template and its values, with the log-in of the asker as `session` and the path as `path`."""
    values = {"session": request.get(SESSION), "path": request.path, **context}
    html = request.app[RENDERER].html(template, **values)
    return web.Response(text=html, status=status, content_type="text/html", charset="utf-8")
