"""The servers under load, each a process of its own: `python -m benchmarks.servers KIND JSON`.

They print `ready PORT` on standard output and end when standard input does.
"""

from __future__ import annotations

import asyncio
import base64
import cProfile
import gc
import json
import pstats
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import uvloop
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from benchmarks.groupcommit import GroupCommit
from fedblog.app import build_app, set_up
from fedblog.config import make_settings
from fedblog.observe import set_up_logging
from fedblog.web.keys import SERVICES


async def _until_told() -> None:
    """Wait for the end of standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


@asynccontextmanager
async def _listening(app: web.Application, *, bare: bool = True) -> AsyncIterator[None]:
    if bare:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
    else:
        runner = await set_up(app, shutdown_timeout=1.0)
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sys.stdout.write(f"ready {runner.addresses[0][1]}\n")
        sys.stdout.flush()
        yield
    finally:
        await runner.cleanup()


async def fedblog(raw: dict[str, Any]) -> None:
    """The blog itself, as `fedblog serve` runs it. `profile` names a file for the profile of its threads."""
    settings = make_settings(raw["settings"], relative_to=Path(raw["place"]))
    set_up_logging(settings.logging.level, settings.logging.format)
    app = build_app(settings)
    profile = raw.get("profile")
    async with _listening(app, bare=False):
        gc.freeze()  # as `fedblog serve` does
        if profile:
            await _profiled(app, Path(profile))
        else:
            await _until_told()


async def _profiled(app: web.Application, target: Path) -> None:
    """One profile of the loop's thread and one of the writer's, as text."""
    db = app[SERVICES].db
    writer, loop = cProfile.Profile(), cProfile.Profile()
    await db.write(lambda _tx: writer.enable())
    loop.enable()
    await _until_told()
    loop.disable()
    await db.write(lambda _tx: writer.disable())
    with target.open("w") as out:
        for name, profile in (("event loop", loop), ("database writer", writer)):
            out.write(f"== {name}\n")
            pstats.Stats(profile, stream=out).strip_dirs().sort_stats("tottime").print_stats(45)
            pstats.Stats(profile, stream=out).strip_dirs().sort_stats("cumtime").print_stats(60)


async def bare_inbox(raw: dict[str, Any]) -> None:
    """Reads the body, verifies one RSA-2048 signature over it, stores one row in group commit, says 202."""
    key = load_pem_public_key(raw["pem"].encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("an RSA key is needed")
    store = GroupCommit(Path(raw["path"]))
    scheme, digest = padding.PKCS1v15(), hashes.SHA256()

    async def inbox(request: web.Request) -> web.Response:
        body = await request.read()
        key.verify(base64.b64decode(request.headers["X-Signature"]), body, scheme, digest)
        await store.add(body)
        return web.Response(status=202)

    app = web.Application()
    app.router.add_post("/inbox", inbox)
    async with _listening(app):
        await _until_told()
    store.close()


async def bare_page(raw: dict[str, Any]) -> None:
    """Answers the bytes of a file from memory, and an empty 304."""
    body = Path(raw["path"]).read_bytes()
    headers = {"Content-Type": "text/html; charset=utf-8", "ETag": '"a"'} | raw["headers"]

    async def page(_request: web.Request) -> web.Response:
        return web.Response(body=body, headers=headers)

    async def unchanged(_request: web.Request) -> web.Response:
        return web.Response(status=304, headers={"ETag": '"a"'})

    app = web.Application()
    app.router.add_get("/page", page)
    app.router.add_get("/unchanged", unchanged)
    async with _listening(app):
        await _until_told()


@dataclass(slots=True)
class _Seen:
    """The POSTs that came: how many, and when the first and the last one."""

    posts: int = 0
    first: float = 0.0
    last: float = 0.0

    def note(self) -> None:
        """One more."""
        self.last = time.monotonic()
        self.first = self.first if self.posts else self.last
        self.posts += 1


class _Sink(asyncio.Protocol):
    """Answers every POST with one status as soon as its whole body is there, or never; tells what it has seen."""

    def __init__(self, answer: str, seen: _Seen) -> None:
        self._answer, self._seen = answer, seen
        self._waiting = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        if not transport.get_extra_info("sockname")[0].startswith("127."):
            self._transport.abort()  # it listens on all addresses to have every 127.x.y.z; nobody else is served

    def data_received(self, data: bytes) -> None:
        self._waiting += data
        while (end := self._waiting.find(b"\r\n\r\n")) >= 0:
            head = self._waiting[:end].lower() + b"\r\n"
            start = head.index(b"content-length:") + 15
            whole = end + 4 + int(head[start : head.index(b"\r\n", start)])
            if len(self._waiting) < whole or self._transport is None:
                return
            self._waiting = self._waiting[whole:]
            self._take(head, self._transport)

    def _take(self, head: bytes, transport: asyncio.WriteTransport) -> None:
        status, body = self._answer, b""
        if head.startswith(b"post"):
            self._seen.note()
        else:
            status, body = "200 OK", json.dumps(asdict(self._seen)).encode()
            if head.startswith(b"get /reset"):
                self._seen.posts = 0
        if status:
            transport.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            if b"connection: close" in head:
                transport.close()


async def receiver(raw: dict[str, Any]) -> None:
    """Followers' servers, on every loopback address, which give this `answer`; the empty one is none."""
    seen = _Seen()
    server = await asyncio.get_running_loop().create_server(
        lambda: _Sink(raw.get("answer", "202 Accepted"), seen),
        "0.0.0.0",  # noqa: S104
        0,
        backlog=4096,
    )
    sys.stdout.write(f"ready {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await _until_told()
    server.close()


KINDS: dict[str, Callable[[dict[str, Any]], Coroutine[Any, Any, None]]] = {
    "fedblog": fedblog,
    "bare_inbox": bare_inbox,
    "bare_page": bare_page,
    "receiver": receiver,
}

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as main:
        main.run(KINDS[sys.argv[1]](json.loads(sys.argv[2])))
