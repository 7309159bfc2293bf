"""Errors, headers, hosts, logs: what every answer has in common (SECURITY E, G)."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest

from fedblog.errors import ConfigError, Refused
from fedblog.observe import Counters, JsonFormatter, TextFormatter, counters, request_id
from fedblog.storage import actors
from fedblog.web import cursors
from fedblog.web.keys import RENDERER
from fedblog.web.limits import MAX_TRACKED, RateLimits
from fedblog.web.proxies import client_address, parse_networks
from tests.live import Live, live_app
from tests.samples import make_author, make_post

LOCAL = parse_networks(["127.0.0.0/8", "::1/128", "10.0.0.0/8"])


async def test_every_answer_carries_the_security_headers(live: Live) -> None:
    account = await make_author(live.services)
    await make_post(live.services, account.actor_id)
    paths = ["/", "/@ana", "/nope", "/ap/actors/ana", "/ap/actors/nobody", "/feed.atom", "/login", "/studio", "/livez"]
    paths += [live.app[RENDERER].assets.url("style.css"), "/inbox", "/.well-known/webfinger"]
    for path in paths:
        answer = await live.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "base-uri 'none'" in policy, path
        assert "form-action" in policy, path
        assert "unsafe" not in policy, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"], path
        assert answer.headers["Server"] == "fedblog", path
        assert "Strict-Transport-Security" not in answer.headers
    assert "form-action 'self'" in (await live.get("/login")).headers["Content-Security-Policy"]
    assert "form-action 'self' https:" not in (await live.get("/login")).headers["Content-Security-Policy"]
    assert (await live.get("/login")).headers["Cache-Control"] == "private, no-store"


async def test_NEG_03_errors_vary_by_accept_too(live: Live) -> None:
    for path in ("/nope", "/@nobody", "/ap/posts/1", "/tag/none"):
        for accept in ("text/html", "application/activity+json"):
            answer = await live.get(path, accept=accept)
            assert answer.status == 404
            assert "Accept" in answer.headers["Vary"]
            machine = accept != "text/html" or path.startswith("/ap/")
            expected = "application/problem+json" if machine else "text/html; charset=utf-8"
            assert answer.headers["Content-Type"] == expected


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "", "evil.example, 127.0.0.1"])
@pytest.mark.proves("SEC-109")
async def test_only_the_configured_host_is_answered(live: Live, host: str) -> None:
    answer = await live.get("/", headers={"Host": host})
    assert answer.status in (400, 421)
    assert "evil.example" not in answer.text
    assert (await live.get("/livez", headers={"Host": host or "x"})).status == 200


@pytest.mark.proves("SEC-109")
async def test_SIG_10_a_forwarded_host_changes_nothing(live: Live) -> None:
    await make_author(live.services)
    headers = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Proto": "https"}
    plain, forwarded = await live.get("/@ana"), await live.get("/@ana", headers=headers)
    assert forwarded.body == plain.body
    assert "evil.example" not in forwarded.text


@pytest.mark.proves("SEC-091", "SEC-113")
async def test_an_unexpected_error_is_a_page_with_a_reference_and_a_log_line(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError("s3cret detail")

    monkeypatch.setattr(actors, "blog", broken)
    page = await live.get("/")
    assert page.status == 500
    assert "s3cret" not in page.text
    reference = re.search(r"<code>([0-9a-f]+)</code>", page.text)
    assert reference is not None
    assert page.headers["X-Request-Id"] == reference[1]
    machine = await live.get("/@ana", accept="application/activity+json")
    assert machine.status == 404
    assert any(record.exc_info for record in caplog.records)


@pytest.mark.proves("SEC-091", "SEC-117")
async def test_one_line_a_request_without_query_or_cookie(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "fedblog.web")
    await live.get("/interact?handle=@secret@a.example&token=hush", headers={"Cookie": "session=hush"})
    records = [record for record in caplog.records if record.name == "fedblog.web" and record.message == "request"]
    assert len(records) == 1
    line = JsonFormatter().format(records[0])
    found = json.loads(line)
    assert (found["method"], found["path"], found["status"]) == ("GET", "/interact", 404)
    assert "hush" not in line
    assert "secret" not in line


async def test_requests_are_counted_by_known_methods_only(live: Live) -> None:
    before = counters.value("fedblog_http_requests_total", method="other", status="405")
    await live.request("PROPFIND", "/")
    assert counters.value("fedblog_http_requests_total", method="other", status="405") == before + 1


async def test_health(live: Live) -> None:
    assert (await live.get("/livez")).text == "ok\n"
    assert (await live.get("/readyz")).text == "ready\n"
    await live.services.db.close()
    assert (await live.get("/readyz")).status == 503
    assert (await live.get("/")).status == 503


@pytest.mark.parametrize(
    "name",
    [
        "../app.py",
        "..%2f..%2fapp.py",
        "%2e%2e/config.py",
        "style.css/",
        "",
        "nope.css",
        "/etc/passwd",
        "style.css%00.js",
    ],
)
@pytest.mark.proves("SEC-112", "SEC-113")
async def test_static_files_come_from_a_manifest(live: Live, name: str) -> None:
    version = live.app[RENDERER].assets.version
    answer = await live.get(f"/static/{version}/{name}")
    assert answer.status == 404


async def test_static_files_are_kept_for_ever_under_their_version(live: Live) -> None:
    url = live.app[RENDERER].assets.url("style.css")
    answer = await live.get(url)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    old = await live.get("/static/000000000000/style.css")
    assert (old.body, old.headers["Cache-Control"]) == (answer.body, "no-cache")


async def test_a_site_behind_a_tls_proxy(tmp_path: Path) -> None:
    federation = {"allow_http": False, "allow_networks": []}
    async with live_app(tmp_path, server={"base_url": "https://blog.example"}, federation=federation) as live:
        site = next(iter(live.runner.sites)).name  # the listener itself is plain http
        for host in ("blog.example", "blog.example:443", "BLOG.example"):
            answer = await live.get(f"{site}/", headers={"Host": host, "X-Forwarded-Proto": "https"})
            assert answer.status == 200, host
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert "form-action 'self' https:" in answer.headers["Content-Security-Policy"]
            assert "http:" not in answer.headers["Content-Security-Policy"]
        assert (await live.get(f"{site}/", headers={"Host": "blog.example:80"})).status == 421


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.1", None, "203.0.113.1"),
        ("203.0.113.1", "198.51.100.9", "203.0.113.1"),
        ("127.0.0.1", "198.51.100.9", "198.51.100.9"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.9, 10.1.1.1", "198.51.100.9"),
        ("127.0.0.1", "10.2.2.2, 10.1.1.1", "10.2.2.2"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 198.51.100.9", "198.51.100.9"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::1", "[2001:db8::7]", "2001:db8::7"),
        ("::ffff:127.0.0.1", "198.51.100.9", "198.51.100.9"),
        (None, "198.51.100.9", ""),
    ],
)
def test_the_asker_behind_trusted_proxies(peer: str | None, forwarded: str | None, expected: str) -> None:
    assert client_address(peer, forwarded, LOCAL) == expected


def test_a_proxy_that_is_no_network_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        parse_networks(["proxy.example"])


def test_rate_limits_refill_and_count_ipv6_by_network() -> None:
    now = [0.0]
    limits = RateLimits(lambda: now[0])
    for _ in range(3):
        limits.take("x", "2001:db8::1", 3)
    with pytest.raises(Refused) as refused:
        limits.take("x", "2001:db8::ffff", 3)
    assert (refused.value.status, refused.value.reason) == (429, "rate_limited")
    assert refused.value.retry_after is not None
    limits.take("x", "2001:db8:1::1", 3)
    limits.take("other", "2001:db8::1", 3)
    now[0] += refused.value.retry_after
    limits.take("x", "2001:db8::1", 3)


@pytest.mark.proves("SEC-076")
def test_rate_limits_are_bounded() -> None:
    limits = RateLimits(lambda: 0.0)
    for number in range(MAX_TRACKED + 10):
        limits.take("x", f"host{number}", 1)
    limits.take("x", "host0", 1)
    with pytest.raises(Refused):
        limits.take("x", f"host{MAX_TRACKED + 9}", 1)


@pytest.mark.parametrize("numbers", [(0,), (1, 2), (2**63 - 1,), (5, 0)])
def test_cursors_come_back(numbers: tuple[int, ...]) -> None:
    assert cursors.decode(cursors.encode(*numbers), len(numbers)) == numbers


def test_log_lines_stay_one_line_and_know_their_request() -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "a\nb", "path": "/\r\nforged"})
    token = request_id.set("abc123")
    try:
        text, parsed = TextFormatter().format(record), json.loads(JsonFormatter().format(record))
    finally:
        request_id.reset(token)
    assert "\n" not in text
    assert "request_id=abc123" in text
    assert (parsed["message"], parsed["path"], parsed["request_id"]) == ("a\nb", "/\r\nforged", "abc123")


def test_counters_print_as_prometheus_text() -> None:
    counts = Counters()
    counts.add("things_total", kind='a"b')
    counts.add("things_total", 2, kind='a"b')
    counts.add("plain_total")
    assert counts.text() == 'plain_total 1\nthings_total{kind="a\\"b"} 3\n'
