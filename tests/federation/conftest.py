"""Shared by the federation tests: key pairs made once, scripted peers, a client that may dial loopback, a database."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import LocalKey
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_actor import Style
from fedblog.federation.client import Client
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.guard import Guard
from fedblog.federation.keyring import Keyring
from fedblog.federation.resolver import Resolver
from fedblog.federation.signer import Signer
from fedblog.signatures.keys import PrivateKey, generate_rsa, private_to_pem
from fedblog.storage import actors, keys
from fedblog.storage.database import Database
from fedblog.storage.seal import Sealer
from tests.federation.house_fixtures import house, house_template, make_house, web_house, world  # noqa: F401 - fixtures

PeerMaker = Callable[..., Awaitable[PeerServer]]


class Clock:
    """A clock that tests set forward."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Net:
    """Everything that talks to other servers, over one database."""

    clock: Clock
    db: Database
    client: Client
    signer: Signer
    fetcher: Fetcher
    keyring: Keyring
    resolver: Resolver


@pytest.fixture(scope="session")
def rsa_keys() -> list[PrivateKey]:
    """Four RSA key pairs for the whole run; making one takes time. `add_person` gives them the ids they need."""
    return [generate_rsa(Uri("https://unnamed.invalid/#main-key")) for _ in range(4)]


@pytest.fixture
async def make_peer() -> AsyncIterator[PeerMaker]:
    """`await make_peer(name="a.localhost", style="mastodon")`: started peers, stopped after the test."""
    peers: list[PeerServer] = []

    async def make(name: str = "peer.localhost", style: Style = "mastodon", **started: object) -> PeerServer:
        peer = PeerServer(style=style)
        peers.append(peer)
        return await peer.start(name=name, **started)  # type: ignore[arg-type]

    yield make
    for peer in peers:
        await peer.stop()


@pytest.fixture
async def peer(make_peer: PeerMaker) -> PeerServer:
    """One peer under `peer.localhost`."""
    return await make_peer()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of every socket that a guard let through: what was dialled."""
    dialled: list[str] = []
    real = Guard.last_look

    def counted(self: Guard, ip: str) -> None:
        real(self, ip)
        dialled.append(ip)

    monkeypatch.setattr(Guard, "last_look", counted)
    return dialled


@pytest.fixture
async def blog(make_peer: PeerMaker, rsa_keys: list[PrivateKey]) -> PeerServer:
    """A server that shows our instance actor to peers which want a signed fetch; our own host is another one."""
    server = await make_peer("ours.localhost")
    server.add_person("ours.localhost", type="Application", key=rsa_keys[3])
    return server


@pytest.fixture
async def net(tmp_path: Path, blog: PeerServer) -> AsyncIterator[Net]:
    """The outgoing parts with an instance actor whose key lies at `blog`."""
    clock = Clock(float(int(time.time())))
    db = await Database.open(str(tmp_path / "blog.sqlite3"), clock=clock)
    await db.migrate()
    sealer = Sealer(b"s" * 32)
    instance = blog.actors["/actor"]
    actor = await db.write(
        actors.add_local,
        uri=instance.id,
        local="instance",
        type="Application",
        username="ours.localhost",
        domain="ours.localhost",
        name="",
        url=blog.base_url,
        inbox=instance.inbox,
        shared_inbox=f"{blog.base_url}/inbox",
        followers_uri="",
    )
    key = instance.key
    await db.write(keys.add_local, LocalKey(key.key_id, actor.id, "rsa", key.public.pem, private_to_pem(key)), sealer)
    client = Client(Guard(["127.0.0.0/8"], True, own_hosts=["blog.localhost:8080"]), "fedblog-test", connect_timeout=2)
    signer = Signer(db, sealer, None, clock)
    fetcher = Fetcher(client, signer, db, clock)
    yield Net(clock, db, client, signer, fetcher, Keyring(fetcher, db, clock), Resolver(fetcher, db, clock))
    await client.close()
    await db.close()


def renamed(key: PrivateKey, key_id: str) -> PrivateKey:
    """The same key pair under another id."""
    return dataclasses.replace(key, key_id=Uri(key_id))
