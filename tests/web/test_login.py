"""Logging in and out: sessions, guessing, forged forms, redirects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from fedblog.config import make_settings
from fedblog.storage import accounts, factors
from fedblog.storage.database import Tx
from fedblog.web.keys import PASSWORDS
from fedblog.web.login import safe_next
from fedblog.web.sessions import cookie_name, hash_token, is_secure
from tests.web.desk import BASE, PASSWORD, Desk, open_desk, query

COOKIE = "fedblog-session"


@pytest.mark.proves("SEC-106")
async def test_a_log_in_sets_a_careful_cookie_and_opens_the_studio(desk: Desk) -> None:
    browser = desk.browser()
    page = await browser.log_in("Anna")
    assert page.status == 303
    assert page.location == "/studio"
    cookie = next(line for line in browser.set_cookie if line.startswith(COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie  # this blog is plain http
    assert (await browser.get("/studio")).status == 200


@pytest.mark.proves("SEC-091", "SEC-106")
async def test_only_the_hash_of_a_session_is_stored(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    token = browser.cookies[COOKIE]
    session = await desk.parts.db.read(accounts.session, hash_token(token))
    assert session is not None
    assert token not in repr(session)


@pytest.mark.proves("SEC-106")
def test_over_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    settings = make_settings({"server": {"domain": "blog.example"}}, relative_to=tmp_path)
    assert is_secure(settings)
    assert cookie_name(settings) == "__Host-fedblog-session"


@pytest.mark.proves("SEC-107")
async def test_wrong_names_and_wrong_passwords_look_alike(desk: Desk) -> None:
    wrong = await desk.browser().log_in("anna", "not the password")
    unknown = await desk.browser().log_in("nobody", "not the password")
    assert wrong.status == unknown.status == 401
    assert wrong.text.replace("anna", "") == unknown.text.replace("nobody", "")


@pytest.mark.proves("SEC-107")
async def test_a_locked_out_account_looks_like_an_unknown_one(desk: Desk) -> None:
    account = await desk.account("bert")
    await desk.parts.db.write(accounts.disable, account.id)
    assert (await desk.browser().log_in("bert")).status == 401


@pytest.mark.proves("SEC-106")
async def test_a_new_session_id_at_every_log_in_and_the_old_one_is_dead(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    old = browser.cookies[COOKIE]
    await browser.log_in("anna")
    assert browser.cookies[COOKIE] != old
    browser.cookies[COOKIE] = old
    assert (await browser.get("/studio")).status == 303


@pytest.mark.proves("SEC-106")
async def test_a_planted_session_id_is_not_taken_over(desk: Desk) -> None:
    browser = desk.browser()
    browser.cookies[COOKIE] = "planted"
    await browser.log_in("anna")
    assert browser.cookies[COOKIE] != "planted"


@pytest.mark.proves("SEC-106")
async def test_logging_out_ends_the_session_for_copies_too(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    copy = dict(browser.cookies)
    page = await browser.send("/logout")
    assert page.status == 303
    assert COOKIE not in browser.cookies
    browser.cookies = copy
    assert (await browser.get("/studio")).location.startswith("/login")


@pytest.mark.proves("SEC-105")
async def test_logging_out_by_get_only_asks(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    assert (await browser.get("/logout")).status == 200
    assert (await browser.get("/studio")).status == 200


@pytest.mark.proves("SEC-106")
async def test_sessions_end_after_a_month_without_use(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    desk.clock.now += 29 * 86_400
    assert (await browser.get("/studio")).status == 200
    desk.clock.now += 29 * 86_400
    assert (await browser.get("/studio")).status == 200
    desk.clock.now += 31 * 86_400
    assert (await browser.get("/studio")).status == 303


@pytest.mark.proves("SEC-107")
async def test_guessing_from_one_address_is_stopped(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=3) as desk:
        for name in ("anna", "bert", "edda"):
            assert (await desk.browser().log_in(name, "wrong guess")).status == 401
        page = await desk.browser().log_in("olga")
        assert page.status == 429
        assert page.headers["Retry-After"] == "900"
        desk.clock.now += 901
        assert (await desk.browser().log_in("olga")).status == 303


@pytest.mark.proves("SEC-107")
async def test_guessing_with_forged_forwarding_headers_is_stopped(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=3) as desk:
        statuses = []
        for number in range(6):
            browser = desk.browser(**{"X-Forwarded-For": f"198.51.100.{number}"})
            statuses.append((await browser.log_in("anna", "wrong guess")).status)
        assert statuses == [401, 401, 401, 429, 429, 429]


async def test_strangers_cannot_lock_somebody_out_of_their_own_browser(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=3) as desk:
        anna = await desk.logged_in("anna")
        await anna.send("/logout")
        for _ in range(5):
            await desk.browser().log_in("anna", "wrong guess")
        assert (await desk.browser().log_in("anna")).status == 429
        assert (await anna.log_in("anna")).status == 303


async def test_a_device_mark_counts_for_its_own_name_only(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=2) as desk:
        bert = await desk.logged_in("bert")
        statuses = [(await bert.log_in("anna", "wrong guess")).status for _ in range(3)]
        assert statuses == [401, 401, 429]
        bert.cookies["fedblog-device"] = "forged"
        assert (await bert.log_in("bert")).status == 429


@pytest.mark.proves("SEC-107")
async def test_a_device_mark_written_otherwise_is_none(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=2) as desk:
        anna = await desk.logged_in("anna")
        await anna.send("/logout")
        mark = anna.cookies["fedblog-device"]
        statuses = []
        for number in range(4):
            anna.cookies["fedblog-device"] = mark[:20] + "!" * number + mark[20:]
            statuses.append((await anna.log_in("anna", "wrong guess")).status)
        assert statuses == [401, 401, 401, 429], "each spelling would have had tries of its own"


@pytest.mark.proves("SEC-104", "SEC-106")
async def test_what_changes_while_a_password_is_checked_counts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checking takes a while on purpose: who learned the old password must not slip in while it is changed."""
    account, db = await desk.account("anna"), desk.parts.db
    passwords = desk.app[PASSWORDS]
    verify, sealed = passwords.verify, desk.parts.sealer.seal(b"12345678901234567890")

    def turn_on(tx: Tx) -> None:
        factors.begin_codes(tx, account.id, sealed)
        factors.confirm_codes(tx, account.id, sealed, 1)

    changes: list[Callable[[Tx], object]] = [
        lambda tx: tx.run("UPDATE accounts SET disabled_at = 1 WHERE id = $1", account.id),
        turn_on,
        lambda tx: accounts.set_password(tx, account.id, "another"),
    ]
    undone: list[Callable[[Tx], object]] = [
        lambda tx: accounts.disable(tx, account.id, False),
        lambda tx: factors.drop_codes(tx, account.id),
        lambda tx: accounts.set_password(tx, account.id, account.password_hash),
    ]
    for change, undo in zip(changes, undone, strict=True):

        async def slow(stored: str | None, typed: str, change: Callable[[Tx], object] = change) -> bool:
            fits = await verify(stored, typed)
            await db.write(change)
            return fits

        monkeypatch.setattr(passwords, "verify", slow)
        browser = desk.browser()
        page = await browser.log_in("anna")
        assert page.status == 401 or page.location == "/login/second"
        assert "fedblog-session" not in browser.cookies
        monkeypatch.setattr(passwords, "verify", verify)
        await db.write(undo)
        assert (await desk.browser().log_in("anna")).status == 303


