"""A running blog, a remote server, and a real Chromium that looks at the one while the other talks to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from fedblog.blog.model import Role
from fedblog.demo.peer import PeerServer
from fedblog.federation.setup import add_author
from fedblog.web.passwords import hash_password
from tests.live import Live, live_app

PASSWORD = "correct horse battery"
# A busy machine is slow, not wrong.
expect.set_options(timeout=30_000)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium_path() -> str | None:
    """`$CHROMIUM`, or a Chromium of the system."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in _NAMES if (path := shutil.which(name))), None)


class Watcher:
    """Collects what must not happen on any page: script errors, refused content, requests to elsewhere."""

    def __init__(self, base_url: str) -> None:
        self.origin = urlsplit(base_url).netloc
        self.also: set[str] = set()  # other servers that a page may ask
        self.problems: list[str] = []

    def watch(self, page: Page) -> None:
        """Listen to a page."""
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("console", lambda message: self._console(page, message.type, message.text))
        page.on("request", lambda request: self._request(page, request.url))

    def _console(self, page: Page, kind: str, text: str) -> None:
        # A status that a test asks for on purpose (404, 409) is told here too.
        if kind == "error" and "the server responded with a status of" not in text:
            self.problems.append(f"{page.url}: {text}")

    def _request(self, page: Page, url: str) -> None:
        place = urlsplit(url)
        if place.scheme in ("http", "https") and place.netloc not in {self.origin, *self.also}:
            self.problems.append(f"{page.url} asked for {url}")


@pytest.fixture
async def blog(tmp_path: Path) -> AsyncIterator[Live]:
    """A blog of Ana's that delivers."""
    async with live_app(tmp_path, federation={"deliver": True}) as live:
        parts = live.services
        await add_author(
            parts.db,
            parts.ids,
            parts.sealer,
            parts.settings,
            username="ana",
            name="Ana Lima",
            password_hash=hash_password(PASSWORD),
            role=Role.OWNER,
        )
        yield live


@pytest.fixture
async def peer() -> AsyncIterator[PeerServer]:
    """Another server of the fediverse."""
    async with PeerServer() as server:
        yield server


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium."""
    path = chromium_path()
    if path is None:
        pytest.skip("no Chromium here; set CHROMIUM to one")
    async with async_playwright() as playwright:
        # Chromium's own sandbox does not work for root, which containers run tests as.
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = await playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        await browser.close()


@pytest.fixture
async def watcher(blog: Live) -> AsyncIterator[Watcher]:
    """Fails the test when a page had a problem."""
    watching = Watcher(blog.base_url)
    yield watching
    assert watching.problems == []


async def open_page(
    chromium: Browser, blog: Live, watcher: Watcher, *, scripts: bool = True, phone: bool = False
) -> tuple[BrowserContext, Page]:
    """A fresh browser window; `scripts=False` turns JavaScript off."""
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
    context = await chromium.new_context(
        base_url=blog.base_url,
        java_script_enabled=scripts,
        viewport={"width": size["width"], "height": size["height"]},
    )
    context.set_default_timeout(30_000)
    page = await context.new_page()
    watcher.watch(page)
    return context, page


async def log_in(page: Page) -> None:
    """Ana logs in."""
    await page.goto("/login")
    await page.get_by_label("Name").fill("ana")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/studio")
