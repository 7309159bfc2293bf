"""What an examination of `fedblog doctor` gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

State = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One result: what was looked at, how it stands, in words, and what to do about it."""

    name: str
    state: State
    words: str
    fix: str = ""

    def as_dict(self) -> dict[str, str]:
        """For scripts."""
        return asdict(self)
