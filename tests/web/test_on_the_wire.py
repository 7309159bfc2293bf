"""What no well-behaved client sends: requests written byte by byte to a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from io import BytesIO
from pathlib import Path

import pytest

from fedblog.web import inboxes
from fedblog.web.connections import IDLE_SECONDS, WORK_SECONDS, Sweeper
from fedblog.web.keys import RENDERER
from tests.live import Live, live_app
from tests.samples import make_author, make_post

HOST = "{host}"
GET = "GET /livez HTTP/1.1\r\nHost: {host}\r\n"
POST = "POST /inbox HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/activity+json\r\n"
HIDDEN = "GET /hidden HTTP/1.1\r\nHost: {host}\r\n\r\n"

# Two readers could see two different ends of each of these; behind the first end stands a request of the attacker's.
SMUGGLED = {
    "length and chunking": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunking and length": POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN,
    "two lengths": POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + HIDDEN,
    "two equal lengths": POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n{}" + HIDDEN,
    "a list of lengths": POST + "Content-Length: 0, 5\r\n\r\n" + HIDDEN,
    "a length with a sign": POST + "Content-Length: +5\r\n\r\n" + HIDDEN,
    "a negative length": POST + "Content-Length: -1\r\n\r\n" + HIDDEN,
    "a length in hex": POST + "Content-Length: 0x5\r\n\r\n" + HIDDEN,
    "a length with an underscore": POST + "Content-Length: 1_0\r\n\r\n" + HIDDEN,
    "a length of other digits": POST + "Content-Length: \u0665\r\n\r\n" + HIDDEN,
    "an empty length": POST + "Content-Length:\r\n\r\n" + HIDDEN,
    "a space before the colon": POST + "Content-Length : 5\r\n\r\n" + HIDDEN,
    "chunking with a space before the colon": POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunking spelled oddly": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunking twice": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "chunked, identity": POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a folded line": POST + "X: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "a bare line feed": POST + "Transfer-Encoding: chunked\n\n0\n\n" + HIDDEN,
    "a bare carriage return": POST + "X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + HIDDEN,
    "NUL in a name": POST + "Content-Le\0ngth: 5\r\n\r\n" + HIDDEN,
    "NUL in a value": POST + "X: a\0b\r\nContent-Length: 0\r\n\r\n" + HIDDEN,
    "a chunk size with a sign": POST + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size with 0x": POST + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n" + HIDDEN,
    "a chunk without its end": POST + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + HIDDEN,
    "a line feed in a chunk extension": POST + "Transfer-Encoding: chunked\r\n\r\n1;a\nb\r\na\r\n0\r\n\r\n" + HIDDEN,
    "a chunk size of 100 digits": POST + f"Transfer-Encoding: chunked\r\n\r\n{'f' * 100}\r\n" + HIDDEN,
    "two hosts": "GET /livez HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n" + HIDDEN,
    "a line without a colon": GET + "Nonsense\r\n\r\n" + HIDDEN,
    "a name in brackets": GET + "X(a): b\r\n\r\n" + HIDDEN,
    "no version": "GET /livez\r\n\r\n" + HIDDEN,
    "a version of the future": "GET /livez HTTP/11.1\r\nHost: {host}\r\n\r\n" + HIDDEN,
    "another protocol": "SSH-2.0-OpenSSH\r\n\r\n" + HIDDEN,
}


async def speak(live: Live, text: str | bytes, *, seconds: float = 10, until: bytes = b"") -> bytes:
    """Send bytes and read until the server closes the connection, or has said `until`."""
    host = live.base_url.removeprefix("http://")
    data = text if isinstance(text, bytes) else text.replace(HOST, host).encode("latin-1", "replace")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write(data)
    received = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while part := await reader.read(65536):
                received += part
                if until and until in received:
                    break
    except ConnectionError:
        pass
    finally:
        writer.close()
    return bytes(received)


@pytest.mark.proves("SEC-021", "SEC-111")
async def test_no_request_hides_in_another(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """Each is refused, or read in one way that leaves nothing over: what stands behind it is never answered."""
    caplog.set_level(logging.INFO, "fedblog.web")
    for name, text in SMUGGLED.items():
        answer = await speak(live, text)
        first = answer.partition(b"\r\n")[0]
        assert first.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), f"{name}: {first!r}"
        assert answer.count(b"\r\nContent-Type:") == 1, f"{name}: {answer!r}"
        assert b"\r\nServer: fedblog\r\n" in answer, f"{name}: {answer!r}"
        paths = [getattr(record, "path", "") for record in caplog.records]
        assert "/hidden" not in paths, f"{name}: {answer[:200]!r}"
    assert (await live.get("/livez")).status == 200
    two = await speak(live, GET + "\r\n" + GET.replace("/livez", "/hidden") + "Connection: close\r\n\r\n")
    assert two.count(b"HTTP/1.1 ") == 2, "the attack is seen where two requests are honest"
    assert "/hidden" in [getattr(record, "path", "") for record in caplog.records]


@pytest.mark.proves("SEC-052")
async def test_one_byte_chunks_do_not_hold_anybody_up(tmp_path: Path) -> None:
    """200,000 of them, and one connection that never ends its body."""
    async with live_app(tmp_path, limits={"body_bytes": 10_000, "inbox_per_minute": 1000}) as live:
        head = (POST + "Transfer-Encoding: chunked\r\n\r\n").replace(HOST, live.base_url.removeprefix("http://"))
        flood = asyncio.create_task(speak(live, head.encode() + b"1\r\na\r\n" * 200_000, seconds=30, until=b"\r\n"))
        reader, writer = await asyncio.open_connection(*live.base_url.removeprefix("http://").split(":"))
        writer.write(head.encode() + b"1\r\na\r\n")
        for _ in range(20):
            assert (await live.get("/")).status == 200
        answer = await flood
        assert answer.startswith(b"HTTP/1.1 413") or not answer
        writer.close()
        assert not reader.at_eof()


@pytest.mark.proves("SEC-114")
async def test_a_form_counts_all_its_parts(live: Live) -> None:
    """3,000 parts below the limit each; 100 parts that are too much together; one urlencoded field too many."""
    part = b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n%s\r\n'
    many = b"".join(part % (number, b"y") for number in range(3000)) + b"--x--\r\n"
    large = b"".join(part % (number, b"y" * 100_000) for number in range(100)) + b"--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answers = [
        await live.request("POST", "/login", data=BytesIO(body), headers=kind) for body in (many, large, part * 2)
    ]
    assert [answer.status for answer in answers] == [400, 413, 400]


@pytest.mark.proves("SEC-117")
async def test_odd_cookies_and_ranges_change_nothing(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """Each is one line in the log, and the page as usual."""
    caplog.set_level(logging.INFO)
    odd = [
        "=",
        ";;;",
        "a=b; " * 500,
        '"',
        "fedblog-session=\xff",
        "a" * 4000,
        "\u0661=\u0661",
        "$Version=1; a=b",
        "a=\x7f",
    ]
    ranges = [
        "bytes=0-",
        "bytes=\u0661-\u0662",
        "bytes=5-1",
        "bytes=-" + "9" * 40,
        "bytes=0-0," * 200,
        "lines=1-2",
        "x",
    ]
    style = live.app[RENDERER].assets.url("style.css")
    for value in odd:
        caplog.clear()
        text = (GET.replace("/livez", "/") + f"Cookie: {value}\r\nConnection: close\r\n\r\n").replace(
            HOST, live.base_url.removeprefix("http://")
        )
        answer = await speak(live, text.encode("utf-8"))
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.0 400")), (value[:30], answer[:80])
        assert len([line for line in caplog.records if line.levelno >= logging.INFO]) <= 1, value[:30]
    for value in ranges:
        text = (GET.replace("/livez", style) + f"Range: {value}\r\nConnection: close\r\n\r\n").replace(
            HOST, live.base_url.removeprefix("http://")
        )
        answer = await speak(live, text.encode("utf-8"))
        assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 206", b"HTTP/1.1 400", b"HTTP/1.1 416")), value


@pytest.mark.proves("SEC-122")
async def test_headers_that_never_end_keep_nobody_out_and_are_closed(live: Live) -> None:
    """300 connections, each with half a request, and one that waits after its answer. Somebody in the middle of an
    upload is left alone."""
    host = live.base_url.removeprefix("http://")
    half = [await asyncio.open_connection(*host.split(":")) for _ in range(300)]
    for _, writer in half:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    writer.write((POST + "Content-Length: 9\r\n\r\n1").replace(HOST, host).encode())
    while not live.app[inboxes.LOAD].count:
        await asyncio.sleep(0)
    for _ in range(5):
        assert (await live.get("/")).status == 200
    server = live.runner.server
    assert server is not None
    sweeper = Sweeper(server)
    assert sweeper.sweep(1000.0) == 0
    assert sweeper.sweep(1000.0 + IDLE_SECONDS - 1) == 0
    assert sweeper.sweep(1000.0 + IDLE_SECONDS + 1) >= 300
    for other, closing in half:
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(other.read(), 10) == b""
        closing.close()
    writer.write(b"23456789")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 40")
    assert sweeper.sweep(1000.0 + WORK_SECONDS + 2) >= 0
    writer.close()
    assert (await live.get("/livez")).status == 200


@pytest.mark.proves("SEC-123")
async def test_beyond_its_capacity_the_inbox_says_when_to_come_again(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All places are taken by slow senders: 503 with Retry-After, readers are served, and a free place is used."""
    host = live.base_url.removeprefix("http://")
    head = (POST + "Content-Length: 100\r\n\r\n").replace(HOST, host).encode()
    busy = live.app[inboxes.LOAD]
    slow = [await asyncio.open_connection(*host.split(":")) for _ in range(inboxes.MAX_BUSY)]
    for _, writer in slow:
        writer.write(head)
    while not busy.is_full():
        await asyncio.sleep(0)
    turned_away = await live.request(
        "POST", "/inbox", data=b"{}", headers={"Content-Type": "application/activity+json"}
    )
    assert turned_away.status == 503
    assert int(turned_away.headers["Retry-After"]) > 0
    assert (await live.get("/")).status == 200
    for _, writer in slow:
        writer.close()
    while busy.is_full():
        await asyncio.sleep(0)
    again = await live.request("POST", "/inbox", data=b"{}", headers={"Content-Type": "application/activity+json"})
    assert again.status == 401


