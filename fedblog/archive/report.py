"""What an import did, told at its end: counts, and warnings with the place in the file that they are about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_WARNINGS = 1_000


@dataclass
class Report:
    """Counts by what they count; the first thousand warnings in words, the rest as a number."""

    dry_run: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    unsaid: int = 0

    def count(self, what: str, number: int = 1) -> None:
        """So many more of them."""
        if number:
            self.counts[what] = self.counts.get(what, 0) + number

    def warn(self, place: str, words: str) -> None:
        """Something was left out or changed; `place` is a line or a file."""
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(f"{place}: {words}")
        else:
            self.unsaid += 1

    def as_dict(self) -> dict[str, Any]:
        """For scripts."""
        told = [*self.warnings, *([f"{self.unsaid} more warnings"] if self.unsaid else [])]
        return {"dry_run": self.dry_run, **self.counts, "warnings": told}
