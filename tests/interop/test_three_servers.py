"""Two blogs and a crowd, three processes: after thousands of acts that came doubled, late, shuffled or not at all,
every page shows the same tree as the crowd's own books.

`FEDBLOG_SCENE_SEED` plays another scene, `FEDBLOG_SCENE_ACTS` a longer one. Each failure prints its seed.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import aiohttp
import html5lib
import pytest

from fedblog.activitypub.urls import Uri
from fedblog.app import services
from fedblog.config import load_settings
from fedblog.demo.peer import PeerServer
from fedblog.federation.services import Services
from fedblog.signatures.keys import PrivateKey, generate_rsa
from fedblog.storage import actors, replies
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_serve import free_port, line_with, serving
from tests.interop.scene import REMOVED, Request, Said, Scene, Thread, Tree

SEED = int(os.environ.get("FEDBLOG_SCENE_SEED", "20261123"))
ACTS = int(os.environ.get("FEDBLOG_SCENE_ACTS", "2000"))
ROUNDS = 20
PEOPLE = 24
AT_ONCE = 16
SETTLE_SECONDS = 90
NEXT_PAGE = re.compile(r'<a class="button" rel="next nofollow" href="([^"]+)"')
HTML = "{http://www.w3.org/1999/xhtml}"
ENVIRONMENT = {
    "FEDBLOG_FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8",
    "FEDBLOG_FEDERATION__BACKFILL_AFTER": "1,3,6,10,15,20",
    "FEDBLOG_FEDERATION__BACKFILL_PAUSE": "0",
    "FEDBLOG_FEDERATION__COUNTS_AFTER": "3600",
    "FEDBLOG_LIMITS__INBOX_PER_MINUTE": "1000000",
}


@dataclass
class Blog:
    """A blog in a process of its own, and its commands' view of the same database."""

    name: str
    base_url: str
    page: str
    parts: Services
    thread: Thread

    async def answer(self, said: Said, text: str) -> Said | None:
        """The author answers somebody, as a command beside the server does; None where it isn't here yet."""
        parent = await self.parts.db.read(replies.by_uri, said.uri)
        author = await self.parts.db.read(actors.by_local_name, self.name)
        if parent is None or parent.post_id is None or author is None:
            return None
        reply = await self.parts.publisher.answer(author_id=author.id, reply_id=parent.id, source=text)
        return Said(reply.uri, text, None, said.depth + 1)


@pytest.fixture
async def blogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Blog]]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(_blog(tmp_path / name, name)) for name in ("ana", "bea")]


@asynccontextmanager
async def _blog(folder: Path, name: str) -> AsyncIterator[Blog]:
    folder.mkdir()
    shell, port = Shell(folder), free_port()
    base_url = f"http://localhost:{port}"
    (folder / "post.md").write_text("What do you think?")
    made = await asyncio.to_thread(_make, shell, port, name)
    with serving(folder) as process:
        await asyncio.to_thread(line_with, process, "serves")
        settings = load_settings(shell.config, dict(os.environ))
        async with services(settings) as parts:
            thread = Thread(f"{base_url}/inbox", made["uri"], f"{base_url}/ap/actors/{name}")
            yield Blog(name, base_url, made["url"], parts, thread)


def _make(shell: Shell, port: int, name: str) -> dict[str, Any]:
    shell("init", "--domain", f"localhost:{port}", "--admin", name, "--password-stdin", stdin=PASSWORD)
    options = ("--author", name, "--title", f"A question by {name}", "--file", str(shell.folder / "post.md"))
    return dict(shell.json("post", "create", *options))


async def test_every_page_shows_the_same_tree(blogs: list[Blog]) -> None:
    keys = await asyncio.gather(
        *(asyncio.to_thread(generate_rsa, Uri("https://unnamed.invalid/#main-key")) for _ in range(4))
    )
    async with PeerServer() as crowd:
        people = [crowd.add_person(f"p{number}", key=_key(keys, number)) for number in range(PEOPLE)]
        scene = Scene(SEED, crowd, people, [blog.thread for blog in blogs], start=int(time.time()) - ACTS - 60)
        await _play(scene, blogs)
        async with aiohttp.ClientSession() as session:
            for blog in blogs:
                await _settled(session, blog)
        answers = [(one.type, one.verified, one.problem) for one in crowd.requests if one.method == "POST"]
        assert [one for one in answers if not one[1]] == [], "the crowd refuses what is not signed well"
        assert sum(kind == "Create" for kind, _, _ in answers) > ROUNDS // 2


def _key(keys: list[PrivateKey], number: int) -> PrivateKey:
    return keys[number % len(keys)]


