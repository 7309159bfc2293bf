"""Signed activities into the inbox, against a server that only verifies and stores."""

from __future__ import annotations

import asyncio
import base64
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks import load
from benchmarks.crowd import PEOPLE, Crowd, publish_more, raw_settings, settle_in
from benchmarks.processes import Server, running
from benchmarks.rounds import Rounds
from benchmarks.table import Row

CONNECTIONS = 32
SEED = 4
CALM_MS = 100.0
FAREWELLS = 10_000  # at the usual amount


@dataclass(frozen=True, slots=True)
class _Bare:
    """The limit's server and the one request that it gets again and again."""

    server: Server
    request: bytes


@dataclass(slots=True)
class _Bench:
    """The blog under load, and what it was sent so far."""

    server: Server
    crowd: Crowd
    dice: random.Random
    likeable: list[str]  # posts that nobody has liked yet
    parents: list[str] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def replies(self, count: int) -> list[bytes]:
        return self.crowd.creates(count, self.dice, self.parents)


async def measure(rounds: Rounds, count: int, *, profile: Path | None = None) -> list[Row]:
    """Rates of replies, likes and farewells, and the latency of replies at half of the peak rate."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        crowd = await settle_in(place)
        likeable = await publish_more(place, rounds.most * max(1, count // PEOPLE))
        async with _listener() as (port, calls):
            settings = raw_settings(place, allow_http=True, allow_networks=["127.0.0.0/8"])
            arguments = {"settings": settings, "place": name, "profile": str(profile) if profile else None}
            dice = random.Random(SEED)
            sample = crowd.creates(1, dice, [])[0].partition(b"\r\n\r\n")[2]
            async with running("fedblog", arguments, log=place / "log") as server, _bare(place, sample) as bare:
                bench = _Bench(server, crowd, dice, likeable)
                await _send(server, bench.replies(300))
                await _send(bare.server, [bare.request] * 300)
                rows = await _rates(bench, bare, rounds, count)
                rows.append(await _calm(bench, rounds, count // 2, rows[0].median / 2))
                rows.append(
                    await _farewells(bench, bare, rounds, max(50, FAREWELLS * count // 1_000 // rounds.most), port)
                )
                rows[-1].note = f"{len(calls)} requests to others"
        if calls:
            raise RuntimeError("farewells of unknown people made us ask their server")
        return rows


async def _rates(bench: _Bench, bare: _Bare, rounds: Rounds, count: int) -> list[Row]:
    replies = Row("inbox", "inbox: signed replies", "per second", goal=0.5)
    likes = Row("inbox_likes", "inbox: signed likes", "per second", goal=0.5)
    for _ in rounds.until(0.6):
        limit = (await _timed(bench, "limit", bare.server, [bare.request] * count * 2)).rate
        replies.limits.append(limit)
        likes.limits.append(limit)
        replies.values.append((await _timed(bench, "replies", bench.server, bench.replies(count))).rate)
        some = bench.crowd.likes(count, bench.likeable)
        bench.likeable = bench.likeable[count // PEOPLE :] or bench.likeable
        likes.values.append((await _timed(bench, "likes", bench.server, some)).rate)
    cost = {name: sum(spent) / len(spent) for name, spent in bench.cpu.items()}
    replies.note = f"{cost['replies']:.0f} µs of CPU each, the limit {cost['limit']:.0f}"
    likes.note = f"{cost['likes']:.0f} µs of CPU each"
    return [replies, likes]


async def _calm(bench: _Bench, rounds: Rounds, count: int, rate: float) -> Row:
    row = Row("inbox_p99", "inbox: p99 at half of the peak", "ms", limits=[CALM_MS], smaller=True)
    for _ in rounds.until(0.8):
        row.values.append((await _send(bench.server, bench.replies(count), rate=rate)).percentile(0.99) * 1000)
    return row


async def _farewells(bench: _Bench, bare: _Bare, rounds: Rounds, count: int, port: int) -> Row:
    """`Delete` of people whom nobody here knows, as after the end of a large server."""
    row = Row("inbox_farewells", "inbox: deletes of unknown actors", "per second", goal=0.5)
    for number in rounds.until():
        row.limits.append((await _send(bare.server, [bare.request] * count)).rate)
        batch = bench.crowd.farewells(count, f"http://127.0.0.1:{port}/users/{number}-")
        row.values.append((await _send(bench.server, batch)).rate)
    return row


@asynccontextmanager
async def _bare(place: Path, body: bytes) -> AsyncIterator[_Bare]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    headers = {"Host": "localhost", "Content-Type": "application/activity+json", "X-Signature": signature}
    arguments = {"pem": pem.decode(), "path": str(place / "bare.sqlite3")}
    async with running("bare_inbox", arguments) as server:
        yield _Bare(server, load.post("/inbox", body, headers))


@asynccontextmanager
async def _listener() -> AsyncIterator[tuple[int, list[bytes]]]:
    """The server that those who leave come from: its port, and what was asked of it."""
    calls: list[bytes] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(await reader.readline())
        writer.close()

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], calls
    finally:
        server.close()


async def _timed(bench: _Bench, name: str, server: Server, requests: list[bytes]) -> load.Result:
    """`_send`, with the processor time that each request took."""
    before = server.cpu_seconds
    result = await _send(server, requests)
    bench.cpu.setdefault(name, []).append((server.cpu_seconds - before) / len(requests) * 1e6)
    return result


async def _send(server: Server, requests: list[bytes], *, rate: float | None = None) -> load.Result:
    result = await load.storm("127.0.0.1", server.port, requests, connections=CONNECTIONS, rate=rate)
    if set(result.statuses) != {202}:
        raise RuntimeError(f"not all were taken: {dict(result.statuses)}")
    return result
