"""A blog whose storage can be made to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.injection import Rig, open_rig


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """With a follower's server and somebody in the studio."""
    async with open_rig(tmp_path, monkeypatch) as opened:
        yield opened
