"""A running blog for the log-in and studio tests, and a browser without scripts: cookies, links, forms."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedblog.app import build_app, services
from fedblog.blog.ledger import Account, OutgoingActivity, Profile
from fedblog.blog.model import Actor, NewReply, Post, PostId, PostText, Reply, ReplyState, Role, Visibility, Writing
from fedblog.config import Settings, make_settings
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import accounts, actors, outgoing, replies
from fedblog.web.keys import SERVICES
from fedblog.web.passwords import hash_password

HOST = "blog.example"
BASE = f"http://{HOST}"
PASSWORD = "correct horse battery"
PEOPLE = {"olga": Role.OWNER, "edda": Role.EDITOR, "anna": Role.AUTHOR, "bert": Role.AUTHOR}
NOW = 1_800_000_000


class Clock:
    """A clock that tests set forward."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def desk_settings(folder: Path, database: str = "", **limits: Any) -> Settings:
    """Settings of a blog that delivers nothing; `database` is the URL of one that is no file in its folder."""
    raw = {
        "server": {"domain": HOST, "base_url": BASE, "data_dir": str(folder)},
        "federation": {"allow_http": True, "deliver": False},
        "limits": limits,
        "database": {"url": database},
    }
    return make_settings(raw, relative_to=folder)


def make_template(folder: Path, database: str = "") -> None:
    """A data folder with four accounts; keys take time to make, so tests copy it."""

    async def make() -> None:
        settings = desk_settings(folder, database)
        hashed = hash_password(PASSWORD)
        async with services(settings, clock=Clock()) as parts:
            for name, role in PEOPLE.items():
                await add_author(
                    parts.db,
                    parts.ids,
                    parts.sealer,
                    settings,
                    username=name,
                    name=name.title(),
                    password_hash=hashed,
                    role=role,
                )

    asyncio.run(make())


@dataclass
class Desk:
    """The running blog."""

    app: web.Application
    server: TestServer
    clock: Clock
    browsers: list[Browser] = field(default_factory=list)

    @property
    def parts(self) -> Services:
        """The open parts behind it."""
        return self.app[SERVICES]

    def browser(self, **headers: str) -> Browser:
        """Somebody with an empty cookie jar."""
        browser = Browser(self.server, headers)
        self.browsers.append(browser)
        return browser

    async def logged_in(self, name: str) -> Browser:
        """Somebody who is logged in."""
        browser = self.browser()
        page = await browser.log_in(name)
        assert page.status == 303, page.text
        return browser

    async def account(self, name: str) -> Account:
        """One of the four accounts."""
        found = [account for account in await self.parts.db.read(accounts.all) if account.username == name]
        return found[0]

    async def write_post(self, author: str, title: str = "On bread", *, publish: bool = True, **more: Any) -> Post:
        """A post of somebody's, made without the studio."""
        text: PostText = await self.parts.publisher.compose(
            Writing(title=title, source=more.pop("source", "Some *words*."), **more), look_up=False
        )
        account = await self.account(author)
        post = await self.parts.publisher.save_draft(text, author_id=account.actor_id)
        return await self.parts.publisher.publish(post.id) if publish else post

    async def sent(self) -> list[OutgoingActivity]:
        """All activities that were queued, oldest first."""
        ids = self.parts.ids
        waiting = await self.parts.db.read(outgoing.unexpanded, 1000)
        found = [await self.parts.db.read(outgoing.by_uri, ids.activity(number)) for number in waiting]
        return [activity for activity in found if activity is not None]

    async def stranger(self, name: str = "mia", domain: str = "far.example") -> Actor:
        """Somebody on another server."""
        base = f"https://{domain}/users/{name}"
        profile = Profile(
            uri=base,
            type="Person",
            username=name,
            domain=domain,
            name=name.title(),
            summary_html="",
            url=f"https://{domain}/@{name}",
            icon_url="",
            image_url="",
            inbox=f"{base}/inbox",
            shared_inbox="",
            followers_uri=f"{base}/followers",
            manually_approves=False,
            fields=(),
            suspended=False,
            keys=(),
        )
        return await self.parts.db.write(actors.upsert_remote, profile)

    async def reply(
        self,
        post: Post,
        actor: Actor,
        text: str = "Well said.",
        *,
        parent: Reply | None = None,
        visibility: Visibility = Visibility.PUBLIC,
        state: ReplyState = ReplyState.PUBLISHED,
    ) -> Reply:
        """Something that arrived from the fediverse."""
        self.clock.now += 10
        number = int(self.clock.now)
        uri = f"https://{actor.domain}/notes/{number}"
        new = NewReply(
            uri=uri,
            url=uri,
            actor_id=actor.id,
            in_reply_to=parent.uri if parent else post.uri,
            state=state,
            visibility=visibility,
            local=False,
            type="Note",
            name="",
            content_html=f"<p>{text}</p>",
            source="",
            content_warning="",
            language="",
            published_at=number,
            edited_at=None,
            context="",
            attachments=(),
            remote_likes=0,
            remote_announces=0,
            reason="",
            original=b"{}",
        )
        return await self.parts.db.write(
            replies.add, new, post_id=None if parent else PostId(post.id), parent_id=parent.id if parent else None
        )


