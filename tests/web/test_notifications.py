"""Authors are told: in the studio, by mail over a real SMTP connection, by ntfy, by web push."""

from __future__ import annotations

import asyncio
import email
import json
import re
from collections.abc import AsyncIterator
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedblog.app import build_app
from fedblog.blog.model import ReactionKind, ReplyState, Visibility
from fedblog.config import make_settings
from fedblog.storage import accounts, deliveries, followers, jobs, notice_settings, reactions
from fedblog.storage.database import Tx
from fedblog.web.notices import changes, web_push
from fedblog.web.notices.teller import KIND, NewsPlanner
from tests.web.desk import BASE, HOST, PASSWORD, Clock, Desk


class Post:
    """A mail server's handler: keeps what comes, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(message, EmailMessage)
            self.mails.append(message)
        return self.answer


@pytest.fixture
async def post_office() -> AsyncIterator[tuple[Post, int]]:
    """A real SMTP server on loopback, and its port."""
    handler = Post()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, hostname="mail.example", enable_SMTPUTF8=True), "127.0.0.1", 0
    )
    yield handler, server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


class Service:
    """An ntfy server and push service in one; keeps what comes."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 201

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, dict(request.headers), await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    """The service and its address."""
    app, kept = web.Application(), Service()
    app.router.add_post("/{tail:.*}", kept.take)
    server = TestServer(app)
    await server.start_server()
    yield kept, str(server.make_url("/")).rstrip("/")
    await server.close()


@pytest.fixture
async def office(template: Any, tmp_path: Any, post_office: tuple[Post, int]) -> AsyncIterator[Desk]:
    """A running blog that may send mail and dial loopback."""
    import shutil

    shutil.copytree(template, tmp_path / "data")
    raw = {
        "server": {"domain": HOST, "base_url": BASE, "data_dir": str(tmp_path / "data")},
        "federation": {"allow_http": True, "deliver": False, "allow_networks": ["127.0.0.0/8"]},
        "mail": {"host": "127.0.0.1", "port": post_office[1], "security": "none", "timeout": 5},
    }
    clock = Clock()
    app = build_app(make_settings(raw, relative_to=tmp_path), clock=clock)
    server = TestServer(app)
    await server.start_server()
    desk = Desk(app, server, clock)
    yield desk
    for browser in desk.browsers:
        await browser.close()
    await server.close()


async def follow(desk: Desk, name: str, state: str = "accepted", of: str = "anna") -> None:
    """Somebody follows."""
    actor, account = await desk.stranger(name), await desk.account(of)
    await desk.parts.db.write(
        followers.add,
        actor_id=actor.id,
        target_id=account.actor_id,
        state=state,
        follow_uri=f"{actor.uri}/follow",
        follow_json="{}",
    )


async def like(desk: Desk, name: str, post_id: Any, kind: ReactionKind = ReactionKind.LIKE) -> None:
    """Somebody likes or boosts a post."""
    actor = await desk.stranger(name)
    uri = f"{actor.uri}/{kind.value}"
    await desk.parts.db.write(reactions.add, kind=kind, actor_id=actor.id, post_id=post_id, activity_uri=uri)


async def look(desk: Desk) -> int:
    """Let the planner look, and do what it planned; how much that was."""
    desk.clock.now += 10
    planned = await NewsPlanner(desk.parts.db, desk.parts.settings).look()
    await desk.parts.jobs.drain()
    return planned


async def choose(desk: Desk, **fields: str) -> None:
    """Anna's settings."""
    anna = await desk.logged_in("anna")
    kinds = ["reply", "held", "private", "like", "boost", "follow", "follow_request", "quote", "trouble"]
    page = await anna.get("/studio/notifications/settings")
    form = [("csrf", page.csrf), ("mail", "off"), *(("kind", kind) for kind in kinds)]
    form = [(key, value) for key, value in form if key not in fields] + list(fields.items())
    answer = await anna.post("/studio/notifications/settings", form)  # type: ignore[arg-type]
    assert answer.status == 303, answer.text


