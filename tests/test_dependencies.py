"""What we stand on: lower bounds that are free of known flaws, and one way out of the house."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: The first versions without the flaws that docs/threats.md is about.
SAFE = {
    "aiohttp": (3, 14, 3),  # credentials on redirects, doubled hosts, trailers, pipelining, multipart
    "cryptography": (42,),
    "Jinja2": (3, 1, 6),  # the sandbox, xmlattr
    "Pillow": (10, 3),
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


@pytest.mark.proves("SEC-077", "SEC-078", "SEC-121")
def test_lower_bounds_leave_out_what_is_known_to_be_flawed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wanted = {
        match[1].lower(): numbers(match[2])
        for line in project["project"]["dependencies"]
        if (match := re.match(r"([A-Za-z0-9_.-]+)[^>]*>=\s*([0-9.]+)", line))
    }
    for name, safe in SAFE.items():
        assert wanted[name.lower()] >= safe, f"{name} may be older than {safe}"
        assert numbers(version(name)) >= safe
    assert "pip-audit" in (ROOT / "Makefile").read_text("utf-8")
    assert any(line.startswith("pip-audit") for line in project["dependency-groups"]["dev"])


@pytest.mark.proves("SEC-068")
def test_the_linter_forbids_every_other_way_out() -> None:
    banned = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    assert {"aiohttp.ClientSession", "aiohttp.request", "urllib.request", "http.client"} <= set(
        banned["flake8-tidy-imports"]["banned-api"]
    )
    allowed = [path for path, rules in banned["per-file-ignores"].items() if "TID251" in rules]
    assert [path for path in allowed if path.startswith("fedblog/")] == [
        "fedblog/federation/client.py",
        "fedblog/demo/**",
    ]
    names = "|".join(("requests", "httpx", "urllib3", "pycurl", "socket.create_connection", "open_connection"))
    for path in (ROOT / "fedblog").rglob("*.py"):
        if path != ROOT / "fedblog" / "federation" / "lines.py":  # deliveries: by the same guard, with the same tests
            assert not re.search(r"\.create_connection\((?!sock=)|happyeyeballs", path.read_text("utf-8")), path
        if "demo" not in path.parts:
            # `sock=`: a socket that is there already, of a process of our own.
            assert not re.search(
                rf"^\s*(?:import|from) (?:{names})\b|\b(?:{names})\((?!sock=)", path.read_text("utf-8"), re.MULTILINE
            ), path
