"""`fedblog serve` as a process: it serves, commands work beside it, it ends in order; the set-up page comes first."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from tests.cli.conftest import PASSWORD, Shell

FEDBLOG = [sys.executable, "-c", "from fedblog.cli import main; main()"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serving(folder: Path, *args: str) -> Iterator[subprocess.Popen[str]]:
    """A server process in that folder."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "FEDBLOG_LOGGING__LEVEL": "warning"}
    process = subprocess.Popen(
        [*FEDBLOG, "serve", *args],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_with(process: subprocess.Popen[str], words: str) -> str:
    """The next line that holds the words."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"{words!r} never came; it said: {process.stderr.read() if process.stderr else ''}")


def ask(port: int, path: str, form: dict[str, str] | None = None, host: str = "") -> tuple[int, str]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Host": host or f"localhost:{port}", **(FORM if form is not None else {})}
    connection.request("GET" if form is None else "POST", path, urlencode(form) if form is not None else None, headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, and out within five seconds (and some for a slow machine)."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=15) == 0


def test_it_serves_and_commands_work_beside_it(tmp_path: Path) -> None:
    """A post made on the command line is on the page at once; `doctor` finds the server well."""
    port = free_port()
    shell = Shell(tmp_path)
    shell("init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD)
    with serving(tmp_path) as process:
        assert f"http://localhost:{port}" in line_with(process, "serves")
        text = tmp_path / "text.md"
        text.write_text("Written beside a running server.")
        made = json.loads(
            shell("post", "create", "--author", "alice", "--title", "Beside", "--file", str(text), "--json").stdout
        )
        status, page = ask(port, "/@alice/beside")
        assert (status, made["url"]) == (200, f"http://localhost:{port}/@alice/beside")
        assert "Written beside a running server." in page
        found = {one["name"]: one["state"] for one in json.loads(shell("doctor", "--json").stdout)}
        assert (found["discovery"], found["actor"]) == ("ok", "ok")
        end(process)


def test_mistakes_at_the_start_are_one_line(tmp_path: Path) -> None:
    """A port that is taken, a configuration that isn't there."""
    shell = Shell(tmp_path)
    port = free_port()
    shell("init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        done = subprocess.run([*FEDBLOG, "serve"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("fedblog: ")
    assert done.stderr.count("\n") == 1
    assert "init" in Shell(tmp_path / "nowhere")("serve", code=2).stderr


def test_the_set_up_page_makes_the_blog(tmp_path: Path) -> None:
    """The token is needed, mistakes are told, it works once, and the blog runs afterwards."""
    port = free_port()
    with serving(tmp_path, "--port", str(port)) as process:
        link = line_with(process, "token=").strip()
        token = link.partition("token=")[2]
        path = f"/setup?token={token}"
        assert link == f"http://localhost:{port}{path}"
        assert ask(port, "/setup?token=wrong")[0] == 404
        assert ask(port, "/")[0] == 404
        assert ask(port, path, host="rebound.example")[0] == 421
        status, page = ask(port, path)
        assert status == 200
        sheet = re.search(r'href="(/static/[^"]+\.css)"', page)
        assert sheet is not None
        assert ask(port, sheet[1])[0] == 200
        form = {
            "token": token,
            "domain": f"localhost:{port}",
            "title": "Mine",
            "username": "anna",
            "password": PASSWORD,
        }
        assert ask(port, "/setup", {**form, "token": "wrong"})[0] == 404
        status, page = ask(port, "/setup", {**form, "username": "admin"})
        assert (status, "user name" in page) == (400, True)
        assert ask(port, "/setup", {**form, "password": "short"})[0] == 400
        assert ask(port, "/setup", {**form, "domain": "no domain"})[0] == 400
        assert not (tmp_path / "config.toml").exists()
        status, page = ask(port, "/setup", form)
        assert (status, f"http://localhost:{port}/login" in page) == (200, True)
        line_with(process, "serves")
        assert "<title>Mine" in ask(port, "/")[1]
        assert ask(port, path)[0] == 404
        end(process)
    assert [one["username"] for one in Shell(tmp_path).json("user", "list")] == ["anna"]


def test_the_set_up_page_can_be_left(tmp_path: Path) -> None:
    """SIGTERM ends it, and nothing was made."""
    with serving(tmp_path, "--port", "0") as process:
        line_with(process, "token=")
        end(process)
    assert list(tmp_path.iterdir()) == []
