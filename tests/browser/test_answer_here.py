"""Answering on the page from one's own account: sign-in, reply, like, boost, every failure, and no token with us."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from fedblog.blog.model import Post, Reply
from fedblog.demo.mastodon_api import METADATA, MastodonApi
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.storage import accounts, posts, threads
from tests.browser.conftest import Watcher, open_page
from tests.live import Live
from tests.samples import make_person, make_post, make_reply

pytestmark = pytest.mark.browser
CORS = {"Access-Control-Allow-Origin": "*"}


@dataclass
class Scene:
    """A post with one reply, and Mia, who has an account elsewhere."""

    blog: Live
    peer: PeerServer
    api: MastodonApi
    post: Post
    reply: Reply
    context: BrowserContext
    page: Page

    @property
    def path(self) -> str:
        return f"/@ana/{self.post.slug}"

    async def window(self) -> Page:
        """The server's window, once it asks."""
        async with self.context.expect_page() as opened:
            pass
        return await opened.value


@pytest.fixture
async def scene(chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher) -> AsyncIterator[Scene]:
    mia = peer.add_person("mia", name="Mia Berg")
    peer.api = MastodonApi(peer, mia)
    watcher.also.add(urlsplit(peer.base_url).netloc)
    account = (await blog.services.db.read(accounts.all))[0]
    post = await make_post(blog.services, account.actor_id)
    answer = await blog.services.publisher.answer(author_id=account.actor_id, source="Come in.", post_id=post.id)
    await make_reply(blog.services, await make_person(blog.services), "<p>Old words</p>", post=post)
    context, page = await open_page(chromium, blog, watcher)
    yield Scene(blog, peer, peer.api, post, answer, context, page)
    await context.close()


async def say_yes(scene: Scene, click: str, *, decision: str = "Authorize") -> None:
    """Press a button that opens the server's window, and decide there."""
    async with scene.context.expect_page() as opened:
        await scene.page.get_by_role("button", name=click).last.click()
    window = await opened.value
    await window.get_by_role("button", name=decision).click()


async def test_a_reply_goes_out_from_ones_own_server_and_comes_back(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "fedblog")
    page = scene.page
    await page.goto(scene.path)
    article = page.locator(f"#reply-{scene.reply.id}")
    await article.get_by_role("link", name="Reply to Ana Lima").click()
    await expect(article.get_by_role("heading", name="Leave a reply to Ana Lima")).to_be_visible()
    await expect(page.get_by_label("Your reply", exact=True)).to_be_focused()
    await page.keyboard.type("Thank you, I will.")
    await page.get_by_label("Your fediverse address").first.fill(scene.api.person.handle)
    await say_yes(scene, "Reply from your account")
    await expect(page.locator("#reply-form [data-said]")).to_have_text("Your reply is here.")
    shown = page.locator(f"li:has(> #reply-{scene.reply.id}) li article")
    await expect(shown).to_contain_text("Thank you, I will.")
    await expect(shown).to_have_attribute("aria-label", "Reply by Mia Berg to Ana Lima, level 2")
    assert scene.api.tokens == {}  # given back
    await no_secret_is_known(scene, caplog)


