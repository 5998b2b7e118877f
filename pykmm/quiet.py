# SPDX-License-Identifier: GPL-2.0-only
"""The build that records no events (-DKMM_QUIET), which benchmarks time.

A process takes it as a whole: a half without events on a core library with them would be neither.
"""

import ctypes
import importlib.machinery
import importlib.util
import sys
from pathlib import Path

from . import paths
from .errors import HarnessError

PACKAGE = "pykmm.lib.quiet"


def file_name(module: str) -> str:
    """Name of the library, without suffix, that holds a module of half P."""
    return "p-" + module.removeprefix("pykmm.").replace(".", "-")


class _Finder:
    """Finds half P's modules where they were built without events."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find_spec(self, name: str, path=None, target=None) -> importlib.machinery.ModuleSpec | None:
        file = self.folder / f"{file_name(name)}.so"
        if not name.startswith("pykmm.") or not file.is_file():
            return None
        loader = importlib.machinery.ExtensionFileLoader(name, str(file))
        return importlib.util.spec_from_file_location(name, file, loader=loader)


def use() -> None:
    """From here on this process has halves, machine and engine without events.

    raises HarnessError   it has loaded those with events already, or pykmm was built without these
    """
    if "pykmm.engine.core" in sys.modules:
        raise HarnessError("pykmm.quiet.use() comes before anything imports pykmm.engine.core")
    folder = paths.lib() / "quiet"
    if not (folder / "libkmm.so").is_file():
        raise HarnessError(f"{folder} is missing: build pykmm again (make build)")
    # engine and halves ask for a libkmm.so, and this one, loaded first, is of that name
    ctypes.CDLL(str(folder / "libkmm.so"))
    paths.use_quiet()
    sys.meta_path.insert(0, _Finder(folder))
