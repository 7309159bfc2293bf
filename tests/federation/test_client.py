"""The outgoing client against hostile peers."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fedblog.activitypub.urls import Uri
from fedblog.config import make_settings
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_server import Answer
from fedblog.errors import DialRefused, FetchFailed
from fedblog.federation import client as client_module
from fedblog.federation.client import Client, ConnectFailed, user_agent
from fedblog.federation.guard import Guard
from tests.federation.conftest import PeerMaker

LOOPBACK = ["127.0.0.0/8"]
JSON = "application/activity+json"
PRIVATE_TARGETS = [
    *("http://127.0.0.2:{port}/x", "http://169.254.169.254/latest", "http://[::1]/", "http://10.0.0.1/", "http://0/"),
    *("file:///etc/passwd", "http://2130706433/", "http://user@peer.localhost/", "gopher://x/", "http://["),
]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client that may dial loopback over http."""
    made = Client(Guard(LOOPBACK, True), "fedblog-test/1", connect_timeout=2)
    yield made
    await made.close()


async def get(client: Client, url: str, **options: float) -> client_module.Response:
    """GET with the usual Accept."""
    return await client.get(Uri(url), accept=JSON, **options)  # type: ignore[arg-type]


async def test_OUT_07_the_user_agent_names_us(peer: PeerServer, client: Client, tmp_path: Path) -> None:
    """Version, address and contact; no Accept or Content-Type of the library's making."""
    settings = make_settings(
        {"server": {"domain": "blog.example"}, "federation": {"user_agent_contact": "a@blog.example"}},
        relative_to=tmp_path,
    )
    assert user_agent(settings).startswith("fedblog/")
    assert user_agent(settings).endswith("(+https://blog.example/; a@blog.example)")
    await get(client, f"{peer.base_url}/x")
    assert peer.requests[0].header("User-Agent") == "fedblog-test/1"
    assert peer.requests[0].header("Accept") == JSON


async def test_paths_and_queries_go_out_byte_for_byte(peer: PeerServer, client: Client) -> None:
    """What is signed is what is sent."""
    for target in ("/a%2Fb%2f?q=%20+%3D&x", "/a/../b/./c", "//double", "/p;x,y='!*()?a=b?c", "/%zz"):
        await get(client, peer.base_url + target + "#fragment")
    assert [seen.target for seen in peer.requests] == [
        "/a%2Fb%2f?q=%20+%3D&x", "/a/../b/./c", "//double", "/p;x,y='!*()?a=b?c", "/%zz",
    ]  # fmt: skip


async def test_SEC_077_no_cookie_is_kept(peer: PeerServer, client: Client) -> None:
    """Nothing that a peer sets comes back."""
    peer.answer("/a", Answer(headers={"Set-Cookie": "id=1; Path=/"}, body={}))
    await get(client, f"{peer.base_url}/a")
    await get(client, f"{peer.base_url}/a")
    assert [seen.header("Cookie") for seen in peer.requests] == ["", ""]


