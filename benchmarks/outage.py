"""One post while a third of the servers are dead, hang or fail: the others must not notice, nor may readers."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import load
from benchmarks.crowd import HOST, make_people, profile_of, raw_settings, settle_in
from benchmarks.fanout import FOLLOWERS_A_HOST, follow_host, publish
from benchmarks.processes import Server, running
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.app import services
from fedblog.blog.ledger import Profile
from fedblog.blog.model import ActorId, Role
from fedblog.config import make_settings
from fedblog.federation.services import Services
from fedblog.federation.setup import add_author
from fedblog.storage import actors
from fedblog.storage.database import Tx

BAD_SHARE = 0.3
READERS, READS_A_SECOND = 4, 50.0
PAGES_MS, GROWTH_MIB = 50.0, 150.0
DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Scene:
    """A running blog. `calm` has followers on good servers only; each of `stormy` those too, and bad ones."""

    parts: Services
    server: Server
    calm: ActorId
    stormy: list[ActorId]
    good: int
    inboxes: int
    page: bytes


@dataclass(slots=True)
class Seen:
    """One fan-out from outside: first to last delivery, the readers' p99, how much the server grew."""

    seconds: float
    p99: float
    growth: float


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """`count` followers, five a host; three in ten hosts are bad, a third of these in each way."""
    del profile
    hosts = max(10, count // FOLLOWERS_A_HOST)
    name = f"fan-out: {count:,} followers, 30 % of servers dead, hanging or failing"
    times = Row("fanout_outage", f"{name}: the others' time", "s", goal=1 / 1.3, smaller=True)
    pages = Row("fanout_pages", "pages' p99 meanwhile", "ms", limits=[PAGES_MS], smaller=True)
    memory = Row("fanout_rss", "growth of memory meanwhile", "MiB", limits=[GROWTH_MIB], smaller=True)
    times.note = "the limit is without the bad ones"
    async with _scene(hosts, rounds.most) as scene:
        await _deliver(scene, scene.calm, 0)  # what is loaded at the first delivery is no part of it
        for number, stormy in zip(rounds.until(), scene.stormy, strict=False):
            times.limits.append((await _deliver(scene, scene.calm, number + 1)).seconds)
            seen = await _deliver(scene, stormy, number + 1)
            times.values.append(seen.seconds)
            pages.values.append(seen.p99 * 1000)
            memory.values.append(max(seen.growth, 0.1))
    return [times, pages, memory]


@asynccontextmanager
async def _scene(hosts: int, rounds: int) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        crowd = await settle_in(place)
        good, failing, hanging = [
            (await stack.enter_async_context(running("receiver", {"answer": answer}))).port
            for answer in ("202 Accepted", "500 Oh no", "")
        ]
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # not listening: refused
        raw = raw_settings(place, allow_http=True, allow_networks=["127.0.0.0/8"])
        parts = await stack.enter_async_context(services(make_settings(raw, relative_to=place)))
        calm = await parts.db.read(actors.by_local_name, "ana")
        if calm is None:
            raise RuntimeError("no author")
        stormy = [await _add_author(parts, f"eva{number}") for number in range(rounds)]
        bad = (failing, hanging, closed.getsockname()[1])
        person = profile_of(make_people()[0])
        inboxes = await parts.db.write(_follow_all, person, calm.id, stormy, hosts, good, bad)
        await parts.worker.drain()
        server = await stack.enter_async_context(running("fedblog", {"settings": raw, "place": str(place)}))
        page = load.get(crowd.address, HOST, accept_encoding="gzip")
        await load.storm("127.0.0.1", server.port, [page] * 200, connections=READERS)
        yield Scene(parts, server, calm.id, stormy, good, inboxes, page)


async def _add_author(parts: Services, name: str) -> ActorId:
    account = await add_author(parts.db, parts.ids, parts.sealer, parts.settings, username=name, role=Role.AUTHOR)
    return account.actor_id


def _follow_all(
    tx: Tx, person: Profile, calm: ActorId, stormy: list[ActorId], hosts: int, good: int, bad: tuple[int, int, int]
) -> int:
    """Good servers follow all, bad ones one author; how many inboxes the good ones have."""
    inboxes: set[str] = set()
    for host in range(hosts):
        if host % 10 >= 10 * BAD_SHARE:
            inboxes |= follow_host(tx, person, [calm, *stormy], host, good)
        else:
            for number, author in enumerate(stormy, 1):
                follow_host(tx, person, [author], host + number * hosts, bad[host % 10])
    return len(inboxes)


async def _deliver(scene: Scene, author: ActorId, number: int) -> Seen:
    """Let the author publish while others read, until all good inboxes have it."""
    await _ask(scene.good, reset=True)
    before = scene.server.rss_mib
    stop = asyncio.Event()
    reading = asyncio.create_task(_read_on(scene.server.port, scene.page, stop))
    await publish(scene.parts, author, number)
    most, (first, last) = await _until_all_came(scene, before)
    stop.set()
    return Seen(last - first, (await reading).percentile(0.99), most - before)


async def _read_on(port: int, page: bytes, stop: asyncio.Event) -> load.Result:
    """Readers at an even pace until told."""

    def until_told() -> Iterator[bytes]:
        while not stop.is_set():
            yield page

    return await load.storm("127.0.0.1", port, until_told(), connections=READERS, rate=READS_A_SECOND)


async def _until_all_came(scene: Scene, least: float) -> tuple[float, tuple[float, float]]:
    most = least
    async with asyncio.timeout(DEADLINE):
        while True:
            most = max(most, scene.server.rss_mib)
            came = await _ask(scene.good)
            if came["posts"] >= scene.inboxes:
                return most, (came["first"], came["last"])
            await asyncio.sleep(0.05)


async def _ask(port: int, *, reset: bool = False) -> dict[str, float]:
    """What a receiver has seen so far."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /{'reset' if reset else 'seen'} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    answer = await reader.readuntil(b"}")
    writer.close()
    found: dict[str, float] = json.loads(answer[answer.index(b"{") :])
    return found
