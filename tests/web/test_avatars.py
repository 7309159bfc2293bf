"""Avatars from elsewhere: one fetch by us, capped and checked, kept for a while; else the initials stay."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from fedblog.activitypub.urls import Uri
from fedblog.blog.ledger import Profile
from fedblog.blog.model import Actor
from fedblog.federation.client import Client, ConnectFailed, Response
from fedblog.media.kept import AVATAR_LIMITS, PictureStore, url_version
from fedblog.storage import actors
from fedblog.web.media import NO_AVATAR
from tests.live import Live, live_app
from tests.media import files


class Clock:
    """A clock that tests set forward."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class Elsewhere:
    """Another server, with a picture at /icon and a count of who asked."""

    def __init__(self) -> None:
        self.body = files.jpeg(120, 120)
        self.status = 200
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def icon(self, request: web.Request) -> web.Response:
        self.asked.append(request.headers.get("User-Agent", ""))
        await self.gate.wait()
        return web.Response(status=self.status, body=self.body, content_type="text/html")


@pytest.fixture
async def elsewhere() -> AsyncIterator[tuple[Elsewhere, str]]:
    there = Elsewhere()
    app = web.Application()
    app.router.add_get("/icon", there.icon)
    server = TestServer(app)
    await server.start_server()
    yield there, str(server.make_url("/icon"))
    await server.close()


@pytest.fixture
async def blog(tmp_path: Path) -> AsyncIterator[tuple[Live, Clock]]:
    clock = Clock()
    async with live_app(tmp_path, clock=clock) as live:
        yield live, clock


async def stranger(live: Live, icon_url: str, name: str = "mia") -> Actor:
    base = f"https://far.example/users/{name}"
    profile = Profile(base, "Person", name, "far.example", name.title(), "", base, icon_url, "", f"{base}/inbox", "",
                      f"{base}/followers", False, (), False, ())  # fmt: skip
    return await live.services.db.write(actors.upsert_remote, profile)


def path_of(actor: Actor) -> str:
    return f"/avatar/{actor.id}/{url_version(actor.icon_url)}"


async def test_SEC_079_fetched_once_checked_and_served_with_a_fixed_type(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str]
) -> None:
    (live, _), (there, url) = blog, elsewhere
    mia = await stranger(live, url)
    answers = await asyncio.gather(*(live.get(path_of(mia)) for _ in range(6)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.body for answer in answers} == {there.body}
    assert len(there.asked) == 1
    assert there.asked[0].startswith("fedblog/")
    headers = answers[0].headers
    assert headers["Content-Type"] == "image/jpeg"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    await live.get(path_of(mia))
    assert len(there.asked) == 1


@pytest.mark.parametrize("name", ["svg", "html", "activity", "tiff", "only_magic", "nothing", "svg_as_png"])
async def test_SEC_079_anything_else_leaves_the_initials(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str], name: str
) -> None:
    (live, clock), (there, url) = blog, elsewhere
    there.body = files.HOSTILE[name]
    mia = await stranger(live, url)
    assert (await live.get(path_of(mia))).body == NO_AVATAR
    assert (await live.get(path_of(mia))).body == NO_AVATAR
    assert len(there.asked) == 1  # a failure is remembered
    there.body = files.jpeg(60, 60)
    clock.now += 3_601
    assert (await live.get(path_of(mia))).body == there.body


@pytest.mark.parametrize("body", [files.png_bomb(), b"\xff\xd8\xff" + b"x" * 600_000])
async def test_SEC_079_bombs_and_large_ones(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str], body: bytes
) -> None:
    (live, _), (there, url) = blog, elsewhere
    there.body = body
    assert (await live.get(path_of(await stranger(live, url)))).body == NO_AVATAR


