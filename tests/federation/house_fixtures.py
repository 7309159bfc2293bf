"""Fixtures around `house`: our side without a web server, and other servers on one loopback port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from fedblog.signatures.keys import PrivateKey
from tests.federation.house import House, World, build_template, open_house, open_web_house

HouseMaker = Callable[..., Awaitable[House]]


@pytest.fixture(scope="session")
def house_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is set up: keys take time, so it is made once and copied."""
    return asyncio.run(build_template(tmp_path_factory.mktemp("template")))


@pytest.fixture
async def world(rsa_keys: list[PrivateKey]) -> AsyncIterator[World]:
    """Other servers, all on one loopback port."""
    made = World(rsa_keys[0])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def make_house(house_template: Path, tmp_path: Path, world: World) -> AsyncIterator[HouseMaker]:
    """`await make_house(comments={"hold_for_moderation": "all"})`: our side with these settings."""
    opened_houses: list[House] = []

    async def make(**sections: dict[str, Any]) -> House:
        folder = tmp_path / f"house{len(opened_houses)}"
        folder.mkdir()
        opened_houses.append(await open_house(folder, house_template, world, **sections))
        return opened_houses[-1]

    yield make
    for one in opened_houses:
        await one.close()


@pytest.fixture
async def house(make_house: HouseMaker) -> House:
    """Our side with the usual settings."""
    return await make_house()


@pytest.fixture
async def web_house(house_template: Path, tmp_path: Path, world: World) -> AsyncIterator[House]:
    """Our side behind its web server."""
    made = await open_web_house(tmp_path, house_template, world)
    yield made
    await made.close()
