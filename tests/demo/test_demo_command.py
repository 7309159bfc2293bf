"""`fedblog demo` as people start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

COMMAND = [sys.executable, "-c", "from fedblog.cli import main; main()", "demo"]


def environment(folder: Path) -> dict[str, str]:
    """Temporary files go where the test can see them."""
    return {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def test_demo_once_plays_checks_and_cleans_up(tmp_path: Path) -> None:
    """Every check passes, the exit code is 0, nothing is left."""
    done = subprocess.run(
        [*COMMAND, "--once"], env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert "checks passed" in done.stdout
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_demo_ends_in_order_with_ctrl_c(tmp_path: Path) -> None:
    """The first lines tell what to open; SIGINT removes everything and ends with 0."""
    process = subprocess.Popen(
        COMMAND, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if "replies to" in line:
                break
        else:
            raise AssertionError("no reply came")
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, out + err
    assert "Everything is removed" in out
    assert err == ""
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    """Exit code 2 and no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)],
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"fedblog: port {port} can't be used")
    assert done.stderr.count("\n") == 1
