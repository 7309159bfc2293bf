"""One post to many followers on many hosts, against signing alone and against sending alone."""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import aiohttp

from benchmarks.crowd import make_people, profile_of, raw_settings, settle_in
from benchmarks.processes import running
from benchmarks.rounds import Rounds
from benchmarks.table import Row
from fedblog.activitypub.urls import Uri
from fedblog.app import services
from fedblog.blog.ledger import Profile
from fedblog.blog.model import ActorId, Writing
from fedblog.config import make_settings
from fedblog.federation.delivery import CONCURRENCY
from fedblog.federation.services import Services
from fedblog.signatures.cavage import sign_cavage
from fedblog.signatures.keys import PrivateKey
from fedblog.storage import actors, followers
from fedblog.storage.database import Tx

FOLLOWERS_A_HOST = 5
LIMIT_SHARE = 3  # the limits are rates: they are measured with a third of the inboxes, so that more rounds fit


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """`count` followers, five a host, every second host with a shared inbox."""
    del profile
    hosts = max(1, count // FOLLOWERS_A_HOST)
    row = Row("fanout", f"fan-out: {count:,} followers on {hosts:,} hosts", "per second", goal=0.6)
    signing, sending = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        await settle_in(place)
        raw = raw_settings(place, allow_http=True, allow_networks=["127.0.0.0/8"], deliver=False)
        async with running("receiver", {}) as sink, services(make_settings(raw, relative_to=place)) as parts:
            author = await parts.db.read(actors.by_local_name, "ana")
            if author is None:
                raise RuntimeError("no author")
            person = make_people()[0]
            inboxes = await parts.db.write(follow, profile_of(person), author.id, hosts, sink.port)
            await parts.worker.drain()  # what the set-up left
            some = random.Random(6).sample(inboxes, max(1, len(inboxes) // LIMIT_SHARE))
            for number in rounds.until():
                body = await publish(parts, author.id, number)
                started = time.perf_counter()
                await parts.worker.drain()
                row.values.append(len(inboxes) / (time.perf_counter() - started))
                signing.append(await asyncio.to_thread(_sign_all, person.key, body, some))
                sending.append(await _send_all(body, some))
    row.limits = min((signing, sending), key=lambda rates: sorted(rates)[len(rates) // 2])
    row.note = f"{len(inboxes):,} inboxes; the limit is {'signing' if row.limits is signing else 'sending'}"
    return [row]


def follow(tx: Tx, person: Profile, author: ActorId, hosts: int, port: int) -> list[str]:
    """Followers on so many hosts; the inboxes that a post of the author goes to."""
    inboxes: set[str] = set()
    for host in range(hosts):
        inboxes |= follow_host(tx, person, [author], host, port)
    return sorted(inboxes)


def follow_host(tx: Tx, blank: Profile, authors: list[ActorId], host: int, port: int) -> set[str]:
    """Five followers on one loopback address, with a shared inbox where its number is odd; their inboxes."""
    base = f"http://127.{1 + host // 62_500}.{host // 250 % 250}.{1 + host % 250}:{port}"
    inboxes = set()
    for number in range(FOLLOWERS_A_HOST):
        uri = f"{base}/users/f{number}"
        shared = f"{base}/inbox" if host % 2 else ""
        profile = replace(
            blank,
            uri=uri,
            url=uri,
            username=f"f{number}",
            domain=base.partition("://")[2],
            inbox=f"{uri}/inbox",
            shared_inbox=shared,
            keys=(),
        )
        actor = actors.upsert_remote(tx, profile)
        for author in authors:
            followers.add(
                tx,
                actor_id=actor.id,
                target_id=author,
                state="accepted",
                follow_uri=f"{uri}#{author}",
                follow_json="{}",
            )
        inboxes.add(shared or f"{uri}/inbox")
    return inboxes


async def publish(parts: Services, author: ActorId, number: int) -> bytes:
    """A post by the author; the bytes that go out."""
    text = await parts.publisher.compose(Writing(title=f"Round {number}", source="The kettle sings again. " * 30))
    post = await parts.publisher.publish((await parts.publisher.save_draft(text, author_id=author)).id)
    sent = await parts.db.read(lambda tx: tx.value("SELECT body FROM outgoing WHERE object_uri = $1", post.uri))
    return bytes(sent)


def _sign_all(key: PrivateKey, body: bytes, inboxes: list[str]) -> float:
    """RSA signatures a second, on all cores."""

    def sign(inbox: str) -> None:
        sign_cavage(method="POST", url=Uri(inbox), body=body, key=key, now=time.time())

    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        list(threads.map(sign, inboxes))
    return len(inboxes) / (time.perf_counter() - started)


async def _send_all(body: bytes, inboxes: list[str]) -> float:
    """The same bytes, unsigned, by the same client library with as many requests under way."""
    waiting = iter(inboxes)
    headers = {"Content-Type": "application/activity+json"}
    connector = aiohttp.TCPConnector(limit=CONCURRENCY, keepalive_timeout=20)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for inbox in waiting:
                async with session.post(inbox, data=body, headers=headers) as answer:
                    await answer.read()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
        return len(inboxes) / (time.perf_counter() - started)
