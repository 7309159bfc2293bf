"""The whole application: opened and closed in order, working in the background."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fedblog.app import build_app, services
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.errors import ConfigError
from fedblog.storage import actors
from tests.live import live_app, live_settings
from tests.samples import make_author, make_post


async def test_a_follower_gets_the_post_and_all_tasks_end_with_the_app(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with PeerServer() as peer:
        cy = peer.add_person("cy")
        async with live_app(tmp_path, federation={"deliver": True}) as live:
            account = await make_author(live.services)
            ana = live.services.ids.actor("ana")
            status, _ = await peer.post_activity(cy, f"{ana}/inbox", payloads.follow(cy, ana))
            assert status == 202
            await peer.wait_for("Accept")
            post = await make_post(live.services, account.actor_id)
            create = await peer.wait_for("Create")
            assert create.activity["object"]["id"] == post.uri
    left = {task for task in asyncio.all_tasks() - before if not task.done()}
    assert not left


async def test_services_work_without_http_and_open_twice(tmp_path: Path) -> None:
    settings = live_settings(tmp_path, 1)
    for _ in range(2):
        async with services(settings) as parts:
            instance = await parts.db.read(actors.instance)
            assert instance.uri == parts.ids.instance()


async def test_another_domain_than_the_databases_own_is_refused(tmp_path: Path) -> None:
    async with services(live_settings(tmp_path, 1)):
        pass
    with pytest.raises(ConfigError):
        async with services(live_settings(tmp_path, 2)):
            pytest.fail("opened with another domain")


def test_the_application_is_made_without_touching_the_disk(tmp_path: Path) -> None:
    build_app(live_settings(tmp_path, 1))
    assert list(tmp_path.iterdir()) == []
