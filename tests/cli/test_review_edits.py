# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review` of edits, units, functions and steps: on the terminal, as JSON, as a page."""

import json
import signal
from pathlib import Path

import pytest
from cli_command import Pykmm

KEYS = "schema mail counts edits functions units findings claims interrupted".split()
FEW = ("--cases", "70k")


def test_table_has_every_edit_and_every_unit(pykmm: Pykmm) -> None:
    lines = pykmm("review").was_silent(0).out.splitlines()
    rows = {line.split()[0]: " ".join(line.split()) for line in lines if line.strip()}
    assert {f"E{n:02}" for n in range(1, 29)} | {f"U{n}" for n in range(1, 8)} <= set(rows)
    assert rows["E14"].startswith("E14 U3 +24 do_mmap_pgoff MM19 A mapping whose stores")
    assert "MK1-MK9 MFI1-MFI5 PM1-PM4" in rows["E25"]
    assert rows["U4"].startswith("U4 mprotect_fixup E17-E19 4 operations tracked_writes fsync")
    assert lines[-1].startswith("no lines of the patch: there is no mail")


def test_one_edit_with_sources_counts_and_witness(pykmm: Pykmm) -> None:
    out = pykmm("review", "e14", *FEW).was_silent(0).out
    assert out.startswith("E14  mm/mmap.c  do_mmap_pgoff  U3  +24\n")
    for part in ("MM19  With the unit on", "cref/mm/mmap.c", "pykmm/mm/mmap.pyx",
                 "Without U3", "2  p0: v = store a",
                 "at the end the disk has [5 2 3 4] of f with U3, [1 2 3 4] without",
                 "counts are of 70,000 cases, seed 2006"):
        assert part in out, part


def test_one_edit_with_the_lines_of_the_mail(pykmm: Pykmm, mail: Path) -> None:
    out = pykmm("review", "E06", *FEW, "--patch", mail).was_silent(0).out
    assert " 174 +    if (dirty_page) {\n" in out and "no lines of the patch" not in out


@pytest.mark.parametrize(("what", "parts"), [
    ("U7", ["E27  fs/buffer.c", "E28  fs/buffer.c", "i_mmap_lock was taken under private_lock"]),
    ("MK3", ["MK3  page_mkclean_one", "It is part of E25"]),
    ("do_brk", ["do_brk  ", "BK1 ", "BK10 "]),
    ("C02", ["C02  holds: a store that faults"]),
    ("F3", ["docs/findings/store-while-written.md",
            "at the end the disk has [6 2 3 4] of b with U6, [6 7 3 4] without"]),
])
def test_units_steps_functions_and_claims(pykmm: Pykmm, what: str, parts: list[str]) -> None:
    out = pykmm("review", what, *FEW).was_silent(0).out
    for part in parts:
        assert part in out, part


def test_same_cases_give_the_same_counts(pykmm: Pykmm) -> None:
    one, other = pykmm.each([["review", "MK3", *FEW, "--jobs", jobs] for jobs in ("1", "2")])
    assert one.was_silent(0).out == other.was_silent(0).out


def test_json_has_every_key_of_its_schema(pykmm: Pykmm) -> None:
    found = pykmm("review", *FEW, "--json", "-").was_silent(0).json
    assert list(found) == KEYS and found["schema"] == "pykmm.review/1"
    assert found["mail"] is None and found["counts"]["cases"] == 70_000
    assert found["counts"]["interrupted"] is False
    assert list(found["units"]) == [f"U{n}" for n in range(1, 8)]
    for unit in found["units"].values():
        assert {"witness", "bound", "property"} <= set(unit) and unit["witness"]["ok"]
    assert all(claim["ran"] == claim["verdict"] for claim in found["claims"] if claim["shown"])


def test_page_and_json_are_written(pykmm: Pykmm, mail: Path) -> None:
    done = pykmm("review", *FEW, "--patch", mail, "--html", "r.html", "--json", "r.json")
    assert done.was_silent(0).out.splitlines()[-1] == "page in r.html"
    page = (pykmm.cwd / "r.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and 'id="MK3"' in page
    assert json.loads((pykmm.cwd / "r.json").read_text())["mail"]["verdict"] == "v8"
    assert str(mail) not in page


def test_altered_mail_is_named(pykmm: Pykmm, mail: Path) -> None:
    copy = pykmm.cwd / "other.txt"
    copy.write_text(mail.read_text().replace("+ entry = pte_wrprotect(entry);",
                                             "+ entry = pte_mkclean(entry);"))
    out = pykmm("review", "--patch", copy).was_silent(0).out
    assert out.startswith("the mail: altered: E25 (line ")
    assert "E25 altered" in out


@pytest.mark.parametrize(("arguments", "parts"), [
    (["E29"], ["review E29: there is nothing of that name", "E01 to E28", "U1 to U7", "do_brk",
               "TF1 to PM4", "C01 to C30", "F1 to F7"]),
    (["--html", "nowhere/a.html"], ["--html nowhere/a.html: no such folder: nowhere"]),
    (["--patch", "gone.txt"], ["gone.txt: no such file"]),
    (["--patch", "prose.txt"], ["prose.txt:1: no patch in it"]),
    (["--seconds", "1", "--cases", "5"], ["give one of them"]),
    (["E14", "--claims"], ["--against each show that alone"]),
    (["--cases", "none"], ["'none' is not a number"]),
])
def test_wrong_use_is_named(pykmm: Pykmm, arguments: list[str], parts: list[str]) -> None:
    (pykmm.cwd / "prose.txt").write_text("It is said.\n")
    pykmm("review", *arguments).complained(2, *parts)


def test_interrupt_gives_what_was_counted(pykmm: Pykmm) -> None:
    with pykmm.started("review", "--seconds", "10m", "--jobs", "2",
                       "--json", "out.json") as process:
        assert any(line.startswith("counting: ") for line in process.stdout)
        process.send_signal(signal.SIGINT)
        pykmm.ended(process).was_silent(130)
    found = json.loads((pykmm.cwd / "out.json").read_text())
    assert found["interrupted"] is found["counts"]["interrupted"] is True
    assert found["units"]["U1"]["witness"]["ok"]
