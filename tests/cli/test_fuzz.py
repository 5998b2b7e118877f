# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm fuzz` where all halves agree: what it counts, and that the count is always the same."""

import json
from pathlib import Path

import pytest
from cli_command import Pykmm
from cli_halves import Workshop

from pykmm import paths
from pykmm.engine import core
from pykmm.source import counting, unreachable

KEYS = ("schema seed units wild jobs halves lent cases sequences operations interfered disordered kind "
        "seconds cases_per_second interrupted outcomes functions divergences").split()
FUNCTION_KEYS = "calls steps_hit steps_total branches_hit branches_total divergences".split()
DIVERGENCE_KEYS = ("function call operations units shard index half difference case "
                   "saved").split()
UNREACHABLE = unreachable.proofs(counting.counters_of(paths.cref()))
OF_THIS_RUN = ("seconds", "cases_per_second", "jobs")


def counted(result: dict) -> dict:
    """The result without what depends on the clock and on --jobs."""
    return {key: value for key, value in result.items() if key not in OF_THIS_RUN}


def test_json_has_every_key_of_its_schema(pykmm: Pykmm) -> None:
    result = pykmm("fuzz", "--cases", "2k", "--seed", "7", "--json", "-").was_silent(0).json
    assert result["schema"] == "pykmm.fuzz/1"
    assert list(result) == KEYS
    assert (result["seed"], result["units"], result["cases"]) == (7, "mixed", 2000)
    assert result["interrupted"] is False and result["divergences"] == []
    assert list(result["functions"]) == core.FUNCTIONS
    for row in result["functions"].values():
        assert set(FUNCTION_KEYS) <= set(row)
    assert sum(row["calls"] for row in result["functions"].values()) == 2000


def test_json_of_a_divergence_has_every_key(pykmm: Pykmm, workshop: Workshop) -> None:
    for half, kind in ((workshop.wrong(), "direct"), (workshop.late(), "sequences")):
        found, = pykmm("fuzz", "--cases", "20k", "--seed", "1", "--half", half, "--kind", kind,
                       "--json", "-").was_silent(1).json["divergences"]
        assert list(found) == DIVERGENCE_KEYS
        assert (found["function"] == "sequence") == (kind == "sequences")
        assert (found["operations"] != []) == (kind == "sequences")


def test_json_to_standard_output_is_alone_there(pykmm: Pykmm, mail: Path) -> None:
    pykmm.env["PYKMM_PATCH"] = str(mail)
    done = pykmm("fuzz", "--cases", "2k", "--json", "-").was_silent(0)
    assert json.loads(done.out)["halves"] == ["C", "P", "X"]


def test_every_step_is_hit_on_both_halves_from_an_empty_start(pykmm: Pykmm) -> None:
    result = pykmm("fuzz", "--cases", "8M", "--seed", "7", "--json", "-").was_silent(0).json
    for name, row in result["functions"].items():
        assert row["steps_hit"] == row["steps_total"] > 0, name
        # all others stand in cref/unreachable.toml with a proof
        missing = [side for side in UNREACHABLE if side.split("/")[0] in row["steps"]]
        assert row["branches_total"] - row["branches_hit"] == len(missing), name
        for step, hits in row["steps"].items():
            assert len(hits) == 2 and min(hits) > 0, step


@pytest.mark.parametrize(("kind", "cases"), [("direct", 300_001), ("sequences", 30_001),
                                             ("both", 300_001)])
def test_counts_do_not_depend_on_jobs(pykmm: Pykmm, kind: str, cases: int) -> None:
    results = [pykmm("fuzz", "--cases", cases, "--seed", "7", "--kind", kind, "--json", "-",
                     "--jobs", jobs).was_silent(0).json for jobs in (1, 2, 5)]
    assert [result["jobs"] for result in results] == [1, 2, 5]
    assert {result["cases"] for result in results} == {cases}
    assert counted(results[0]) == counted(results[1]) == counted(results[2])


@pytest.mark.parametrize("keep_going", [[], ["--keep-going"]])
def test_divergences_do_not_depend_on_jobs(pykmm: Pykmm, workshop: Workshop,
                                           keep_going: list[str]) -> None:
    words = ["fuzz", "--cases", "300k", "--seed", "7", "--json", "-", "--half", workshop.rare()]
    results = [pykmm(*words, "--jobs", jobs, *keep_going).was_silent(1).json for jobs in (1, 2, 5)]
    assert counted(results[0]) == counted(results[1]) == counted(results[2])
    if keep_going:
        assert results[0]["cases"] == 300_000
        # of both kinds, which take turns
        assert {found["shard"] % 2 for found in results[0]["divergences"]} == {0, 1}
        assert {found["function"] == "sequence" for found in results[0]["divergences"]
                if found["shard"] % 2} == {True}
    else:
        assert results[0]["cases"] < 300_000