async def no_secret_is_known(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """Neither log nor database nor any file of ours has a token or a secret; the code is in no log."""
    secrets = [*scene.api.issued, *scene.api.codes, *(app.secret for app in scene.api.apps.values())]
    assert len(secrets) >= 3
    folder: Path = scene.blog.services.settings.data_dir
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"first-light" in kept
    for secret in secrets:
        assert secret.encode() not in kept
        assert secret not in caplog.text
    assert "/signed-in" in caplog.text or caplog.text


async def test_like_and_boost_by_keyboard_while_signed_in(scene: Scene) -> None:
    page = scene.page
    await page.goto(scene.path)
    await page.locator(".post-acts").get_by_role("link", name="Like").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Like this from your own account")
    await expect(dialog.get_by_label("Your fediverse address")).to_be_focused()
    await page.keyboard.type(scene.api.person.handle)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(dialog.get_by_label("Stay signed in in this tab")).to_be_checked()
    async with scene.context.expect_page() as opened:
        await page.keyboard.press("Enter")
    window = await opened.value
    await window.get_by_role("button", name="Authorize").focus()
    await window.keyboard.press("Enter")
    await expect(dialog.get_by_role("status")).to_have_text(f"Liked, from {scene.api.person.handle}.")
    await expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()

    article = page.locator(f"#reply-{scene.reply.id}")
    await article.get_by_role("link", name="Boost").click()
    dialog = page.get_by_role("dialog", name="Boost this from your own account")
    await expect(dialog.get_by_text(f"Signed in as {scene.api.person.handle} in this tab.")).to_be_visible()
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("status")).to_have_text(f"Boosted, from {scene.api.person.handle}.")
    assert len(scene.api.tokens) == 1
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Sign out").last.click()
    await expect(page.locator("#reply-form [data-who]")).to_be_visible()
    assert scene.api.tokens == {}

    async def counts() -> tuple[int, int]:
        found = await scene.blog.services.db.read(posts.by_id, scene.post.id)
        reply = await scene.blog.services.db.read(threads.rows_by_id, [scene.reply.id])
        assert found is not None
        return found.like_count, reply[scene.reply.id].reply.announce_count

    for _ in range(100):
        if await counts() == (1, 1):
            break
        await page.wait_for_timeout(50)
    assert await counts() == (1, 1)


async def fails(scene: Scene, message: str, *, decision: str = "") -> None:
    """A reply that can't be sent says so, with the way round beside it, and keeps the words."""
    page = scene.page
    await page.goto(scene.path)
    await page.get_by_label("Your reply", exact=True).fill("Words to keep")
    await page.get_by_label("Your fediverse address").first.fill(scene.api.person.handle)
    if decision:
        await say_yes(scene, "Reply from your account", decision=decision)
    else:
        await page.get_by_role("button", name="Reply from your account").click()
    said = page.locator("#reply-form [data-said]")
    await expect(said).to_contain_text(message)
    link = said.get_by_role("link", name="Open it on your server instead")
    href = await link.get_attribute("href") or ""
    assert href.startswith((scene.peer.base_url, "/interact?kind=reply&uri=")), href
    await expect(page.get_by_label("Your reply", exact=True)).to_have_value("Words to keep")
    assert scene.api.tokens == {}
    for other in scene.context.pages[1:]:
        await other.close()


async def a_lying_server(scene: Scene) -> None:
    """What a server says of its status becomes no link that could do anything here."""
    lie = {"id": "1", "uri": "javascript:alert(1)", "url": "javascript:alert(1)"}
    scene.peer.answer("/api/v1/statuses", Answer(body=lie, headers=CORS, times=1))
    await scene.page.goto(scene.path)
    await scene.page.get_by_label("Your reply", exact=True).fill("Words")
    await scene.page.get_by_label("Your fediverse address").first.fill(scene.api.person.handle)
    await say_yes(scene, "Reply from your account")
    said = scene.page.locator("#reply-form [data-said]")
    await expect(said).to_contain_text("Sent. Waiting for your server")
    await expect(said.get_by_role("link")).to_have_count(0)