@pytest.mark.proves("SEC-124")
async def test_pipelined_requests_take_their_turn(live: Live) -> None:
    """5,000 in one go: answered in order or cut off; somebody else gets a page meanwhile."""
    flood = asyncio.create_task(speak(live, (GET + "\r\n") * 4999 + GET + "Connection: close\r\n\r\n", seconds=60))
    for _ in range(10):
        assert (await live.get("/")).status == 200
    answers = await flood
    assert answers.count(b"HTTP/1.1 200") in range(1, 5001)
    assert b"HTTP/1.1 5" not in answers


@pytest.mark.proves("SEC-124")
async def test_who_asks_and_never_reads_costs_little(live: Live) -> None:
    """A page that is kept, asked for 3,000 times by somebody who takes none of it: what waits for them is bounded."""
    author = await make_author(live.services)
    post = await make_post(live.services, author.actor_id, source="A long day. " * 4000)
    path = f"/@ana/{post.slug}"
    assert (await live.get(path)).status == 200
    host = live.base_url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"), limit=1024)
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\n\r\n".encode()
    writer.write(asked * 3000)
    server = live.runner.server
    assert server is not None
    most = 0
    for _ in range(300):
        assert (await live.get("/livez")).status == 200
        waiting = [one.transport.get_write_buffer_size() for one in server.connections if one.transport is not None]
        most = max(most, *waiting)
    assert 0 < most < 1_000_000
    assert not reader.at_eof()
    writer.close()
