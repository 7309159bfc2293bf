"""Writing in a real browser: markup that can be undone, two windows, a log-in that ended, plans, other views."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Browser, Page, expect

from fedblog.blog.model import PostId, PostStatus
from fedblog.storage import posts
from tests.browser.conftest import Watcher, log_in, open_page
from tests.browser.test_accessible import AXE, EVERYTHING, RUN
from tests.live import Live

pytestmark = pytest.mark.browser

SAVED = re.compile(r"^Saved \d")
TEXT = "Text, in Markdown"


async def begin(page: Page, text: str = "One\n\nTwo\n\nThree") -> None:
    """A new draft that saved itself."""
    await page.goto("/studio/posts/new")
    await page.get_by_label("Title", exact=True).fill("On bread")
    await page.get_by_label(TEXT).fill(text)
    await expect(page.locator("#saved")).to_have_text(SAVED)


async def nobody_is_shut_out(page: Page) -> None:
    """No finding of WCAG 2.2 A and AA on the page as it stands."""
    await page.evaluate(AXE)
    assert await page.evaluate(RUN, EVERYTHING) == []


async def choose(page: Page, start: int, end: int) -> None:
    await page.get_by_label(TEXT).evaluate(
        "(one, [a, b]) => { one.focus(); one.setSelectionRange(a, b); }", [start, end]
    )


async def test_two_windows_lose_no_words(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    """The second window is told in place, with both texts; put together, both changes are there."""
    context, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await begin(page)
    other = await context.new_page()
    await other.goto(page.url)
    await other.get_by_label(TEXT).fill("ONE\n\nTwo\n\nThree")
    await other.get_by_role("button", name="Save draft").click()
    await expect(other.get_by_text("Draft saved.")).to_be_visible()
    await page.get_by_label(TEXT).fill("One\n\nTwo\n\nThree, four")
    box = page.get_by_role("alert")
    await expect(box.get_by_role("heading", name="Ana Lima saved this post meanwhile")).to_be_visible()
    await expect(box.locator("del", has_text="ONE")).to_be_visible()
    await expect(page.locator("#saved")).to_contain_text("Saved elsewhere")
    await page.get_by_label(TEXT).press("End")
    await page.get_by_label(TEXT).type("!")  # nothing is taken out of the writer's hands meanwhile
    await nobody_is_shut_out(page)
    await box.get_by_role("button", name="Put both together").click()
    await expect(page.get_by_label(TEXT)).to_have_value("ONE\n\nTwo\n\nThree, four!")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("Draft saved.")).to_be_visible()
    await expect(page.locator("#kept-words")).to_be_hidden()
    # Now the other window is behind, and keeps its own.
    await other.get_by_label(TEXT).fill("Mine alone")
    await other.get_by_role("alert").get_by_role("button", name="Save mine").click()
    await expect(other.get_by_text("Draft saved.")).to_be_visible()
    await expect(other.get_by_label(TEXT)).to_have_value("Mine alone")
    await expect(other.locator("#kept-words")).to_be_hidden()


async def test_markup_by_shortcut_and_button_can_be_undone(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    _, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await begin(page, "plain words")
    source = page.get_by_label(TEXT)
    await choose(page, 0, 5)
    await page.keyboard.press("Control+b")
    await expect(source).to_have_value("**plain** words")
    await page.keyboard.press("Control+b")
    await expect(source).to_have_value("plain words")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("https://a.example/")
    await expect(source).to_have_value("[plain](https://a.example/) words")
    for _ in range(30):
        await page.keyboard.press("Control+z")
        if await source.input_value() == "plain words":
            break
    await expect(source).to_have_value("plain words")
    await source.fill("one\ntwo")
    await choose(page, 0, 7)
    await page.get_by_role("button", name="Numbered list").click()
    await expect(source).to_have_value("1. one\n2. two")
    await page.get_by_role("button", name="List", exact=True).click()
    await expect(source).to_have_value("- one\n- two")
    await page.get_by_role("button", name="List", exact=True).click()
    await expect(source).to_have_value("one\ntwo")
    # The bar is one stop of the Tab key; arrows move within.
    await page.get_by_label("Title", exact=True).press("Shift+Tab")
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("document.activeElement.dataset.mark") == "italic"


async def test_words_outlive_a_log_in_that_ended(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    context, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await begin(page)
    await context.clear_cookies()
    await page.get_by_label(TEXT).fill("Words of the evening")
    await expect(page.locator("#saved")).to_contain_text("You were logged out")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("link", name="Log in again").click()
    await page.get_by_label("Name").fill("ana")
    await page.get_by_label("Password").fill("correct horse battery")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_label(TEXT)).to_have_value("One\n\nTwo\n\nThree")
    await expect(page.get_by_text("Words that were not saved are kept in this tab")).to_be_visible()
    await page.get_by_role("button", name="Put them back").click()
    await expect(page.get_by_label(TEXT)).to_have_value("Words of the evening")
    await expect(page.locator("#saved")).to_have_text(SAVED)
    await page.reload()
    await expect(page.locator("#kept-words")).to_be_hidden()


async def test_how_others_will_see_it_live(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    _, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await begin(page, "The *first* words.\n\n## And a heading")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview-body em")).to_have_text("first")
    await page.get_by_role("radio", name="Your page").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("article", name="Mastodon")).to_contain_text("On bread")
    await expect(page.get_by_text("The card’s picture is the title")).to_be_visible()
    await nobody_is_shut_out(page)
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_text("The text is folded behind the title.")).to_be_visible()
    await page.get_by_label("Title", exact=True).fill("On rye")
    await expect(page.locator(".look-fold > summary")).to_have_text("On rye")


async def test_a_plan_in_the_zone_of_the_browser(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    context = await chromium.new_context(base_url=blog.base_url, timezone_id="Asia/Tokyo")
    page = await context.new_page()
    watcher.watch(page)
    await log_in(page)
    await begin(page)
    await page.get_by_text("Publish later").click()
    await expect(page.get_by_label("In the time of")).to_have_value("Asia/Tokyo")
    await page.get_by_label("Day and time").fill("2033-01-02T09:00")
    await page.get_by_role("button", name="Plan it").click()
    await expect(page.get_by_text("Goes out on 2 January 2033, 09:00 (Asia/Tokyo)")).to_be_visible()
    number = PostId(int(page.url.partition("?")[0].rpartition("/")[2]))
    post = await blog.services.db.read(posts.get, number)
    assert (post.status, post.scheduled_at) == (PostStatus.DRAFT, 1_988_236_800)
    await page.get_by_role("button", name="Don’t publish by itself").click()
    await expect(page.get_by_text("It is a draft again")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
async def test_checks_lead_to_what_they_are_about(
    chromium: Browser, blog: Live, watcher: Watcher, scripts: bool
) -> None:
    _, page = await open_page(chromium, blog, watcher, scripts=scripts, phone=not scripts)
    await log_in(page)
    await page.goto("/studio/posts/new")
    await page.get_by_label("Title", exact=True).fill("On bread")
    await page.get_by_label(TEXT).fill("Words.")
    await page.get_by_text("Tags, summary, address").click()
    await page.get_by_label("Summary").fill("A lede")
    await page.get_by_role("button", name="Publish", exact=True).click()
    if scripts:
        await nobody_is_shut_out(page)
    await page.get_by_role("link", name=re.compile("This summary would fold the post")).click()
    if scripts:
        await expect(page.get_by_label("Summary")).to_be_focused()
    await page.get_by_role("button", name="Yes, publish it").click()
    await expect(page.get_by_text("Published. It is on its way")).to_be_visible()
    await page.get_by_label("What has changed").fill("A typo")
    await page.get_by_label("Other servers").select_option("silent")
    await page.get_by_label(TEXT).fill("Words!")
    await page.get_by_role("button", name="Update").click()
    await expect(page.get_by_text("Updated. No other server is told.")).to_be_visible()
