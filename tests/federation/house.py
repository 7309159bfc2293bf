"""Our side in one object: database, keys, keyring, resolver, inbox and publisher, with its web server or without."""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from yarl import URL

from fedblog.activitypub.ids import LocalIds
from fedblog.activitypub.urls import Uri
from fedblog.app import SECRET_NAME, build_app
from fedblog.blog.ledger import InboxLogEntry
from fedblog.blog.model import Actor, Post, Reply, ThreadRow, Writing
from fedblog.config import Settings, make_settings
from fedblog.errors import Refused
from fedblog.federation.client import Client
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.guard import Guard
from fedblog.federation.inbox import Inbox
from fedblog.federation.keyring import Keyring
from fedblog.federation.parents import ParentFetch
from fedblog.federation.publish import Publisher
from fedblog.federation.resolver import Resolver
from fedblog.federation.setup import add_author, ensure_instance
from fedblog.federation.signer import Signer
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey
from fedblog.signatures.model import SignedRequest
from fedblog.storage import actors, expansion, jobs, outgoing, posts, replies, threads
from fedblog.storage import inbox as inbox_log
from fedblog.storage.database import SQLITE_NAME, Database, Tx
from fedblog.storage.seal import Sealer
from fedblog.web.keys import SERVICES
from tests.federation.world import ACTIVITY_JSON as ACTIVITY_JSON
from tests.federation.world import World as World

BASE_URL = "https://blog.example"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOW = 1_795_500_000  # 2026-11-24, after everything in the fixtures
SECRET = b"s" * 32
SEALER = Sealer(SECRET)


