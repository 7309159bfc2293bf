"""axe-core on every page: no finding of WCAG 2.2 A and AA, light and dark, small and large, empty and full; and each
page stands in right-to-left writing and at twice the size without scrolling sideways."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from fedblog.blog.model import ReactionKind, ReplyState
from fedblog.storage import accounts
from tests.browser.conftest import PASSWORD, Watcher, log_in, open_page
from tests.browser.test_studio_screens import SCREENS, STICKS_OUT
from tests.live import Live
from tests.samples import make_person, make_post, make_reply, react

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RUN = """async ([type, values]) => {
  const found = await axe.run(document, {runOnly: {type, values}, resultTypes: ['violations']});
  return found.violations.map(one => [one.id, one.help, one.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]);
}"""
WHO_STICKS_OUT = """() => [...document.querySelectorAll('body *')]
  .filter(one => one.getBoundingClientRect().width && !one.closest('.visually-hidden'))
  .filter(one => { const box = one.getBoundingClientRect(), wide = document.documentElement.clientWidth;
    return box.right > wide + 1 || box.left < -1; })
  .slice(-3).map(one => one.outerHTML.slice(0, 90)).join(' | ')"""
EVERYTHING = ["tag", ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]]
COLOURS = ["rule", ["color-contrast"]]  # all that differs between light and dark

PUBLIC = ("/", "/@ana", "/tag/bread", "/archive", "/search", "/search?q=bread", "/follow", "/login", "/nowhere")
FULL = (
    "/@ana/on-bread",
    "/@ana/on-bread?sort=newest",
    "/@ana/on-bread?replyto={reply}",
    "/interact?kind=like&reply={reply}",
)
STUDIO = (
    *SCREENS,
    "/studio/conversations?show=all",
    "/studio/conversations?show=held",
    "/studio/replies/{reply}",
    "/studio/reports",
    "/studio/looks",
    "/studio/account/second",
    "/studio/posts/{post}/boost",
    "/studio/rules?kind=filter",
)
SOURCE = """The *kettle* sings, [outside](https://example.org) the day begins. #bread

## Flour

| kind | grams |
|---|--:|
| rye | 400 |

```python
def bake(loaf):  # slowly
    return loaf + 1
```

> Put the parts in the order in which they came off.

A note.[^1] And a formula: $a^2 + b^2$.

[^1]: Which is here.

## Water

1. One
2. Two

## Salt

- last
"""


async def fill(blog: Live) -> dict[str, int]:
    """A post with everything a text can hold and replies of every kind below it."""
    services = blog.services
    account = (await services.db.read(accounts.all))[0]
    post = await make_post(services, account.actor_id, "On bread", source=SOURCE)
    await make_post(services, account.actor_id, "On butter", source="Spread it.", content_warning="Fat")
    mia, kai = await make_person(services, "Mia Berg"), await make_person(services, "Kai Ono", "other.example")
    first = await make_reply(services, mia, "<p>Which <a href='https://example.org'>flour</a>?</p>", post=post)
    below = first
    for number in range(5):
        below = await make_reply(services, (kai, mia)[number % 2], f"<p>Word {number}</p>", parent=below)
    await make_reply(services, kai, "<p>Folded</p>", post=post, content_warning="Food")
    held = await make_reply(services, kai, "<p>Doubtful</p>", post=post, state=ReplyState.HELD)
    await services.publisher.answer(author_id=account.actor_id, reply_id=first.id, source="Rye, *mostly*.")
    for kind in (ReactionKind.LIKE, ReactionKind.ANNOUNCE):
        await react(services, kai, post=post, kind=kind)
    return {"post": post.id, "reply": first.id, "held": held.id}


async def findings(page: Page, paths: Sequence[str]) -> list[str]:
    """What axe finds on pages, a line each."""
    lines: list[str] = []
    for path in paths:
        await page.emulate_media(color_scheme="light", reduced_motion="reduce")
        await page.goto(path)
        await page.evaluate(AXE)
        found: list[Any] = await page.evaluate(RUN, EVERYTHING)
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        found += await page.evaluate(RUN, COLOURS)
        lines += [f"{path}: {rule}: {words}: {' | '.join(nodes)}" for rule, words, nodes in found]
        if await page.evaluate(STICKS_OUT) > 0:
            lines.append(f"{path}: sticks out")
    return lines


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_no_page_shuts_anybody_out(chromium: Browser, blog: Live, watcher: Watcher, phone: bool) -> None:
    _, page = await open_page(chromium, blog, watcher, phone=phone)
    empty = [path for path in PUBLIC if "tag" not in path]
    problems = [f"empty {line}" for line in await findings(page, empty)]
    ids = await fill(blog)
    problems += await findings(page, [path.format(**ids) for path in (*PUBLIC, *FULL)])
    await log_in(page)
    problems += await findings(page, [path.format(**ids) for path in (*STUDIO, FULL[0])])
    assert not problems, "\n".join(problems)


async def test_a_thousand_replies_shut_nobody_out(chromium: Browser, blog: Live, watcher: Watcher) -> None:
    services = blog.services
    account = (await services.db.read(accounts.all))[0]
    post = await make_post(services, account.actor_id, "On bread")
    people = [await make_person(services, f"Person{number} Long-Name", f"s{number}.example") for number in range(9)]
    last = None
    for number in range(1000):
        if number % 7 == 0:
            last = await make_reply(services, people[number % 9], f"<p>Word {number}</p>", post=post)
        else:
            last = await make_reply(services, people[number % 9], f"<p>Word {number}</p>", parent=last)
    _, page = await open_page(chromium, blog, watcher, phone=True)
    assert await findings(page, ["/@ana/on-bread"]) == []


@pytest.mark.parametrize("language", ["ar", "en-XA"])
async def test_pages_stand_from_right_to_left_long_and_large(
    chromium: Browser, blog: Live, watcher: Watcher, language: str
) -> None:
    """Arabic turns the page round, the strange English is a third longer, and half the width is twice the size."""
    ids = await fill(blog)
    context = await chromium.new_context(
        base_url=blog.base_url, viewport={"width": 640, "height": 900}, locale=language, device_scale_factor=2
    )
    page = await context.new_page()
    page.set_default_timeout(30_000)
    watcher.watch(page)
    await page.goto("/login")
    await page.locator("#username").fill("ana")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("main form button.button-primary").click()
    await page.wait_for_url("**/studio")
    problems: list[str] = []
    for path in (*FULL, *STUDIO):
        for width in (640, 320):
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(path.format(**ids))
            if await page.evaluate(STICKS_OUT) > 0:
                problems.append(f"{path} sticks out at {width}: {await page.evaluate(WHO_STICKS_OUT)}")
    assert not problems, "\n".join(problems)
