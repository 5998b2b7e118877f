# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm doctor`: what is installed, and what each missing part would add."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass

import click
from rich.table import Table

from .. import __version__, paths
from . import interrupt, options, output, streams


@dataclass(frozen=True)
class Part:
    """One thing that pykmm uses.

    needed : bool   without it pykmm itself does not work
    """

    name: str
    adds: str
    needed: bool
    found: str          # version or place; "" if missing
    get: str            # how to get it

    @property
    def state(self) -> str:
        return self.found or ("MISSING" if self.needed else "not here")


def _tool(name: str, *arguments: str) -> str:
    """First line of a tool's version, or "" if the tool is not there."""
    path = shutil.which(name)
    if not path:
        return ""
    try:
        shown = subprocess.run([path, *(arguments or ("--version",))], capture_output=True,
                               text=True, errors="replace", timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path} (does not run: {error})"
    lines = (shown.stdout or shown.stderr).strip().splitlines()
    return lines[0][:60] if lines else path


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _built(module: str) -> str:
    try:
        __import__(module)
    except ImportError:
        return ""
    return "built"


def parts() -> list[Part]:
    """Everything that pykmm can use, needed things first."""
    compiler = (os.environ.get("CC", "").split() or ["cc" if shutil.which("cc") else "gcc"])[0]
    mail = os.environ.get("PYKMM_PATCH", "")
    here = mail if mail and os.path.isfile(mail) else ""
    return [
        Part("core library", "the machine and the engine", True,
             "built" if (paths.lib() / "libkmm.so").is_file() else "", "make build"),
        Part("C half", "the reference", True,
             "built" if (paths.lib() / "c.so").is_file() else "", "make build"),
        Part("Cython half", "what is compared with it", True, _built("pykmm.half"), "make build"),
        *(Part(name, adds, True, _package(name), f"pip install {name}") for name, adds in (
            ("click", "the command line"), ("rich", "tables and progress"),
             ("pygments", "colours in listings"), ("jinja2", "listings as HTML"),
             ("unidiff", "checking the canonical patch"), ("lark", "scenarios"))),
        Part("C compiler", "half X from a patch mail; building pykmm", False, _tool(compiler),
             "apt-get install gcc, or set CC"),
        Part("patch mail", "half X: the patch's own lines", False, here,
             "set PYKMM_PATCH to the mail, or use --patch"),
        *(Part(name, adds, False, _package(name), f"pip install {name}") for name, adds in (
            ("cython", "building the Cython half"), ("pytest", "the tests"),
            ("hypothesis", "tests of properties"), ("pytest-benchmark", "the benchmarks"),
            ("matplotlib", "plots of how functions grow"))),
        *(Part(name, adds, False, _tool(name), f"apt-get install {name}") for name, adds in (
            ("valgrind", "instruction counts in bench/"),
            ("clang", "a second compiler"),
            ("afl-fuzz", "coverage-guided fuzzing"))),
    ]


@click.command()
@options.json_option
def doctor(json_path) -> int:
    """Say what is installed here and what each missing part would add."""
    output.check_json_path(json_path)
    interrupt.begins(json_path, schema="pykmm.doctor/1")
    out = output.Output()
    found = parts()
    if json_path != "-":
        table = Table(box=None, pad_edge=False)
        for column in ("part", "here", "what it is for", "how to get it"):
            table.add_column(column, overflow="fold")
        for part in found:
            table.add_row(part.name, part.state, part.adds, "" if part.found else part.get)
        out.line(f"pykmm {__version__}, Python {platform.python_version()}, {platform.machine()}")
        out.print(table)
    missing = [part for part in found if part.needed and not part.found]
    for part in missing:
        streams.complain(f"{part.name} is missing: {part.get}")
    output.write_json(json_path, {
        "schema": "pykmm.doctor/1", "version": __version__, "python": platform.python_version(),
        "parts": [{"name": p.name, "needed": p.needed, "found": p.found, "adds": p.adds,
                   "get": p.get} for p in found]}, out)
    return output.LACKING if missing else output.GOOD
