# SPDX-License-Identifier: GPL-2.0-only
"""Copies of this project's sources, built with other flags or other compilers."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# What a copy is made of; the rest of the project is not needed to build and run it.
FILES = ("setup.py", "pyproject.toml", "README.md")
TREES = ("cref", "pykmm")
SUFFIXES = {".c", ".h", ".def", ".toml", ".py", ".pyx", ".pxd", ".core", ""}


class Missing(Exception):
    """What a tool needs and does not find."""


class Failed(Exception):
    """A copy could not be made or built."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One build and run at a time in this folder, whoever else wants one."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _below(tree: Path) -> Iterator[Path]:
    for path in sorted(tree.rglob("*")):
        if path.is_file() and path.suffix in SUFFIXES and "__pycache__" not in path.parts:
            yield path


def bring_up_to_date(folder: Path, text_of: Callable[[Path], str],
                     trees: tuple[str, ...] = TREES) -> None:
    """Copy what has changed; unchanged files keep their dates, so only the rest is rebuilt.

    text_of : (path from the project's folder) -> what the copy of that file is to hold
    """
    paths = [Path(name) for name in FILES]
    paths += [path.relative_to(ROOT) for tree in trees for path in _below(ROOT / tree)]
    for path in paths:
        text, target = text_of(path), folder / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        # the build compares whole seconds: a change within the second of the last build must count
        soon = time.time() + 1
        os.utime(target, (soon, soon))
    wanted = {folder / path for path in paths}
    for tree in trees:
        for path in _below(folder / tree):
            if path not in wanted:
                path.unlink()


def build(folder: Path, *, jobs: int = 1, **environment: str) -> None:
    """Build the copy in place.

    raises Failed   with the last lines of what the build said
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "setup.py", "-q", "build_ext", "--inplace", f"-j{jobs}"],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
        raise Failed(f"the build in {folder} failed:\n{tail}")
