"""docs/reasons.md and the code name the same reasons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from fedblog.federation.people import HIDDEN_BY_AUTHOR, SPAM
from fedblog.federation.reasons import Outcome
from fedblog.signatures.model import Reason
from fedblog.storage import hiding, placeholders

ROOT = Path(__file__).resolve().parents[1]
LINE = re.compile(r"^\| `([a-z0-9_…]+)` \| \S.* \| \S.* \|$", re.MULTILINE)
CODE = re.compile(r"[a-z][a-z0-9_]{2,}")
# Calls whose positional arguments hold a reason: name -> position.
CALLS = {"KeyRefused": 0, "_Failure": 0, "Verdict": 1, "_refused": 1, "_later": 1}


def codes() -> set[str]:
    """Every reason in the package: keyword `reason=`, class attribute `reason`, the calls above, both enums."""
    found = {code.value for code in (*Outcome, *Reason)} | {hiding.REASON, HIDDEN_BY_AUTHOR, SPAM, placeholders.REASON}
    package = ROOT / "fedblog"
    for path in sorted(package.rglob("*.py")):
        if any(path.is_relative_to(package / room) for room in ("web/studio", "web/looks", "cli")):
            continue  # words to somebody who stands before the form
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            found.update(code for code in _reasons_in(node) if CODE.fullmatch(code))
    return found


def _reasons_in(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.keyword) and node.arg == "reason":
        yield from _text(node.value)
    elif isinstance(node, ast.ClassDef):
        for line in node.body:
            names = (
                [one.id for one in line.targets if isinstance(one, ast.Name)] if isinstance(line, ast.Assign) else []
            )
            if isinstance(line, ast.Assign) and "reason" in names:
                yield from _text(line.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
        position = CALLS[node.func.id]
        if len(node.args) > position:
            yield from _text(node.args[position])


def _text(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_every_reason_is_explained() -> None:
    """Each code has one line; no line explains a code that isn't there."""
    explained = LINE.findall((ROOT / "docs" / "reasons.md").read_text("utf-8"))
    assert len(explained) == len(set(explained)), "a reason is explained twice"
    written = {code for code in explained if not code.endswith("…")}
    assert sorted(codes() - written) == [], "explain these in docs/reasons.md"
    assert sorted(written - codes()) == [], "docs/reasons.md explains what the code doesn't say"
    assert {code for code in explained if code.endswith("…")} == {"http_…", "schema_…"}