async def test_no_proxy_of_the_environment(peer: PeerServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY would let the guard be walked around."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert (await get(client, f"{peer.base_url}/x")).status == 404


@pytest.mark.proves("SEC-077", "SEC-081")
async def test_OUT_08_each_hop_is_signed_for_itself(peer: PeerServer, make_peer: PeerMaker, client: Client) -> None:
    """Headers are asked for anew with the URL of the hop."""
    other = await make_peer("other.localhost")
    peer.redirect("/a", f"{other.base_url}/b", 301)
    other.redirect("/b", "/c?x=1", 307)
    other.answer("/c", Answer(body={"id": "x"}))
    asked: list[str] = []

    async def headers_for(uri: Uri) -> dict[str, str]:
        asked.append(uri)
        return {"X-For": uri}

    answer = await client.get(Uri(f"{peer.base_url}/a#f"), accept=JSON, headers_for=headers_for)
    assert (answer.url, answer.redirects) == (f"{other.base_url}/c?x=1", 2)
    assert asked == [f"{peer.base_url}/a", f"{other.base_url}/b", f"{other.base_url}/c?x=1"]
    assert [seen.header("X-For") for seen in other.requests] == asked[1:]


async def test_SEC_070_loops_and_long_chains_end(peer: PeerServer, client: Client) -> None:
    """Five hops are followed, the sixth is not; a circle ends at once."""
    for number in range(8):
        peer.redirect(f"/hop{number}", f"/hop{number + 1}")
    with pytest.raises(FetchFailed, match="5 redirects"):
        await get(client, f"{peer.base_url}/hop0")
    assert len(peer.requests) == 6
    peer.answer("/hop8", Answer(body={}))
    assert (await get(client, f"{peer.base_url}/hop3")).redirects == 5
    peer.redirect("/self", "/self")
    with pytest.raises(FetchFailed, match="circle"):
        await get(client, f"{peer.base_url}/self")
    assert peer.gets("/self") == 1


@pytest.mark.parametrize("to", PRIVATE_TARGETS)
async def test_SEC_067_redirect_to_a_private_address(peer: PeerServer, to: str, opened: list[str]) -> None:
    """The first hop is allowed, the second is not: one dial."""
    peer.redirect("/r", to.format(port=peer.base_url.rpartition(":")[2]))
    client = Client(Guard(["127.0.0.1/32"], True), "test")
    with pytest.raises(FetchFailed):
        await get(client, f"{peer.base_url}/r")
    await client.close()
    assert [seen.path for seen in peer.requests] == ["/r"]
    assert opened == ["127.0.0.1"]


async def test_SEC_069_dns_rebinding_has_no_window(peer: PeerServer) -> None:
    """A name that is public first and loopback afterwards is looked at each time it is dialled."""
    answers: list[Sequence[str]] = [["127.0.0.1"], ["127.0.0.1"]]

    async def lookup(name: str) -> Sequence[str]:
        return answers.pop(0) if answers else ["10.9.9.9"]

    port = peer.base_url.rpartition(":")[2]
    client = Client(Guard(["127.0.0.0/8"], True), "test", lookup=lookup)
    assert (await get(client, f"http://rebind.example:{port}/x")).status == 404
    await client.close()
    answers[:] = []
    with pytest.raises(DialRefused, match=r"10\.9\.9\.9"):
        await get(client, f"http://rebind.example:{port}/x")
    await client.close()
    assert len(peer.requests) == 1


async def test_SEC_071_slow_servers_meet_the_deadline(peer: PeerServer, client: Client) -> None:
    """No answer, a dripping body and a dripping header: each ends at the deadline, others are served meanwhile."""
    started = asyncio.Event()

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        started.set()
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    peer.hang("/hang")
    peer.raw("/drip", drip)
    for path in ("/hang", "/drip"):
        with pytest.raises(ConnectFailed, match="too long"):
            await get(client, peer.base_url + path, timeout=0.2)
    assert started.is_set()
    assert (await get(client, f"{peer.base_url}/fine")).status == 404


async def test_SEC_071_endless_body_is_cut_at_the_cap(peer: PeerServer, client: Client) -> None:
    """Bytes without end stop at 1 MiB."""
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Type": JSON})
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)
            sent += 65536

    peer.raw("/endless", endless)
    with pytest.raises(FetchFailed) as caught:
        await get(client, f"{peer.base_url}/endless")
    assert caught.value.reason == "body_too_long"
    assert sent < 16 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip"])
async def test_SEC_072_bombs_are_cut_while_they_unfold(peer: PeerServer, client: Client, encoding: str) -> None:
    """200 MiB of nothing in 200 kB: refused at the cap; the same coding is fine for an honest answer."""
    packer = zlib.compressobj(9, wbits=zlib.MAX_WBITS if encoding == "deflate" else zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(200)) + packer.flush()
    peer.answer("/bomb", Answer(body=bomb, headers={"Content-Encoding": encoding}))
    with pytest.raises(FetchFailed) as caught:
        await get(client, f"{peer.base_url}/bomb")
    assert caught.value.reason == "body_too_long"
    honest = zlib.compress(b"{}") if encoding == "deflate" else gzip.compress(b"{}")
    peer.answer("/honest", Answer(body=honest, headers={"Content-Encoding": encoding}))
    assert (await get(client, f"{peer.base_url}/honest")).body == b"{}"


@pytest.mark.proves("SEC-078")
@pytest.mark.parametrize("kind", ["many", "long", "huge", "trailers", "no end"])
async def test_floods_of_header_lines_are_a_plain_failure(client: Client, kind: str) -> None:
    """Lines without number, without end, or behind the body: temporary or final, and little of it was taken."""
    floods = {
        "many": b"".join(b"X-%d: a\r\n" % number for number in range(50_000)),
        "long": b"X: " + b"a" * 4_000_000 + b"\r\n",
        "huge": b"a" * 4_000_000,
        "trailers": b"",
        "no end": b"X: ",
    }
    asked = asyncio.Event()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n" + floods[kind])
        if kind == "trailers":
            lines = b"".join(b"X-%d: a\r\n" % number for number in range(50_000))
            writer.write(b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + lines + b"\r\n")
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            await reader.read()
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(FetchFailed):
        await get(client, url, timeout=2)
    assert asked.is_set()
    server.close()


@pytest.mark.parametrize(("encoding", "reason"), [("br", "encoding_unknown"), ("gzip, gzip", "encoding_unknown")])
async def test_unasked_codings_are_refused(peer: PeerServer, client: Client, encoding: str, reason: str) -> None:
    """We asked for gzip and deflate; layers of them are a bomb's way in."""
    peer.answer("/x", Answer(body=b"\x00\x01", headers={"Content-Encoding": encoding}))
    with pytest.raises(FetchFailed) as caught:
        await get(client, f"{peer.base_url}/x")
    assert caught.value.reason == reason


