# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm doctor`: what is installed, and what each missing part would add."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import textwrap
from dataclasses import dataclass

import click

from .. import __version__, paths
from . import interrupt, options, output, streams


COLUMNS = 80        # where nobody's terminal says how many there are
_HERE = 24          # columns of what is here, which is folded
_LEAST = 16         # and of the rest, however narrow the terminal
# what a terminal is told and nobody reads: colours, and other control characters
_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Part:
    """One thing that pykmm uses.

    needed : bool   without it pykmm itself does not work
    wrong : str     why what was said to be it is not; ""
    """

    name: str
    adds: str
    needed: bool
    found: str          # version or place; "" if missing
    get: str            # how to get it
    wrong: str = ""

    @property
    def state(self) -> str:
        return self.wrong or self.found or ("MISSING" if self.needed else "not here")


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
    lines = _CONTROL.sub("", shown.stdout or shown.stderr).strip().splitlines()
    return lines[0].strip()[:60] if lines and lines[0].strip() else path


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
    wrong = f"$PYKMM_PATCH {mail}: no such file" if mail and not os.path.isfile(mail) else ""
    return [
        Part("core library", "the machine and the engine", True,
             "built" if (paths.lib() / "libkmm.so").is_file() else "", "make build"),
        Part("C half", "the reference", True,
             "built" if (paths.lib() / "c.so").is_file() else "", "make build"),
        Part("Cython half", "what is compared with it", True, _built("pykmm.half"), "make build"),
        *(Part(name, adds, True, _package(name), f"pip install {name}") for name, adds in (
            ("click", "the command line"), ("rich", "tables and progress"),
             ("pygments", "colours in listings"), ("jinja2", "listings as HTML"),
             ("lark", "scenarios"))),
        Part("C compiler", "half X from a patch mail; building pykmm", False, _tool(compiler),
             "apt-get install gcc, or set CC"),
        Part("patch mail", "half X: the patch's own lines", False, "" if wrong else mail,
             "set PYKMM_PATCH to the mail, or use --patch", wrong),
        *(Part(name, adds, False, _package(name), f"pip install {name}") for name, adds in (
            ("cython", "building the Cython half"), ("pytest", "the tests"),
            ("pytest-xdist", "the tests, side by side"), ("hypothesis", "tests of properties"),
            ("pytest-benchmark", "the benchmarks"), ("tree-sitter", "tools/structure.py"),
            ("unidiff", "a test of the canonical patch"),
            ("matplotlib", "plots of how functions grow"))),
        *(Part(name, adds, False, _tool(name), f"apt-get install {name}") for name, adds in (
            ("valgrind", "instruction counts in bench/"),
            ("clang", "a second compiler: make compilers"),
            ("chromium", "tests of the review page in a browser"),
            ("git", "a test of the canonical patch"), ("patch", "the same"))),
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
        out.line(f"pykmm {__version__}, Python {platform.python_version()}, {platform.machine()}")
        for line in _table(found, out.console.width if out.console.is_terminal else COLUMNS):
            out.line(line)
    missing = [part for part in found if part.wrong or part.needed and not part.found]
    for part in missing:
        streams.complain(part.wrong or f"{part.name} is missing: {part.get}")
    output.write_json(json_path, {
        "schema": "pykmm.doctor/1", "version": __version__, "python": platform.python_version(),
        "parts": [{"name": p.name, "needed": p.needed, "found": p.found, "wrong": p.wrong,
                   "adds": p.adds, "get": p.get} for p in found]}, out)
    return output.LACKING if missing else output.GOOD


def _table(found: list[Part], columns: int) -> list[str]:
    """A row for each part, folded into so many columns; what is missing says how to get it."""
    first = max(len(part.name) for part in found) + 2
    rest = max(_LEAST, columns - first - _HERE - 2)
    lines = []
    for part in found:
        words = part.adds if part.found and not part.wrong else f"{part.adds}: {part.get}"
        here = textwrap.wrap(part.state, _HERE) or [""]
        about = textwrap.wrap(words, rest, break_on_hyphens=False)
        for i in range(max(len(here), len(about))):
            cells = (part.name if i == 0 else "", *(one[i] if i < len(one) else ""
                                                   for one in (here, about)))
            lines.append(f"{cells[0]:<{first}}{cells[1]:<{_HERE + 2}}{cells[2]}".rstrip())
    return lines
