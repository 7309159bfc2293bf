"""What strangers send, looked at in a real browser: no dialog, no script, nothing that the policy has to stop, and no
request to anywhere else; on pages for readers and on those of the studio."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from fedblog.blog.model import Post
from fedblog.demo import peer_payloads as say
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import PeerActor
from fedblog.storage import accounts
from fedblog.web.public import parts
from tests.browser.conftest import Watcher, log_in, open_page
from tests.live import Live
from tests.samples import make_post
from tests.text.vectors import VECTORS

pytestmark = pytest.mark.browser

NAMES = (
    '"><img src=x onerror=alert(1)>',
    "<script>alert(1)</script>",
    "'-alert(1)-'",
    "</title></style></script></textarea><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}${alert(1)}",
    "\u202e\u2066javascript:alert(1)\u2069",
)
LINKS = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://e.example/"onclick="alert(1)',
    "//e",
)
# Kept before any script of the page runs: what a script that got in would call, and what the policy stopped.
TRAP = """
window.caught = [];
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => window.caught.push(name);
document.addEventListener('securitypolicyviolation', (event) => window.caught.push(
  `${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
# Nothing of the kind may even stand there, run or not.
INERT = """() => [
  ...[...document.querySelectorAll('*')]
    .filter(one => [...one.attributes].some(({ name }) => /^on|^srcdoc$/i.test(name))),
  ...[...document.querySelectorAll('a, area, form, button, input, iframe, object, embed, use')].filter(one =>
    ['href', 'action', 'formaction', 'src', 'data', 'xlink:href'].some(name =>
      /^[\\s\\0-\\x1f]*(javascript|vbscript|data|blob|file):/i.test(one.getAttribute(name) ?? ''))),
  ...document.querySelectorAll('iframe, object, embed, base, meta[http-equiv], article style, article script'),
  ...[...document.querySelectorAll('script')].filter(one => !new URL(one.src, location).pathname.startsWith('/static/')
    && one.type !== 'application/ld+json'),
].map(one => one.outerHTML.slice(0, 200))"""
PUBLIC = (
    "/@ana/{slug}",
    "/@ana/{slug}?sort=newest",
    "/@ana/{slug}?reply={reply}",
    "/@ana/{slug}?replyto={reply}",
    "/",
    "/@ana",
    "/search?q=alert",
    "/search?q=%22%3E%3Cimg+src%3Dx+onerror%3Dalert(1)%3E",
    "/interact?reply={reply}",
    "/interact?kind=like&reply={reply}&handle=%22%3E%3Csvg+onload%3Dalert(1)%3E",
    "/tag/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    "/signed-in?error=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E&state=%22onload%3Dalert(1)",
)
STUDIO = (
    "/studio",
    "/studio/conversations",
    "/studio/conversations?view=all",
    "/studio/conversations?show=reported",
    "/studio/replies/{reply}",
    "/studio/replies/{reply}/report",
    "/studio/reports",
    "/studio/notifications",
    "/studio/followers?state=pending",
    "/studio/followers",
    "/studio/followers/servers",
    "/studio/quotes",
    "/studio/blocks/new?actor={actor}",
    "/studio/inbox-log",
    "/studio/posts/{post}/reach",
    "/studio/posts/{post}/statistics",
    "/studio/statistics",
    "/@ana/{slug}",
)


async def _send(peer: PeerServer, blog: Live, actor: PeerActor, activity: dict[str, Any]) -> None:
    status, body = await peer.post_activity(actor, f"{blog.base_url}/inbox", activity)
    assert status == 202 or b'"reason": "json_' in body, body  # NUL and halves of characters are no JSON of ours


def _people(peer: PeerServer) -> list[PeerActor]:
    """Everything that a stranger may say of themselves."""
    return [
        peer.add_person(
            f"eve{number}",
            name=name,
            summary=VECTORS[number],
            icon=LINKS[number % len(LINKS)],
            url=LINKS[(number + 1) % len(LINKS)],
            attachment=[{"type": "PropertyValue", "name": name, "value": f"<a rel=me href='{LINKS[0]}'>{name}</a>"}],
            key_type="ed25519" if number else "rsa",
        )
        for number, name in enumerate(NAMES)
    ]


def _note(actor: PeerActor, to: str, number: int, author: str) -> dict[str, Any]:
    """A reply with a vector wherever words or addresses can stand."""
    vector, name, link = VECTORS[number], NAMES[number % len(NAMES)], LINKS[number % len(LINKS)]
    extra: dict[str, Any] = {
        "summary": name if number % 5 == 0 else None,
        "url": link,
        "attachment": [{"type": "Image", "mediaType": "image/png", "url": link, "name": name}],
        "contentMap": {name: vector},
    }
    if number % 9 == 0:
        extra |= {"type": "Question", "oneOf": [{"type": "Note", "name": name, "replies": {"totalItems": 3}}]}
    made = say.note(actor, to, vector, mentions=[(author, name)], **extra)
    made["content"] = f"alert {vector}"
    made["tag"].append({"type": "Emoji", "name": f":{name}:", "icon": {"type": "Image", "url": link}})
    return made


async def _attack(peer: PeerServer, blog: Live, post: Post) -> str:
    """Sends all of it; the id of a reply."""
    people, author = _people(peer), blog.services.ids.actor("ana")
    notes: list[str] = []
    for number in range(len(VECTORS)):
        actor = people[number % len(people)]
        note = _note(actor, notes[number // 2] if number % 3 == 2 else post.uri, number, author)
        notes.append(note["id"])
        await _send(peer, blog, actor, say.create(actor, note))
    for actor, name in zip(people, NAMES, strict=True):
        await _send(peer, blog, actor, say.follow(actor, author))
        await _send(peer, blog, actor, say.like(actor, post.uri, content=name))
        await _send(peer, blog, actor, say.announce(actor, post.uri))
        await _send(peer, blog, actor, say.flag(actor, [post.uri, notes[0]], f"{name} {VECTORS[7]}"))
    return notes[1]


async def _look(page: Page, paths: list[str]) -> list[str]:
    problems: list[str] = []
    await page.goto(paths[0])
    await page.evaluate("alert(1)")
    assert await page.evaluate("window.caught") == ["alert"]  # the trap holds
    for path in paths:
        answer = await page.goto(path)
        assert answer is not None
        assert answer.ok or path.startswith("/tag/"), (path, answer.status)
        problems += [f"{path}: caught {what}" for what in await page.evaluate("window.caught")]
        problems += [f"{path}: {what}" for what in await page.evaluate(INERT)]
    return problems


async def _window(chromium: Browser, blog: Live, watcher: Watcher) -> tuple[BrowserContext, Page]:
    context, page = await open_page(chromium, blog, watcher)
    await context.add_init_script(TRAP)
    return context, page


@pytest.mark.proves("SEC-092", "SEC-093")
async def test_what_strangers_send_is_inert_in_a_browser(
    chromium: Browser, blog: Live, peer: PeerServer, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "FIRST_ROWS", 200)  # all of it on one page
    owner = (await blog.services.db.read(accounts.all))[0]
    post = await make_post(blog.services, owner.actor_id, title="</title><img src=x onerror=alert(1)>", slug="bread")
    uri = await _attack(peer, blog, post)
    number = await blog.services.db.read(lambda tx: tx.value("SELECT id FROM replies WHERE uri = $1", uri))
    assert number is not None
    values = {"slug": post.slug, "post": post.id, "reply": number, "actor": uri.partition("/statuses")[0]}

    _, reader = await _window(chromium, blog, watcher)
    problems = await _look(reader, [path.format(**values) for path in PUBLIC])
    await reader.goto(f"/@ana/{post.slug}")
    assert await reader.locator("article.reply").count() > 80
    # Scripts put names into headings and fields: each of them once.
    for name in range(len(NAMES)):
        await reader.locator("article.reply > footer > a[href^='?replyto=']").nth(name).click()
    problems += await reader.evaluate("window.caught") + await reader.evaluate(INERT)

    _, author = await _window(chromium, blog, watcher)
    await log_in(author)
    problems += await _look(author, [path.format(**values) for path in STUDIO])
    assert problems == []