class Clock:
    """A clock that tests set."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        """Unix seconds."""
        return self.now


@dataclass
class WebDoor:
    """The real application behind a real socket."""

    runner: web.AppRunner
    session: aiohttp.ClientSession
    url: str

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        """POST with our public name as the Host; the status."""
        sent = {**headers, "Host": "blog.example", "Content-Type": ACTIVITY_JSON}
        async with self.session.post(URL(self.url + path, encoded=True), data=body, headers=sent) as response:
            await response.read()
            return response.status

    async def close(self) -> None:
        """Stop serving."""
        await self.session.close()
        await self.runner.cleanup()


@dataclass
class House:
    """Our side. `author` is @ana@blog.example; `post` is her published post, when a test made one."""

    world: World
    settings: Settings
    clock: Clock
    db: Database
    ids: LocalIds
    client: Client
    resolver: Resolver
    keyring: Keyring
    inbox: Inbox
    publisher: Publisher
    parents: ParentFetch
    author: Actor
    blog: Actor
    numbers: list[int] = field(default_factory=lambda: [0])
    web: WebDoor | None = None

    async def close(self) -> None:
        """Give everything back."""
        if self.web is not None:
            await self.web.close()
            return
        await self.client.close()
        await self.db.close()

    async def publish(self, title: str = "Friendship", **compose: Any) -> Post:
        """A published post of the author."""
        text = await self.publisher.compose(Writing(title=title, source="A text about **friends**.", **compose))
        draft = await self.publisher.save_draft(text, author_id=self.author.id)
        return await self.publisher.publish(draft.id)

    async def send(
        self,
        activity: dict[str, Any] | bytes,
        *,
        by: str | None = None,
        key: PrivateKey | None = None,
        to: str | None = None,
    ) -> tuple[int, str]:
        """Sign as the activity's actor (or `by`) and hand it to the inbox: (status, reason)."""
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        signer = by or actor_of(activity)
        used = key or self.world.key_of(signer)
        inbox = f"{to}/inbox" if to else f"{BASE_URL}/inbox"
        headers = sign_cavage(method="POST", url=Uri(inbox), body=body, key=used, now=self.clock.now)
        return await self.post(body, headers, inbox=inbox, recipient=to)

    async def post(
        self, body: bytes, headers: dict[str, str], *, inbox: str = f"{BASE_URL}/inbox", recipient: str | None = None
    ) -> tuple[int, str]:
        """Hand a request with these headers to the inbox, through the web server where there is one."""
        target = inbox.partition("://")[2].partition("/")[2]
        if self.web is not None:
            status = await self.web.post(f"/{target}", body, headers)
            return status, (await self.log())[0].reason
        request = SignedRequest("POST", f"/{target}", tuple(headers.items()), body, authority="blog.example")
        try:
            receipt = await self.inbox.receive(
                request, content_type=ACTIVITY_JSON, recipient=recipient, address="192.0.2.1"
            )
        except Refused as exc:
            return exc.status, exc.reason
        return receipt.status, receipt.reason

    async def log(self) -> list[InboxLogEntry]:
        """The inbox log, newest first."""
        return await self.db.read(inbox_log.entries, limit=100)

    async def get_post(self, post: Post) -> Post:
        """The post as it is now."""
        found = await self.db.read(posts.by_id, post.id)
        assert found is not None
        return found

    async def thread(self, post: Post, *, public_only: bool = True) -> list[ThreadRow]:
        """The replies under a post, in tree order."""
        return await self.db.read(threads.thread, post.id, public_only=public_only)

    async def reply(self, uri: str) -> Reply | None:
        """A stored reply."""
        return await self.db.read(replies.by_uri, uri)

    async def actor(self, uri: str) -> Actor:
        """A stored actor."""
        found = await self.db.read(actors.by_uri, uri)
        assert found is not None
        return found

    async def outgoing(self) -> list[dict[str, Any]]:
        """Everything that we said so far, oldest first."""
        return [json.loads(body) for (body,) in await self.db.read(_bodies)]

    async def inboxes_of(self, activity_uri: str) -> set[str]:
        """Where an activity goes to, after expanding."""
        return await self.db.write(_inboxes, activity_uri)

    async def run_jobs(self) -> None:
        """Do the due `fetch_parent` jobs, and those that they plan."""
        while due := [job for job in await self.db.write(jobs.claim, 10, 60) if job.kind == "fetch_parent"]:
            for job in due:
                await self.parents(json.loads(job.payload))
                await self.db.write(jobs.done, job.id)

    def number(self) -> int:
        """For ids."""
        self.numbers[0] += 1
        return self.numbers[0]

    # What strangers send

    def person(self, host: str = "m.example", name: str = "bob", **extra: Any) -> str:
        """Somebody on another server."""
        return self.world.person(self.world.url(host, f"/users/{name}"), **extra)

    def note(self, actor: str, parent: str | None, content: str = "<p>Well said</p>", **extra: Any) -> dict[str, Any]:
        """A public reply by somebody."""
        return {
            "id": f"{actor}/notes/{self.number()}",
            "type": "Note",
            "attributedTo": actor,
            "inReplyTo": parent,
            "content": content,
            "published": "2026-11-24T01:00:00Z",
            "to": [PUBLIC],
            "cc": [f"{actor}/followers"],
            **extra,
        }

    def create(self, note: dict[str, Any], **extra: Any) -> dict[str, Any]:
        """Create around a Note."""
        return self.activity(
            "Create", note["attributedTo"], note, to=note.get("to", []), cc=note.get("cc", []), **extra
        )

    def activity(self, kind: str, actor: str, obj: Any, **extra: Any) -> dict[str, Any]:
        """Any activity, with an id of its own."""
        made = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{actor}/activities/{self.number()}",
            "type": kind,
            "actor": actor,
            "object": obj,
        }
        return {**made, **extra}


def actor_of(activity: dict[str, Any] | bytes) -> str:
    """The id of the one who acts."""
    doc: dict[str, Any] = json.loads(activity) if isinstance(activity, bytes) else activity
    actor = doc["actor"]
    while isinstance(actor, list):
        actor = actor[0]
    return str(actor["id"] if isinstance(actor, dict) else actor)