async def test_the_list_puts_alike_things_together_and_counts_what_is_new(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    assert "Nothing has happened yet" in (await anna.get("/studio/notifications")).text
    post = await desk.write_post("anna", "On <b>bread</b>")
    for name in ("mia", "bob", "cleo", "dan"):
        await like(desk, name, post.id)
    await like(desk, "mia", post.id, ReactionKind.ANNOUNCE)
    await follow(desk, "mia")
    await follow(desk, "eve", "pending")
    mia = await desk.stranger()
    await desk.reply(post, mia, "Well <b>said</b>.")
    await desk.reply(post, mia, "Hold me", state=ReplyState.HELD)
    await desk.reply(post, mia, "Between us", visibility=Visibility.DIRECT)

    def fail(tx: Tx) -> None:
        tx.run(
            "INSERT INTO deliveries (id, activity_id, object_uri, inbox, host, state, attempts, due_at, lease_until,"
            " last_error) SELECT 1, id, object_uri, 'https://x.example/inbox', 'x.example', 'waiting', 0, 0, 0, ''"
            " FROM outgoing WHERE object_uri = $1 LIMIT 1",
            post.uri,
        )
        deliveries.fail(tx, 1, status=410, error="gone")

    await desk.parts.db.write(fail)
    desk.clock.now += 60
    page = await anna.get("/studio/notifications")
    plain = re.sub("[\u2068\u2069]", "", page.text)
    for words in (
        "Dan and 3 others liked “On &lt;b&gt;bread&lt;/b&gt;”",
        "Mia boosted “On",
        "Mia follows you",
        "Eve asks to follow you",
        "Mia replied under",
        "and waits for your decision",
        "wrote to you in private",
        "could not be given to 1 server",
        "Between us",
    ):
        assert words in plain, words
    assert page.text.count("is-unread") == 8
    assert "8 unread notifications" in page.text
    # What came after the page was made stays unread.
    as_of = page.value("as_of")
    desk.clock.now += 1
    await like(desk, "fay", post.id)
    desk.clock.now += 60
    await anna.post("/studio/notifications", {"csrf": page.csrf, "as_of": as_of})
    page = await anna.get("/studio/notifications?show=unread")
    assert "1 unread notification" in page.text
    assert "Fay" in page.text
    assert "Mia follows" not in page.text
    # Reading the conversations reads what shows there.
    await anna.get("/studio/conversations")
    assert "Nothing unread" in (await anna.get("/studio/notifications?show=unread")).text
    # Private replies are nobody else's, not even the owner's.
    for name in ("bert", "olga"):
        other = await (await desk.logged_in(name)).get("/studio/notifications")
        assert "Between us" not in other.text
    assert "Hold me" in (await (await desk.logged_in("edda")).get("/studio/notifications")).text


async def test_mails_come_once_with_a_way_to_end_them(office: Desk, post_office: tuple[Post, int]) -> None:
    handler, _port = post_office
    post = await office.write_post("anna", "On bread")
    await like(office, "zoe", post.id)
    office.clock.now += 60
    await choose(office, mail="immediate", email="anna@home.example")
    assert await look(office) == 0  # what was before is known
    office.clock.now += 60
    await office.reply(post, await office.stranger(), "Between <b>us</b>", visibility=Visibility.DIRECT)
    assert await look(office) == 1
    assert await look(office) == 0
    (message,) = handler.mails
    assert message["To"] == "anna <anna@home.example>"
    assert message["Subject"] == "Mia wrote to you in private under “On bread”"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert "> Between us" in plain.get_content()
    assert f"{BASE}/studio/conversations#reply-" in plain.get_content()
    assert "Between us" in html.get_content()
    # One press in the mail program: no log-in, no token, no origin.
    link = message["List-Unsubscribe"].strip("<>").removeprefix(BASE)
    stranger = office.browser()
    assert "No more mails?" in (await stranger.get(link)).text
    assert (await stranger.get(link[:-1] + "x")).status == 404
    assert (await stranger.get(f"/unsubscribe/{'0' * 32}")).status == 404
    assert (await stranger.post(link, {"List-Unsubscribe": "One-Click"})).status == 200
    await like(office, "dan", post.id)
    assert await look(office) == 0
    assert len(handler.mails) == 1


async def test_a_digest_waits_for_its_day_and_leaves_out_what_is_muted(
    office: Desk, post_office: tuple[Post, int]
) -> None:
    handler, _port = post_office
    post = await office.write_post("anna", "On bread")
    await choose(office, mail="daily", email="anna@home.example", kind="like")
    office.clock.now += 60
    for name in ("mia", "bob", "cleo"):
        await like(office, name, post.id)
    await follow(office, "mia")
    assert await look(office) == 0
    office.clock.now += 86_400
    assert await look(office) == 1
    (message,) = handler.mails
    assert message["Subject"] == "Cleo and 2 others liked “On bread”"
    body = message.get_body(("plain",))
    assert body is not None
    assert "follow" not in body.get_content()


async def test_a_mail_server_in_trouble_is_tried_again_and_told(office: Desk, post_office: tuple[Post, int]) -> None:
    handler, _port = post_office
    post = await office.write_post("anna", "On bread")
    await choose(office, mail="immediate", email="anna@home.example")
    office.clock.now += 60
    await like(office, "mia", post.id)
    handler.answer = "451 busy"
    assert await look(office) == 1
    account = await office.account("anna")
    waiting = await office.parts.db.read(jobs.get, KIND, f"mail {account.id}")
    assert waiting is not None
    assert waiting.attempts == 1
    handler.answer = "250 OK"
    office.clock.now += 120
    await office.parts.jobs.drain()
    assert len(handler.mails) == 1
    await like(office, "bob", post.id)
    handler.answer = "550 no such person"
    assert await look(office) == 1
    assert await look(office) == 0  # not again and again
    anna = await office.logged_in("anna")
    assert "550 no such person" in (await anna.get("/studio/notifications/settings")).text
    office.clock.now += 3_700
    handler.answer = "250 OK"
    assert await look(office) == 1
    assert len(handler.mails) == 2


async def test_settings_are_checked(office: Desk, post_office: tuple[Post, int]) -> None:
    handler, _port = post_office
    anna = await office.logged_in("anna")
    here = "/studio/notifications/settings"
    for fields, words in (
        ({"mail": "daily", "email": ""}, "Where shall the mails go?"),
        ({"mail": "daily", "email": "a@b\nBcc: x@y.example"}, "That is no mail address."),
        ({"email": "two@at@signs.example, more@x.example"}, "That is no mail address."),
        ({"ntfy_url": "https://ntfy.sh/"}, "Write the address of your topic"),
        ({"ntfy_url": "ftp://ntfy.sh/x"}, "Write the address of your topic"),
        ({"ntfy_url": "http://10.0.0.1/x"}, "can&#39;t be used"),
        ({"ntfy_url": f"{BASE}/x"}, "can&#39;t be used"),
    ):
        page = await anna.send(here, fields, on=here)
        assert page.status == 400, fields
        assert words in page.text, (fields, page.text)
    assert (await anna.send(here, {"mail": "hourly"}, on=here)).status == 400
    sent = await anna.send(here, {"mail": "daily", "email": "anna@home.example", "do": "test_mail"}, on=here)
    assert sent.location.endswith("done=notices_tested")
    assert handler.mails[0]["To"] == "anna <anna@home.example>"
    handler.answer = "554 go away"
    failed = await anna.send(here, {"mail": "daily", "email": "anna@home.example", "do": "test_mail"}, on=here)
    assert failed.status == 502
    assert "554 go away" in failed.text


async def test_ntfy_gets_short_messages_and_no_private_words(office: Desk, service: tuple[Service, str]) -> None:
    kept, url = service
    post = await office.write_post("anna", "On bread")
    await choose(office, ntfy_url=f"{url}/anna-news", ntfy_token="tk_secret")
    office.clock.now += 60
    mia = await office.stranger()
    await office.reply(post, mia, "Well said, über.")
    await office.reply(post, mia, "Between us", visibility=Visibility.DIRECT)
    # One that was held, and that its author made private meanwhile.
    await office.reply(post, mia, "Between us too", visibility=Visibility.DIRECT, state=ReplyState.HELD)
    office.clock.now += 60
    assert await look(office) == 1
    assert await look(office) == 0
    assert [path for path, _headers, _body in kept.got] == ["/", "/", "/"]
    first, second, third = (json.loads(body) for _path, _headers, body in kept.got)
    assert first["topic"] == "anna-news"
    assert first["title"] == "Mia replied under “On bread”"
    assert first["message"] == "Well said, über."
    assert first["click"].startswith(f"{BASE}/studio/conversations#reply-")
    assert second["message"] == third["message"] == "Mia wrote to you in private under “On bread”"
    assert "Between us" not in str(kept.got)
    assert kept.got[0][1]["Authorization"] == "Bearer tk_secret"
    stored = await office.parts.db.read(notice_settings.of, (await office.account("anna")).id)
    assert b"tk_secret" not in (stored.ntfy_token or b"")
    # A token belongs to its server: another address doesn't get it.
    await choose(office, ntfy_url=f"{url}/other")
    assert (await office.parts.db.read(notice_settings.of, stored.account_id)).ntfy_token is None
    kept.status = 403
    office.clock.now += 60
    await like(office, "bob", post.id)
    await look(office)
    anna = await office.logged_in("anna")
    assert "answered 403" in (await anna.get("/studio/notifications/settings")).text


def decrypt(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    """What a browser does with a push message (RFC 8291 §3)."""
    salt, sender, sealed = body[:16], body[21:86], body[86:]
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender))
    info = b"WebPush: info\0" + web_push.point(private.public_key()) + sender
    ikm = HKDF(hashes.SHA256(), 32, auth, info).derive(shared)
    key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(ikm)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(ikm)
    padded = AESGCM(key).decrypt(nonce, sealed, None)
    assert padded.endswith(b"\x02")
    return padded[:-1]


