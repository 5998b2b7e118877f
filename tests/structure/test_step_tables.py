# SPDX-License-Identifier: GPL-2.0-only
"""Each step stands once in the step table, once in C and once in Cython, in one order."""

import re

import mirrored
import pytest

from pykmm.source import anchors

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10 has no TOML reader of its own
    import tomli as tomllib

STEPS = mirrored.ROOT / "cref/steps"
PAIRS = mirrored.pairs()
each_pair = pytest.mark.parametrize(("path", "c", "p"), PAIRS, ids=[pair[0] for pair in PAIRS])

# (step, edits) in some order
Listed = list[tuple[str, tuple[str, ...]]]


def table_of(path: str) -> dict:
    """The step table of a file of the C half."""
    return tomllib.loads((STEPS / f"{path}.toml").read_text(encoding="utf-8"))


def in_table(table: dict) -> Listed:
    return [(step["id"], tuple(step["edits"])) for function in table.values()
            for step in function["step"]]


def in_source(text: str, *, cython: bool) -> Listed:
    return [(a.step, a.edits) for a in anchors.anchors_of(text, cython=cython)]


def order_faults(ours: Listed, theirs: Listed) -> list[str]:
    """How a list of steps differs from the one it should be."""
    faults = [f"{step} stands {count} times" for step, count in
              ((step, [s for s, _ in theirs].count(step)) for step, _ in dict(theirs).items())
              if count > 1]
    wanted, there = dict(ours), dict(theirs)
    faults += [f"{step} is missing" for step in wanted if step not in there]
    faults += [f"{step} is one too many" for step in there if step not in wanted]
    faults += [f"{step} has edits {there[step]}, not {wanted[step]}" for step in wanted
               if step in there and there[step] != wanted[step]]
    if not faults and list(there) != list(wanted):
        first = next(a for a, b in zip(there, wanted, strict=True) if a != b)
        faults.append(f"{first} stands out of order")
    return faults


def table_faults(table: dict) -> list[str]:
    """What a step table lacks: every text is there, and says something."""
    faults = []
    for name, function in table.items():
        for key in ("title", "entry", "exit", "returns"):
            if not function.get(key, "").strip():
                faults.append(f"{name} has no {key}")
        if function.keys() - {"title", "entry", "exit", "returns", "step"}:
            faults.append(f"{name} has keys that nobody reads")
        for step in function.get("step", []):
            if step.keys() - {"id", "edits", "does", "why"}:
                faults.append(f"{step['id']} has keys that nobody reads")
            if not step.get("does", "").endswith("."):
                faults.append(f"{step['id']} does not say in sentences what it does")
            if not step.get("why", ".").endswith("."):
                faults.append(f"{step['id']} does not say in sentences why")
    return faults


def lines_outside_their_regions(text: str) -> list[str]:
    """Anchors of C whose edits are not those of the region around their line."""
    faults, region = [], ()
    for line in text.splitlines():
        marker = re.search(r"/\* (\} )?E(\d\d)(?:-E(\d\d))?( \{)? \*/", line)
        if marker:
            first, last = int(marker[2]), int(marker[3] or marker[2])
            region = () if marker[1] else tuple(f"E{n:02}" for n in range(first, last + 1))
        anchor = anchors.anchor_in(line, cython=False)
        # a region of several edits has context lines between them, which belong to none
        if anchor and not (set(anchor[1]) <= set(region) and (anchor[1] or len(region) != 1)):
            faults.append(f"{anchor[0]} names {anchor[1]} within {region}")
    return faults


@each_pair
def test_step_table_lists_what_c_has(path, c, p):
    assert order_faults(in_source(c, cython=False), in_table(table_of(path))) == []


@each_pair
def test_step_table_lists_what_cython_has(path, c, p):
    assert order_faults(in_table(table_of(path)), in_source(p, cython=True)) == []
    assert len(in_source(p, cython=True)) == len(in_source(c, cython=False))


@each_pair
def test_step_table_is_complete(path, c, p):
    table = table_of(path)

    assert table_faults(table) == []
    assert list(table) == [f.name for f in mirrored.c_functions(c)]
    for name, function in table.items():
        letters = {re.match(r"[A-Z]+", step["id"])[0] for step in function["step"]}
        assert {anchors.FUNCTION_OF[letter] for letter in letters} == {name}


def test_step_ids_stand_once_in_all_files():
    steps = [anchor.step for anchor in anchors.all_steps()]

    assert len(steps) == len(set(steps))


def test_step_tables_are_of_mirrored_files_alone():
    tables = {p.relative_to(STEPS).as_posix() for p in STEPS.rglob("*") if p.is_file()}

    assert tables == {f"{path}.toml" for path in anchors.TWINS}


@each_pair
def test_steps_name_the_edits_of_their_regions(path, c, p):
    assert lines_outside_their_regions(c) == []


# -- the checks themselves

GOOD = [("BX1", ()), ("BX2", ("E25",)), ("BX3", ())]


@pytest.mark.parametrize(("listed", "fault"), [
    (GOOD[:2], "BX3 is missing"),
    ([*GOOD, ("BX4", ())], "BX4 is one too many"),
    ([*GOOD, ("BX1", ())], "BX1 stands 2 times"),
    ([GOOD[0], ("BX2", ()), GOOD[2]], "BX2 has edits (), not ('E25',)"),
    ([GOOD[1], GOOD[0], GOOD[2]], "BX2 stands out of order"),
])
def test_steps_that_differ_are_refused(listed, fault):
    assert order_faults(GOOD, GOOD) == []
    assert fault in order_faults(GOOD, listed)


@pytest.mark.parametrize(("change", "fault"), [
    ({"title": " "}, "seal has no title"),
    ({"colour": "red"}, "seal has keys that nobody reads"),
    ({"step": [{"id": "BX1", "edits": [], "does": "Seals it", "why": "Rain."}]},
     "BX1 does not say in sentences what it does"),
    ({"step": [{"id": "BX1", "edits": [], "does": "Seals it.", "why": "rain"}]},
     "BX1 does not say in sentences why"),
    ({"step": [{"id": "BX1", "edits": [], "does": "Seals it.", "how": "fast"}]},
     "BX1 has keys that nobody reads"),
])
def test_step_table_with_a_gap_is_refused(change, fault):
    good = {"title": "Seal a box", "entry": "none", "exit": "none", "returns": "int",
            "step": [{"id": "BX1", "edits": [], "does": "Seals it.", "why": "Rain."}]}

    assert table_faults({"seal": good}) == []
    assert fault in table_faults({"seal": {**good, **change}})


@pytest.mark.parametrize(("text", "faults"), [
    ("/* E22 { */\na; /* BX1 E22 */\n/* } E22 */\nb; /* BX2 */\n", 0),
    ("/* E03-E05 { */\na; /* BX1 E04 */\nb; /* BX2 */\n/* } E03-E05 */\n", 0),
    ("/* E22 { */\na; /* BX1 */\n/* } E22 */\n", 1),
    ("/* E22 { */\na; /* BX1 E23 */\n/* } E22 */\n", 1),
    ("/* E22 { */\n/* } E22 */\na; /* BX1 E22 */\n", 1),
])
def test_edit_of_an_anchor_outside_its_region_is_refused(text, faults):
    assert len(lines_outside_their_regions(text)) == faults
