"""The set-up page's token and form, without a process."""

from __future__ import annotations

import aiohttp
import pytest

from fedblog.errors import InvalidInput
from fedblog.web.setup_page import MAX_WRONG, TOKEN_SECONDS, SetupPage, Wish, local_url, read_wish

FORM = {"domain": "blog.example", "title": "T", "username": "@Anna", "name": "Anna", "password": "long enough 1"}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("localhost", "http://localhost:8080"),
        ("localhost:81", "http://localhost:81"),
        ("blog.localhost", "http://blog.localhost:8080"),
        ("127.0.0.1:99", "http://127.0.0.1:99"),
        ("localhost.example", ""),
        ("blog.example", ""),
        ("localhost:", ""),
    ],
)
def test_local_names(domain: str, expected: str) -> None:
    """Names of this machine mean plain http, all others don't."""
    assert local_url(domain) == expected


def test_the_form_is_read() -> None:
    """Scheme, case and @ are forgiven; a path or blanks are not."""
    wish = read_wish({**FORM, "domain": "https://Blog.Example/"})
    assert (wish.domain, wish.base_url, wish.username) == ("blog.example", "", "anna")
    assert "long enough" not in repr(wish)
    for domain in ("", "blog", "a b.example", "blog.example/x", "blog.example:80", "<b>.example"):
        with pytest.raises(InvalidInput):
            read_wish({**FORM, "domain": domain})


async def _make(_wish: Wish) -> str:
    return "https://blog.example"


async def test_a_token_ages() -> None:
    """After an hour the link is dead."""
    now = [0.0]
    page = SetupPage(_make, clock=lambda: now[0])
    link = await page.start(0)
    async with aiohttp.ClientSession() as session:
        assert (await session.get(link)).status == 200
        now[0] = TOKEN_SECONDS + 1.0
        assert (await session.get(link)).status == 404
    await page.stop()


async def test_guessing_ends_it() -> None:
    """After many wrong tokens the right one is dead, too."""
    page = SetupPage(_make)
    link = await page.start(0)
    async with aiohttp.ClientSession() as session:
        for _ in range(MAX_WRONG):
            assert (await session.get(link + "x")).status == 404
        assert (await session.get(link)).status == 404
    await page.stop()


async def test_a_form_elsewhere_is_refused() -> None:
    """Another Origin can't fill it in, whatever it knows."""
    page = SetupPage(_make)
    link = await page.start(0)
    data = {**FORM, "token": link.partition("token=")[2]}
    place = link.partition("?")[0]
    async with aiohttp.ClientSession() as session:
        # Under "no-referrer" a browser would send `Origin: null`, and the form could never be sent.
        shown = await session.get(link)
        assert (shown.headers["Referrer-Policy"], shown.headers["Cache-Control"]) == ("same-origin", "no-store")
        refused = await session.post(place, data=data, headers={"Origin": "https://evil.example"})
        assert (refused.status, page.done.is_set()) == (403, False)
        taken = await session.post(place, data=data, headers={"Origin": place.removesuffix("/setup")})
        assert (taken.status, page.done.is_set()) == (200, True)
        again = await session.post(place, data=data)
        assert again.status == 404
    await page.stop()
