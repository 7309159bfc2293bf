"""`fedblog doctor` about what is outside: a real mail server, push services, the public address behind a real proxy."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedblog.cli import checkup_notices, checkup_public
from fedblog.cli.findings import Finding
from fedblog.config import Mail, Settings
from fedblog.storage import accounts, meta, notice_settings
from fedblog.storage.database import Tx
from fedblog.web.loop import PATH
from fedblog.web.notices.web_push import META_KEY
from tests.live import Live, live_app, live_settings
from tests.samples import make_author


class Post:
    """What a mail server was given."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str]] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append((envelope.rcpt_tos, envelope.content.decode()))
        return self.answer


def certificate(folder: Path) -> Path:
    """A certificate for localhost that signs itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "certificate.pem"
    path.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()) + made.public_bytes(pem))
    return path


@asynccontextmanager
async def mail_server(post: Post, **options: Any) -> AsyncIterator[int]:
    """Listens on loopback; its port. `ssl`: speaks TLS at once."""
    secure = options.pop("ssl", None)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(post, hostname="mail.example", **options), "127.0.0.1", 0, ssl=secure
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def with_mail(folder: Path, **keys: Any) -> Settings:
    return live_settings(folder, 1, mail={"host": "localhost", "security": "none", "timeout": 5, **keys})


async def look(folder: Path, send_to: str = "", **keys: Any) -> Finding:
    """The one finding about mail."""
    (found,) = await checkup_notices.look_at_mail(with_mail(folder, **keys), send_to=send_to)
    return found


async def test_mail_is_tried_and_none_is_sent_unasked(tmp_path: Path) -> None:
    post = Post()
    async with mail_server(post) as port:
        found = await look(tmp_path, port=port)
        assert (found.state, found.words) == ("ok", f"localhost:{port} answers")
        assert not post.mails
        found = await look(tmp_path, "ana@far.example", port=port)
        assert found.words.endswith("; a mail went to ana@far.example")
        ((to, text),) = post.mails
        assert to == ["ana@far.example"]
        assert "Subject: Test of Living Letters" in text
        post.answer = "550 5.7.1 not from you"
        found = await look(tmp_path, "ana@far.example", port=port)
        assert (found.state, found.words) == ("fail", "the mail server answered 550 5.7.1 not from you")
        assert (await look(tmp_path, "no address", port=port)).state == "fail"
    found = await look(tmp_path, port=port)
    assert (found.state, found.fix) == ("fail", "nothing listens there: look at mail.host and mail.port")
    assert (await look(tmp_path, host="")).state == "ok"
    assert (await look(tmp_path, "ana@far.example", host="")).fix == "set mail.host"


async def test_mail_by_starttls_tls_and_with_a_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = certificate(tmp_path)
    secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    secure.load_cert_chain(path)

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right", handled=False)

    async with (
        mail_server(Post(), tls_context=secure, require_starttls=True, authenticator=check, auth_required=True) as port,
        mail_server(Post(), ssl=secure) as tls_port,
    ):
        asked: dict[str, Any] = {"port": port, "security": "starttls", "user": "blog", "password": "right"}
        found = await look(tmp_path, **asked)
        assert found.state == "fail", "nobody vouches for that certificate"
        assert found.fix.startswith("the server's certificate does not fit")
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        found = await look(tmp_path, **asked)
        assert (found.state, found.words) == ("ok", f"localhost:{port} answers, TLSv1.3, logged in as blog")
        found = await look(tmp_path, **{**asked, "password": "wrong"})
        assert (found.state, found.fix) == ("fail", "look at mail.user and mail.password")
        assert (await look(tmp_path, port=tls_port, security="tls")).state == "ok"
        found = await look(tmp_path, port=port, security="tls")
        assert (found.state, "starttls" in found.fix) == ("fail", True)
    async with mail_server(Post()) as port:
        found = await look(tmp_path, port=port, security="starttls")
        assert (found.state, "no STARTTLS" in found.fix) == ("fail", True)


def test_a_password_in_the_clear_is_told() -> None:
    assert checkup_notices._is_open(Mail(host="mail.example", security="none", user="a", password="b"))
    assert not checkup_notices._is_open(Mail(host="localhost", security="none", user="a", password="b"))
    assert not checkup_notices._is_open(Mail(host="mail.example", user="a", password="b"))


async def test_what_authors_chose_is_looked_at(tmp_path: Path) -> None:
    async with live_app(tmp_path) as live:
        settings, db = live.services.settings, live.services.db
        account = await make_author(live.services)
        assert [one.state for one in await checkup_notices.look_at_notices(settings)] == ["ok"]

        def choose(tx: Tx) -> None:
            accounts.set_email(tx, account.id, "ana@far.example")
            notice_settings.save(
                tx, account.id, muted=(), mail="daily", ntfy_url="https://10.0.0.1/topic", ntfy_token=None
            )
            notice_settings.failed(tx, account.id, "push", "push.example answered 403")
            notice_settings.add_subscription(
                tx, account.id, endpoint="https://push.example/1", p256dh="x", auth="x", user_agent="", at_most=9
            )

        await db.write(choose)
        found = {one.words.partition(":")[0]: one for one in await checkup_notices.look_at_notices(settings)}
        assert set(found) == {
            "they want mail, and no mail server is set",
            "their push address can't be used",
            "the last push failed",
            "browsers take push messages of https sites only",
            "browsers are subscribed to a key that is gone",
        }
        assert all(one.fix for one in found.values())
        await db.write(lambda tx: meta.put(tx, META_KEY, "sealed by another secret"))
        assert "fail" in {one.state for one in await checkup_notices.look_at_notices(settings)}


Change = Callable[[dict[str, Any]], web.Response | None]


@asynccontextmanager
async def behind_a_proxy(folder: Path, change: Change = lambda asked: None) -> AsyncIterator[Live]:
    """A blog whose public address is a proxy's; `change` does to requests what proxies do, or answers itself."""
    port = unused_port()
    async with live_app(folder, server={"base_url": f"http://127.0.0.1:{port}"}) as live:
        behind = f"http://127.0.0.1:{live.runner.addresses[0][1]}"

        async def pass_on(request: web.Request) -> web.Response:
            asked: dict[str, Any] = {
                "path": request.raw_path,
                "headers": request.headers.copy(),
                "body": await request.read(),
            }
            asked["headers"].popall("Content-Length", None)
            answered = change(asked)
            if answered is not None:
                return answered
            async with aiohttp.ClientSession(auto_decompress=False) as session:
                sent: dict[str, Any] = {
                    "headers": asked["headers"],
                    "data": asked["body"],
                    "skip_auto_headers": ("Content-Type",),
                }
                async with session.request(request.method, behind + asked["path"], **sent) as answer:
                    kept = {name: answer.headers[name] for name in ("Content-Type", "Date") if name in answer.headers}
                    return web.Response(status=answer.status, body=await answer.read(), headers=kept)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", pass_on)
        server = TestServer(app, port=port)
        await server.start_server()
        try:
            yield live
        finally:
            await server.close()


