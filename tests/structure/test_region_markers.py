# SPDX-License-Identifier: GPL-2.0-only
"""The markers of the C half: one region per hunk, every edit of it once."""

import re

import mirrored
import pytest

from pykmm.patch import table as figures
from pykmm.source import anchors

_MARKER = re.compile(r"/\* (?:(?P<open>E\d\d(?:-E\d\d)?) \{|\} (?P<close>E\d\d(?:-E\d\d)?)) \*/")
_LIKE_ONE = re.compile(r"^\s*/\*\s*(?:E\d+.*\{|\}\s*E\d+).*$", re.MULTILINE)


def ids(name: str) -> list[str]:
    """E03-E05 -> [E03, E04, E05]"""
    numbers = [int(n) for n in re.findall(r"\d\d", name)]
    return [f"E{n:02}" for n in range(numbers[0], numbers[-1] + 1)]


def regions_in(text: str) -> tuple[list[list[str]], list[str]]:
    """(edits of each region, faults of the markers) of a C text."""
    found, faults, inside = [], [], None
    for line in text.splitlines():
        marker = _MARKER.fullmatch(line.strip())
        if not marker:
            if _LIKE_ONE.match(line):
                faults.append(f"no marker, though it looks like one: {line.strip()}")
            continue
        if marker["open"]:
            if inside:
                faults.append(f"{marker['open']} opens within {inside}")
            inside = marker["open"]
            found.append(ids(inside))
        elif marker["close"] != inside:
            faults.append(f"{marker['close']} closes, {inside or 'nothing'} is open")
        else:
            inside = None
    if inside:
        faults.append(f"{inside} is never closed")
    return found, faults


def placement_faults(where: dict[str, list[list[str]]]) -> list[str]:
    """Regions that are of another file, are no whole hunk, or repeat an edit."""
    table = figures.load()
    hunks = {}
    for edit in table.edits:
        hunks.setdefault((edit.file, edit.hunk), []).append(edit.id)
    faults, seen = [], set()
    for path, regions in where.items():
        whole = [edits for (file, _), edits in hunks.items() if file == path]
        for edits in regions:
            if edits not in whole:
                faults.append(f"{path}: {edits} is no hunk of it")
            faults += [f"{path}: {edit} is marked twice" for edit in edits if edit in seen]
            seen |= set(edits)
        if regions != sorted(regions):
            faults.append(f"{path}: regions out of order")
    return faults


def texts() -> dict[str, str]:
    """Every file of the C half that stands for one of the kernel."""
    cref = mirrored.ROOT / "cref"
    return {p.relative_to(cref).as_posix(): p.read_text(encoding="utf-8")
            for pattern in ("include/linux/*.h", "mm/*.c", "fs/*.c")
            for p in sorted(cref.glob(pattern))}


def marked() -> set[str]:
    """Edits that have a region somewhere."""
    return {edit for text in texts().values() for edits in regions_in(text)[0] for edit in edits}


def test_region_markers_are_well_formed():
    assert {path: regions_in(text)[1] for path, text in texts().items()
            if regions_in(text)[1]} == {}


def test_region_markers_are_whole_hunks_each_edit_once():
    assert placement_faults({path: regions_in(text)[0] for path, text in texts().items()}) == []


def test_region_markers_carry_every_edit_that_the_files_name():
    # the opening: the licence, which may be a comment of its own, and the one after it
    openings = ["".join(text.split("*/")[:2]) for text in texts().values()]
    named = {edit for opening in openings for part in re.findall(r"Edits? ([E\d, -]+)", opening)
             for name in re.findall(r"E\d\d(?:-E\d\d)?", part) for edit in ids(name)}

    assert marked() == named


def test_mirrored_functions_carry_all_of_their_edits():
    functions = set(anchors.FUNCTION_OF.values())
    missing = [edit.id for edit in figures.load().edits
               if set(edit.function.split(", ")) & functions and edit.id not in marked()]

    assert missing == []


# -- the checks themselves


@pytest.mark.parametrize(("text", "fault"), [
    ("/* E22 { */\n", "E22 is never closed"),
    ("/* } E22 */\n", "E22 closes, nothing is open"),
    ("/* E22 { */\n/* } E23 */\n", "E23 closes, E22 is open"),
    ("/* E22 { */\n/* E23 { */\n/* } E23 */\n/* } E22 */\n", "E23 opens within E22"),
    ("/* E22{ */\n", "no marker, though it looks like one: /* E22{ */"),
])
def test_region_marker_that_is_wrong_is_refused(text, fault):
    assert fault in regions_in(text)[1]


def test_region_markers_are_read():
    regions, faults = regions_in("\t/* E03-E05 { */\n\ta;\n\t/* } E03-E05 */\n")

    assert (regions, faults) == ([["E03", "E04", "E05"]], [])


@pytest.mark.parametrize(("where", "faults"), [
    ({"mm/rmap.c": [["E24"], ["E25"]], "mm/memory.c": [["E03", "E04", "E05"]]}, []),
    ({"mm/rmap.c": [["E22"]]}, ["mm/rmap.c: ['E22'] is no hunk of it"]),
    ({"mm/memory.c": [["E03"]]}, ["mm/memory.c: ['E03'] is no hunk of it"]),
    ({"mm/rmap.c": [["E24"], ["E24"]]}, ["mm/rmap.c: E24 is marked twice"]),
    ({"mm/rmap.c": [["E25"], ["E24"]]}, ["mm/rmap.c: regions out of order"]),
])
def test_region_in_a_wrong_place_is_refused(where, faults):
    assert placement_faults(where) == faults
