"""A whole instance on a loopback socket: what tests of pages, protocol and pictures of them are made on."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from fedblog.app import build_app, set_up
from fedblog.config import Settings, make_settings
from fedblog.federation.services import Services
from fedblog.web.keys import SERVICES


@dataclass(frozen=True, slots=True)
class Live:
    """A running instance. `session` follows no redirects and keeps no cookies unless told."""

    services: Services
    base_url: str
    session: aiohttp.ClientSession
    app: web.Application
    runner: web.AppRunner

    async def get(self, path: str, *, accept: str = "text/html", **kwargs: Any) -> Answer:
        """GET a path (or a URL of this instance), redirects shown rather than followed."""
        return await self.request("GET", path, headers={"Accept": accept, **kwargs.pop("headers", {})}, **kwargs)

    async def request(self, method: str, path: str, **kwargs: Any) -> Answer:
        """Any request, its answer read whole."""
        url = path if path.startswith("http") else f"{self.base_url}{path}"
        async with self.session.request(method, url, allow_redirects=False, **kwargs) as response:
            return Answer(response.status, response.headers.copy(), await response.read())


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole."""

    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8")


def live_settings(tmp_path: Path, port: int, *, host: str = "127.0.0.1", **sections: dict[str, Any]) -> Settings:
    """Settings of an instance on `host:port`; `sections` add to them: `limits={"inbox_per_minute": 3}`."""
    base: dict[str, dict[str, Any]] = {
        "server": {"base_url": f"http://{host}:{port}", "port": port, "data_dir": str(tmp_path / "data")},
        "blog": {"title": "Living Letters", "tagline": "Notes on making and mending"},
        "federation": {"allow_http": True, "allow_networks": ["127.0.0.0/8"], "deliver": False},
    }
    for name, keys in sections.items():
        base[name] = {**base.get(name, {}), **keys}
    return make_settings(base, relative_to=tmp_path)


@contextlib.asynccontextmanager
async def live_app(
    tmp_path: Path, *, clock: Callable[[], float] = time.time, host: str = "127.0.0.1", **sections: dict[str, Any]
) -> AsyncIterator[Live]:
    """Starts an instance on a free port and stops it; sends nothing unless `federation={"deliver": True}`."""
    listener = socket.create_server(("127.0.0.1", 0))
    settings = live_settings(tmp_path, listener.getsockname()[1], host=host, **sections)
    app = build_app(settings, clock=clock)
    runner = await set_up(app)
    try:
        await web.SockSite(runner, listener).start()
        jar = aiohttp.DummyCookieJar()
        async with aiohttp.ClientSession(cookie_jar=jar, auto_decompress=True) as session:
            yield Live(app[SERVICES], settings.base_url, session, app, runner)
    finally:
        await runner.cleanup()
