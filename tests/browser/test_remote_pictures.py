"""Emoji and pictures of other servers in a real browser: seen in the page, through us alone, pictures once opened."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from fedblog.demo import peer_payloads as say
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.demo.peer_server import Answer
from fedblog.storage import accounts
from tests.browser.conftest import Watcher, log_in, open_page
from tests.browser.test_accessible import AXE, EVERYTHING, RUN
from tests.live import Live
from tests.media import files
from tests.samples import make_post

pytestmark = pytest.mark.browser

ALT = "A lighthouse on a rock, waves all around it, painted in red and white stripes that the salt has made pale"
WIDTHS = "() => [...document.querySelectorAll('.emoji')].map(one => [one.naturalWidth, Math.round(one.clientWidth)])"


class Elsewhere:
    """Mia's server: an emoji that is there, one that isn't, and pictures."""

    def __init__(self, blog: Live, peer: PeerServer, post_uri: str) -> None:
        self.blog, self.peer, self.post_uri = blog, peer, post_uri
        cat = files.encoded(files.picture(64, 64), "PNG")
        peer.answer("/emoji/cat", Answer(body=cat, content_type="image/png"))
        peer.gone("/emoji/lost")
        peer.answer("/media/sea", Answer(body=files.jpeg(1600, 1000), content_type="image/jpeg"))
        peer.answer("/media/liar", Answer(body=files.HTML, content_type="image/jpeg"))
        self.tags = [
            {"type": "Emoji", "name": f":{name}:", "icon": {"type": "Image", "url": f"{peer.base_url}/emoji/{name}"}}
            for name in ("cat", "lost")
        ]
        self.mia: PeerActor = peer.add_person("mia", name="Mia :cat:", key_type="ed25519", tag=self.tags)

    async def say(self, content: str, **extra: Any) -> None:
        note = say.note(self.mia, self.post_uri, content, **{"tag": self.tags, **extra})
        inbox = f"{self.blog.base_url}/inbox"
        assert (await self.peer.post_activity(self.mia, inbox, say.create(self.mia, note)))[0] == 202

    def picture(self, name: str, alt: str) -> dict[str, Any]:
        return {"type": "Document", "mediaType": "image/jpeg", "url": f"{self.peer.base_url}/media/{name}", "name": alt}


@pytest.fixture
async def path(blog: Live, peer: PeerServer) -> str:
    """The page of a post that Mia answered."""
    db = blog.services.db
    account = await db.read(accounts.by_username, "ana")
    assert account is not None
    post = await make_post(blog.services, account.actor_id)
    there = Elsewhere(blog, peer, post.uri)
    await there.say("<p>Good morning :cat: and :lost: too</p>")
    await there.say("<p>My house</p>", attachment=[there.picture("sea", ALT), there.picture("liar", "")])
    await there.say("<p>Not for all</p>", attachment=[there.picture("sea", "Blood")], sensitive=True)
    return f"/@ana/{post.slug}"


def asked_for_pictures(peer: PeerServer) -> int:
    return sum(peer.gets(f"/media/{name}") for name in ("sea", "liar"))


async def no_findings(page: Page) -> None:
    """By axe."""
    assert await page.evaluate(RUN, EVERYTHING) == []


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_with_scripts(
    chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher, path: str, phone: bool
) -> None:
    context, page = await open_page(chromium, blog, watcher, phone=phone)
    await page.goto(path)
    first = page.locator(".reply .p-content").first
    await first.scroll_into_view_if_needed()
    await expect(first).to_have_text("Good morning  and  too")
    cat, lost = first.locator(".emoji").nth(0), first.locator(".emoji").nth(1)
    await page.wait_for_function(
        "() => [...document.querySelectorAll('.reply .p-content .emoji')].every(one => one.complete)"
    )
    assert await cat.evaluate("one => one.naturalWidth") == 64
    size = await cat.bounding_box()
    assert size is not None
    assert 15 < size["width"] < 30
    assert await lost.evaluate("one => [one.naturalWidth, one.alt, one.clientWidth > 40]") == [0, ":lost:", True]
    assert asked_for_pictures(peer) == 0

    sea = page.get_by_text(f"Picture: {ALT}")
    await sea.focus()
    await page.keyboard.press("Enter")
    picture = page.get_by_role("img", name=f"Picture: {ALT}")
    await expect(picture).to_have_js_property("naturalWidth", 1600)
    assert asked_for_pictures(peer) == 1
    await sea.click()
    await expect(picture).to_be_hidden()
    await sea.click()
    await expect(picture).to_be_visible()
    await page.get_by_text("Picture without description").click()
    await expect(page.get_by_role("img", name="Picture without description")).to_have_count(0)
    await expect(page.get_by_role("link", name="Show the picture").nth(0)).to_be_visible()
    await page.get_by_text("Picture: Blood").click()
    await expect(page.get_by_role("img", name="Sensitive Picture: Blood")).to_have_js_property("naturalWidth", 1600)
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    await page.evaluate(AXE)
    await no_findings(page)
    await context.close()


async def test_without_scripts(chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher, path: str) -> None:
    """Browsers without scripts load what is lazy at once: so nothing stands there before it is asked for."""
    _, page = await open_page(chromium, blog, watcher, scripts=False)
    await page.goto(path)
    await page.wait_for_load_state("networkidle")
    assert peer.gets("/emoji/cat") == 1
    assert asked_for_pictures(peer) == 0
    await page.get_by_text(f"Picture: {ALT}").click()
    await page.get_by_role("link", name="Show the picture").first.click()
    await page.wait_for_url("**/attached/**")
    assert asked_for_pictures(peer) == 1
    await page.go_back()
    await expect(page.get_by_text(f"Picture: {ALT}")).to_be_visible()


async def test_in_the_studio(chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher, path: str) -> None:
    _, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await page.goto("/studio/conversations?show=all")
    await expect(page.locator(".person-name .emoji").first).to_have_js_property("naturalWidth", 64)
    assert asked_for_pictures(peer) == 0
    await page.get_by_text(f"Picture: {ALT}").click()
    await expect(page.get_by_role("img", name=f"Picture: {ALT}")).to_have_js_property("naturalWidth", 1600)
    await page.evaluate(AXE)
    await no_findings(page)
