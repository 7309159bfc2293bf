"""What a command publishes while the server runs goes out at once: another process delivers it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fedblog.config import load_settings
from fedblog.demo import peer_payloads as payloads
from fedblog.demo.peer import PeerServer
from fedblog.storage import meta
from fedblog.storage.database import Database
from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_serve import FEDBLOG, end, free_port, line_with, serving


async def test_a_post_made_beside_the_server_is_delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Follow by a signed request, publish on the command line, and the follower's server has it, well signed."""
    port = free_port()
    monkeypatch.setenv("FEDBLOG_FEDERATION__ALLOW_NETWORKS", "127.0.0.0/8")
    shell = Shell(tmp_path)
    await asyncio.to_thread(
        shell, "init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD
    )
    (tmp_path / "text.md").write_text("Hello, followers.")
    with serving(tmp_path) as process:
        await asyncio.to_thread(line_with, process, "serves")
        async with PeerServer() as peer:
            ana = peer.add_person("ana")
            alice = await peer.fetch_json(f"http://localhost:{port}/@alice")
            status, _ = await peer.post_activity(ana, alice["inbox"], payloads.follow(ana, alice["id"]))
            assert status == 202
            await peer.wait_for("Accept")
            made = await asyncio.to_thread(
                shell,
                *("post", "create", "--author", "alice", "--title", "Hello"),
                *("--file", str(tmp_path / "text.md"), "--json"),
            )
            create = await peer.wait_for("Create")
            assert create.verified
            assert create.activity["object"]["id"] == json.loads(made.stdout)["uri"]
            await asyncio.to_thread(shell, "post", "delete", json.loads(made.stdout)["id"])
            assert (await peer.wait_for("Delete")).verified
        await asyncio.to_thread(end, process)


async def test_a_command_that_ends_takes_nothing_from_the_server(tmp_path: Path) -> None:
    """While this process has the database open, another one opens it, writes and leaves; what this one writes then is
    still what a third one reads."""
    shell = Shell(tmp_path)
    await asyncio.to_thread(
        shell, "init", "--domain", "blog.example", "--admin", "alice", "--password-stdin", stdin=PASSWORD
    )
    database = await Database.open(load_settings(shell.config, {}))
    try:
        await database.write(meta.put, "first", "1")
        await asyncio.to_thread(command, tmp_path, "user", "role", "alice", "owner")
        await database.write(meta.put, "second", "2")
        code = (
            "import sqlite3, sys; print(dict(sqlite3.connect(sys.argv[1]).execute("
            "\"SELECT key, value FROM meta WHERE key IN ('first', 'second')\").fetchall()))"
        )
        path = str(tmp_path / "data" / "fedblog.sqlite3")
        seen = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
        )
    finally:
        await database.close()
    assert seen.stdout.strip() == "{'first': '1', 'second': '2'}"


def command(folder: Path, *args: str) -> None:
    """A command in a process of its own."""
    subprocess.run([*FEDBLOG, *args], cwd=folder, capture_output=True, check=True)
