"""`fedblog fetch`: what another server's object looks like to us, with nothing kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fedblog.config import load_settings
from fedblog.demo.peer import PeerServer
from fedblog.demo.peer_payloads import note
from fedblog.storage.database import Database, Tx
from tests.cli.conftest import PASSWORD, Shell


@pytest.fixture
async def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A blog that may dial loopback."""
    monkeypatch.setenv("FEDBLOG_FEDERATION__ALLOW_NETWORKS", "127.0.0.0/8")
    made = Shell(tmp_path)
    options = ("--domain", "localhost:4711", "--admin", "alice", "--password-stdin")
    await asyncio.to_thread(made, "init", *options, stdin=PASSWORD + "\n")
    return made


@pytest.fixture
async def peer() -> AsyncIterator[PeerServer]:
    async with PeerServer() as started:
        yield started


async def ask(shell: Shell, uri: str, code: int = 0) -> dict[str, Any]:
    result = await asyncio.to_thread(shell, "fetch", uri, "--json", code=code)
    return dict(json.loads(result.stdout))


async def kept(shell: Shell) -> list[int]:
    """How much of other servers is in the database."""

    def count(tx: Tx) -> list[int]:
        tables = ("replies", "actors WHERE local = ''", "jobs", "tombstones", "backfills", "inbox_log")
        return [int(tx.value(f"SELECT count(*) FROM {table}")) for table in tables]

    database = await Database.open(load_settings(shell.config, {"FEDBLOG_FEDERATION__ALLOW_NETWORKS": "127.0.0.0/8"}))
    try:
        return await database.read(count)
    finally:
        await database.close()


async def test_BACK_07_a_reply_is_shown_as_it_would_be_kept(local: Shell, peer: PeerServer) -> None:
    """Cleaned, with its place and its fate; and nothing is kept."""
    (local.folder / "text.md").write_text("Hello.")
    made = await asyncio.to_thread(
        local.json, "post", "create", "--author", "alice", "--title", "Hello", "--file", str(local.folder / "text.md")
    )
    bo = peer.add_person("bo", name="Bo \x1b[31m")
    reply = note(bo, made["uri"], "<p>Fine<script>alert(1)</script></p>")
    peer.publish(reply)
    before = await kept(local)
    found = await ask(local, reply["id"])
    assert (found["kind"], found["outcome"], found["refused"]) == ("note", "reply_published", "")
    told = found["told"]
    assert (told["author"], told["audience"], told["html"]) == (bo.id, "public", "<p>Fine</p>")
    assert told["stands_under"] == "Hello"
    assert await kept(local) == before == [0] * 6
    shown = (await asyncio.to_thread(local, "fetch", reply["id"])).stdout
    assert "\x1b" not in shown
    assert "reply_published" in shown
    private = note(bo, made["uri"], "<p>Psst</p>", to=[bo.followers], cc=[])
    peer.publish(private)
    assert (await ask(local, private["id"]))["outcome"] == "reply_private"
    alone = note(bo, None, "<p>Elsewhere</p>")
    peer.publish(alone)
    assert (await ask(local, alone["id"]))["outcome"] == "not_related"


async def test_fetch_shows_actors_collections_and_activities(local: Shell, peer: PeerServer) -> None:
    bo = peer.add_person("bo", name="Bo")
    actor = await ask(local, bo.id)
    assert actor["kind"] == "actor"
    assert actor["told"]["handle"] == bo.handle
    assert actor["told"]["keys"] == [f"{bo.key.key_id} (rsa)"]
    peer.publish({"id": f"{peer.base_url}/list", "type": "Collection", "totalItems": 9, "items": [bo.id]})
    listed = await ask(local, f"{peer.base_url}/list")
    assert (listed["kind"], listed["told"]["total"], listed["told"]["items"]) == ("collection", 9, [bo.id])
    peer.publish({"id": f"{peer.base_url}/like", "type": "Like", "actor": bo.id, "object": bo.id})
    liked = await ask(local, f"{peer.base_url}/like")
    assert (liked["kind"], liked["told"]["object"]) == ("activity", bo.id)


async def test_BACK_02_fetch_says_why_something_is_refused(local: Shell, peer: PeerServer) -> None:
    """Gone, not there, no ActivityStreams, somebody else's id, nobody's words; exit code 1, one line."""
    bo = peer.add_person("bo")
    peer.gone("/gone")
    peer.publish({"id": f"{peer.base_url}/page", "type": "Note"}, content_type="text/html")
    peer.publish({"id": "https://other.example/1", "type": "Note", "attributedTo": bo.id}, at="/stolen")
    peer.publish({"id": f"{peer.base_url}/nobody", "type": "Note", "content": "x"})
    forged = {"id": f"{peer.base_url}/forged", "type": "Note", "attributedTo": "https://other.example/eve"}
    peer.publish(forged)
    expected = {
        "gone": "fetch_gone",
        "missing": "fetch_gone",
        "page": "content_type",
        "stolen": "id_elsewhere",
        "nobody": "attribution_missing",
        "forged": "attribution_elsewhere",
    }
    for path, reason in expected.items():
        found = await ask(local, f"{peer.base_url}/{path}", code=1)
        assert (found["kind"], found["refused"]) == ("nothing", reason), path
    result = await asyncio.to_thread(local, "fetch", "gopher://somewhere", code=2)
    assert "https://" in result.stderr
