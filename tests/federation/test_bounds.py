"""Twenty thousand hostile servers: what is remembered of them in memory has a bound, whatever they do."""

from __future__ import annotations

import asyncio
import gc
import types
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import connector
from aiohttp.test_utils import make_mocked_request

from fedblog.activitypub.urls import Uri
from fedblog.errors import FedblogError, FetchFailed
from fedblog.federation import pictures as pictures_module
from fedblog.federation.client import Client, ConnectFailed
from fedblog.federation.fetcher import Fetcher
from fedblog.federation.guard import Guard
from fedblog.federation.pace import HostPace
from fedblog.federation.pictures import RemotePictures
from fedblog.media.kept import AVATAR_LIMITS, PictureStore
from fedblog.web import counting
from tests.federation.conftest import Net

HOSTS = 20_000
KEPT = 5_000  # entries that any one container may have in the end
AT_ONCE = 500
CONTAINERS = (dict, list, set, deque, OrderedDict)
NOT_OURS = (type, types.ModuleType, types.FunctionType, types.FrameType, types.CodeType, asyncio.AbstractEventLoop)


def largest(*roots: object) -> int:
    """Entries of the largest container that can be reached from these objects, other than by modules and classes."""
    seen, waiting, most = set[int](), list[object](roots), 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, NOT_OURS):
            continue
        seen.add(id(one))
        if isinstance(one, CONTAINERS):
            most = max(most, len(one))
        if not (isinstance(one, dict) and "__builtins__" in one):
            waiting += gc.get_referents(one)
    return most


async def all_of(calls: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """So many at once; each fails in a way that is ours."""
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            with pytest.raises(FedblogError):
                await call()

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))


@pytest.mark.proves("SEC-076")
async def test_keys_and_people_of_servers_that_fail(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def fails(_self: Fetcher, uri: Uri, **_options: Any) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        raise (ConnectFailed if asked % 2 else FetchFailed)(f"{uri} is not there")

    monkeypatch.setattr(Fetcher, "document", fails)

    def key(number: int) -> Callable[[], Awaitable[object]]:
        uri = Uri(f"https://h{number}.example/users/x")
        return lambda: net.keyring.key(Uri(f"{uri}#main-key"), actor_uri=uri, fresh=number % 3 == 0)

    def actor(number: int) -> Callable[[], Awaitable[object]]:
        return lambda: net.resolver.actor(Uri(f"https://h{number}.example/users/y"))

    await all_of(key(number) for number in range(HOSTS))
    await all_of(actor(number) for number in range(HOSTS // 4))
    assert asked >= HOSTS, "each of them was asked"
    assert 1_000 < largest(net.keyring, net.resolver) <= KEPT


async def test_avatars_that_can_not_be_had(tmp_path: Path, net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures_module, "REMEMBERED", 100)

    async def fails(_self: Client, uri: Uri, **_options: Any) -> Any:
        raise ConnectFailed(f"{uri} is not there")

    monkeypatch.setattr(Client, "get", fails)
    avatars = RemotePictures(
        net.client, PictureStore(tmp_path / "avatars", 1_000_000, AVATAR_LIMITS, net.clock), net.clock
    )
    for number in range(300):
        assert await avatars.get(f"{number}-v", f"https://h{number}.example/i.png") is None
    assert len(avatars._failed) <= 100
    assert not avatars._flights
    await avatars.close()


async def test_names_that_were_looked_up() -> None:
    """By the library; this notices when it keeps them all."""
    names = 0

    async def lookup(_name: str) -> list[str]:
        nonlocal names
        names += 1
        return ["192.0.2.1"]

    client = Client(Guard(["192.0.2.0/24"], True), "test", lookup=lookup, connect_timeout=1)
    held = client._for_gets().connector
    assert isinstance(held, connector.TCPConnector)
    for number in range(2_000):
        assert await held._resolve_host(f"h{number}.example", 80)
    assert names == 2_000
    assert largest(held._cached_hosts) <= 1_000
    await client.close()


async def test_turns_of_hosts() -> None:
    now = 0.0

    async def no_sleep(_seconds: float) -> None:
        return

    pace = HostPace(1.0, clock=lambda: now, sleep=no_sleep)
    for number in range(HOSTS):
        now += 0.01
        async with pace.turn(f"h{number}.example"):
            pass
    assert largest(pace._lanes) <= KEPT


def test_servers_that_claim_to_link_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing can be stored."""
    most = 200
    monkeypatch.setattr(counting, "MOST_ROWS", most)
    counter = counting.Counter("blog.example", lambda: 1_800_000_000.0)
    for number in range(2 * most):
        headers = {"User-Agent": "Mozilla/5.0 Firefox/130.0", "Referer": f"https://h{number}.example/"}
        counter.page(make_mocked_request("GET", "/", headers=headers), 0, "/")
    assert most <= len(counter.take()) <= most + 3
