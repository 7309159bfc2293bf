"""Connections for POSTs against peers that answer oddly: what is used again, what never is, and who is dialled."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fedblog.activitypub.urls import Uri
from fedblog.demo.peer import PeerServer
from fedblog.errors import DialRefused
from fedblog.federation import lines
from fedblog.federation.client import Client, ConnectFailed
from fedblog.federation.guard import Guard
from tests.federation.conftest import PeerMaker
from tests.federation.test_client import certificate

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
ODD_ANSWERS = [
    (b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"abc", True),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ACCEPTED, b"", True),
    (b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b"", False),
    (b"HTTP/1.0 202 Accepted\r\nContent-Length: 2\r\n\r\nok", b"ok", False),
    (ACCEPTED + b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", b"", False),  # an answer to nothing
]


@dataclass
class Plain:
    """A server that answers each POST with the same bytes, and tells how many connections it had."""

    port: int = 0
    answer: bytes = ACCEPTED
    answers_each: int = 1_000  # a connection; what comes next ends it
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def url(self, host: str = "127.0.0.1") -> Uri:
        """Its inbox."""
        return Uri(f"http://{host}:{self.port}/inbox")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the other side ends."""
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            for number in range(self.answers_each + 1):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
                self.heads.append(head)
                if number < self.answers_each:
                    writer.write(self.answer)
        writer.close()
        async with self.changed:
            self.ended += 1
            self.changed.notify_all()

    async def until_ended(self, count: int) -> None:
        """Wait for the end of so many connections."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: self.ended >= count)


@pytest.fixture
async def plain() -> AsyncIterator[Plain]:
    """On every loopback address."""
    made = Plain()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def make_client() -> AsyncIterator[Callable[..., Client]]:
    """Clients that may dial 127.0.0.0/8 over http."""
    made: list[Client] = []

    def make(lookup: Callable[[str], Awaitable[Sequence[str]]] | None = None) -> Client:
        made.append(Client(Guard(["127.0.0.0/8"], True), "test", connect_timeout=2, lookup=lookup))
        return made[-1]

    yield make
    for one in made:
        await one.close()


async def test_DLV_09_posts_to_one_host_share_a_connection(
    plain: Plain, make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is used again, ended by `Connection: close`, and ended when nobody uses it; nothing is left of it."""
    client = make_client()
    for _ in range(3):
        assert (await client.post(plain.url(), b"{}", {})).status == 202
    assert plain.connections == 1
    await client.post(plain.url(), b"{}", {"Connection": "close"})
    await plain.until_ended(1)
    assert (plain.connections, len(plain.heads), client._lines._open, client._lines._lines) == (1, 4, set(), {})
    monkeypatch.setattr(lines, "KEEP_SECONDS", 0)
    client = make_client()
    await client.post(plain.url(), b"{}", {})
    await plain.until_ended(2)
    assert (client._lines._open, client._lines._lines, client._lines._sweep) == (set(), {}, None)


async def test_DLV_09_a_connection_that_ends_at_this_moment_costs_no_attempt(
    plain: Plain, make_client: Callable[..., Client]
) -> None:
    """A peer that ends a kept connection instead of answering is asked once more, on a new one; never twice."""
    plain.answers_each = 1
    client = make_client()
    assert [(await client.post(plain.url(), b"{}", {})).status for _ in range(2)] == [202, 202]
    assert (plain.connections, len(plain.heads)) == (2, 3)
    plain.answers_each = 0
    with pytest.raises(ConnectFailed):
        await client.post(plain.url(), b"{}", {})
    assert (plain.connections, len(plain.heads), client._lines._open, client._lines._lines) == (3, 5, set(), {})


@pytest.mark.parametrize(("answer", "body", "kept"), ODD_ANSWERS)
async def test_an_answer_belongs_to_its_request(
    plain: Plain, make_client: Callable[..., Client], answer: bytes, body: bytes, kept: bool
) -> None:
    """Chunks, announcements, old HTTP, more than was asked for: each POST gets its own answer or a new connection."""
    plain.answer = answer
    client = make_client()
    answers = [await client.post(plain.url(), b"{}", {}) for _ in range(2)]
    assert [(one.status, one.body) for one in answers] == [(202, body)] * 2
    assert plain.connections == (1 if kept else 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 20",
        b"HTTP/1.1 202 Accepted\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + ACCEPTED,
    ],
)
async def test_no_usable_answer_is_temporary(plain: Plain, make_client: Callable[..., Client], answer: bytes) -> None:
    """Something else, half of an answer, a head without end: the connection is ended, its place is free again."""
    plain.answer = answer
    client = make_client()
    for _ in range(3):
        with pytest.raises(ConnectFailed):
            await client.post(plain.url(), b"{}", {}, timeout=0.2)
    assert (client._lines._open, client._lines._lines) == (set(), {})