async def test_what_worked_is_not_held_against_anybody(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=2) as desk:
        for _ in range(5):
            assert (await desk.browser().log_in("anna")).status == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": f"{BASE}.evil.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
@pytest.mark.proves("SEC-105")
async def test_forms_of_other_sites_change_nothing(desk: Desk, headers: dict[str, str]) -> None:
    browser = await desk.logged_in("anna")
    token = (await browser.get("/studio/account")).csrf
    form = {"csrf": token, "title": "Forged", "source": "x", "action": "publish"}
    assert (await browser.post("/studio/posts/new", form, **headers)).status == 403
    assert (await browser.post("/login", {"username": "anna", "password": PASSWORD}, **headers)).status == 403
    assert (await browser.post("/logout", {"csrf": token}, **headers)).status == 403
    assert "Forged" not in (await browser.get("/studio/posts")).text
    assert (await browser.get("/studio")).status == 200


async def test_a_browser_that_hides_its_origin_is_vouched_for_by_fetch_metadata(desk: Desk) -> None:
    browser = await desk.logged_in("anna")
    token = (await browser.get("/studio/account")).csrf
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert (await browser.post("/logout", {"csrf": token}, **headers)).status == 303


@pytest.mark.proves("SEC-105")
async def test_a_form_without_or_with_somebody_elses_token_changes_nothing(desk: Desk) -> None:
    anna, bert = await desk.logged_in("anna"), await desk.logged_in("bert")
    token = (await bert.get("/studio/account")).csrf
    for form in ({}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": token}, {"csrf": "ü"}):
        page = await anna.post("/studio/posts/new", {"title": "Forged", "source": "x", **form})
        assert page.status == 403
    assert "Forged" not in (await anna.get("/studio/posts")).text


async def test_a_form_of_the_log_in_before_gives_its_text_back(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    token = (await anna.get("/studio/posts/new")).csrf
    await anna.log_in("anna")
    page = await anna.post("/studio/posts/new", {"csrf": token, "title": "Kept", "source": "Long text"})
    assert page.status == 403
    assert "Long text" in page.text


async def test_who_is_not_logged_in_is_sent_to_the_form_and_back(desk: Desk) -> None:
    browser = desk.browser()
    page = await browser.get("/studio/posts?status=draft")
    assert page.status == 303
    assert query(page.location)["next"] == ["/studio/posts?status=draft"]
    form = await browser.follow(page)
    assert form.value("next") == "/studio/posts?status=draft"
    done = await browser.log_in("anna", next=form.value("next"))
    assert done.location == "/studio/posts?status=draft"


async def test_a_log_in_that_ended_gives_the_text_back(desk: Desk) -> None:
    browser = desk.browser()
    page = await browser.post("/studio/posts/new", {"csrf": "x", "title": "Hours of <work>", "source": "Long text"})
    assert page.status == 401
    assert "Hours of &lt;work&gt;" in page.text
    assert "Long text" in page.text


@pytest.mark.parametrize(
    "value",
    [
        "",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "studio",
        "/login?next=/login",
        "/logout",
        " //evil.example",
        "/x\u2028",
        "http:evil.example",
    ],
)
@pytest.mark.proves("SEC-108")
def test_next_never_leaves_the_site(value: str) -> None:
    assert safe_next(value) == "/studio"


@pytest.mark.parametrize("value", ["/studio/posts/3", "/studio/conversations?show=held#reply-3", "/@anna/bread"])
def test_next_keeps_paths_of_this_site(value: str) -> None:
    assert safe_next(value) == value


@pytest.mark.proves("SEC-099")
async def test_login_escapes_what_it_repeats(desk: Desk) -> None:
    page = await desk.browser().log_in('"><script>alert(1)</script>', "x")
    assert "<script>alert" not in page.text
    page = await desk.browser().get("/login?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in page.text


async def test_what_is_no_text_logs_nobody_out_of_the_log_in(desk: Desk) -> None:
    """A browser's name may hold any bytes, a form any characters: neither is a mistake of ours."""
    browser = desk.browser()
    assert (await browser.log_in("an\0na")).status == 303
    body = f"username=anna&password={PASSWORD.replace(' ', '+')}".encode()
    reader, writer = await asyncio.open_connection(desk.server.host, desk.server.port)
    writer.write(
        b"POST /login HTTP/1.1\r\nHost: blog.example\r\nUser-Agent: Fire\xff\xfefox\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 303 ")
    writer.close()
