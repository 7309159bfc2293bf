"""Each module imports alone: no circle is hidden in functions or in the order of imports."""

from __future__ import annotations

import ast
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


def test_each_module_imports_alone() -> None:
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    for loaded in [m for m in sys.modules if m == 'fedblog' or m.startswith('fedblog.')]:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    result = subprocess.run([sys.executable, "-c", code, *MODULES], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