async def test_broken_compression_and_a_body_at_the_cap(peer: PeerServer, client: Client) -> None:
    """Exactly the cap is fine."""
    peer.answer("/broken", Answer(body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(FetchFailed) as caught:
        await get(client, f"{peer.base_url}/broken")
    assert caught.value.reason == "encoding_broken"
    peer.answer("/full", Answer(body=b"x" * 1024 * 1024))
    assert len((await get(client, f"{peer.base_url}/full")).body) == 1024 * 1024


async def test_an_error_pages_status_counts_whatever_its_body(peer: PeerServer, client: Client) -> None:
    """410 with a body that is too long or in a coding nobody asked for is still 410."""
    peer.answer("/long", Answer(410, b"x" * 3_000_000))
    peer.answer("/odd", Answer(404, b"x", headers={"Content-Encoding": "br"}))
    long, odd = await get(client, f"{peer.base_url}/long"), await get(client, f"{peer.base_url}/odd")
    assert (long.status, len(long.body), odd.status, odd.body) == (410, 1024 * 1024, 404, b"")


async def test_unreachable_is_temporary(client: Client) -> None:
    """A refused connection, an empty answer, a name without address, something that speaks no HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectFailed):
        await get(client, f"http://127.0.0.1:{port}/")

    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(garbage, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ConnectFailed):
        await get(client, f"http://127.0.0.1:{port}/")
    with pytest.raises(ConnectFailed):
        await get(client, f"https://127.0.0.1:{port}/")
    server.close()
    await server.wait_closed()

    async def lookup(name: str) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    nameless = Client(Guard(), "test", lookup=lookup)
    with pytest.raises(ConnectFailed):
        await get(nameless, "https://nowhere.example/")
    await nameless.close()


@pytest.mark.proves("SEC-125")
async def test_OUT_08_posts_are_not_redirected(peer: PeerServer, client: Client) -> None:
    """A 3xx is the answer; the body goes nowhere else."""
    peer.redirect("/inbox", "/elsewhere", 308)
    answer = await client.post(Uri(f"{peer.base_url}/inbox"), b'{"a":1}', {"Content-Type": JSON})
    assert (answer.status, answer.header("location")) == (308, "/elsewhere")
    assert [seen.path for seen in peer.requests] == ["/inbox"]
    assert peer.requests[0].body == b'{"a":1}'


async def test_a_posts_answer_is_cut_not_refused(peer: PeerServer, client: Client) -> None:
    """The peer took it, whatever it writes afterwards."""
    peer.answer("/inbox", Answer(202, b"x" * 300_000))
    answer = await client.post(Uri(f"{peer.base_url}/inbox"), b"{}", {})
    assert (answer.status, len(answer.body)) == (202, 64 * 1024)


async def test_an_endless_post_answer_keeps_its_status(
    peer: PeerServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """202, then a body that never ends."""
    monkeypatch.setattr(client_module, "_POST_ANSWER_SECONDS", 0.05)

    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=202)
        await response.prepare(request)
        await response.write(b"ok")
        await asyncio.Event().wait()
        return response

    peer.raw("/inbox", stuck)
    answer = await client.post(Uri(f"{peer.base_url}/inbox"), b"{}", {})
    assert answer.status == 202


async def test_DLV_09_two_connections_a_host(peer: PeerServer, client: Client) -> None:
    """Of five posts to one host two are under way at once; a GET is not held up by them."""
    under_way, most, go_on = 0, 0, asyncio.Event()

    async def held(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await go_on.wait()
        under_way -= 1
        return web.Response(status=202)

    peer.raw("/inbox", held)
    posts = [asyncio.create_task(client.post(Uri(f"{peer.base_url}/inbox"), b"{}", {})) for _ in range(5)]
    while under_way < 2:
        await asyncio.sleep(0)
    assert (await get(client, f"{peer.base_url}/x")).status == 404
    go_on.set()
    assert [answer.status for answer in await asyncio.gather(*posts)] == [202] * 5
    assert most == 2


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / f"{name}.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


async def test_tls_is_checked_and_never_left_behind(
    peer: PeerServer, make_peer: PeerMaker, tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown certificate, one for another name, and a redirect from https to http, allowed though http is."""
    pem = certificate(tmp_path, "tls.localhost")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(pem)
    secure = await make_peer("tls.localhost", tls=server_side)
    secure.redirect("/down", f"{peer.base_url}/x")
    secure.redirect("/up", "/fine")
    with pytest.raises(ConnectFailed, match="certificate"):
        await get(client, f"{secure.base_url}/fine")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    trusting = Client(Guard(LOOPBACK, True), "test")
    assert (await get(trusting, f"{secure.base_url}/up")).status == 404
    with pytest.raises(ConnectFailed, match="certificate"):
        await get(trusting, secure.base_url.replace("tls.", "other."))
    with pytest.raises(DialRefused, match="from https to http"):
        await get(trusting, f"{secure.base_url}/down")
    peer.redirect("/secure", f"{secure.base_url}/fine")
    assert (await get(trusting, f"{peer.base_url}/secure")).redirects == 1
    assert peer.gets("/x") == 0
    await trusting.close()