def settings_for(folder: Path, **sections: dict[str, Any]) -> Settings:
    """Settings of a house that may dial loopback."""
    raw: dict[str, Any] = {
        "server": {"domain": "blog.example", "data_dir": str(folder)},
        "federation": {"allow_http": True, "allow_networks": ["127.0.0.0/8"], **sections.pop("federation", {})},
        **sections,
    }
    return make_settings(raw, relative_to=folder)


async def build_template(folder: Path) -> Path:
    """A database with instance, blog and the author @ana: made once, copied for each test."""
    settings, ids = settings_for(folder), LocalIds(BASE_URL)
    path = folder / "template.sqlite3"
    db = await Database.open(str(path), clock=Clock())
    await db.migrate()
    await ensure_instance(db, ids, settings, SEALER)
    await add_author(db, ids, SEALER, settings, username="ana", name="Ana", email="ana@blog.example")
    await db.close()
    return path


async def open_web_house(folder: Path, template: Path, world: World) -> House:
    """A house with its web server on a loopback port; nothing is delivered by itself."""
    shutil.copyfile(template, folder / SQLITE_NAME)
    (folder / SECRET_NAME).write_bytes(base64.urlsafe_b64encode(SECRET))
    clock = Clock()
    app = build_app(
        settings_for(folder, federation={"deliver": False}, limits={"inbox_per_minute": 1_000_000}), clock=clock
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    parts = app[SERVICES]
    author = await parts.db.read(actors.by_local_name, "ana")
    assert author is not None
    return House(
        world=world,
        settings=parts.settings,
        clock=clock,
        db=parts.db,
        ids=parts.ids,
        client=parts.client,
        resolver=parts.resolver,
        keyring=parts.keyring,
        inbox=parts.inbox,
        publisher=parts.publisher,
        parents=ParentFetch(parts.db, parts.resolver, parts.ids, parts.settings, clock),
        author=author,
        blog=await parts.db.read(actors.blog),
        web=WebDoor(runner, aiohttp.ClientSession(), f"http://127.0.0.1:{runner.addresses[0][1]}"),
    )


async def open_house(folder: Path, template: Path, world: World, **sections: dict[str, Any]) -> House:
    """A house of its own for one test."""
    path = folder / "house.sqlite3"
    shutil.copyfile(template, path)
    settings, ids, clock = settings_for(folder, **sections), LocalIds(BASE_URL), Clock()
    db = await Database.open(str(path), clock=clock)

    guard = Guard(["127.0.0.0/8"], True, own_hosts=["blog.example"])
    client = Client(guard, "fedblog-test/1", connect_timeout=2)
    fetcher = Fetcher(client, Signer(db, SEALER, None, clock), db, clock)
    keyring, resolver = Keyring(fetcher, db, clock), Resolver(fetcher, db, clock)
    author = await db.read(actors.by_local_name, "ana")
    assert author is not None
    return House(
        world=world,
        settings=settings,
        clock=clock,
        db=db,
        ids=ids,
        client=client,
        resolver=resolver,
        keyring=keyring,
        inbox=Inbox(db, keyring, resolver, settings, ids, clock),
        publisher=Publisher(db, ids, settings, SEALER, fetcher=fetcher, resolver=resolver),
        parents=ParentFetch(db, resolver, ids, settings, clock),
        author=author,
        blog=await db.read(actors.blog),
    )


def _bodies(tx: Tx) -> list[tuple[Any, ...]]:
    return tx.all("SELECT body FROM outgoing ORDER BY id")


def _inboxes(tx: Tx, activity_uri: str) -> set[str]:
    found = outgoing.by_uri(tx, activity_uri)
    assert found is not None
    expansion.expand(tx, found.id)
    return {inbox for (inbox,) in tx.all("SELECT inbox FROM deliveries WHERE activity_id = $1", found.id)}
