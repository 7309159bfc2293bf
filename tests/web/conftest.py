"""One running instance a test: `live` is fresh and empty, `desk` has an owner, an editor and two authors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live import Live, live_app
from tests.web.desk import desk, template

__all__ = ["desk", "live", "template"]


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A fresh, empty blog without workers."""
    async with live_app(tmp_path) as running:
        yield running
