"""Sending somebody on after a form was taken."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp import web


def see_other(location: str) -> web.Response:
    """303: the next page is fetched by GET, so that reloading it sends no form again."""
    return web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": location})
