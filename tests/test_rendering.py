"""docs/rendering.md says what becomes of a post on each kind of server, and is found from the README."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def test_ART_24_every_kind_of_server_has_its_line() -> None:
    text = (ROOT / "docs" / "rendering.md").read_text("utf-8")
    told = {row[0].strip(): row[1:] for row in ROW.findall(text)}
    for name in ("Mastodon", "GoToSocial", "Akkoma", "Misskey", "Lemmy", "PeerTube", "Threads", "WordPress", "NodeBB"):
        assert any(name in software for software in told), name
    assert all(cell.strip() for row in told.values() for cell in row)


def test_it_is_linked() -> None:
    assert "docs/rendering.md" in (ROOT / "FEDERATION.md").read_text("utf-8")
