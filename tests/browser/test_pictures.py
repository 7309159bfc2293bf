"""Pictures in a real browser: picked, pasted and dropped while writing, described, published, and seen; avatars too."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import Watcher, log_in, open_page
from tests.live import Live
from tests.media import files

pytestmark = pytest.mark.browser

HAND_OVER = """([kind, data]) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "hill.png", { type: "image/png" }));
  const source = document.getElementById("source");
  const init = { bubbles: true, cancelable: true };
  source.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...init, clipboardData: transfer })
    : new DragEvent("drop", { ...init, dataTransfer: transfer }));
}"""
LOADED = "() => [...document.querySelectorAll('img')].every(one => one.complete && one.naturalWidth > 0)"


async def hand_over(page: Page, kind: str, body: bytes) -> None:
    """What a paste or a drop does."""
    await page.evaluate(HAND_OVER, [kind, base64.b64encode(body).decode()])


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_picked_pasted_dropped_described_and_published(
    chromium: Browser, blog: Live, watcher: Watcher, tmp_path: Path, phone: bool
) -> None:
    _, page = await open_page(chromium, blog, watcher, phone=phone)
    await log_in(page)
    await page.goto("/studio/posts/new")
    await page.get_by_label("Title").fill("At the sea")
    source = page.get_by_label("Text, in Markdown")
    await source.fill("It was a bright day.")
    await page.get_by_text("Add a picture").click()
    photo = tmp_path / "sea.jpg"
    photo.write_bytes(files.with_gps())
    await page.get_by_label("Picture", exact=True).set_input_files(photo)
    alt = page.get_by_label("What does this picture show?")
    await alt.fill("The sea [at noon]")
    await page.get_by_role("button", name="Done").click()
    await expect(source).to_have_value(
        re.compile(r"bright day\.\n\n!\[The sea \\\[at noon\\\]\]\(/media/p[0-9a-f]{20}\.jpg\)\n$")
    )
    for kind in ("paste", "drop"):
        size = 500 if kind == "paste" else 300
        await hand_over(page, kind, files.encoded(files.picture(size, 300), "PNG"))
        await expect(alt).to_be_visible()
        await alt.fill(f"A hill by {kind}")
        await alt.press("Enter")
        await expect(source).to_have_value(re.compile(rf"!\[A hill by {kind}\]\(/media/p[0-9a-f]{{20}}\.jpg\)"))
    await page.get_by_role("button", name="Publish").click()
    await page.get_by_role("link", name="View on the site").click()
    figures = page.locator("figure > img")
    await expect(figures).to_have_count(3)
    for index in range(3):
        await figures.nth(index).scroll_into_view_if_needed()
    await page.wait_for_function(LOADED)
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    chosen = await figures.first.evaluate("one => one.currentSrc")
    assert chosen.endswith(".webp")


async def test_a_wrong_file_is_told_and_changes_nothing(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    _, page = await open_page(chromium, blog, watcher)
    await log_in(page)
    await page.goto("/studio/posts/new")
    source = page.get_by_label("Text, in Markdown")
    await source.fill("Words.")
    await hand_over(page, "drop", files.SVG)
    await expect(page.get_by_text("This is no picture that can be read")).to_be_visible()
    await expect(source).to_have_value("Words.")


async def test_without_scripts(chromium: Browser, blog: Live, watcher: Watcher, tmp_path: Path) -> None:
    photo = tmp_path / "sea.jpg"
    photo.write_bytes(files.jpeg(800, 600))
    _, page = await open_page(chromium, blog, watcher, scripts=False)
    await log_in(page)
    await page.goto("/studio/posts/new")
    await page.get_by_label("Title").fill("Plain")
    await page.get_by_label("Text, in Markdown").fill("Words.")
    await page.get_by_text("Add a picture").click()
    await page.get_by_label("Picture", exact=True).set_input_files(photo)
    await page.get_by_label("What it shows").fill("The sea")
    await page.get_by_role("button", name="Put it into the text").click()
    await expect(page.get_by_label("Text, in Markdown")).to_have_value(re.compile(r"!\[The sea\]\(/media/"))
    await page.get_by_role("button", name="Publish").click()
    await page.get_by_role("link", name="View on the site").click()
    await expect(page.locator("figure > img")).to_have_count(1)
