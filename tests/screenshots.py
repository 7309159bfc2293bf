"""`make screenshots`: pictures of every page, of the demo's blog after its scene, into docs/screenshots.

Pages as a desk shows them in light colours; those that readers and authors see most, as a phone shows them in the dark.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

from fedblog.demo.acts import BICYCLE
from fedblog.demo.run import Demo, open_demo
from tests.browser.conftest import chromium_path

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
MOST_BYTES = 200_000
MOST_HEIGHT = 4_000
WIDTHS = {"desk": 1280, "phone": 390}

PUBLIC = {
    "front": "/#",
    "home": "/",
    "post": "{post}",
    "conversation": "{post}#thoughts",
    "reply-form": "{post}?replyto={reply}#reply-form",
    "author": "/@mara",
    "tag": "/tag/repair",
    "archive": "/archive",
    "search": "/search?q=bicycle",
    "follow": "/follow",
    "not-found": "/nowhere",
    "login": "/login",
}
STUDIO = {
    "studio": "/studio",
    "posts": "/studio/posts",
    "editor": "/studio/posts/{post_id}",
    "reach": "/studio/posts/{post_id}/reach",
    "revisions": "/studio/posts/{post_id}/revisions",
    "conversations": "/studio/conversations",
    "reply": "/studio/replies/{reply}",
    "reports": "/studio/reports",
    "quotes": "/studio/quotes",
    "pictures": "/studio/media",
    "followers": "/studio/followers",
    "statistics": "/studio/statistics",
    "notifications": "/studio/notifications",
    "profile": "/studio/profile",
    "account": "/studio/account",
    "looks": "/studio/looks",
    "people": "/studio/people",
    "second-factor": "/studio/account/second",
    "blocks": "/studio/blocks",
    "block-lists": "/studio/blocks/lists",
    "rules": "/studio/rules",
    "privacy": "/studio/privacy?who={person}",
    "inbox-log": "/studio/inbox-log",
}
ON_A_PHONE = ("home", "post", "conversation", "editor", "conversations", "statistics")


async def main(only: set[str]) -> None:
    """Play the scene, then take the pictures."""
    async with open_demo(port=None, any_port=True, tell=lambda _: None, pace=0.0) as demo:
        await demo.play()
        async with async_playwright() as playwright:
            args = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=args)
            values = await _values(browser, demo)
            FOLDER.mkdir(parents=True, exist_ok=True)
            for size, scheme in (("desk", "light"), ("phone", "dark")):
                await _walk(browser, demo, values, size, scheme, only)
            await browser.close()


async def _values(browser: Browser, demo: Demo) -> dict[str, str]:
    """What the addresses need: the post that is most talked about, and a reply under it."""
    path = demo.links[BICYCLE].removeprefix(demo.settings.base_url)
    page = await browser.new_page(base_url=demo.settings.base_url)
    await page.goto(path)
    html = await page.content()
    await page.close()
    numbers = (re.search(r'data-post="(\d+)"', html), re.search(r'id="reply-(\d+)"', html))
    post_id, reply = (found[1] if found else "0" for found in numbers)
    person = re.search(r"@ines@[\w.]+:\d+", html)
    return {"post": path, "post_id": post_id, "reply": reply, "person": quote(person[0] if person else "")}


async def _walk(browser: Browser, demo: Demo, values: dict[str, str], size: str, scheme: str, only: set[str]) -> None:
    context = await browser.new_context(
        base_url=demo.settings.base_url,
        viewport={"width": WIDTHS[size], "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    for name, path in PUBLIC.items():
        await _take(page, name, path.format(**values), size, only)
    await page.goto("/login")
    await page.locator("#username").fill("mara")
    await page.locator("#password").fill(demo.password)
    await page.locator("#password").press("Enter")
    await page.wait_for_url("**/studio")
    for name, path in STUDIO.items():
        await _take(page, name, path.format(**values), size, only)
    await context.close()


async def _take(page: Page, name: str, path: str, size: str, only: set[str]) -> None:
    if (only and name not in only) or (size == "phone" and name not in ON_A_PHONE):
        return
    answer = await page.goto(path)
    if answer is not None and answer.status != 200 and name != "not-found":  # None: another place on the same page
        sys.stdout.write(f"{name}: {path} is not there\n")
        return
    await page.wait_for_load_state("networkidle")
    shot = Image.open(io.BytesIO(await page.screenshot(full_page="#" not in path))).convert("RGB")
    data = _webp(shot.crop((0, 0, shot.width, min(shot.height, MOST_HEIGHT))))
    target = FOLDER / f"{re.sub('[^a-z-]', '', name)}{'-phone' if size == 'phone' else ''}.webp"
    target.write_bytes(data)
    sys.stdout.write(f"{target.name}: {len(data) // 1000} kB\n")


def _webp(picture: Image.Image) -> bytes:
    """As good as `MOST_BYTES` allow."""
    data = b""
    for quality in (85, 70, 50, 30):
        out = io.BytesIO()
        picture.save(out, "WEBP", quality=quality, method=6)
        data = out.getvalue()
        if len(data) <= MOST_BYTES:
            break
    return data


if __name__ == "__main__":
    asyncio.run(main(set(sys.argv[1:])))
