# SPDX-License-Identifier: GPL-2.0-only
"""Anchors: the trailing comments that tie a line of either half to a step.

    ret = 1;          /* MK7 E25 */         in C
    ret = 1           # MK7 E25             in Cython

A step's lines run from its anchor to the next one in the same function.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .. import paths
from ..errors import HarnessError

_ID = r"(?P<step>[A-Z]{2,3}\d+[a-z]?)(?P<edits>(?: E\d\d)*)"
_C_ANCHOR = re.compile(rf"/\* {_ID} \*/\s*$")
_P_ANCHOR = re.compile(rf"# {_ID}\s*$")

# Mirrored files: the C half's path below cref/, and the Cython half's below pykmm/.
TWINS = {
    "fs/buffer.c": "fs/buffer.pyx",
    "include/linux/mm.h": "linux/mm.pxd",
    "mm/memory.c": "mm/memory.pyx",
    "mm/mmap.c": "mm/mmap.pyx",
    "mm/mprotect.c": "mm/mprotect.pyx",
    "mm/page-writeback.c": "mm/page_writeback.pyx",
    "mm/rmap.c": "mm/rmap.pyx",
}

# The function that the letters of a step stand for.
FUNCTION_OF = {
    "SW": "is_shared_writable",
    "FP": "follow_page",
    "WP": "do_wp_page",
    "NP": "do_no_page",
    "MM": "do_mmap_pgoff",
    "BK": "do_brk",
    "MF": "mprotect_fixup",
    "DW": "do_writepages",
    "TC": "test_clear_page_dirty",
    "CI": "clear_page_dirty_for_io",
    "MK": "page_mkclean_one",
    "MFI": "page_mkclean_file",
    "PM": "page_mkclean",
    "TF": "try_to_free_buffers",
}


def letters_of(step: str) -> str:
    """The letters that a step's function goes by: MFI of MFI3, TC of TC1a and of TC1a/1."""
    return re.match(r"[A-Z]+", step)[0]


@dataclass(frozen=True)
class Anchor:
    """One step where it stands.

    step : str          e.g. MK3
    edits : tuple       ids of the edits that the line belongs to, often one or none
    line : int          1-based
    """

    step: str
    edits: tuple[str, ...]
    line: int

    @property
    def function(self) -> str:
        return FUNCTION_OF[letters_of(self.step)]


def anchor_in(line: str, *, cython: bool) -> tuple[str, tuple[str, ...]] | None:
    """The (step, edits) that a source line is anchored to, or None."""
    found = (_P_ANCHOR if cython else _C_ANCHOR).search(line)
    return (found["step"], tuple(found["edits"].split())) if found else None


def anchors_of(text: str, *, cython: bool) -> list[Anchor]:
    """All anchors of a source text, in order of their lines."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        anchor = anchor_in(line, cython=cython)
        if anchor:
            found.append(Anchor(*anchor, number))
    return found


@cache
def anchors_in_file(path: Path) -> tuple[Anchor, ...]:
    """Anchors of a C file or of its Cython twin; raises HarnessError if it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"{path}: cannot read a source of pykmm's own: {error}") from error
    return tuple(anchors_of(text, cython=path.suffix in (".pyx", ".pxd")))


def step_at(path: Path, line: int) -> str:
    """The step that a line of a mirrored file belongs to, or "" above the first one."""
    anchors = anchors_in_file(path)
    at = bisect_right([anchor.line for anchor in anchors], line)
    return anchors[at - 1].step if at else ""


def all_steps() -> list[Anchor]:
    """Every step of the C half, file by file, in the order of the source."""
    return [anchor for path in TWINS for anchor in anchors_in_file(paths.cref() / path)]
