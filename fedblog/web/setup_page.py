"""The set-up page: what `fedblog serve` shows before there is a configuration.

It listens on this machine only, behind a link with a one-time token that the terminal prints, and answers under that
very host name only, so that no web page elsewhere can reach it by rebinding a name.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler

from fedblog.config import Settings, make_settings
from fedblog.errors import FedblogError, InvalidInput, NotFound, Refused
from fedblog.web.assets import Assets
from fedblog.web.form_data import read_form
from fedblog.web.headers import add_headers
from fedblog.web.i18n import gettext
from fedblog.web.renderer import Renderer

TOKEN_SECONDS = 3600
MAX_WRONG = 20
_LOCAL = re.compile(r"^(?:localhost|127\.0\.0\.1|[a-z0-9-]+\.localhost)(:\d{1,5})?$")
_LOCAL_PORT = ":8080"
_LIMITS = {"domain": 253, "title": 200, "username": 30, "name": 200, "password": 500}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was filled in. `base_url` is set for a blog on this machine only."""

    domain: str
    base_url: str
    title: str
    username: str
    name: str
    password: str = field(repr=False)


Make = Callable[[Wish], Awaitable[str]]
"""Makes the blog and returns its base URL; raises `FedblogError` with words for the form."""


class SetupPage:
    """Serves the form until it was filled in: `done` is set then. `clock` gives seconds that only rise."""

    def __init__(self, make: Make, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = asyncio.Event()
        self._make, self._clock = make, clock
        self._token = secrets.token_urlsafe(32)
        self._until = clock() + TOKEN_SECONDS
        self._wrong = 0
        self._lock = asyncio.Lock()
        self._assets = Assets()
        self._origin = ""
        self._renderer: Renderer | None = None
        self._runner: web.AppRunner | None = None

    async def start(self, port: int) -> str:
        """Listens on 127.0.0.1 and returns the link with the token."""
        app = web.Application(middlewares=[self._guard], client_max_size=64 * 1024)
        app.router.add_get("/setup", self._show)
        app.router.add_post("/setup", self._fill_in)
        app.router.add_get("/static/{version}/{name:.+}", self._static)
        # The port is not known yet; only the policy of the headers is wanted here.
        app.on_response_prepare.append(add_headers(_local_settings("http://localhost")))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self._origin = f"http://localhost:{self._runner.addresses[0][1]}"
        self._renderer = Renderer(_local_settings(self._origin), self._assets)
        return f"{self._origin}/setup?{urlencode({'token': self._token})}"

    async def stop(self) -> None:
        """Ends, after what is being answered."""
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if f"http://{request.host}" not in (self._origin, self._origin.replace("localhost", "127.0.0.1")):
            return web.Response(status=421, text="This page has another address.\n")
        try:
            return await handler(request)
        except NotFound:
            return web.Response(status=404, text="There is nothing here. Use the link that the terminal shows.\n")
        except Refused as refused:
            return web.Response(status=refused.status, text=f"That didn't work: {refused}.\n")

    async def _show(self, request: web.Request) -> web.Response:
        self._check_token(request.query.get("token", ""))
        return self._form({"domain": f"localhost:{self._origin.rpartition(':')[2]}"})

    async def _fill_in(self, request: web.Request) -> web.Response:
        origin = request.headers.get("Origin")
        if origin is not None and origin not in (self._origin, self._origin.replace("localhost", "127.0.0.1")):
            return web.Response(status=403, text="This form belongs to another page.\n")
        sent = await read_form(request)
        async with self._lock:
            self._check_token(str(sent.get("token", "")))
            values = {name: str(sent.get(name, ""))[:limit] for name, limit in _LIMITS.items()}
            try:
                base_url = await self._make(read_wish(values))
            except FedblogError as error:
                return self._form(values, str(error), status=400)
            self._token = ""  # single use
        self.done.set()
        return self._page("setup/done.html", base_url=base_url)

    def _check_token(self, given: str) -> None:
        """Raises `NotFound` for a wrong, used or old token; after many wrong ones, for all."""
        fits = hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()) and bool(self._token)
        if not fits or self._clock() > self._until or self._wrong >= MAX_WRONG:
            self._wrong += not fits
            raise NotFound("no such page")

    async def _static(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        # The last page is shown while this server ends: its styles come out of the browser's cache.
        headers = {"Content-Type": asset.media_type, "Cache-Control": "private, max-age=7200"}
        return web.Response(body=asset.page.body, headers=headers)

    def _form(self, values: dict[str, str], problem: str = "", status: int = 200) -> web.Response:
        known = {name: values.get(name, "") for name in _LIMITS if name != "password"}
        return self._page("setup/form.html", status=status, token=self._token, problem=problem, **known)

    def _page(self, template: str, status: int = 200, **context: str) -> web.Response:
        if self._renderer is None:
            raise RuntimeError("the page was not started")
        html = self._renderer.html(template, **context)
        # The policy for referrers stays "same-origin": with "no-referrer", browsers send the form with `Origin: null`.
        headers = {"Cache-Control": "no-store"}
        return web.Response(text=html, status=status, content_type="text/html", charset="utf-8", headers=headers)


def local_url(domain: str) -> str:
    """The base URL of a blog on this machine only, by plain http; "" for every other domain."""
    found = _LOCAL.match(domain)
    return f"http://{domain}{'' if found[1] else _LOCAL_PORT}" if found else ""


def read_wish(values: dict[str, str]) -> Wish:
    """The form's fields, checked as far as they can be alone. A name on this machine means plain http.

    Raises `InvalidInput` in words for the person who typed them.
    """
    domain = values["domain"].strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/")
    if not domain:
        raise InvalidInput(gettext("Write the domain of the blog."))
    base_url = local_url(domain)
    if not base_url and not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain):
        raise InvalidInput(gettext("A domain looks like blog.example: a host name, nothing else."))
    username = values["username"].strip().lower().removeprefix("@")
    return Wish(
        domain="" if base_url else domain,
        base_url=base_url,
        title=values["title"].strip(),
        username=username,
        name=values["name"].strip(),
        password=values["password"],
    )


def _local_settings(origin: str) -> Settings:
    """Settings that the page templates and the headers can be made with."""
    return make_settings(
        {"server": {"base_url": origin}, "federation": {"allow_http": True}, "blog": {"title": "Your new blog"}},
        relative_to=Path(),
    )
