# SPDX-License-Identifier: GPL-2.0-only
"""The figures of v8: its hunks with one hash per line, its edits, and the units of edits.

`edits.toml` holds no line of the patch.  A hash is over the line without its
+ or - and without any white space, because archives lose white space; so a
change of white space alone (E21) cannot be seen here.
"""

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib  # type: ignore[no-redef]

SCHEMA = "pykmm.edits/1"
PATH = Path(__file__).with_name("edits.toml")

UNITS = {
    "U1": "do_wp_page",
    "U2": "do_no_page",
    "U3": "do_mmap_pgoff",
    "U4": "mprotect_fixup",
    "U5": "test_clear_page_dirty",
    "U6": "clear_page_dirty_for_io",
    "U7": "try_to_free_buffers",
}
"""Unit -> the one function in which all of its edits lie."""


@dataclass(frozen=True)
class HunkFacts:
    """One hunk of v8.

    file        path in the kernel, "mm/rmap.c"
    number      from 1 within the file
    old, new    (first line, count of lines) before and after
    section     hash of what follows the second @@, which is cut off at will
    ops         one of ' ', '+', '-' per line
    hashes      one per line, see line_hash
    """

    file: str
    number: int
    old: tuple[int, int]
    new: tuple[int, int]
    section: str
    ops: str
    hashes: tuple[str, ...]

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """(op, hash) of every line."""
        return tuple(zip(self.ops, self.hashes, strict=True))


@dataclass(frozen=True)
class Edit:
    """One edit of v8, an unbroken run of + and - lines.

    id           E01..E28
    file, hunk   where it lies; hunk counts from 1 within the file
    function     the function it lies in or defines (several: joined by ", "); "" in an include
    plus, minus  number of its lines
    unit         "U1".."U7", or "" if it changes no behaviour or comes with whichever unit uses it
    note         what a reader must know who has only the mail, or ""
    """

    id: str
    file: str
    hunk: int
    function: str
    plus: int
    minus: int
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """All hunks and all edits, both in patch order."""

    hunks: tuple[HunkFacts, ...]
    edits: tuple[Edit, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Paths in patch order."""
        return tuple(dict.fromkeys(hunk.file for hunk in self.hunks))

    def hunks_of(self, file: str) -> tuple[HunkFacts, ...]:
        return tuple(hunk for hunk in self.hunks if hunk.file == file)

    def edits_of(self, file: str, hunk: int) -> tuple[Edit, ...]:
        return tuple(e for e in self.edits if (e.file, e.hunk) == (file, hunk))

    def find_hunk(self, file: str, old_start: int, number: int, count: int = 0
                  ) -> HunkFacts | None:
        """The hunk that begins at that line before the patch, else the first that so many lines
        from there meet, else the one of that number."""
        hunks = self.hunks_of(file)
        for hunk in hunks:
            if hunk.old[0] == old_start:
                return hunk
        for hunk in hunks:
            if hunk.old[0] < old_start + count and old_start < sum(hunk.old):
                return hunk
        return hunks[number - 1] if number <= len(hunks) else None


def line_hash(text: str) -> str:
    """Ten hex digits of the sha256 of the text without its white space."""
    return hashlib.sha256("".join(text.split()).encode("utf-8")).hexdigest()[:10]


def unit_of(function: str) -> str:
    """The unit whose edits lie in this function, or "" if no unit has any there."""
    return next((unit for unit, name in UNITS.items() if name == function), "")


def parse(text: str) -> Table:
    """The table in this TOML text."""
    facts: dict[str, Any] = tomllib.loads(text)
    return Table(
        hunks=tuple(
            HunkFacts(
                file=h["file"],
                number=h["number"],
                old=(h["old"][0], h["old"][1]),
                new=(h["new"][0], h["new"][1]),
                section=h["section"],
                ops=h["ops"],
                hashes=tuple(h["hashes"]),
            )
            for h in facts["hunk"]
        ),
        edits=tuple(Edit(**e) for e in facts["edit"]),
    )


@functools.cache
def load() -> Table:
    """The table of v8 that ships with pykmm."""
    return parse(PATH.read_text(encoding="ascii"))
