"""Passkeys in a real browser, whose authenticator is a virtual one (Chrome DevTools Protocol, WebAuthn domain)."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from fedblog.blog.model import Role
from fedblog.federation.setup import add_author
from fedblog.storage import accounts, factors
from fedblog.web.passwords import hash_password
from tests.browser.conftest import PASSWORD, Watcher, log_in
from tests.live import Live, live_app

pytestmark = pytest.mark.browser
PATH = "/studio/account/second"


async def new_page(chromium: Browser, blog: Live, watcher: Watcher) -> Page:
    context = await chromium.new_context(base_url=blog.base_url)
    page = await context.new_page()
    page.set_default_timeout(30_000)
    watcher.watch(page)
    return page


@pytest.mark.proves("SEC-104")
async def test_a_passkey_is_made_logs_in_counts_once_and_is_removed(chromium: Browser, tmp_path: Path) -> None:
    async with live_app(tmp_path, host="localhost") as blog:  # WebAuthn knows hosts, not addresses
        parts = blog.services
        await add_author(
            parts.db,
            parts.ids,
            parts.sealer,
            parts.settings,
            username="ana",
            name="Ana Lima",
            password_hash=hash_password(PASSWORD),
            role=Role.OWNER,
        )
        watcher = Watcher(blog.base_url)
        page = await new_page(chromium, blog, watcher)
        devtools = await page.context.new_cdp_session(page)
        await devtools.send("WebAuthn.enable")
        made = await devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                }
            },
        )
        device = {"authenticatorId": made["authenticatorId"]}

        await log_in(page)
        await page.goto(PATH)
        form = page.locator("[data-passkey-add]")
        await form.get_by_label("Present password").fill("wrong")
        await form.get_by_role("button", name="Add a passkey").click()
        await expect(form.get_by_role("alert")).to_contain_text("password")
        await form.get_by_label("Present password").fill(PASSWORD)
        await form.get_by_label("Name of a new passkey").fill("My phone")
        await form.get_by_role("button", name="Add a passkey").click()
        await expect(page.get_by_text("Passkey added")).to_be_visible()
        await expect(page.get_by_text("My phone")).to_be_visible()

        await page.get_by_role("button", name="Log out").click()
        await page.goto("/login?next=/studio/posts")
        async with page.expect_request("**/login/passkey") as sent:
            await page.get_by_role("button", name="Use a passkey").click()
        await page.wait_for_url("**/studio/posts")
        seen = (await sent.value).post_data
        assert seen

        # What somebody listened to opens nothing: neither with the same ticket nor with another.
        answer = await blog.request(
            "POST", "/login/passkey", data=seen, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert answer.status == 401
        assert "Set-Cookie" not in answer.headers

        # A person that the device does not recognise is nobody, even with the device in hand.
        await devtools.send("WebAuthn.setUserVerified", {**device, "isUserVerified": False})
        await page.get_by_role("button", name="Log out").click()
        await page.goto("/login")
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page.locator("[data-passkey-log-in]").get_by_role("alert")).to_be_visible()
        await devtools.send("WebAuthn.setUserVerified", {**device, "isUserVerified": True})

        account = (await parts.db.read(accounts.all))[0]
        assert [one.name for one in await parts.db.read(factors.passkeys_of, account.id)] == ["My phone"]
        await log_in(page)
        await page.goto(PATH)
        await page.locator("[data-passkey-add]").get_by_label("Present password").fill(PASSWORD)
        await page.get_by_role("button", name="Remove the passkey My phone").click()
        await expect(page.get_by_text("Passkey removed")).to_be_visible()
        await page.get_by_role("button", name="Log out").click()
        await page.goto("/login")
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page.locator("[data-passkey-log-in]").get_by_role("alert")).to_contain_text("removed")
        assert watcher.problems == []
