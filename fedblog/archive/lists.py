"""Followers as Mastodon exports and imports them (CSV)."""

from __future__ import annotations

import csv
import io

FOLLOWERS_HEAD = "Account address\r\n"


def row(*cells: str) -> str:
    """One line."""
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue()
