"""The conformance table: which test proves which row.

`python -m tests.conformance` prints the table and fails on a row without a test; `--write` brings the last column of
docs/conformance.md up to date. A test proves a row by carrying its id: `test_SIG_07_request_target_is_raw`.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "conformance.md"
ROW_ID = re.compile(r"(?:^|_)(DISC|ACT|SIG|KEY|OUT|INB|VIS|ART|BACK|DLV|NEG|COL|LIFE)_(\d\d)(b?)(?=_|$)")
LINE = re.compile(r"^\| ([A-Z]+-\d\db?) \| (.+?) \| (.*?) \|$")


@dataclass(frozen=True)
class Row:
    """One line of the table: id, what fedblog does, and the tests that prove it (files)."""

    id: str
    text: str
    proven_by: str


@functools.cache
def proofs_by_row() -> dict[str, list[str]]:
    """Row id -> `file::test` of every test that carries it."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for room, number, letter in ROW_ID.findall(node.name):
                    found.setdefault(f"{room}-{number}{letter}", []).append(
                        f"{path.relative_to(ROOT / 'tests').as_posix()}::{node.name}"
                    )
    return found


def rows() -> list[Row]:
    """The table as it stands in docs/conformance.md."""
    lines = TABLE.read_text("utf-8").splitlines()
    return [Row(*match.groups()) for line in lines if (match := LINE.match(line))]


def proof(tests: list[str]) -> str:
    """The files that hold a row's tests."""
    return ", ".join(sorted({test.partition("::")[0] for test in tests}))


def write() -> None:
    """Bring the last column up to date."""
    found = proofs_by_row()
    lines = []
    for line in TABLE.read_text("utf-8").splitlines():
        match = LINE.match(line)
        lines.append(f"| {match[1]} | {match[2]} | {proof(found.get(match[1], []))} |" if match else line)
    TABLE.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> int:
    """Print the table; 1 when a row has no test."""
    if "--write" in sys.argv:
        write()
    found = proofs_by_row()
    missing = [row.id for row in rows() if row.id not in found]
    for row in rows():
        print(f"{row.id:9} {len(found.get(row.id, [])):3} tests  {row.text}")
    print(f"{len(rows())} rows, {len(missing)} without a test{': ' + ', '.join(missing) if missing else ''}")
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
