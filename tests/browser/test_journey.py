"""The whole way of a post, seen through a browser: written, followed, answered, liked, changed, taken back."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect

from fedblog.demo import peer_payloads as say
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from tests.browser.conftest import Watcher, log_in, open_page
from tests.live import Live

pytestmark = pytest.mark.browser
TEXT = "Flour and *water*.\n\n## The crumb\n\nIt tells."


@dataclass
class Remote:
    """The people on the other server, and the inbox that they write to."""

    peer: PeerServer
    blog: Live
    mia: PeerActor
    kai: PeerActor

    @property
    def author(self) -> str:
        """Ana's id."""
        return self.blog.services.ids.actor("ana")

    async def send(self, actor: PeerActor, activity: dict[str, object]) -> None:
        """A signed POST that is taken."""
        status, body = await self.peer.post_activity(actor, f"{self.blog.base_url}/inbox", activity)
        assert status == 202, body

    async def follow(self) -> None:
        """Mia follows Ana, and is accepted."""
        await self.send(self.mia, say.follow(self.mia, self.author))
        await self.peer.wait_for("Accept")

    async def reply(self, actor: PeerActor, to: str, text: str) -> dict[str, object]:
        """A Note in answer to something."""
        note = say.note(actor, to, text, mentions=[(self.author, "@ana")])
        self.peer.publish(note)
        await self.send(actor, say.create(actor, note))
        return note


def meet(peer: PeerServer, blog: Live) -> Remote:
    """Two people on the peer."""
    return Remote(peer, blog, peer.add_person("mia", name="Mia Berg"), peer.add_person("kai", name="Kai Ono"))


async def post_uri(peer: PeerServer) -> str:
    """The id of the Article that arrived there."""
    created = await peer.wait_for("Create")
    assert created.verified
    article = created.activity["object"]
    assert article["type"] == "Article"
    return str(article["id"])


async def test_a_post_lives_its_life(chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher) -> None:
    remote = meet(peer, blog)
    _, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await remote.follow()
    await _write_with_scripts(page)
    article = await post_uri(peer)
    await expect(page.locator("#delivery")).to_have_text("Delivered to 1 server")

    first = await remote.reply(remote.mia, article, "Which flour?")
    await remote.reply(remote.kai, str(first["id"]), "Rye, I guess.")
    await remote.send(remote.kai, say.like(remote.kai, article))
    await _see_them_nested(page)
    await _answer(page, remote, str(first["id"]))
    await _edit(page, peer)

    await remote.send(remote.mia, say.delete(remote.mia, str(first["id"])))
    await page.goto("/@ana/on-bread")
    await expect(page.get_by_text("Which flour?")).to_have_count(0)
    await expect(page.get_by_text("This reply was removed by its author.")).to_be_visible()
    await expect(page.get_by_text("Rye, I guess.")).to_be_visible()
    await _unpublish(page, peer)


async def _write_with_scripts(page: Page) -> None:
    await page.get_by_role("link", name="Write", exact=True).click()
    await page.get_by_label("Title").fill("On bread")
    await page.get_by_label("Text, in Markdown").fill(TEXT)
    await expect(page.locator("#saved")).to_have_text(re.compile(r"^Saved \d"))
    await expect(page).to_have_url(re.compile(r"/studio/posts/\d+$"))
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview-body em")).to_have_text("water")
    await page.get_by_label("Text, in Markdown").fill(TEXT + "\n\n**Now.**")
    await expect(page.locator("#preview-body strong")).to_have_text("Now.")
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_role("status").first).to_contain_text("Published.")


async def _see_them_nested(page: Page) -> None:
    await page.goto("/@ana/on-bread")
    outer = page.locator("li", has=page.get_by_text("Which flour?")).first
    await expect(outer.locator("li", has_text="Rye, I guess.")).to_have_count(1)
    await expect(page.get_by_role("heading", name="2 thoughts on “On bread”")).to_be_visible()
    await page.get_by_text("1 like", exact=True).click()
    await expect(page.get_by_role("listitem").filter(has_text="Kai Ono").first).to_be_visible()


