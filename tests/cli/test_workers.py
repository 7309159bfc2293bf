"""`fedblog serve` with two processes: one blog, whoever answers; what ends is started again, and all end in order."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.cli.conftest import PASSWORD, Shell
from tests.cli.test_serve import FEDBLOG, FORM, end, free_port, line_with, serving

Connection = http.client.HTTPConnection


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a server started."""
    return [int(one) for one in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def answered_by(connection: Connection, workers: list[int]) -> int:
    """Which of them holds the other end of a connection."""
    here, there = connection.sock.getsockname()[1], connection.sock.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == there and int(fields[2].split(":")[1], 16) == here:
            for pid in workers:
                if any(_target(one) == f"socket:[{fields[9]}]" for one in Path(f"/proc/{pid}/fd").iterdir()):
                    return pid
    raise AssertionError("nobody holds it")


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


@contextlib.contextmanager
def connect(port: int, worker: int, workers: list[int]) -> Iterator[Connection]:
    """A connection that this one of them answers: the kernel spreads them."""
    for _ in range(200):
        connection = Connection("127.0.0.1", port, timeout=20)
        connection.connect()
        talk(connection, "/livez")
        if answered_by(connection, workers) == worker:
            with contextlib.closing(connection):
                yield connection
            return
        connection.close()
    raise AssertionError("the other one always answers")


def talk(
    connection: Connection, path: str, form: dict[str, str] | None = None, cookie: str = ""
) -> tuple[int, str, str]:
    """Status, body and cookie."""
    headers = {"Host": f"localhost:{connection.port}", "Cookie": cookie, **(FORM if form is not None else {})}
    body = urlencode(form) if form is not None else None
    connection.request(
        "GET" if form is None else "POST", path, body, {key: text for key, text in headers.items() if text}
    )
    answer = connection.getresponse()
    cookies = [text.partition(";")[0] for text in answer.headers.get_all("Set-Cookie", [])]
    return answer.status, answer.read().decode(), "; ".join(cookies)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds, as long as a slow machine may need."""
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FEDBLOG_SERVER__WORKERS", "2")


@pytest.mark.usefixtures("two")
def test_two_processes_are_one_blog(tmp_path: Path) -> None:
    port = free_port()
    shell = Shell(tmp_path)
    shell("init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD)
    text = tmp_path / "text.md"
    text.write_text("Two of us.")
    shell("post", "create", "--author", "alice", "--title", "Both", "--file", str(text))
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(serving(tmp_path))
        assert "2 processes" in line_with(process, "serves")
        workers = workers_of(process)
        assert len(workers) == 2
        one, other = (stack.enter_context(connect(port, worker, workers)) for worker in workers)

        # Logged in with one, logged in with the other; an answer taken by one shows on the other's page.
        _, _, cookie = talk(one, "/login", {"username": "alice", "password": PASSWORD})
        status, page, _ = talk(other, "/@alice/both", cookie=cookie)
        token = re.search(r'name="csrf" value="([^"]+)"', talk(other, "/studio/account", cookie=cookie)[1])
        number = re.search(r'href="/studio/posts/(\d+)"', page)
        assert status == 200
        assert token is not None
        assert number is not None
        for connection in (one, other):
            assert "Said to one" not in talk(connection, "/@alice/both")[1]
        path = f"/studio/posts/{number[1]}/answer"
        assert talk(one, path, {"csrf": token[1], "source": "Said to one"}, cookie)[0] == 303
        eventually(lambda: "Said to one" in talk(other, "/@alice/both")[1])
        assert "Said to one" in talk(one, "/@alice/both")[1]

        # Guesses at a password count together, whoever takes them.
        guesses = [
            talk(who, "/login", {"username": "mallory", "password": "wrong horse"})[0] for who in (one, other) * 5
        ]
        assert guesses == [401] * 10
        assert {talk(who, "/login", {"username": "mallory", "password": "x"})[0] for who in (one, other)} == {429}

        # One is killed: it is started again, and nobody notices but those it was talking to.
        os.kill(workers[1], signal.SIGKILL)
        eventually(lambda: len(workers_of(process)) == 2 and workers[1] not in workers_of(process))
        now = workers_of(process)
        again = stack.enter_context(connect(port, next(pid for pid in now if pid not in workers), now))
        assert "Said to one" in talk(again, "/@alice/both")[1]
        end(process)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.mark.usefixtures("two")
def test_mistakes_at_the_start_are_told_once(tmp_path: Path) -> None:
    """A port that is taken, by another blog with several processes too; a blog of another name."""
    port = free_port()
    shell = Shell(tmp_path)
    shell("init", "--domain", f"localhost:{port}", "--admin", "alice", "--password-stdin", stdin=PASSWORD)
    with serving(tmp_path) as process:
        line_with(process, "serves")
        taken = subprocess.run([*FEDBLOG, "serve"], cwd=tmp_path, capture_output=True, text=True, check=False)
        end(process)
    assert (taken.returncode, taken.stderr.count("\n")) == (1, 1)
    environment = {**os.environ, "FEDBLOG_SERVER__DOMAIN": "other.example"}
    named = subprocess.run(
        [*FEDBLOG, "serve"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert named.returncode == 2
    assert [line for line in named.stderr.splitlines() if line.startswith("fedblog: ")] == named.stderr.splitlines()