async def states(live: Live) -> dict[str, Finding]:
    return {one.name: one for one in await checkup_public.ask_itself(live.services.settings)}


async def test_the_signed_loop_behind_a_proxy(tmp_path: Path) -> None:
    async with behind_a_proxy(tmp_path / "good") as live:
        found = await states(live)
        assert {name: one.state for name, one in found.items()} == dict.fromkeys(
            ("name", "discovery", "clock of the server", "actor", "signed loop", "inbox"), "ok"
        ), found
        assert found["signed loop"].words == "a signed request arrives as it was sent, from 127.0.0.1"


def of_posts(change: Callable[[dict[str, Any]], Any]) -> Change:
    """Done to POSTs alone."""

    def changed(asked: dict[str, Any]) -> web.Response | None:
        answered = change(asked) if asked["body"] else None
        return answered if isinstance(answered, web.Response) else None

    return changed


@pytest.mark.parametrize(
    ("change", "name", "fix"),
    [
        (lambda asked: asked["headers"].update(Host="backend"), "discovery", "with the Host header unchanged"),
        (of_posts(lambda asked: asked.update(body=asked["body"] + b" ")), "signed loop", "rewrites bodies"),
        (of_posts(lambda asked: asked["headers"].popall("Signature", None)), "signed loop", "Signature"),
        (of_posts(lambda asked: asked.update(path=asked["path"] + "?a=b")), "signed loop", "path"),
        (of_posts(lambda asked: web.Response(status=403)), "inbox", "POST /inbox"),
    ],
)
async def test_what_a_proxy_spoils_is_found(tmp_path: Path, change: Change, name: str, fix: str) -> None:
    async with behind_a_proxy(tmp_path, change) as live:
        found = (await states(live))[name]
        assert found.state == "fail", found
        assert fix in found.fix


def test_a_proxy_that_is_taken_for_everybody_is_found(tmp_path: Path) -> None:
    settings = live_settings(tmp_path, 1)
    public = msgspec.structs.replace(
        settings, server=msgspec.structs.replace(settings.server, base_url="https://blog.example")
    )
    assert checkup_public._is_behind_a_proxy("127.0.0.1", public)
    assert not checkup_public._is_behind_a_proxy("203.0.113.7", public)
    assert not checkup_public._is_behind_a_proxy("127.0.0.1", settings)


async def test_names_and_certificates_that_fit_nobody(tmp_path: Path) -> None:
    settings = live_settings(tmp_path, 1, server={"base_url": "http://no-such-host.invalid"})
    (found,) = await checkup_public.look_at_name(settings)
    assert (found.state, "leads nowhere" in found.words) == ("warn", True)
    assert checkup_public._no_answer(settings, "certificate verify failed").name == "TLS"


@pytest.mark.proves("SEC-034")
async def test_nobody_else_learns_anything_by_the_loop(live_blog: Live) -> None:
    for headers in ({}, {"Signature": 'keyId="https://far.example/a#k",headers="date",signature="AAAA"'}):
        answer = await live_blog.request("POST", PATH, data=b"{}", headers=headers)
        assert answer.status in (400, 401)
        assert b"127.0.0.1" not in answer.body


@pytest.fixture
async def live_blog(tmp_path: Path) -> AsyncIterator[Live]:
    async with live_app(tmp_path) as live:
        yield live
