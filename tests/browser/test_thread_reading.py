"""Reading a conversation in a browser: folding, what is new, and replies that come while one reads."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, expect

from fedblog.blog.model import Reply
from fedblog.storage import accounts
from tests.browser.conftest import Watcher, open_page
from tests.live import Live
from tests.samples import make_person, make_post, make_reply

pytestmark = pytest.mark.browser


async def test_folding_news_and_places(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    parts = blog.services
    account = (await parts.db.read(accounts.all))[0]
    post = await make_post(parts, account.actor_id)
    bo, cy = await make_person(parts), await make_person(parts, "Cy Dee")
    first = await make_reply(parts, bo, "<p>First words</p>", post=post, number=1)
    second = await make_reply(parts, cy, "<p>Second words</p>", parent=first, number=2)
    for number in range(3, 20):
        await make_reply(parts, bo, f"<p>More words {number}</p>", post=post, number=number)
    _, page = await open_page(chromium, blog, watcher)
    path = f"/@ana/{post.slug}"
    await page.goto(path)
    await expect(page.locator(".badge-new")).to_have_count(0)
    below = page.get_by_text("Second words")
    await page.get_by_role("button", name="Fold all", exact=True).click()
    await expect(below).to_be_hidden()
    await page.get_by_role("button", name="Unfold all").click()
    await expect(below).to_be_visible()
    await page.get_by_role("button", name="Fold all", exact=True).click()

    # What is being read does not move, and what is being written is not lost, when something comes.
    last = page.get_by_text("More words 15")
    await last.scroll_into_view_if_needed()
    await page.locator("article", has=last).get_by_role("link", name="Reply to Bo Berg").click()
    await page.keyboard.type("A draft")
    place = await last.bounding_box()
    fresh = await make_reply(parts, cy, "<p>Fresh words</p>", parent=first, number=30)
    await make_reply(parts, cy, "<p>Fresh too</p>", post=post, number=31)
    note = page.locator(".live-note")
    await expect(note).to_contain_text(re.compile(r"New replies: [12]"), timeout=15_000)
    await expect(note).to_contain_text("New replies: 2", timeout=15_000)
    assert await last.bounding_box() == place
    await expect(page.get_by_text("Fresh words")).to_have_count(0)
    await note.get_by_role("button", name="Show").click()
    await expect(page.get_by_text("Fresh words")).to_be_visible()
    await expect(page.locator(f"#reply-{fresh.id}")).to_be_focused()
    await expect(page.locator(f"#reply-{fresh.id} .badge-new")).to_have_text("new")
    await expect(note).to_have_count(0)
    await expect(page.get_by_label("Your reply", exact=True)).to_have_value("A draft")
    await expect(page.get_by_role("heading", name=re.compile("21 thoughts"))).to_be_visible()

    await page.goto(path)
    await expect(page.get_by_role("link", name="New since your last visit: 2")).to_be_visible()
    await expect(page.locator(".badge-new")).to_have_count(2)
    await page.goto(path)
    await expect(page.locator(".badge-new")).to_have_count(0)
    await page.get_by_role("link", name="Newest first").click()
    await expect(page.locator(".thread > li > article").first).to_contain_text("Fresh too")

    await open_places(blog, page, path, second)


async def open_places(blog: Live, page: object, path: str, second: Reply) -> None:
    """A place without the page's number is found as well, and inside what is folded."""
    from playwright.async_api import Page

    assert isinstance(page, Page)
    await page.goto(f"{path}?sort=newest#reply-{second.id}")
    await expect(page.locator(f"#reply-{second.id}")).to_be_in_viewport()
