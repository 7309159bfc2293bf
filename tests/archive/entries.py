"""Shorthands for what readers give."""

from __future__ import annotations

from collections.abc import Iterable

from fedblog.archive.entries import Entry, Skipped


def entries(found: Iterable[Entry | Skipped]) -> list[Entry]:
    """Posts only."""
    return [one for one in found if isinstance(one, Entry)]


def skipped(found: Iterable[Entry | Skipped]) -> list[str]:
    """What was left out."""
    return [one.what for one in found if isinstance(one, Skipped)]
