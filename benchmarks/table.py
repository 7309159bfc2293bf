"""What was measured: medians of rounds, one table for people, one JSON file for programs."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Row:
    """One figure. `limit` and `values` are the rounds of the limit and of fedblog, in `unit`.

    Rates are better when larger; for `smaller` ones (times, memory) the limit is a budget. `goal` is the least ratio.
    """

    key: str
    name: str
    unit: str
    values: list[float] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    goal: float = 1.0
    smaller: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.values)

    @property
    def limit(self) -> float:
        """The middle round of the limit."""
        return statistics.median(self.limits)

    @property
    def ratio(self) -> float:
        """Share of the limit that was reached; of budgets, how many times it would fit. Above 1 is better."""
        if self.smaller:
            return self.limit / self.median if self.median else 0.0
        return self.median / self.limit if self.limit else 0.0

    @property
    def spread(self) -> float:
        """Largest less smallest round, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0

    def as_json(self) -> dict[str, float]:
        """The figures for `latest.json`."""
        return {"ratio": round(self.ratio, 3), "median": round(self.median, 3), "limit": round(self.limit, 3)}


def machine() -> str:
    """Where it was measured."""
    model = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {model}, {memory:.0f} GiB, {platform.system()}, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return []


def markdown(rows: Sequence[Row], troubles: Mapping[str, str] | None = None) -> str:
    """The table; `troubles` are suites without figures, and why."""
    lines = [
        "| what | fedblog | limit | unit | ratio | goal | ± | rounds | |",
        "|---|--:|--:|---|--:|--:|--:|--:|---|",
    ]
    for row in rows:
        verdict = "reached" if row.ratio >= row.goal else "short"
        cells = [row.name, f"{row.median:,.4g}", f"{row.limit:,.4g}", row.unit, f"{row.ratio:.2f}", f"{row.goal:.2g}"]
        cells += [f"{row.spread:.0%}", str(len(row.values)), ", ".join(filter(None, (verdict, row.note)))]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [f"| {name} | | | | | | | 0 | {why.replace('|', '/')} |" for name, why in (troubles or {}).items()]
    return "\n".join(lines)


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Add these rows to the file; those of earlier runs that were not measured now stay."""
    known = json.loads(path.read_text()) if path.exists() else {}
    known.update({row.key: row.as_json() for row in rows if row.values and row.limits})
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(known, indent=2) + "\n")
    new.replace(path)
