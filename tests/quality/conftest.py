# SPDX-License-Identifier: GPL-2.0-only
"""A copy of the project that a test may change, build and fuzz."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = ("setup.py", "pyproject.toml", "README.md")
TREES = ("cref", "pykmm")
# what a build left: with it, only what a mutant changes is built again
BUILT = ("counted", "cython", "lib.*", "temp.*")

STAGE_SECONDS = 10
STAGES = 6


@dataclass
class Fuzzed:
    """How a run of `pykmm fuzz` ended."""

    code: int
    said: str
    result: dict


class Copy:
    """The project, copied and built."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name in FILES:
            shutil.copy2(ROOT / name, folder / name)
        leave_out = shutil.ignore_patterns("__pycache__", "*.part")
        for name in TREES:
            shutil.copytree(ROOT / name, folder / name, ignore=leave_out)
        self._warn_of_nothing()
        for pattern in BUILT:
            for path in (ROOT / "build").glob(pattern):
                shutil.copytree(path, folder / "build" / path.name)
        self.build()

    def _warn_of_nothing(self) -> None:
        """Compilers see through some mutants, each through others; here fuzzing has to.

        It changes no code, so what was built without it need not be built again.
        """
        flags = self.folder / "cref/CFLAGS"
        dated = flags.stat()
        flags.write_text(flags.read_text(encoding="ascii") + "-w\n", encoding="ascii")
        os.utime(flags, (dated.st_atime, dated.st_mtime))

    def build(self) -> None:
        """Build what changed; the build's own last words if it fails."""
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "setup.py", "--quiet", "build_ext", "--inplace"],
            cwd=self.folder, capture_output=True, text=True, check=False)
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        assert done.returncode == 0, f"the copy in {self.folder} does not build:\n{said}"
        self._settle()

    def _settle(self) -> None:
        """Date everything back, inputs before outputs.

        The build compares whole seconds, so a change soon after a build would
        be taken for a part of it.  Not far back: Cython's own files are inputs too.
        """
        start = time.time() - STAGE_SECONDS * STAGES
        generated = [self.folder / "build" / name for name in ("counted", "cython")]
        for path in self.folder.rglob("*"):
            if not path.is_file():
                continue
            stage = 0
            if path.suffix == ".so":
                stage = 5 if self.folder / "pykmm" in path.parents else 4
            elif self.folder / "build" in path.parents:
                stage = next((i for i, folder in enumerate(generated, 1) if folder in path.parents),
                             3)
            dated = start + STAGE_SECONDS * stage
            os.utime(path, (dated, dated))

    @contextlib.contextmanager
    def changed(self, file: str, text: str) -> Iterator[None]:
        """Built with another text of a file, which the next build takes back."""
        path = self.folder / file
        own = path.read_text(encoding="utf-8")
        path.write_text(text, encoding="utf-8")
        try:
            self.build()
            yield
        finally:
            path.write_text(own, encoding="utf-8")

    def run(self, arguments: list[str], cwd: Path) -> subprocess.CompletedProcess:
        """Python on the copy, without a mail, whatever the caller's surroundings say."""
        env = {k: v for k, v in os.environ.items() if k != "PYKMM_PATCH"}
        return subprocess.run([sys.executable, *arguments], cwd=cwd, capture_output=True,
                              text=True, check=False, env={**env, "PYTHONPATH": str(self.folder)})

    def fuzz(self, *options: str, cwd: Path) -> Fuzzed:
        """`pykmm fuzz` with one thread and seed 1, so that its result is the same every time."""
        done = self.run(["-m", "pykmm", "fuzz", "--jobs", "1", "--seed", "1",
                         "--json", "result.json", *options], cwd)
        result = cwd / "result.json"
        return Fuzzed(done.returncode, done.stdout + done.stderr,
                      json.loads(result.read_text(encoding="utf-8")) if result.exists() else {})


@pytest.fixture(scope="session")
def copy(tmp_path_factory) -> Copy:
    return Copy(tmp_path_factory.mktemp("copy"))