async def test_browsers_get_what_only_they_can_read(office: Desk, service: tuple[Service, str]) -> None:
    kept, url = service
    post = await office.write_post("anna", "On bread")
    anna = await office.logged_in("anna")
    here = "/studio/notifications/settings"
    page = await anna.get(here)
    offered = re.search(r'data-push="([\w-]+)"', page.text)
    assert offered is not None
    private, auth = ec.generate_private_key(ec.SECP256R1()), bytes(range(16))
    keys = {"p256dh": web_push.b64url(web_push.point(private.public_key())), "auth": web_push.b64url(auth)}
    browsers = "/studio/notifications/browsers"
    for bad in (
        {"endpoint": f"{url}/a", "p256dh": "AAAA", "auth": keys["auth"]},
        {**keys, "endpoint": "http://10.1.2.3/x"},
        {**keys, "endpoint": "javascript:alert(1)"},
        {**keys, "endpoint": f"{url}/a", "auth": "AA"},
    ):
        assert (await anna.send(browsers, bad, on=here)).status == 400
    assert (await anna.send(browsers, {**keys, "endpoint": f"{url}/push/1"}, on=here)).status == 303
    office.clock.now += 60
    await office.reply(post, await office.stranger(), "Between us", visibility=Visibility.DIRECT)
    assert await look(office) == 1
    ((path, headers, body),) = kept.got
    assert path == "/push/1"
    assert headers["Content-Encoding"] == "aes128gcm"
    assert int(headers["TTL"]) > 0
    assert b"Between us" not in body
    shown = json.loads(decrypt(body, private, auth))
    assert "Between us" in shown["body"]
    assert shown["url"].startswith("/studio/conversations#reply-")
    # RFC 8292: a token for this service alone, signed by the key that the browser subscribed with.
    found = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)", headers["Authorization"])
    assert found is not None
    assert found[4] == offered[1]
    claims = json.loads(web_push.unb64url(found[2]))
    assert claims["aud"] == url
    assert office.clock.now < claims["exp"] <= office.clock.now + 86_400
    raw = web_push.unb64url(found[3])
    signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    web_push.load_point(web_push.unb64url(found[4])).verify(
        signature, f"{found[1]}.{found[2]}".encode(), ec.ECDSA(hashes.SHA256())
    )
    # A browser that is gone is forgotten, and another's is not ours to remove.
    account = await office.account("anna")
    (kept_browser,) = await office.parts.db.read(notice_settings.subscriptions, account.id)
    bert = await office.logged_in("bert")
    await bert.send(f"{browsers}/{kept_browser.id}", {}, on=here)
    assert len(await office.parts.db.read(notice_settings.subscriptions, account.id)) == 1
    kept.status = 410
    await like(office, "bob", post.id)
    assert await look(office) == 1
    assert await office.parts.db.read(notice_settings.subscriptions, account.id) == []


