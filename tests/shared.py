"""Real payloads and signature vectors lie beside the checkout, in ../shared; they are never copied into the project.

Where that folder is missing (a plain clone elsewhere) the tests that read it say so and are skipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"
FIXTURES = SHARED / "fixtures"
CAPTURES = SHARED / "captures"

needs_shared = pytest.mark.skipif(
    not (FIXTURES / "index.json").is_file(), reason="the shared fixtures are not beside this checkout"
)


def fixture(name: str) -> Any:
    """A fixture as parsed JSON, by name with or without `.json`."""
    return json.loads((FIXTURES / name).with_suffix(".json").read_text("utf-8"))


def fixture_index() -> list[dict[str, Any]]:
    """The index's entries (`file`, `expect`, `bind`, `type` …); empty where the fixtures are missing."""
    path = FIXTURES / "index.json"
    return list(json.loads(path.read_text("utf-8"))["fixtures"]) if path.is_file() else []


def capture(name: str) -> Any:
    """A capture as parsed JSON, by name with or without `.json`."""
    return json.loads((CAPTURES / name).with_suffix(".json").read_text("utf-8"))


def capture_names() -> list[str]:
    """Names of all captures; empty where they are missing."""
    return sorted(path.name for path in CAPTURES.glob("*.json"))
