# SPDX-License-Identifier: GPL-2.0-only
"""Each unit has a run that goes wrong without it, and the program says so itself."""

from pathlib import Path

import pytest

from pykmm import paths
from pykmm.engine import halves
from pykmm.errors import BadInput
from pykmm.patch.table import UNITS
from pykmm.review import facts, shortest, witnesses
from pykmm.scenario.run import Halves

each_unit = pytest.mark.parametrize("unit", UNITS)


def last(run: dict) -> dict:
    return run["states"][-1]


@each_unit
def test_witness_holds_and_its_runs_part(runs: dict[str, dict], unit: str) -> None:
    run = runs[unit]
    assert run["ok"] and run["parts"] is not None and run["differs"]
    one, other = run["runs"].values()
    for which in (one, other):
        assert len(which["states"]) == len(which["broken"]) == len(run["operations"]) + 1
        assert len(which["results"]) == len(which["steps"]) == len(run["operations"])
    before = run["parts"]
    assert one["states"][:before + 1] == other["states"][:before + 1]
    assert one["states"][before + 1] != other["states"][before + 1]


@pytest.mark.parametrize(("unit", "with_it", "without"), [
    ("U1", [5, 2, 3, 4], [1, 2, 3, 4]), ("U2", [5, 2, 3, 4], [1, 2, 3, 4]),
    ("U3", [5, 2, 3, 4], [1, 2, 3, 4]), ("U4", [5, 2, 3, 4], [1, 2, 3, 4]),
    ("U5", [6, 2, 3, 4], [5, 2, 3, 4]), ("U6", [5, 2, 3, 4], [1, 2, 3, 4]),
])
def test_store_is_not_on_disk_without_the_unit(runs: dict[str, dict], unit: str,
                                               with_it: list[int], without: list[int]) -> None:
    told = runs[unit]["runs"]
    assert last(told["with"])["disks"][0]["pages"] == [with_it]
    assert last(told["without"])["disks"][0]["pages"] == [without]
    # who wrote and synced was told that all is well, both times
    assert told["with"]["results"] == told["without"]["results"]


@pytest.mark.parametrize(("unit", "name", "after"), [
    ("U1", "kept_writes", 2), ("U2", "tracked_writes", 2), ("U3", "tracked_writes", 1),
    ("U4", "tracked_writes", 2), ("U5", "tracked_writes", 4), ("U6", "tracked_writes", 2),
    ("U7", "lock_order", 4),
])
def test_property_that_is_broken_without_the_unit(runs: dict[str, dict], unit: str, name: str,
                                                  after: int) -> None:
    told = runs[unit]["runs"]
    assert runs[unit]["property"] == name
    assert not any(name in names for names in told["with"]["broken"])
    assert [name in names for names in told["without"]["broken"]].index(True) == after


def test_locks_are_taken_against_the_order_without_u7(runs: dict[str, dict]) -> None:
    told = runs["U7"]["runs"]
    assert last(told["with"])["faults"] == []
    assert last(told["without"])["faults"] == [
        "lock order: i_mmap_lock was taken under private_lock"]


def test_state_after_a_store_has_its_pte_page_and_disk(runs: dict[str, dict]) -> None:
    #   mmap, store: a writable dirty pte over a dirty page whose store is not on disk
    state = runs["U2"]["runs"]["with"]["states"][2]
    vma = state["processes"][0]["vmas"][0]
    assert (vma["file"], vma["letters"], vma["prot"]) == ("f", "rw-s", "RO")
    assert vma["ptes"] == [{"at": "0", "text": "page 0 RW D A", "page": 0, "writable": True,
                            "dirty": True, "accessed": True}]
    page = state["pages"][0]
    assert (page["owner"], page["index"], page["mapped"]) == ("f", 0, 1)
    assert "dirty" in page["flags"] and page["tags"] == ["D"]
    assert page["contents"] == [5, 2, 3, 4] and page["writing"] is None
    assert state["disks"] == [{"file": "f", "kind": "ext2", "pages": [[1, 2, 3, 4]]}]
    assert state["counters"]["nr_dirty"] == 1


