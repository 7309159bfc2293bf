"""Every page for readers, small and large, light and dark: nothing sticks out, all has a name, nobody else is asked."""

from __future__ import annotations

from itertools import pairwise

import pytest
from playwright.async_api import Browser, Page

from fedblog.blog.model import Writing
from tests.browser.conftest import Watcher, open_page
from tests.browser.test_studio_screens import NAMELESS, STICKS_OUT
from tests.live import Live
from tests.web.test_machines import SOURCE, filled

pytestmark = pytest.mark.browser

# Targets of at least 24 pixels, but for links inside sentences (WCAG 2.2, 2.5.8).
TOO_SMALL = """() => [...document.querySelectorAll(
    'button, .button, summary, nav a, .scopes a, .tags a, .reply > footer > a')]
  .filter(one => one.getClientRects().length && !one.matches('.branch > summary'))  // has a halo
  .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 24 || box.width < 20).map(([html, box]) => `${html} ${box.height}`)"""
LEVELS = """() => [...document.querySelectorAll('h1, h2, h3, h4')].filter(one => one.getClientRects().length)
  .map(one => Number(one.tagName[1]))"""


async def _check(page: Page, path: str) -> list[str]:
    await page.goto(path)
    where = f"{path} at {page.viewport_size}"
    problems = [f"{where}: no name: {html}" for html in await page.evaluate(NAMELESS)]
    problems += [f"{where}: too small: {html}" for html in await page.evaluate(TOO_SMALL)]
    if await page.evaluate(STICKS_OUT) > 0:
        problems.append(f"{where}: sticks out")
    levels = await page.evaluate(LEVELS)
    if levels[:1] != [1] or any(after > before + 1 for before, after in pairwise(levels)):
        problems.append(f"{where}: headings {levels}")
    return problems


async def test_every_page_for_readers_fits_and_is_whole(blog: Live, chromium: Browser, watcher: Watcher) -> None:
    post = await filled(blog)
    wide = await blog.services.publisher.compose(
        Writing(
            title="Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen " + "x" * 90,
            source=SOURCE
            + "\n\n$$\n"
            + "a + " * 80
            + "b\n$$\n\n| "
            + "wide | " * 30
            + "\n|"
            + "---|" * 30
            + "\n\n"
            + "y" * 200,
            tags=("Tea", "z" * 60),
        )
    )
    draft = await blog.services.publisher.save_draft(wide, author_id=post.author_id)
    long = await blog.services.publisher.publish(draft.id)
    await blog.services.indexer.catch_up()
    paths = (
        "/", "/@ana", "/tag/tea", "/archive", "/series/mornings", "/search", "/search?q=words", "/follow",
        f"/@ana/{post.slug}", f"/@ana/{long.slug}", "/@ana/about", "/@ana/after", "/nothing",
    )  # fmt: skip
    problems: list[str] = []
    _, page = await open_page(chromium, blog, watcher)
    for width, scheme in ((390, "light"), (1280, "dark"), (320, "dark")):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for path in paths:
            problems += await _check(page, path)
    assert not problems, "\n".join(problems)