async def test_every_failure_says_what_to_do(scene: Scene, watcher: Watcher) -> None:
    host, peer = urlsplit(scene.peer.base_url).netloc, scene.peer
    await fails(scene, "Your server says that you didn't allow it.", decision="Deny")
    peer.answer("/oauth/token", Answer(status=400, body={"error": "invalid_grant"}, headers=CORS, times=1))
    await fails(scene, f"The sign-in at {host} has run out.", decision="Authorize")
    peer.answer("/api/v2/search", Answer(body={"statuses": []}, headers=CORS, times=1))
    await fails(scene, f"{host} could not find what you answer.", decision="Authorize")
    refusal = {"error": "Validation failed: too long"}
    peer.answer("/api/v1/statuses", Answer(status=422, body=refusal, headers=CORS, times=1))
    await fails(scene, f"{host} refused it: Validation failed: too long", decision="Authorize")
    await a_lying_server(scene)
    scene.api.forge_state = True
    await fails(scene, "belongs to no sign-in from here", decision="Authorize")
    scene.api.forge_state = False

    await scene.page.evaluate("localStorage.clear()")
    scene.api.cors = False
    await fails(scene, f"{host} doesn't let you answer from here.")
    scene.api.cors = True
    peer.answer("/api/v1/apps", Answer(status=404, body={"error": "nothing"}, headers=CORS, times=1))
    await fails(scene, f"{host} doesn't let you answer from here.")
    peer.answer("/.well-known/webfinger", Answer(status=404, times=None))
    await fails(scene, "No account with that address was found.")
    peer.script.clear("/.well-known/webfinger")
    await scene.page.goto(scene.path)
    await peer.stop()
    await fails(scene, "doesn't answer")
    # A browser writes refused and failed requests to its console; nothing else may be there.
    watcher.problems = [line for line in watcher.problems if "CORS policy" not in line and "net::ERR" not in line]


async def test_where_windows_are_blocked_the_tab_goes_there_and_comes_back(scene: Scene) -> None:
    page = scene.page
    await page.add_init_script("window.open = () => null")
    await page.goto(scene.path)
    article = page.locator(f"#reply-{scene.reply.id}")
    await article.get_by_role("link", name="Reply to Ana Lima").click()
    await page.get_by_label("Your reply", exact=True).fill("From the same tab")
    await page.get_by_label("Your fediverse address").first.fill(scene.api.person.handle)
    await page.get_by_role("button", name="Reply from your account").click()
    await page.get_by_role("button", name="Authorize").click()
    await page.wait_for_url(re.compile(re.escape(scene.path)))
    await expect(page.locator("#reply-form [data-said]")).to_have_text("Your reply is here.")
    await expect(page.get_by_text("From the same tab")).to_be_visible()
    assert await page.evaluate("Object.keys(sessionStorage).length") == 0

    await page.reload()
    scene.api.forge_state = True
    await page.get_by_label("Your reply", exact=True).fill("Once more")
    await page.get_by_role("button", name="Reply from your account").click()
    await page.get_by_role("button", name="Authorize").click()
    await expect(page.locator("#reply-form [data-said]")).to_contain_text("belongs to no sign-in from here")
    await expect(page.get_by_label("Your reply", exact=True)).to_have_value("Once more")


async def test_without_scripts_the_form_is_bound_by_its_address(
    chromium: Browser, scene: Scene, watcher: Watcher
) -> None:
    context, page = await open_page(chromium, scene.blog, watcher, scripts=False)
    await page.goto(scene.path)
    await expect(page.get_by_role("button", name="Reply from your account")).to_be_hidden()
    await page.locator(f"#reply-{scene.reply.id}").get_by_role("link", name="Reply to Ana Lima").click()
    await expect(page).to_have_url(re.compile(rf"\?replyto={scene.reply.id}#reply-form$"))
    await expect(page.get_by_role("heading", name="Leave a reply to Ana Lima")).to_be_visible()
    await page.locator("#join-handle").fill(scene.api.person.handle)
    await page.get_by_role("button", name="Reply from your server").click()
    await page.wait_for_url(f"{scene.peer.base_url}/authorize_interaction?uri=*")
    assert scene.reply.uri.rpartition("/")[2] in page.url
    await page.go_back()
    await page.get_by_role("link", name="Cancel reply").click()
    await expect(page.get_by_role("heading", name="Leave a reply", exact=True)).to_be_visible()
    await context.close()


def test_the_metadata_is_where_servers_have_it() -> None:
    assert METADATA.startswith("/.well-known/")
