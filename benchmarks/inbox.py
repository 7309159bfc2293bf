"""Signed activities into the inbox, against a server that only verifies and stores."""

from __future__ import annotations

import base64
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from benchmarks import load
from benchmarks.crowd import raw_settings, settle_in
from benchmarks.processes import Server, running
from benchmarks.table import Row

CONNECTIONS = 32
SEED = 4


@dataclass(frozen=True, slots=True)
class _Bare:
    """The limit's server and the one request that it gets again and again."""

    server: Server
    request: bytes


@asynccontextmanager
async def _bare(place: Path, body: bytes) -> AsyncIterator[_Bare]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    signature = base64.b64encode(key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
    headers = {"Host": "localhost", "Content-Type": "application/activity+json", "X-Signature": signature}
    arguments = {"pem": pem.decode(), "path": str(place / "bare.sqlite3")}
    async with running("bare_inbox", arguments) as server:
        yield _Bare(server, load.post("/inbox", body, headers))


async def measure(rounds: int, count: int, *, profile: Path | None = None) -> list[Row]:
    """Rates of replies and of likes, and the latency of replies at half of the peak rate."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        crowd = await settle_in(place)
        arguments = {"settings": raw_settings(place), "place": name, "profile": str(profile) if profile else None}
        dice, parents = random.Random(SEED), list[str]()
        sample = crowd.creates(1, dice, [])[0].partition(b"\r\n\r\n")[2]
        log = place / "log"
        async with running("fedblog", arguments, log=log) as server, _bare(place, sample) as bare:
            await _send(server, crowd.creates(300, dice, parents))
            await _send(bare.server, [bare.request] * 300)
            replies = Row("inbox", "inbox: signed replies", "per second", goal=0.5)
            likes = Row("inbox_likes", "inbox: signed likes", "per second", goal=0.5)
            cpu = bare_cpu = 0.0
            for _ in range(rounds):
                before = bare.server.cpu_seconds
                limit = (await _send(bare.server, [bare.request] * count * 2)).rate
                bare_cpu += bare.server.cpu_seconds - before
                replies.limits.append(limit)
                likes.limits.append(limit)
                batch, before = crowd.creates(count, dice, parents), server.cpu_seconds
                replies.values.append((await _send(server, batch)).rate)
                cpu += server.cpu_seconds - before
                likes.values.append((await _send(server, crowd.likes(count, parents[-count:]))).rate)
            told = (cpu / count / rounds * 1e6, bare_cpu / count / 2 / rounds * 1e6)
            replies.note = f"{told[0]:.0f} µs of CPU each, the limit {told[1]:.0f}"
            calm = Row("inbox_p99", "inbox: p99 at half of the peak", "ms", limits=[100.0], smaller=True)
            for _ in range(rounds):
                batch = crowd.creates(count // 2, dice, parents)
                calm.values.append((await _send(server, batch, rate=replies.median / 2)).percentile(0.99) * 1000)
        return [replies, likes, calm]


async def _send(server: Server, requests: list[bytes], *, rate: float | None = None) -> load.Result:
    result = await load.storm("127.0.0.1", server.port, requests, connections=CONNECTIONS, rate=rate)
    if set(result.statuses) != {202}:
        raise RuntimeError(f"not all were taken: {dict(result.statuses)}")
    return result
