"""Headers that every answer carries, set at the last moment so that no path around them exists (SECURITY 100)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web, web_response

from fedblog.config import Settings
from fedblog.web.crawlers import NO_TRAINING
from fedblog.web.errors import MACHINE_PATHS
from fedblog.web.keys import ASKS_ELSEWHERE

_ORIGIN_ONLY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
_NOTHING = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'"
_PRIVATE_PATHS = ("/studio", "/admin", "/login", "/logout")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Server": "fedblog",
}
# What can't be read as a request at all is answered by the library itself, with its own and Python's version.
web_response.SERVER_SOFTWARE = _ALWAYS["Server"]  # type: ignore[attr-defined]
_HSTS = "max-age=31536000"


def add_headers(settings: Settings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal handler. A handler's own value of a header stays; `Vary` and `Server` do not.

    Public pages hold the "from your server" form, whose answer redirects to the visitor's own server, and browsers
    apply `form-action` to redirects too: there it names the schemes a visitor's server can have. Under a post
    scripts may ask that server as well (`connect-src`), for it is theirs to name.
    """
    elsewhere = "https: http:" if settings.federation.allow_http else "https:"
    public_policy = f"{_ORIGIN_ONLY} {elsewhere}"
    talking_policy = public_policy.replace("connect-src 'self'", f"connect-src 'self' {elsewhere}")
    is_https = settings.base_url.startswith("https:")
    always = {**_ALWAYS, **(NO_TRAINING if settings.blog.block_ai_crawlers else {})}

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        path = request.path
        private = path.startswith(_PRIVATE_PATHS)
        for name, value in always.items():
            headers.setdefault(name, value)
        headers["Server"] = _ALWAYS["Server"]
        if response.status == HTTPStatus.NOT_MODIFIED:
            pass  # its headers replace those of the kept page, and it has no content type to choose a policy by
        elif not response.content_type.startswith("text/html"):
            headers.setdefault("Content-Security-Policy", _NOTHING)
        elif request.get(ASKS_ELSEWHERE):
            headers.setdefault("Content-Security-Policy", talking_policy)
        else:
            headers.setdefault("Content-Security-Policy", _ORIGIN_ONLY if private else public_policy)
        if is_https:
            headers.setdefault("Strict-Transport-Security", _HSTS)
        if not path.startswith(("/static/", "/look/", "/media/", "/avatar/", "/emoji/", "/attached/")):
            _vary_by_accept(response)
            headers.setdefault("Cache-Control", "private, no-store" if private else "no-cache")
        if path.startswith(MACHINE_PATHS) and not path.startswith("/inbox"):
            allow_other_origins(response)

    return on_prepare


def allow_other_origins(response: web.StreamResponse) -> None:
    """NEG-05: public data may be read by any page in a browser, without credentials."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "Link, ETag"
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Accept, If-None-Match"


def _vary_by_accept(response: web.StreamResponse) -> None:
    """NEG-03: on every representation, errors too, or a cache hands JSON to people."""
    present = [part.strip() for part in response.headers.get("Vary", "").split(",") if part.strip()]
    if "accept" not in {part.lower() for part in present}:
        response.headers["Vary"] = ", ".join(["Accept", *present])
