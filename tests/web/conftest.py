"""Shared by the web tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.web.desk import Desk, make_template, open_desk


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with an owner (olga), an editor (edda) and two authors (anna, bert)."""
    folder = tmp_path_factory.mktemp("template")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(make_template, folder).result()
    return folder


@pytest.fixture
async def desk(template: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A running blog with those four."""
    async with open_desk(template, tmp_path / "data") as opened:
        yield opened