@dataclass(frozen=True)
class Page:
    """An answer, read to its end."""

    status: int
    text: str
    headers: dict[str, str]
    path: str

    @property
    def location(self) -> str:
        """Where it sends one."""
        return self.headers.get("Location", "")

    @property
    def csrf(self) -> str:
        """The token in its first form."""
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.text)
        assert found, f"no token on {self.path}: {self.text[:500]}"
        return found[1]

    def value(self, name: str) -> str:
        """What stands in an input field."""
        found = re.search(rf'<input[^>]*name="{name}"[^>]*>', self.text)
        assert found, f"no field {name} on {self.path}"
        inside = re.search(r'value="([^"]*)"', found[0])
        return unescape(inside[1]) if inside else ""

    def area(self, name: str) -> str:
        """What stands in a text area."""
        found = re.search(rf'<textarea[^>]*name="{name}"[^>]*>\n?(.*?)</textarea>', self.text, re.DOTALL)
        assert found, f"no area {name} on {self.path}"
        return unescape(found[1])


class Browser:
    """Keeps cookies and speaks to one blog; follows no redirect on its own."""

    def __init__(self, server: TestServer, headers: dict[str, str]) -> None:
        self.root = str(server.make_url("/")).rstrip("/")
        self.cookies: dict[str, str] = {}
        self.headers = headers
        self.set_cookie: list[str] = []
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)

    async def close(self) -> None:
        """Ends its connections."""
        await self._session.close()

    async def get(self, path: str, **headers: str) -> Page:
        """GET, not following redirects."""
        return await self._send("GET", path, None, headers)

    async def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Page:
        """POST of a form as browsers do it: with Origin, unless told otherwise."""
        return await self._send("POST", path, form or {}, {"Origin": BASE, **headers})

    async def follow(self, page: Page) -> Page:
        """Where a redirect leads."""
        assert page.status == 303, (page.status, page.text)
        return await self.get(page.location)

    async def send(self, path: str, form: dict[str, Any] | None = None, *, on: str = "/studio/account") -> Page:
        """POST with the token of a page that this person has open."""
        token = (await self.get(on)).csrf
        return await self.post(path, {"csrf": token, **(form or {})})

    async def log_in(self, name: str, password: str = PASSWORD, **form: str) -> Page:
        """The log-in form, sent."""
        return await self.post("/login", {"username": name, "password": password, **form})

    async def _send(self, method: str, path: str, form: dict[str, Any] | None, headers: dict[str, str]) -> Page:
        sent = {"Host": HOST, "Accept": "text/html", **self.headers, **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        url = self.root + path.removeprefix(BASE).partition("#")[0]
        async with self._session.request(method, url, data=form, headers=sent, allow_redirects=False) as answer:
            text = await answer.text()
            self.set_cookie = answer.headers.getall("Set-Cookie", [])
            for name, morsel in answer.cookies.items():
                if morsel.value:
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
            return Page(answer.status, text, dict(answer.headers), path)


def query(location: str) -> dict[str, list[str]]:
    """The query of a redirect."""
    return parse_qs(urlsplit(location).query)


@asynccontextmanager
async def open_desk(template: Path, folder: Path, database: str = "", **limits: Any) -> AsyncIterator[Desk]:
    """A copy of the template, running."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    clock = Clock()
    app = build_app(desk_settings(folder, database, **limits), clock=clock)
    server = TestServer(app)
    await server.start_server()
    desk = Desk(app, server, clock)
    try:
        yield desk
    finally:
        for browser in desk.browsers:
            await browser.close()
        await server.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an owner (olga), an editor (edda) and two authors (anna, bert)."""
    folder = tmp_path_factory.mktemp("template")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(make_template, folder).result()
    return folder


@pytest.fixture
async def desk(template: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A running blog with those four."""
    async with open_desk(template, tmp_path / "data") as opened:
        yield opened