async def test_who_is_given_up_holds_no_place(plain: Plain, make_client: Callable[..., Client]) -> None:
    """Posts that are cancelled while they are under way or wait for a place."""
    plain.answer = b""
    client = make_client()
    posts = [asyncio.create_task(client.post(plain.url(), b"{}", {})) for _ in range(4)]
    while len(plain.heads) < 2:
        await asyncio.sleep(0)
    for post in posts:
        post.cancel()
    await asyncio.gather(*posts, return_exceptions=True)
    plain.answer = ACCEPTED
    assert (await client.post(plain.url(), b"{}", {})).status == 202
    assert plain.connections == 3


async def test_what_a_peer_never_reads_does_not_stay(make_client: Callable[..., Client]) -> None:
    """It answers as soon as it has the head, and leaves the body where it is."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ACCEPTED)
        with contextlib.suppress(ConnectionError):
            while await reader.read(2**16):  # to the end of what was on its way already
                pass
        writer.close()
        ended.set_result(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2**10)
    client = make_client()
    port = server.sockets[0].getsockname()[1]
    answer = await client.post(Uri(f"http://127.0.0.1:{port}/inbox"), b"x" * 32 * 2**20, {})
    assert (answer.status, client._lines._open, client._lines._lines) == (202, set(), {})
    async with asyncio.timeout(5):
        await ended
    server.close()


async def test_a_request_is_one_request(plain: Plain, make_client: Callable[..., Client]) -> None:
    """A line break in a header's value would be a second header or a second request."""
    for value in ("a\r\nX-More: b", "a\nb", "a\rb", "a\0b"):
        with pytest.raises(DialRefused):
            await make_client().post(plain.url(), b"{}", {"X-Title": value})
    assert plain.connections == 0
    await make_client().post(plain.url(), b"{}", {"X-Title": "é"})
    assert b"\r\nX-Title: \xc3\xa9\r\n" in plain.heads[0]
    assert plain.heads[0].startswith(f"POST /inbox HTTP/1.1\r\nHost: 127.0.0.1:{plain.port}\r\n".encode())


async def test_SEC_069_every_address_is_looked_at_when_it_is_dialled(
    plain: Plain, make_client: Callable[..., Client], opened: list[str]
) -> None:
    """One that was remembered as well; of several the permitted ones are tried until one answers."""

    async def lookup(name: str) -> Sequence[str]:
        return {"one.example": ["127.0.0.1"], "two.example": ["127.0.0.9", "10.1.1.1", "127.0.0.1"]}[name]

    client = make_client(lookup)
    for host, dialled in (("one.example", ["127.0.0.1"]), ("two.example", ["127.0.0.9", "127.0.0.1"])):
        opened.clear()
        assert (await client.post(plain.url(host), b"{}", {"Connection": "close"})).status == 202
        assert opened == dialled
    door = lines.door_of(plain.url("one.example"))
    for addresses in (["10.9.9.9"], ["10.9.9.9", "10.9.9.8"]):
        opened.clear()
        known = [(2, 1, 6, "", (address, plain.port)) for address in addresses]
        client._lines._addresses.put(door, known, 60)
        with pytest.raises((DialRefused, ConnectFailed)):
            await client.post(plain.url("one.example"), b"{}", {})
        assert opened == []


async def test_posts_check_certificates(
    make_peer: PeerMaker, tmp_path: Path, make_client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown certificate, and one for another name."""
    pem = certificate(tmp_path, "tls.localhost")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(pem)
    secure: PeerServer = await make_peer("tls.localhost", tls=server_side)
    with pytest.raises(ConnectFailed, match="certificate"):
        await make_client().post(Uri(f"{secure.base_url}/inbox"), b"{}", {})
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    trusting = make_client()
    for _ in range(2):
        assert (await trusting.post(Uri(f"{secure.base_url}/inbox"), b"{}", {})).status == 401  # it is not signed
    with pytest.raises(ConnectFailed, match="certificate"):
        await trusting.post(Uri(f"{secure.base_url.replace('tls.', 'other.')}/inbox"), b"{}", {})
    assert [seen.path for seen in secure.requests] == ["/inbox", "/inbox"]


def test_doors() -> None:
    """Where a URL leads."""
    assert lines.door_of(Uri("https://a.example/x")) == ("https", "a.example", 443)
    assert lines.door_of(Uri("HTTP://A.example")) == ("http", "a.example", 80)
    assert lines.door_of(Uri("http://[2001:db8::1]:8080/x")) == ("http", "2001:db8::1", 8080)
    assert lines.door_of(Uri("https://[2001:db8::1]/x")) == ("https", "2001:db8::1", 443)
    assert lines.door_of(Uri("https://münchen.example:444")) == ("https", "xn--mnchen-3ya.example", 444)
