"""Every studio screen, small and large, light and dark: nothing sticks out, everything has a name and can be hit."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from fedblog.blog.model import QuoteState, Writing
from fedblog.storage import accounts, quotes
from tests.browser.conftest import Watcher, log_in, open_page
from tests.live import Live
from tests.samples import make_person, make_reply

pytestmark = pytest.mark.browser

SCREENS = (
    "/studio",
    "/studio/posts",
    "/studio/posts/new",
    "/studio/posts/{post}",
    "/studio/posts/{post}/revisions",
    "/studio/posts/{post}/revisions/1",
    "/studio/posts/{post}/revisions/1/restore",
    "/studio/posts/{post}/unpublish",
    "/studio/statistics",
    "/studio/posts/{post}/statistics",
    "/studio/posts/{post}/reach?who=@nobody@far.example",
    "/studio/media",
    "/studio/conversations",
    "/studio/quotes",
    "/studio/notifications",
    "/studio/notifications/settings",
    "/studio/replies/{reply}/report",
    "/studio/moving",
    "/studio/followers",
    "/studio/followers/servers",
    "/studio/profile",
    "/studio/account",
    "/studio/blocks",
    "/studio/blocks/new?value=far.example",
    "/studio/blocks/lists",
    "/studio/privacy?who=@nobody@far.example",
    "/studio/rules?kind=word&value=long",
    "/studio/people",
    "/studio/inbox-log",
)
NAMELESS = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
  .filter(one => !one.hidden && one.getClientRects().length)
  .filter(one => !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !one.textContent.trim())
  .map(one => one.outerHTML)"""
TOO_SMALL = """() => [...document.querySelectorAll('button, .button, select, summary, .tabs a, .studio-nav a')]
  .map(one => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.height < 24 || box.width < 24)).map(([html]) => html)"""
STICKS_OUT = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


async def _write_post(blog: Live) -> tuple[int, int]:
    """A post with everything long, an answer, and a reply of somebody who also asks to quote it; (post, reply)."""
    publisher, db = blog.services.publisher, blog.services.db
    account = (await db.read(accounts.all))[0]
    text = await publisher.compose(
        Writing(
            title="Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen and " + "x" * 90,
            source="A long_word_" + "y" * 200 + "\n\n```\n" + "z" * 300 + "\n```",
        )
    )
    post = await publisher.save_draft(text, author_id=account.actor_id)
    published = await publisher.publish(post.id)
    await publisher.answer(author_id=account.actor_id, post_id=post.id, source="w" * 400)
    somebody = await make_person(blog.services, "Mia")
    reply = await make_reply(blog.services, somebody, f"<p>{'v' * 300}</p>", post=published)
    uri = f"{somebody.uri}/notes/quote"
    await db.write(
        quotes.add,
        uri=uri,
        url=uri,
        actor_id=somebody.id,
        post_id=post.id,
        target_uri=uri,
        state=QuoteState.PENDING,
        public=True,
        listed=True,
        request="{}",
        published_at=1_800_000_000,
    )
    return post.id, reply.id


async def _check(page: Page, path: str) -> list[str]:
    await page.goto(path)
    where = f"{path} at {page.viewport_size}"
    problems = [f"{where}: no name: {html}" for html in await page.evaluate(NAMELESS)]
    problems += [f"{where}: too small: {html}" for html in await page.evaluate(TOO_SMALL)]
    if await page.evaluate(STICKS_OUT) > 0:
        problems.append(f"{where}: sticks out")
    if await page.locator("h1").count() < 1:
        problems.append(f"{where}: no heading")
    return problems


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_every_screen_fits_and_names_its_parts(
    chromium: Browser, blog: Live, watcher: Watcher, phone: bool
) -> None:
    post, reply = await _write_post(blog)
    _, page = await open_page(chromium, blog, watcher, phone=phone)
    await log_in(page)
    problems: list[str] = []
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for path in SCREENS:
            problems += await _check(page, path.format(post=post, reply=reply))
    assert problems == []
