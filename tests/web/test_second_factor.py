"""One-time codes and recovery codes: setting up, the second step of a log-in, and who tries to get around it."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fedblog.cli import main
from fedblog.storage import factors
from fedblog.web import one_time
from fedblog.web.second import DAY_TIMES
from tests.web.desk import PASSWORD, Browser, Desk, open_desk

PATH = "/studio/account/second"
RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("now", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_codes_are_those_of_rfc_6238(now: int, code: str) -> None:
    """Its appendix B has eight digits; apps show the last six."""
    for drift in (-30, 0, 30):
        assert one_time.matching_step(RFC_SECRET, code[2:], now + drift) == now // 30
    for drift in (-60, 61):
        assert one_time.matching_step(RFC_SECRET, code[2:], now + drift) != now // 30


def test_codes_are_read_as_people_type_them() -> None:
    assert one_time.tidy(" 123 456 ") == one_time.tidy("１２３-456") == one_time.tidy("١٢٣٤٥٦") == "123456"
    code = one_time.new_recovery_codes()[0]
    assert one_time.hash_recovery(code.upper().replace("-", " ")) == one_time.hash_recovery(code)
    assert one_time.is_recovery(one_time.tidy(code))


async def set_up(desk: Desk, browser: Browser) -> tuple[bytes, list[str]]:
    """(secret, recovery codes) of somebody who turned codes on, as the pages showed them."""
    page = await browser.send(PATH, {"do": "begin", "current": PASSWORD}, on=PATH)
    page = await browser.follow(page)
    found = re.search(r'<code class="key"[^>]*>([^<]+)</code>', page.text)
    assert found, page.text
    secret = base64.b32decode(found[1].replace(" ", ""))
    page = await browser.send(PATH, {"do": "confirm", "code": code_of(desk, secret)}, on=PATH)
    assert page.status == 200, page.text
    return secret, re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", page.text)


def code_of(desk: Desk, secret: bytes, later: int = 0) -> str:
    """What the app shows."""
    totp = one_time._totp(secret)
    return totp.generate(int(desk.clock.now) + later).decode()


async def half_way(desk: Desk, name: str = "anna") -> Browser:
    """Somebody whose password was right."""
    browser = desk.browser()
    page = await browser.log_in(name, next="/studio/posts")
    assert (page.status, page.location) == (303, "/login/second")
    return browser


@pytest.mark.proves("SEC-104")
async def test_the_code_is_asked_for_and_counts_once(desk: Desk) -> None:
    anna, other = await desk.logged_in("anna"), await desk.logged_in("anna")
    secret, recovery = await set_up(desk, anna)
    assert len(set(recovery)) == 10
    assert (await anna.get("/studio")).status == 200, "this device stays"
    assert (await other.get("/studio")).status == 303, "others are logged out"

    browser = await half_way(desk)
    assert (await browser.get("/studio")).status == 303, "half way is outside"
    assert 'autocomplete="one-time-code"' in (await browser.get("/login/second")).text
    used = code_of(desk, secret)
    assert (await browser.post("/login/second", {"code": used})).status == 401, "it confirmed the set-up"
    desk.clock.now += 30
    fresh = code_of(desk, secret)
    twins = await asyncio.gather(*(browser.post("/login/second", {"code": fresh}) for _ in range(4)))
    assert sorted(page.status for page in twins) == [303, 401, 401, 401]
    assert next(page.location for page in twins if page.status == 303) == "/studio/posts"
    assert (await browser.get("/studio")).status == 200

    again = await half_way(desk)
    assert (await again.post("/login/second", {"code": fresh})).status == 401, "seen over a shoulder"
    desk.clock.now += 60
    assert (await again.post("/login/second", {"code": code_of(desk, secret, 30)})).status == 303, (
        "a clock that is fast"
    )
    last = await half_way(desk)
    assert (await last.post("/login/second", {"code": code_of(desk, secret)})).status == 401, "older than the last one"


@pytest.mark.proves("SEC-104")
async def test_recovery_codes_count_once_and_new_ones_end_the_old(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    _, recovery = await set_up(desk, anna)
    browser = await half_way(desk)
    assert (await browser.post("/login/second", {"code": recovery[0].upper().replace("-", " ")})).status == 303
    assert (await (await half_way(desk)).post("/login/second", {"code": recovery[0]})).status == 401
    assert "9 recovery codes are left" in (await anna.get(PATH)).text
    page = await anna.send(PATH, {"do": "codes", "current": PASSWORD}, on=PATH)
    fresh = re.findall(r"<li><code>([a-z2-7-]{19})</code></li>", page.text)
    assert not set(fresh) & set(recovery)
    assert (await (await half_way(desk)).post("/login/second", {"code": recovery[1]})).status == 401
    assert (await (await half_way(desk)).post("/login/second", {"code": fresh[1]})).status == 303


@pytest.mark.proves("SEC-104")
async def test_nothing_leads_around_the_second_step(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    secret, recovery = await set_up(desk, anna)
    desk.clock.now += 60
    nobody = desk.browser()
    assert (await nobody.get("/login/second")).location == "/login"
    assert (await nobody.post("/login/second", {"code": code_of(desk, secret)})).location == "/login"
    bert = await desk.logged_in("bert")
    nobody.cookies["fedblog-step"] = bert.cookies["fedblog-device"]  # a sealed thing of ours that is for something else
    assert (await nobody.post("/login/second", {"code": recovery[2]})).location == "/login"

    late, changed, locked = await half_way(desk), await half_way(desk), await half_way(desk)
    device = desk.browser()
    device.cookies = dict(anna.cookies)
    device.cookies.pop("fedblog-session")
    assert (await device.log_in("anna")).location == "/login/second", "a known device is asked too"
    desk.clock.now += 601
    assert (await late.post("/login/second", {"code": code_of(desk, secret)})).location == "/login"
    changed = await half_way(desk)
    await anna.send("/studio/account/password", {"current": PASSWORD, "new": "another battery staple"})
    assert (await changed.post("/login/second", {"code": code_of(desk, secret)})).location == "/login"

    account = await desk.account("anna")
    locked = desk.browser()
    await locked.log_in("anna", "another battery staple")
    await desk.parts.db.write(lambda tx: tx.run("UPDATE accounts SET disabled_at = 1 WHERE id = $1", account.id))
    assert (await locked.post("/login/second", {"code": code_of(desk, secret)})).location == "/login"


@pytest.mark.proves("SEC-104", "SEC-107")
async def test_guessing_codes_is_stopped_and_a_recovery_code_still_opens(template: Path, tmp_path: Path) -> None:
    async with open_desk(template, tmp_path / "data", login_attempts=3) as desk:
        secret, recovery = await set_up(desk, await desk.logged_in("anna"))
        tries = 0
        for _ in range(2 * DAY_TIMES):
            desk.clock.now += 901
            browser = await half_way(desk)
            for _ in range(10):
                page = await browser.post("/login/second", {"code": "000000"})
                if page.status == 429:
                    assert page.headers["Retry-After"] == "900"
                    break
                tries += 1
        assert tries <= 3 * DAY_TIMES
        desk.clock.now += 901
        browser = await half_way(desk)
        assert (await browser.post("/login/second", {"code": code_of(desk, secret)})).status == 429, "for a whole day"
        assert (await browser.post("/login/second", {"code": recovery[0]})).status == 303


@pytest.mark.proves("SEC-104", "SEC-107")
async def test_a_known_device_guesses_no_more_often(template: Path, tmp_path: Path) -> None:
    """A lost laptop knows the password and has the mark of a known device."""
    async with open_desk(template, tmp_path / "data", login_attempts=2) as desk:
        laptop = await desk.logged_in("anna")
        secret, recovery = await set_up(desk, laptop)
        laptop.cookies.pop("fedblog-session")
        mark, tries = laptop.cookies["fedblog-device"], 0
        for _ in range(2 * DAY_TIMES):
            desk.clock.now += 901
            laptop.cookies["fedblog-device"] = mark
            assert (await laptop.log_in("anna")).location == "/login/second"
            for again in range(4):
                laptop.cookies["fedblog-device"] = f"{mark[:20]}{'!' * again}{mark[20:]}"
                tries += (await laptop.post("/login/second", {"code": "000000"})).status == 401
        assert tries <= 2 * 2 * DAY_TIMES
        laptop.cookies["fedblog-device"] = mark
        assert (await laptop.post("/login/second", {"code": code_of(desk, secret)})).status == 429
        desk.clock.now += 901
        await laptop.log_in("anna")
        assert (await laptop.post("/login/second", {"code": recovery[0]})).status == 303


@pytest.mark.proves("SEC-104")
async def test_a_ticket_counts_once_however_it_is_written(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    _, recovery = await set_up(desk, anna)
    browser = await half_way(desk)
    ticket = browser.cookies["fedblog-step"]
    assert (await browser.post("/login/second", {"code": recovery[0]})).status == 303
    browser = desk.browser()
    for other in (ticket, f"{ticket[:9]}!{ticket[9:]}", f"{ticket}="):
        browser.cookies["fedblog-step"] = other
        assert (await browser.post("/login/second", {"code": recovery[1]})).location == "/login", other
    long = desk.browser()
    await long.log_in("anna", next="/search?q=" + "a" * 3_500)
    assert (await long.post("/login/second", {"code": recovery[2]})).location == "/studio", "no cookie is that long"


@pytest.mark.proves("SEC-104")
async def test_every_change_asks_for_the_password_and_secrets_are_kept_closed(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    for form in ({"do": "begin"}, {"do": "codes"}, {"do": "off"}):
        assert (await anna.send(PATH, {**form, "current": "wrong password"}, on=PATH)).status == 403
    assert (await anna.send("/studio/account/passkeys", {"remove": "1", "current": "x"}, on=PATH)).status == 403
    answer = await anna.send("/studio/account/passkeys/options", {"current": "x"}, on=PATH)
    assert answer.status == 403
    assert "error" in json.loads(answer.text)
    secret, recovery = await set_up(desk, anna)
    account = await desk.account("anna")
    kept = await desk.parts.db.read(factors.one_time_codes, account.id)
    assert kept is not None
    assert secret not in kept.sealed
    rows = await desk.parts.db.read(lambda tx: tx.all("SELECT code_hash FROM recovery_codes"))
    assert not {code for (code,) in rows} & {code.replace("-", "") for code in recovery}
    assert (await anna.send(PATH, {"do": "begin", "current": PASSWORD}, on=PATH)).status == 409
    assert one_time.as_text(secret) not in (await anna.get(PATH)).text, "shown while it is set up, never again"
    page = await anna.send(PATH, {"do": "off", "current": PASSWORD}, on=PATH)
    assert "password is enough" in (await anna.follow(page)).text
    assert (await desk.browser().log_in("anna")).location == "/studio"


@pytest.mark.proves("SEC-104")
async def test_whoever_runs_the_blog_lets_somebody_in_who_lost_it_all(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    await set_up(desk, anna)
    account = await desk.account("anna")
    key: dict[str, Any] = {"credential_id": "one", "public_key": b"1", "sign_count": 0, "name": "Phone"}
    await desk.parts.db.write(factors.add_passkey, account.id, **key)
    config = Path(desk.parts.settings.server.data_dir) / "config.toml"
    server = '[server]\ndomain = "blog.example"\nbase_url = "http://blog.example"\ndata_dir = "."\n'
    config.write_text(server + "[federation]\nallow_http = true\n", "utf-8")
    command = ["--config", str(config), "user", "reset-factors", "anna"]
    result = await asyncio.to_thread(CliRunner().invoke, main, command)
    assert result.exit_code == 0, result.output
    assert (await anna.get("/studio")).status == 303, "logged out"
    assert (await desk.browser().log_in("anna")).location == "/studio"
    assert await desk.parts.db.read(factors.passkeys_of, account.id) == []


async def test_a_set_up_can_be_left_and_a_wrong_code_turns_nothing_on(desk: Desk) -> None:
    anna = await desk.logged_in("anna")
    await anna.send(PATH, {"do": "begin", "current": PASSWORD}, on=PATH)
    assert (await anna.send(PATH, {"do": "confirm", "code": "12345"}, on=PATH)).status == 400
    assert (await desk.browser().log_in("anna")).location == "/studio"
    await anna.send(PATH, {"do": "cancel"}, on=PATH)
    assert 'class="key"' not in (await anna.get(PATH)).text
    await anna.send(PATH, {"do": "begin", "current": PASSWORD}, on=PATH)
    desk.clock.now += 601
    assert 'class="key"' not in (await anna.get(PATH)).text, "shown for ten minutes"


@pytest.mark.proves("SEC-104")
async def test_answers_that_prove_no_passkey_open_nothing(desk: Desk) -> None:
    browser = desk.browser()
    asked = json.loads((await browser.post("/login/passkey/options")).text)
    assert asked["publicKey"]["userVerification"] == "required"
    answers = ["", "[]", "{", '{"id": 1}', '{"id": "\\u0000"}', json.dumps({"id": "AA", "response": {}}), "[" * 5_000]
    for answer in answers:
        page = await browser.post("/login/passkey", {"ticket": asked["ticket"], "answer": answer})
        assert page.status == 401, answer[:50]
    anna = await desk.logged_in("anna")
    made = await anna.send("/studio/account/passkeys/options", {"current": PASSWORD}, on=PATH)
    ticket = json.loads(made.text)["ticket"]
    bert = await desk.logged_in("bert")
    for who, which in ((anna, "x"), (anna, asked["ticket"]), (bert, ticket), (anna, ticket)):
        page = await who.send("/studio/account/passkeys", {"ticket": which, "answer": "{}"}, on=PATH)
        assert page.status == 400
    statuses = {(await desk.browser().post("/login/passkey/options")).status for _ in range(30)}
    assert statuses == {200, 429}
