"""Makes `pytest -k SEC_034` find tests that carry a row's id in a mark, as it finds those with the id in their name."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks become keywords, spelled like ids in names."""
    for item in items:
        for mark in item.iter_markers("proves"):
            item.extra_keyword_matches.update(str(row).replace("-", "_") for row in mark.args)