def test_pte_that_is_writable_and_clean(runs: dict[str, dict]) -> None:
    #   mmap that populates: without U3 the pte is writable, with it it is not; no store yet
    ptes = [runs["U3"]["runs"][which]["states"][1]["processes"][0]["vmas"][0]["ptes"][0]
            for which in ("with", "without")]
    assert [pte["writable"] for pte in ptes] == [False, True]
    assert not any(pte["dirty"] for pte in ptes) and all(pte["accessed"] for pte in ptes)


def test_state_has_buffers_and_what_is_being_written(tmp_path: Path) -> None:
    #   flush_buffers: the block of the page is on its way to the disk
    file = tmp_path / "U5.kmm"
    file.write_text("units all, -U5\nfile b block device pages=1\np0: a = mmap b\n"
                    "p0: write b index=0\np0: store a\nflush_buffers b\n")
    run = witnesses.found(witnesses.Witness("U5", file, ""), Halves([halves.c_half()]))
    page = run["runs"]["with"]["states"][4]["pages"][0]
    assert [(one["first"], one["sectors"]) for one in page["buffers"]] == [(0, 4)]
    assert "Lock" in page["buffers"][0]["state"]
    assert page["writing"] == [6, 2, 3, 4]


@pytest.mark.parametrize(("name", "broken", "after"), [
    ("F1", "page_state", 4), ("F2", "promised_writes", 6), ("F3", "promised_writes", 7),
    ("F4", "promised_writes", 7),
])
def test_finding_goes_wrong_with_the_patch_alone(runs: dict[str, dict], name: str, broken: str,
                                                 after: int) -> None:
    run = runs[name]
    assert run["ok"] and (run["property"], run["broken_after"]) == (broken, after)
    # and the other kernel keeps all that it is meant to keep
    assert not any(run["runs"]["without"]["broken"])


@pytest.mark.parametrize(("name", "with_it", "without"), [
    ("F2", [5, 6, 3, 4], [5, 6, 7, 4]), ("F3", [6, 2, 3, 4], [6, 7, 3, 4]),
    ("F4", [5, 6, 7, 8], [9, 6, 7, 8]),
])
def test_finding_loses_a_store(runs: dict[str, dict], name: str, with_it: list[int],
                               without: list[int]) -> None:
    told = runs[name]["runs"]
    assert last(told["with"])["disks"][0]["pages"] == [with_it]
    assert last(told["without"])["disks"][0]["pages"] == [without]


def test_findings_are_those_that_are_written_up_as_the_patchs() -> None:
    table = (paths.package().parent / "docs/findings/README.md").read_text(encoding="utf-8")
    brought = [line.split("](")[1].split(")")[0] for line in table.splitlines()
               if "| **yes**" in line]
    assert sorted(one.document for one in witnesses.findings().values()) == \
        sorted(f"docs/findings/{name}" for name in brought)


def test_witness_without_its_units_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "U1.kmm"
    file.write_text("units all\np0: brk pages=1\n")
    with pytest.raises(BadInput, match=r"U1.kmm: to compare with what has not U1 it must say: "
                                       "units all, -U1"):
        witnesses.found(witnesses.Witness("U1", file, ""), Halves([halves.c_half()]))


def test_witness_that_does_not_hold_is_not_ok(tmp_path: Path) -> None:
    file = tmp_path / "U1.kmm"
    file.write_text("units all, -U1\nfile f ext2 pages=1\np0: a = mmap f\n"
                    "  expect unless U1: nr_dirty 1\n")
    run = witnesses.found(witnesses.Witness("U1", file, ""), Halves([halves.c_half()]))
    assert not run["ok"] and run["parts"] is None and run["differs"] == []


def test_units_of_the_facts(without_mail: dict) -> None:
    assert list(without_mail["units"]) == list(UNITS)
    for name, unit in without_mail["units"].items():
        assert unit["function"] == UNITS[name] and unit["edits"]
        assert {"witness", "bound", "property"} <= set(unit)
        assert unit["witness"]["breaks"] and unit["length"] == len(unit["witness"]["operations"])


def test_unit_without_a_witness_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "witnesses", dict)
    unit = facts.units(facts.Source())["U1"]
    assert unit["witness"] is None and unit["property"] is None


@each_unit
def test_witness_is_no_longer_than_the_run_that_exploring_found(runs: dict[str, dict],
                                                                unit: str) -> None:
    found = shortest.saved()[unit]
    assert len(runs[unit]["operations"]) == found.get("seen_length", found["length"])