def test_seed_decides_the_cases(pykmm: Pykmm) -> None:
    def outcome(*more: str) -> dict:
        return counted(pykmm("fuzz", "--cases", "5k", "--json", "-", *more).was_silent(0).json)

    assert outcome("--seed", "3") == outcome("--seed", "3")
    assert outcome("--seed", "3")["outcomes"] != outcome("--seed", "4")["outcomes"]
    first, second = outcome(), outcome()
    assert first["seed"] != second["seed"]
    assert outcome("--seed", str(first["seed"])) == first


def test_functions_and_units_are_those_asked_for(pykmm: Pykmm) -> None:
    result = pykmm("fuzz", "--cases", "3k", "--json", "-", "--units", "-U7",
                   "--functions", "page_mkclean,is_shared_writable").was_silent(0).json
    assert {name: row["calls"] for name, row in result["functions"].items()} == {
        "is_shared_writable": 1500, "page_mkclean": 1500}
    assert result["units"] == "U1,U2,U3,U4,U5,U6"


def test_time_is_a_limit_too(pykmm: Pykmm) -> None:
    result = pykmm("fuzz", "--seconds", "0.3", "--json", "-").was_silent(0).json
    assert result["seconds"] >= 0.3 and result["interrupted"] is False


def test_wild_worlds_agree_too(pykmm: Pykmm) -> None:
    result = pykmm("fuzz", "--cases", "50k", "--seed", "7", "--wild", "--json", "-").json
    assert result["wild"] is True and result["divergences"] == []
    assert sum(result["outcomes"].values()) == 50_000


def test_without_a_mail_two_halves_run_and_a_line_says_so(pykmm: Pykmm) -> None:
    shown = pykmm("fuzz", "--cases", "1k").was_silent(0).out
    assert shown.startswith("halves C, P; ")
    assert "no half X: there is no patch mail (give one with --patch or PYKMM_PATCH)" in shown


@pytest.mark.parametrize("how", ["--patch", "PYKMM_PATCH"])
def test_with_a_mail_three_halves_run(pykmm: Pykmm, mail: Path, how: str) -> None:
    more = ["--patch", str(mail)] if how == "--patch" else []
    if not more:
        pykmm.env["PYKMM_PATCH"] = str(mail)
    shown = pykmm("fuzz", "--cases", "20k", *more).was_silent(0).out
    assert shown.startswith("halves C, P, X; ")
    assert "no half X" not in shown and "20,000 cases" in shown and "0 divergences" in shown


def test_patch_goes_before_the_variable(pykmm: Pykmm, mail: Path) -> None:
    pykmm.env["PYKMM_PATCH"] = "gone"
    pykmm("fuzz", "--cases", "1k", "--patch", mail).was_silent(0)


def test_relative_names_are_below_the_current_folder(pykmm: Pykmm, mail: Path) -> None:
    (pykmm.cwd / "mail of mine.txt").write_bytes(mail.read_bytes())
    shown = pykmm("fuzz", "--cases", "1k", "--patch", "mail of mine.txt").was_silent(0).out
    assert shown.startswith("halves C, P, X; ")


def test_cache_that_cannot_be_written_is_said_and_nothing_stays(
    pykmm: Pykmm, mail: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "file").write_text("in the place of the cache")
    pykmm.env |= {"XDG_CACHE_HOME": str(tmp_path / "file"), "TMPDIR": str(temporary)}
    shown = pykmm("fuzz", "--cases", "1k", "--patch", mail).was_silent(0).out
    assert "cannot be written" in shown and "halves C, P, X; " in shown
    assert list(temporary.iterdir()) == []


def test_altered_mail_is_taken_and_its_edit_named_first(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = [i for i, line in enumerate(lines) if line.endswith("page_mkclean(page);")][1]
    lines[at] = "+\t\t\tpage_mkclean((page));"
    altered = pykmm.cwd / "altered.txt"
    altered.write_text("\n".join(lines))
    done = pykmm("fuzz", "--cases", "20k", "--patch", altered).was_silent(0)
    first = done.out.splitlines()[0]
    assert "altered" in first and "E23" in first and "E22" not in first
    done = pykmm("extract", altered, "-o", "out").was_silent(0)
    assert "altered" in done.out.splitlines()[0] and "E23" in done.out.splitlines()[0]
