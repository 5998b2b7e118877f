# SPDX-License-Identifier: GPL-2.0-only
"""What a run was measured on: without it, times are numbers without a unit."""

import os
import platform
import re
from pathlib import Path

from .. import __version__, paths
from .instructions import toolchain


def describe(processor: int | None = None,
             fixed_addresses: bool | None = None) -> dict[str, str | int | None]:
    """Processor, memory, kernel, compiler and flags, as words for people.

    processor : int | None           number of the one that the times were taken on
    fixed_addresses : bool | None    whether addresses are the same in every run
    """
    return {
        "pykmm": __version__,
        "processor": _processor(),
        "processors": os.cpu_count(),
        "pinned_to": processor,
        "fixed_addresses": fixed_addresses,
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        **toolchain(),
        "flags": " ".join(paths.c_flags()),
    }


def line(about: dict) -> str:
    """The same in one line."""
    pinned = about["pinned_to"]
    which = "" if pinned is None else f"number {pinned} of "
    return (f"{about['processor']}, {which}{about['processors']}; {about['kernel']}; "
            f"{about['compiler']}, Cython {about['cython']}")


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^(?:model name|Processor|cpu model)\s*:\s*(.+)$", text, re.MULTILINE)
    return " ".join((found[1] if found else platform.processor() or platform.machine()).split())