async def test_only_addresses_that_our_pages_wrote_lead_anywhere(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str]
) -> None:
    (live, _), (there, url) = blog, elsewhere
    mia = await stranger(live, url)
    wrong = ("/avatar/1/0123456789ab", f"/avatar/{mia.id}/0123456789ab", f"/avatar/{2**63}/0123456789ab",
             f"/avatar/{mia.id}/{url_version(url)}/..", f"/avatar/{mia.id}/../../x")  # fmt: skip
    for path in wrong:
        assert (await live.get(path)).status == 404
    gone = await stranger(live, url, "gone")
    await live.services.db.write(actors.mark_deleted, gone.id)
    assert (await live.get(path_of(gone))).status == 404
    assert there.asked == []


async def test_the_guard_is_asked(tmp_path: Path, elsewhere: tuple[Elsewhere, str]) -> None:
    there, url = elsewhere
    async with live_app(tmp_path, federation={"allow_networks": []}) as live:
        assert (await live.get(path_of(await stranger(live, url)))).body == NO_AVATAR
    assert there.asked == []


async def test_an_old_one_is_shown_while_the_new_one_comes(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str]
) -> None:
    (live, clock), (there, url) = blog, elsewhere
    mia, old = await stranger(live, url), there.body
    await live.get(path_of(mia))
    clock.now += 8 * 86_400
    there.body = files.encoded(files.picture(90, 90), "PNG")
    there.gate.clear()
    assert (await live.get(path_of(mia))).body == old
    there.gate.set()
    while (answer := await live.get(path_of(mia))).body == old:
        await asyncio.sleep(0)
    assert (answer.body, answer.headers["Content-Type"]) == (there.body, "image/png")
    assert len(there.asked) == 2


async def test_an_old_one_stays_while_its_server_is_away_and_goes_when_that_says_so(
    blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (live, clock), (there, url) = blog, elsewhere
    mia, old = await stranger(live, url), there.body
    await live.get(path_of(mia))

    async def fails(_self: Client, uri: Uri, **_options: object) -> Response:
        raise ConnectFailed(f"{uri} is not there")

    with monkeypatch.context() as away:
        away.setattr(Client, "get", fails)
        for _ in range(3):
            clock.now += 8 * 86_400
            assert (await live.get(path_of(mia))).body == old
            await asyncio.gather(*live.services.avatars._flights.values())
    clock.now += 8 * 86_400
    there.status = 404
    while (await live.get(path_of(mia))).body == old:
        await asyncio.sleep(0)
    assert (await live.get(path_of(mia))).body == NO_AVATAR


async def test_it_can_be_switched_off(tmp_path: Path, elsewhere: tuple[Elsewhere, str]) -> None:
    there, url = elsewhere
    async with live_app(tmp_path, media={"remote_avatars": False}) as live:
        assert (await live.get(path_of(await stranger(live, url)))).status == 404
    assert there.asked == []


def test_the_folder_has_a_limit_and_the_oldest_go(tmp_path: Path) -> None:
    clock = Clock()
    body = files.jpeg(80, 80)
    store = PictureStore(tmp_path, len(body) * 4, AVATAR_LIMITS, clock)
    for number in range(1, 7):
        clock.now += 1
        assert store.keep(f"{number}-v", body) is not None
    kept = [number for number in range(1, 7) if store.find(f"{number}-v")]
    assert kept[-1] == 6
    assert 1 not in kept
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.*")) <= len(body) * 4
    assert not list(tmp_path.rglob("*.part"))


def test_another_kind_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    clock = Clock()
    store = PictureStore(tmp_path, 10_000_000, AVATAR_LIMITS, clock)
    store.keep("1-v", files.jpeg(80, 80))
    kept = store.keep("1-v", files.encoded(files.picture(80, 80), "PNG"))
    assert kept is not None
    found = store.find("1-v")
    assert found is not None
    assert found.media_type == "image/png"
    assert len([name for _, _, names in os.walk(tmp_path) for name in names]) == 1


async def test_a_new_picture_has_a_new_address(blog: tuple[Live, Clock], elsewhere: tuple[Elsewhere, str]) -> None:
    (live, _), (_, url) = blog, elsewhere
    mia = await stranger(live, url)
    changed = replace(mia, icon_url=f"{url}?2")
    assert path_of(mia) != path_of(changed)