async def _answer(page: Page, remote: Remote, note: str) -> None:
    await page.goto("/studio")
    await expect(page.get_by_role("link", name=re.compile("Conversations"))).to_contain_text("3")
    await page.goto("/studio/conversations")
    item = page.get_by_role("article", name="Reply by Mia Berg")
    await item.get_by_text("Answer", exact=True).click()
    await item.get_by_label("Answer to Mia Berg").fill("Whole *rye*.")
    await item.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your answer is out.")).to_be_visible()
    sent = await remote.peer.wait_for(lambda seen: seen.activity.get("object", {}).get("inReplyTo") == note)
    assert sent.verified
    assert (sent.type, sent.activity["object"]["type"]) == ("Create", "Note")
    assert remote.mia.id in json.dumps([sent.activity["to"], sent.activity["cc"]])
    await page.goto("/@ana/on-bread")
    answered = page.locator("li", has=page.get_by_text("Which flour?")).first
    await expect(answered.locator("em", has_text="rye")).to_be_visible()


async def _edit(page: Page, peer: PeerServer) -> None:
    await page.goto("/studio/posts")
    await page.get_by_role("link", name="On bread").click()
    await page.get_by_label("Text, in Markdown").fill("Only water.")
    await expect(page.locator("#saved")).to_have_text("Changed, not updated yet")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Updated.")).to_be_visible()
    update = await peer.wait_for("Update")
    assert "Only water." in update.activity["object"]["content"]
    await page.goto("/@ana/on-bread")
    await expect(page.get_by_text("Only water.").first).to_be_visible()
    await expect(page.locator(".post-head").get_by_text(re.compile("^edited"))).to_be_visible()


async def _unpublish(page: Page, peer: PeerServer) -> None:
    await page.goto("/studio/posts")
    await page.get_by_role("link", name="On bread").click()
    await page.get_by_role("link", name="Unpublish").click()
    await page.get_by_role("button", name="Unpublish").click()
    await expect(page.get_by_text("Taken back.")).to_be_visible()
    deleted = await peer.wait_for("Delete")
    assert deleted.activity["object"]["type"] == "Tombstone"
    answer = await page.goto("/@ana/on-bread")
    assert answer is not None
    assert answer.status in (404, 410)


async def test_everything_works_without_scripts_on_a_phone(
    chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher
) -> None:
    remote = meet(peer, blog)
    _, page = await open_page(chromium, blog, watcher, scripts=False, phone=True)
    await log_in(page)
    await remote.follow()
    await page.get_by_role("link", name="Write", exact=True).click()
    await page.get_by_label("Title").fill("On bread")
    await page.get_by_label("Text, in Markdown").fill(TEXT)
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("#preview-body em")).to_have_text("water")
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("Draft saved.")).to_be_visible()
    await page.get_by_role("button", name="Publish").click()
    await expect(page.get_by_text("Published. It is on its way")).to_be_visible()
    article = await post_uri(peer)

    note = await remote.reply(remote.mia, article, "Which flour?")
    await page.get_by_role("link", name=re.compile("Conversations")).click()
    await page.get_by_text("Answer", exact=True).click()
    await page.get_by_label("Answer to Mia Berg").fill("Rye.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your answer is out.")).to_be_visible()
    await peer.wait_for(lambda seen: seen.activity.get("object", {}).get("inReplyTo") == note["id"])
    await page.get_by_role("button", name="Hide").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("Taken back.")).to_be_visible()
    await page.get_by_role("button", name="Hide").click()
    await page.goto("/@ana/on-bread")
    await expect(page.get_by_text("Hidden", exact=True)).to_be_visible()
    await page.goto("/logout")
    await page.get_by_role("button", name="Log out").click()
    await page.goto("/@ana/on-bread")
    await expect(page.get_by_text("Which flour?")).to_have_count(0)
    await page.goto("/studio")
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_log_in_and_writing_by_keyboard_alone(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    _, page = await open_page(chromium, blog, watcher)
    await page.goto("/login")
    await page.keyboard.type("ana")
    await page.keyboard.press("Tab")
    await page.keyboard.type("correct horse battery")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/studio")
    await page.goto("/studio/posts/new")
    await page.keyboard.type("By keyboard")
    await page.keyboard.press("Enter")  # goes on to the text, and sends nothing
    await page.keyboard.type("Words")
    await page.keyboard.press("Control+s")
    await expect(page.get_by_text("Draft saved.")).to_be_visible()
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.value === 'publish'"):
            break
    outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Published.").first).to_be_visible()
