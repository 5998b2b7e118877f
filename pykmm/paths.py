# SPDX-License-Identifier: GPL-2.0-only
"""Where the parts of pykmm lie, in a checkout and in an installed wheel alike."""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_lib = _PACKAGE / "lib"


def cref() -> Path:
    """Folder of the C half and the machine: package data in a wheel, a sibling in a checkout."""
    shipped = _PACKAGE / "cref"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "cref"


def lib() -> Path:
    """Folder of the core library (libkmm.so) and of the halves that are plain shared libraries."""
    return _lib


def use_quiet() -> None:
    """From here on lib() is the folder of those that record no events (pykmm.quiet)."""
    global _lib
    _lib = _PACKAGE / "lib/quiet"


def package() -> Path:
    """Folder of the package itself, where the Cython sources lie beside their modules."""
    return _PACKAGE


def cache() -> Path:
    """The user's cache folder for pykmm (not created here)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pykmm"


def c_flags(name: str = "CFLAGS") -> list[str]:
    """The one list of code-generation flags for C, P and X, from cref/CFLAGS.

    name : str   CFLAGS.core: those that the core library has besides
    """
    words: list[str] = []
    for line in (cref() / name).read_text(encoding="ascii").splitlines():
        words += line.split("#", 1)[0].split()
    return words
