# SPDX-License-Identifier: GPL-2.0-only
"""What is asked to be installed is what something imports."""

import ast
import re
import sys
from pathlib import Path

import mirrored
import pytest

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

ROOT = mirrored.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# used by no import
USED_BY_NAME = {"pytest-benchmark": ("bench/bench_replay.py", "benchmark"),
                "pytest-xdist": ("Makefile", "-n auto")}


def names(requirements: list[str]) -> list[str]:
    return [re.match(r"[\w-]+", one)[0] for one in requirements]


def imported(*folders: str) -> set[str]:
    found = set()
    for path in (p for folder in folders for p in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("name", names(PROJECT["dependencies"]))
def test_pykmm_imports_what_it_asks_for(name):
    assert name.replace("-", "_") in imported("pykmm") or (name == "tomli"
                                                           and sys.version_info >= (3, 11))


@pytest.mark.parametrize("name", names(PROJECT["optional-dependencies"]["test"]))
def test_tests_use_what_they_ask_for(name):
    if name in USED_BY_NAME:
        file, word = USED_BY_NAME[name]
        assert word in (ROOT / file).read_text(encoding="utf-8")
        return
    module = {"cython": "Cython"}.get(name, name.replace("-", "_"))
    used = imported("tests", "tools", "bench")
    assert module in used | imported_by(ROOT / "setup.py")


def imported_by(path: Path) -> set[str]:
    return {node.module.partition(".")[0] for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module}


def test_pykmm_asks_for_what_it_imports():
    ours = {"pykmm", "cython"}
    asked = {name.replace("-", "_") for name in names(PROJECT["dependencies"])}
    optional = {name.replace("-", "_") for group in PROJECT["optional-dependencies"].values()
                for name in names(group)}
    foreign = imported("pykmm") - set(sys.stdlib_module_names) - ours
    assert foreign <= asked | optional, foreign - asked - optional
