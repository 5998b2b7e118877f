# SPDX-License-Identifier: GPL-2.0-only
"""A half that differs: found, told, saved, and the same again from the saved case."""

import re
import shlex
from pathlib import Path

import pytest
from cli_command import Pykmm
from cli_halves import Workshop, with_lines

from pykmm.engine import casefile, core

FUZZ = ["fuzz", "--cases", "20k", "--seed", "1"]


def test_first_divergence_ends_the_run_and_is_told(pykmm: Pykmm, workshop: Workshop) -> None:
    done = pykmm(*FUZZ, "--half", workshop.wrong()).was_silent(1)
    assert "1 divergence\n" in done.out
    told = done.out[done.out.index("C and wrong differ"):]
    event = re.search(r"first differing event, number (\d+):\n    C   (\S+) +(\w+)\((.*)\).*\n"
                      r"    wrong (\S+) +(\w+)\((.*)\)", told)
    assert event, told
    _, step, name, arguments, _, other_name, other_arguments = event.groups()
    assert re.fullmatch(r"MK\d+", step)
    assert (name, arguments) != (other_name, other_arguments)
    assert re.search(r"first differing field: mm\[\d\]\.pte\[0x[0-9a-f]+\]\.rw", told), told
    saved = re.search(r"saved; again with: (pykmm run findings/\S+\.case --half .*)\n", told)
    assert saved, told


def test_saved_case_is_the_bytes_that_were_run(pykmm: Pykmm, workshop: Workshop) -> None:
    result = pykmm(*FUZZ, "--half", workshop.wrong(), "--json", "-").was_silent(1).json
    found, = result["divergences"]
    assert found["half"] == "wrong" and found["function"] in core.FUNCTIONS
    saved = pykmm.cwd / found["saved"]
    assert casefile.load(saved) == bytes.fromhex(found["case"])
    assert sum(row["divergences"] for row in result["functions"].values()) == 1


def test_the_command_that_is_told_gives_the_same_again(pykmm: Pykmm, workshop: Workshop) -> None:
    told = pykmm(*FUZZ, "--half", workshop.wrong(), "--findings", "place with blanks").out
    again = shlex.split(told.partition("again with: ")[2].partition("\n")[0])
    assert again[:2] == ["pykmm", "run"]
    done = pykmm(*again[1:]).was_silent(1)
    difference = told[told.index("C and wrong differ"):told.index("  saved;")]
    assert difference in done.out
    assert done.out.count("<- first difference") == 1


def test_saved_case_agrees_without_that_half(pykmm: Pykmm, saved_case: Path) -> None:
    done = pykmm("run", saved_case).was_silent(0)
    assert "no difference: all halves gave the same" in done.out
    assert "changed by C, P:" in done.out


def test_saved_case_runs_with_the_mail(pykmm: Pykmm, saved_case: Path, mail: Path,
                                       workshop: Workshop) -> None:
    assert "changed by C, P, X:" in pykmm("run", saved_case, "--patch", mail).was_silent(0).out
    shown = pykmm("run", saved_case, "--patch", mail, "--half", workshop.wrong()).was_silent(1).out
    assert "C and wrong differ" in shown


def test_run_as_json(pykmm: Pykmm, saved_case: Path, workshop: Workshop) -> None:
    result = pykmm("run", saved_case, "--json", "-").was_silent(0).json
    assert result["schema"] == "pykmm.run/1" and result["difference"] is None
    assert [half["name"] for half in result["halves"]] == ["C", "P"]
    result = pykmm("run", saved_case, "--half", workshop.wrong(), "--json", "-").was_silent(1).json
    assert result["difference"]["half"] == "wrong"
    assert result["difference"]["event"] and result["difference"]["field"]
    assert [half["name"] for half in result["halves"]] == ["C", "P", "wrong"]


def test_keep_going_goes_on_to_the_last_case(pykmm: Pykmm, workshop: Workshop) -> None:
    result = pykmm(*FUZZ, "--half", workshop.wrong(), "--keep-going", "--json", "-"
                   ).was_silent(1).json
    assert result["cases"] == 20_000
    assert sum(row["divergences"] for row in result["functions"].values()) > 1
    assert all((pykmm.cwd / found["saved"]).is_file() for found in result["divergences"])


def test_divergence_in_the_return_value_alone(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.half("other", with_lines("if (page->index == 2) return 5;"))
    told = pykmm(*FUZZ, "--half", half, "--functions", "page_mkclean").was_silent(1).out
    assert re.search(r"outcome:\n    C   returned \d+\n    other returned 5\n", told), told


def test_altered_mail_that_differs_is_found(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = [i for i, line in enumerate(lines) if line.endswith("page_mkclean(page);")][1]
    lines[at] = "+\t\t\t;"
    altered = pykmm.cwd / "altered.txt"
    altered.write_text("\n".join(lines))
    # others call it as well
    only = (*FUZZ, "--functions", "clear_page_dirty_for_io")
    done = pykmm(*only, "--patch", altered).was_silent(1)
    assert "E23" in done.out.splitlines()[0]
    assert "C and X differ" in done.out and "clear_page_dirty_for_io(" in done.out
    again = shlex.split(done.out.partition("again with: ")[2].partition("\n")[0])
    assert "C and X differ" in pykmm(*again[1:]).was_silent(1).out
    # with the unit off, the altered line is not reached
    pykmm(*FUZZ, "--patch", altered, "--units", "-U6").was_silent(0)


@pytest.mark.parametrize("units", ["all", "none", "U5,U6"])
def test_case_keeps_its_units(pykmm: Pykmm, workshop: Workshop, units: str) -> None:
    result = pykmm(*FUZZ, "--half", workshop.wrong(), "--units", units, "--json", "-").json
    found, = result["divergences"]
    assert result["units"] == found["units"] == units
    assert pykmm("run", found["saved"], "--json", "-").json["units"] == units
