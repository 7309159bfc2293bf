"""`make known-flaws` and `make audit` with a played pip-audit: a known flaw fails, an index that is away only warns."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FINE = {"name": "fine", "version": "1.0", "vulns": []}
FLAWED = {"name": "holed", "version": "0.9", "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["0.9.1"]}]}
UNFIXED = {"name": "worse", "version": "2.0", "vulns": [{"id": "GHSA-xxxx", "fix_versions": []}]}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@dataclass
class Bin:
    """A folder that `make` takes its commands from: this Python, and a pip-audit that says what it is told."""

    folder: Path

    def says(self, told: str, code: int, error: str = "") -> None:
        """What the next run of pip-audit prints, and ends with."""
        script = self.folder / "pip-audit"
        script.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"sys.stdout.write({told!r})\nsys.stderr.write({error!r})\nsys.exit({code})\n"
        )
        script.chmod(0o755)

    def finds(self, *dependencies: dict[str, Any]) -> None:
        """As pip-audit does: 1 where there is a flaw."""
        flawed = any(one.get("vulns") for one in dependencies)
        self.says(json.dumps({"dependencies": dependencies, "fixes": []}), int(flawed))

    def make(self, target: str, **environment: str) -> tuple[bool, str]:
        """Whether `make target` succeeds, and what it says."""
        done = subprocess.run(
            # -o: whatever is installed is not what this is about.
            ["make", "--no-print-directory", "-o", ".venv/.dev", f"BIN={self.folder}", target],
            cwd=ROOT,
            env={**os.environ, "GITHUB_ACTIONS": "", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def fake(tmp_path: Path) -> Bin:
    (tmp_path / "python").symlink_to(sys.executable)
    return Bin(tmp_path)


@pytest.mark.proves("SEC-121")
@pytest.mark.parametrize("target", ["known-flaws", "audit"])
def test_a_known_flaw_fails_the_build(fake: Bin, target: str) -> None:
    fake.finds(FINE, UNKNOWN)
    good, told = fake.make(target)
    assert good, told
    assert "1 packages, 0 known flaws, 1 packages unknown to the index" in told
    fake.finds(FINE, FLAWED, UNFIXED)
    good, told = fake.make(target)
    assert not good
    assert "holed 0.9: PYSEC-2026-1, fixed in 0.9.1" in told
    assert "worse 2.0: GHSA-xxxx, fixed in nothing yet" in told


@pytest.mark.parametrize(
    "told", ["", "Traceback", '{"dependencies": []}', '{"dependencies": [{"name": "a", "skip_reason": "offline"}]}']
)
def test_an_index_that_cannot_be_asked_only_warns(fake: Bin, told: str) -> None:
    fake.says(told, 1, "noise\nConnectionError: no route")
    good, words = fake.make("known-flaws")
    assert good
    assert "WARNING: nothing was audited" in words
    assert "ConnectionError: no route" in words
    assert "::warning" not in words
    assert "::warning title=" in fake.make("known-flaws", GITHUB_ACTIONS="true")[1], "seen at the run"
    good, words = fake.make("audit")
    assert not good, "who asks for the audit itself is told that there was none"
    assert "nothing was audited" in words


def test_a_missing_pip_audit_is_no_index_that_cannot_be_asked(fake: Bin) -> None:
    good, words = fake.make("known-flaws")
    assert not good
    assert "pip-audit can't be run" in words


def test_make_test_asks() -> None:
    """What CI runs is `make test`."""
    done = subprocess.run(["make", "-n", "test"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ".ci/audit" in done.stdout
    assert "make test" in (ROOT / ".ci" / "run").read_text("utf-8")
