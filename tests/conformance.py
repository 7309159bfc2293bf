"""The tables that tests hold true: docs/conformance.md (the protocol) and docs/threats.md (known attacks).

`python -m tests.conformance` prints the first, `python -m tests.conformance threats` the second; both fail on a row
without a test. `--write` brings the last column of both up to date. A test proves a row by carrying its id in its name
(`test_SIG_07_request_target_is_raw`) or, where that would be a long name, in `@pytest.mark.proves("SEC-030")`; either
way `pytest -k SIG_07` finds it (see conftest.py).
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROW_ID = re.compile(r"(?:^|_)(DISC|ACT|SIG|KEY|OUT|INB|VIS|ART|BACK|DLV|NEG|COL|LIFE|SEC)_(\d\d\d?)(b?)(?=_|$)")
LINE = re.compile(r"^\| ([A-Z]+-\d\d\d?b?) \| (.+?) \| (.*?) \|$")
NOT_APPLICABLE = "not applicable: "


@dataclass(frozen=True)
class Row:
    """One line of a table: id, what fedblog does, and the tests that prove it (files), or why none is needed."""

    id: str
    text: str
    proven_by: str

    @property
    def is_applicable(self) -> bool:
        """Whether the row asks for a test."""
        return not self.proven_by.startswith(NOT_APPLICABLE)


@dataclass(frozen=True)
class Table:
    """A table in Markdown, of which each line that begins with an id is a row."""

    path: Path

    def rows(self) -> list[Row]:
        """The table as it stands."""
        lines = self.path.read_text("utf-8").splitlines()
        return [Row(*match.groups()) for line in lines if (match := LINE.match(line))]

    def write(self) -> None:
        """Bring the last column up to date; reasons why a row doesn't apply stay."""
        found, lines = proofs_by_row(), []
        for line in self.path.read_text("utf-8").splitlines():
            match = LINE.match(line)
            if match and Row(*match.groups()).is_applicable:
                line = f"| {match[1]} | {match[2]} | {proof(found.get(match[1], []))} |"
            lines.append(line)
        self.path.write_text("\n".join(lines) + "\n", "utf-8")

    def missing(self) -> list[str]:
        """Ids of the rows that nothing proves."""
        return [row.id for row in self.rows() if row.is_applicable and row.id not in proofs_by_row()]


CONFORMANCE = Table(ROOT / "docs" / "conformance.md")
THREATS = Table(ROOT / "docs" / "threats.md")


@functools.cache
def proofs_by_row() -> dict[str, list[str]]:
    """Row id -> `file::test` of every test that carries it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for row in dict.fromkeys((*ids_in_name(node.name), *_ids_in_marks(node))):
                    found.setdefault(row, []).append(f"{path.relative_to(ROOT / 'tests').as_posix()}::{node.name}")
    return found


def ids_in_name(name: str) -> list[str]:
    """The rows that the name of a test carries."""
    return [f"{room}-{number}{letter}" for room, number, letter in ROW_ID.findall(name)]


def _ids_in_marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """What stands in `@pytest.mark.proves(...)`."""
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Attribute) and mark.func.attr == "proves":
            yield from (str(item.value) for item in mark.args if isinstance(item, ast.Constant))


def proof(tests: list[str]) -> str:
    """The files that hold a row's tests."""
    return ", ".join(sorted({test.partition("::")[0] for test in tests}))


def main() -> int:
    """Print a table; 1 when a row has no test."""
    if "--write" in sys.argv:
        CONFORMANCE.write()
        THREATS.write()
    table = THREATS if "threats" in sys.argv else CONFORMANCE
    found, missing, listed = proofs_by_row(), table.missing(), table.rows()
    for row in listed:
        told = f"{len(found.get(row.id, [])):3} tests" if row.is_applicable else "      n/a"
        print(f"{row.id:9} {told}  {row.text}")
    without = f"{len(missing)} without a test{': ' + ', '.join(missing) if missing else ''}"
    others = sum(not row.is_applicable for row in listed)
    print(f"{len(listed)} rows, {others} not applicable, {without}")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
