"""The inboxes at HTTP level: sizes, types, limits, answers (PROTOCOL F, SECURITY G)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from fedblog.storage import inbox as inbox_log
from fedblog.web.inboxes import A_ROUND, InboxLoad
from tests.live import Answer, Live, live_app
from tests.samples import make_author

ACTIVITY = {"Content-Type": "application/activity+json"}
BODY = json.dumps(
    {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": "https://peer.example/1",
        "type": "Like",
        "actor": "https://peer.example/users/bo",
        "object": "https://blog.example/x",
    }
).encode()


async def post(
    live: Live, body: bytes = BODY, *, path: str = "/inbox", headers: dict[str, str] | None = None
) -> Answer:
    return await live.request("POST", path, data=body, headers={**ACTIVITY, **(headers or {})})


def reason(answer: Answer) -> str:
    assert answer.headers["Content-Type"] == "application/problem+json"
    found = json.loads(answer.body)
    assert found["status"] == answer.status
    return str(found["reason"])


@pytest.mark.parametrize("path", ["/inbox", "/ap/actors/ana/inbox", "/ap/actors/blog/inbox", "/ap/instance/inbox"])
async def test_INB_01_SIG_01_SIG_18_every_inbox_wants_a_signature_and_says_which(live: Live, path: str) -> None:
    await make_author(live.services)
    answer = await post(live, path=path)
    assert (answer.status, reason(answer)) == (401, "signature_missing")
    assert answer.headers["Accept-Signature"] == 'sig1=("@method" "@target-uri" "content-digest");created;keyid'
    asked = await live.get(path)
    assert asked.status == 405
    assert "POST" in asked.headers["Allow"]


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/activity+json", 401),
        ("application/activity+json; charset=utf-8", 401),
        ('application/ld+json; profile="https://www.w3.org/ns/activitystreams"', 401),
        ("application/ld+json", 401),
        ("application/json", 415),
        ("text/html", 415),
        ("multipart/form-data; boundary=x", 415),
        ("", 415),
    ],
)
@pytest.mark.proves("SEC-059")
async def test_INB_02_content_types(live: Live, content_type: str, status: int) -> None:
    assert (await post(live, headers={"Content-Type": content_type})).status == status


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, gzip"])
@pytest.mark.proves("SEC-053")
async def test_INB_02_compressed_bodies_are_refused(live: Live, encoding: str) -> None:
    answer = await post(live, headers={"Content-Encoding": encoding})
    assert (answer.status, reason(answer)) == (415, "content_encoding")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nonsense", b'{"id":1,"id":2}', b'{"a":NaN}', b"\xff\xfe", b'{"a":' * 70 + b"1" + b"}" * 70, b"null"],
)
async def test_INB_04_unreadable_bodies_are_400_or_unsigned(live: Live, body: bytes) -> None:
    answer = await post(live, body)
    assert answer.status in (400, 401)
    assert reason(answer)


@pytest.mark.proves("SEC-051", "SEC-052")
async def test_INB_04_body_over_the_limit_is_413_before_it_is_read(tmp_path: Path) -> None:
    async with live_app(tmp_path, limits={"body_bytes": 2048}) as live:
        answer = await post(live, b"x" * 2049)
        assert (answer.status, reason(answer)) == (413, "body_too_large")

        async def chunks() -> object:
            for _ in range(40):
                yield b"y" * 100

        chunked = await live.request("POST", "/inbox", data=chunks(), headers=ACTIVITY)
        assert chunked.status == 413
        assert (await post(live, b"x" * 2048)).status in (400, 401)


async def test_INB_04_rate_limit_counts_each_address_behind_a_trusted_proxy(tmp_path: Path) -> None:
    async with live_app(tmp_path, limits={"inbox_per_minute": 2}) as live:
        first = [await post(live, headers={"X-Forwarded-For": "203.0.113.7"}) for _ in range(3)]
        assert [answer.status for answer in first] == [401, 401, 429]
        assert int(first[2].headers["Retry-After"]) >= 1
        assert (await post(live, headers={"X-Forwarded-For": "203.0.113.8"})).status == 401
        spoofed = await post(live, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})
        assert spoofed.status == 429


async def test_INB_04_forwarded_addresses_of_strangers_are_not_believed(tmp_path: Path) -> None:
    async with live_app(tmp_path, limits={"inbox_per_minute": 1}, server={"trusted_proxies": []}) as live:
        statuses = [
            (await post(live, headers={"X-Forwarded-For": f"203.0.113.{number}"})).status for number in range(2)
        ]
        assert statuses == [401, 429]


@pytest.mark.proves("SEC-021")
async def test_SIG_09_a_doubled_header_arrives_doubled(live: Live) -> None:
    host = live.base_url.removeprefix("http://")
    reader, writer = await asyncio.open_connection(*host.split(":"))
    doubled = "Date: Mon, 02 Nov 2026 10:00:00 GMT\r\n" * 2
    signature = (
        'Signature: keyId="https://peer.example/k",headers="(request-target) host date digest",signature="AA=="\r\n'
    )
    head = f"POST /inbox HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{doubled}{signature}"
    writer.write(
        f"{head}Content-Type: application/activity+json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    )
    await writer.drain()
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"header_duplicated" in answer


async def test_refusals_are_in_the_inbox_log(live: Live) -> None:
    await post(live)
    entries = await live.services.db.read(inbox_log.entries, limit=10)
    assert [(entry.status, entry.reason, entry.host) for entry in entries] == [
        (401, "signature_missing", "peer.example")
    ]


async def test_so_many_begin_in_a_round_of_the_loop_and_others_come_in_between() -> None:
    load, seen = InboxLoad(), list[int]()
    reader = -1

    async def take(number: int) -> None:
        await load.turn()
        seen.append(number)

    async def read() -> None:
        for _ in range(20):
            seen.append(reader)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(take(number)) for number in range(5 * A_ROUND)]
    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    tasks[3 * A_ROUND].cancel()  # who leaves keeps nobody from their turn
    await asyncio.gather(*tasks, reading, return_exceptions=True)
    came = [number for number in seen if number != reader]
    assert came == [number for number in range(5 * A_ROUND) if number != 3 * A_ROUND]
    rounds = [len(one) for one in "".join("r" if number == reader else "x" for number in seen).split("r")]
    assert max(rounds) <= A_ROUND
    assert load._begun < 0, "nothing turns round and round when nobody waits"
    await asyncio.wait_for(load.turn(), 1)