async def _play(scene: Scene, blogs: list[Blog]) -> None:
    waiting: list[Request] = []
    for round_number in range(ROUNDS + 8):
        if round_number < ROUNDS:
            for _ in range(ACTS // ROUNDS):
                waiting += scene.act(round_number)
        due = [request for request in waiting if request.when <= round_number]
        waiting = [request for request in waiting if request.when > round_number]
        scene.random.shuffle(due)
        await _send(scene.crowd, due)
        if round_number < ROUNDS:
            for blog in blogs:
                await _authors_answer(scene, blog, round_number)
    assert waiting == []
    await _send(scene.crowd, scene.answers_to_the_lost(ROUNDS + 8))


async def _send(crowd: PeerServer, requests: list[Request]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def send(request: Request) -> None:
        async with gate:
            status, body = 503, b""
            for _ in range(5):
                if status == 503:
                    status, body = await crowd.post_activity(request.actor, request.inbox, request.activity)
            assert status == 202, (SEED, status, body, request.activity)

    await asyncio.gather(*(send(request) for request in requests))


async def _authors_answer(scene: Scene, blog: Blog, round_number: int) -> None:
    """The author answers one reply that stands on the page."""
    shown = [said for said in blog.thread.everything() if not said.deleted and said.sent and said.author]
    if shown:
        said = scene.random.choice(shown)
        answer = await blog.answer(said, f"Answer {round_number} by {blog.name}.")
        if answer is not None:
            said.answers.append(answer)


async def _settled(session: aiohttp.ClientSession, blog: Blog) -> None:
    """The page, the likes and the boosts are as they must be, within a minute."""
    wanted = (blog.thread.tree(), len(blog.thread.likes), len(blog.thread.boosts))
    seen = await _seen(session, blog)
    deadline = time.monotonic() + SETTLE_SECONDS
    while seen != wanted and time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        seen = await _seen(session, blog)
    assert seen[1:] == wanted[1:], f"seed {SEED}: likes and boosts of {blog.name}"
    missing, extra = _differences(wanted[0], seen[0])
    assert (missing, extra) == ([], []), f"seed {SEED}: the tree of {blog.name}"
    assert seen[0] == wanted[0], f"seed {SEED}: the shape of {blog.name}'s tree"


async def _seen(session: aiohttp.ClientSession, blog: Blog) -> tuple[Tree, int, int]:
    pages: list[str] = []
    url: str | None = blog.page
    while url is not None:
        async with session.get(url) as response:
            pages.append(await response.text())
        found = NEXT_PAGE.search(pages[-1])
        url = urljoin(blog.page, unescape(found[1])) if found else None
    tree = page_tree(*pages)
    totals = []
    for name in ("likes", "shares"):
        async with session.get(f"{blog.thread.post_uri}/{name}") as response:
            totals.append(json.loads(await response.read())["totalItems"])
    return tree, totals[0], totals[1]


def _differences(wanted: Tree, seen: Tree) -> tuple[list[str], list[str]]:
    """(missing, surplus) as `child < parent` lines."""
    want, have = set(_edges(wanted)), set(_edges(seen))
    return sorted(want - have)[:20], sorted(have - want)[:20]


def _edges(tree: Tree, above: str = "") -> list[str]:
    return [edge for text, below in tree for edge in (f"{text} < {above}", *_edges(below, text))]


def page_tree(*pages: str) -> Tree:
    """The thread as its pages show it: nesting, or "replying to" where the nesting ends or began on another page."""
    parents: dict[str, str] = {}
    texts: dict[str, str] = {}
    for page in pages:
        for outer in html5lib.parse(page).iter(f"{HTML}ol"):
            if outer.get("class") == "thread":
                _walk(outer, "", parents, texts)
    below: dict[str, list[str]] = {}
    for reply_id, parent_id in parents.items():
        below.setdefault(parent_id, []).append(reply_id)

    def build(parent_id: str) -> Tree:
        made = [(texts[reply_id], build(reply_id)) for reply_id in below.get(parent_id, [])]
        return tuple(sorted(made, key=repr))

    return build("")


def _walk(items: ET.Element, above: str, parents: dict[str, str], texts: dict[str, str]) -> None:
    for item in items.findall(f"{HTML}li"):
        article = item.find(f"{HTML}article")
        assert article is not None
        reply_id = article.get("id", "")
        parents[reply_id] = above
        texts[reply_id] = _text(article)
        for element in article.iter(f"{HTML}p"):
            if (element.get("class") or "").startswith("replying-to"):
                link = element.find(f"{HTML}a")
                assert link is not None
                parents[reply_id] = urlsplit(link.get("href", "")).fragment
        for inner in item.findall(f"{HTML}ol"):  # where the indentation ends
            _walk(inner, reply_id, parents, texts)
        for branch in item.findall(f"{HTML}details"):
            below = branch.find(f"{HTML}ol")
            assert below is not None
            _walk(below, reply_id, parents, texts)


def _text(article: ET.Element) -> str:
    if "reply-removed" in (article.get("class") or ""):
        return REMOVED
    bodies = [part for part in article.iter(f"{HTML}div") if "p-content" in (part.get("class") or "")]
    paragraphs = [part for part in bodies[0].iter(f"{HTML}p") if part.get("class") != "folded"]
    return " ".join("".join(part.itertext()).strip() for part in paragraphs)
