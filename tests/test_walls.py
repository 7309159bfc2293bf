"""Each module imports alone: no circle is hidden in functions or in the order of imports."""

from __future__ import annotations

import ast
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import fedblog

PACKAGE = Path(fedblog.__file__).parent
MODULES = sorted(module.name for module in pkgutil.walk_packages([str(PACKAGE)], "fedblog."))


def imports_of(path: Path) -> set[str]:
    """Every fedblog module that a file imports, function-level and TYPE_CHECKING imports included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found.add(submodule if submodule in MODULES else node.module)
    return {name for name in found if name in MODULES}


def graph() -> dict[str, set[str]]:
    files = {}
    for name in MODULES:
        path = PACKAGE.joinpath(*name.split(".")[1:])
        files[name] = imports_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py")) - {name}
    return files


def test_there_are_no_circles() -> None:
    edges = graph()
    done: set[str] = set()
    while ready := [name for name in edges if name not in done and edges[name] <= done]:
        done.update(ready)
    assert set(edges) - done == set()


def closures() -> dict[str, list[str]]:
    """What each module needs, its packages included, with all that these need; needed ones come first."""
    edges = graph()
    for name, wanted in edges.items():
        parts = name.split(".")
        wanted.update(".".join(parts[:length]) for length in range(2, len(parts)))
    found: dict[str, set[str]] = {}
    for name in edges:
        reached, waiting = set[str](), [name]
        while waiting:
            new = edges[waiting.pop()] - reached
            reached |= new
            waiting += new
        found[name] = reached - {name}
    return {name: sorted(found[name]) for name in sorted(found, key=lambda one: len(found[one]))}


def test_each_module_imports_alone() -> None:
    """Each runs once, where nothing of ours is loaded but what it says that it needs; and it loads nothing else."""
    code = (
        "import importlib, json, sys\n"
        "ours = lambda: {n: m for n, m in sys.modules.items() if n.startswith('fedblog.')}\n"
        "import fedblog\n"
        "ran = {}\n"
        "for name, needed in json.load(sys.stdin).items():\n"
        "    for loaded in ours(): del sys.modules[loaded]\n"
        "    sys.modules.update({one: ran[one] for one in needed if one in ran})\n"
        "    importlib.import_module(name)\n"
        "    more = set(ours()) - {name, *needed}\n"
        "    assert not more, f'{name} loads {more}'\n"
        "    ran[name] = sys.modules[name]\n"
    )
    wanted = json.dumps(closures())
    assert set(json.loads(wanted)) == set(MODULES)
    result = subprocess.run([sys.executable, "-c", code], input=wanted, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
