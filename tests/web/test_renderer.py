"""Templates: each one compiles, and is compiled once a process."""

from __future__ import annotations

from pathlib import Path

from fedblog.web.assets import Assets
from fedblog.web.renderer import Renderer, _Compiled
from tests.live import live_settings


def test_every_template_compiles_and_is_kept(tmp_path: Path) -> None:
    settings = live_settings(tmp_path, 1)
    names = Renderer(settings, Assets()).compile_all()
    assert "public/post.html" in names
    kept = dict(_Compiled._kept)
    assert len(kept) >= len(names)
    assert Renderer(settings, Assets()).compile_all() == names
    assert _Compiled._kept == kept