def test_the_example_of_rfc_8291() -> None:
    """Appendix A: the same keys and salt give the same bytes."""
    ephemeral = ec.derive_private_key(
        int.from_bytes(web_push.unb64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
    )
    body = web_push.encrypt(
        b"When I grow up, I want to be a watermelon",
        web_push.unb64url("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        web_push.unb64url("BTBZMqHH6r4Tts7J_aSIgg"),
        ephemeral=ephemeral,
        salt=web_push.unb64url("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert web_push.b64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3"
        "jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def test_the_worker_of_browsers_is_served_to_everybody(desk: Desk) -> None:
    page = await desk.browser().get("/push-worker.js")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/javascript")


async def test_changes_of_a_log_in_are_told_by_mail(office: Desk, post_office: tuple[Post, int]) -> None:
    """Whatever else is to be told; who has no address gets none, and a server in trouble is tried again."""
    handler, _port = post_office
    anna, account = await office.logged_in("anna"), await office.account("anna")
    change = {"current": PASSWORD, "new": "another battery staple"}
    await anna.send("/studio/account/password", {**change, "current": "wrong"})
    await anna.send("/studio/account/password", change)
    await office.parts.jobs.drain()
    assert handler.mails == [], "there is no address"
    await office.parts.db.write(accounts.set_email, account.id, "anna@home.example")
    handler.answer = "451 busy"
    await anna.send("/studio/account/password", {"current": change["new"], "new": PASSWORD})
    await office.parts.jobs.drain()
    handler.answer = "250 OK"
    office.clock.now += 120
    await office.parts.jobs.drain()
    (message,) = handler.mails
    assert message["To"] == "anna@home.example"
    assert message["Subject"] == "Your log-in at A federated blog was changed"
    text = message.get_content()
    assert "Your password was changed." in text
    assert f"{BASE}/studio/account" in text
    assert PASSWORD not in text
    olga = await office.logged_in("olga")
    await olga.send(f"/studio/people/{account.id}", {"do": "reset"})
    await office.parts.jobs.drain()
    assert "forgotten" in handler.mails[-1].get_content()
    await choose(office, mail="off", email="mallory@evil.example")
    await office.parts.jobs.drain()
    assert handler.mails[-1]["To"] == "anna@home.example", "who had the address hears of it"
    await office.parts.db.write(changes.plan, account.id, "no such change")
    await office.parts.jobs.drain()
    assert len(handler.mails) == 3
