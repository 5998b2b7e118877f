# SPDX-License-Identifier: GPL-2.0-only
"""Help, and everything that is wrong use: exit code 2 and one line that says what is wrong."""

import pytest
from cli_command import Pykmm

import pykmm as package

COMMANDS = ("fuzz", "run", "fmt", "coverage", "extract", "review", "doctor")


def test_version_is_printed(pykmm: Pykmm) -> None:
    assert pykmm("--version").was_silent(0).out == f"pykmm {package.__version__}\n"


def test_help_names_the_commands_and_the_exit_codes(pykmm: Pykmm) -> None:
    shown = pykmm("--help").was_silent(0).out
    for word in (*COMMANDS, "0 all good", "1 something was found", "2 wrong use", "3 something is"):
        assert word in " ".join(shown.split())


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_of_each_command(pykmm: Pykmm, command: str, option: str) -> None:
    shown = pykmm(command, option).was_silent(0).out
    assert shown.startswith(f"Usage: pykmm {command} ")
    assert "--json" in shown


def test_help_of_fuzz_names_every_option_and_the_variable(pykmm: Pykmm) -> None:
    shown = pykmm("fuzz", "--help").out
    for word in ("--seconds --cases --seed --jobs --functions --units --kind --wild --keep-going "
                 "--findings --patch --half --json PYKMM_SILENT_SECONDS PYKMM_PATCH").split():
        assert word in shown


def test_no_command_at_all(pykmm: Pykmm) -> None:
    pykmm().complained(2, "Missing command", "pykmm --help")


@pytest.mark.parametrize(("arguments", "what"), [
    (["sing"], "No such command 'sing'"),
    (["--sing"], "No such option"),
    (["fuzz", "--sing"], "No such option"),
    (["fuzz", "more"], "unexpected extra argument"),
    (["fuzz", "--seconds"], "requires an argument"),
    (["run"], "Missing argument 'FILE|U3|F2'"),
    (["run", "a", "b"], "unexpected extra argument"),
    (["fmt"], "Missing argument 'FILE...'"),
    (["extract"], "Missing argument 'MAIL'"),
    (["extract", "mail"], "Missing option '-o'"),
    (["doctor", "--sing"], "No such option"),
])
def test_wrong_use_is_named(pykmm: Pykmm, arguments: list[str], what: str) -> None:
    assert pykmm(*arguments).complained(2, what, "--help").out == ""


@pytest.mark.parametrize(("option", "values"), [
    ("--seconds", ["0", "0.0", "abc", "-1", "", "inf", "1d"]),
    ("--cases", ["0", "x", "", "0k", "1.5", "9" * 19, "9" * 5000]),
    ("--seed", ["-1", str(2**64), "x", "9" * 5000]),
    ("--jobs", ["0", "257", "x"]),
    ("--functions", ["nonsense", "", "page_mkclean,"]),
    ("--units", ["U8", "", "U3,-U7", "-U7,U3", "u3", "U3,"]),
    ("--kind", ["", "calls", "Direct", "direct,sequences"]),
    ("--patch", [""]),
    ("--json", [""]),
    ("--half", [""]),
])
def test_wrong_value_is_named_with_its_option(pykmm: Pykmm, option: str,
                                              values: list[str]) -> None:
    for done in pykmm.each([["fuzz", f"{option}={value}"] for value in values]):
        assert done.complained(2, option).out == ""
    assert not (pykmm.cwd / "findings").exists()


def test_seconds_and_cases_exclude_each_other(pykmm: Pykmm) -> None:
    pykmm("fuzz", "--seconds", "1", "--cases", "1").complained(2, "--seconds", "--cases")


@pytest.mark.parametrize("kind", ["sequences", "both"])
@pytest.mark.parametrize("only_direct", [["--functions", "page_mkclean"], ["--wild"]])
def test_what_is_for_direct_calls_excludes_sequences(pykmm: Pykmm, kind: str,
                                                     only_direct: list[str]) -> None:
    done = pykmm("fuzz", "--cases", "1", "--kind", kind, *only_direct)
    assert done.complained(2, "--functions", "--wild", "--kind direct").out == ""
    pykmm("fuzz", "--cases", "1", "--kind", "direct", *only_direct).was_silent(0)


@pytest.mark.parametrize("value", ["0", "-1", "abc", "inf", "nan"])
def test_wrong_patience_is_named(pykmm: Pykmm, value: str) -> None:
    pykmm.env["PYKMM_SILENT_SECONDS"] = value
    pykmm("fuzz", "--cases", "1").complained(2, f"PYKMM_SILENT_SECONDS={value}")


@pytest.mark.parametrize(("option", "values"), [
    ("--seconds", ["0.2", "1s"]), ("--cases", ["1", "2k"]), ("--seed", ["0", str(2**64 - 1)]),
    ("--jobs", ["1", "64"]), ("--functions", ["page_mkclean", "page_mkclean_one,page_mkclean"]),
    ("--units", ["all", "none", "mixed", "U5,U6", "-U5"]),
    ("--kind", ["direct", "sequences", "both"]),
])
def test_values_at_the_edge_are_taken(pykmm: Pykmm, option: str, values: list[str]) -> None:
    more = [] if option in ("--seconds", "--cases") else ["--cases", "500"]
    for done in pykmm.each([["fuzz", f"{option}={value}", *more] for value in values]):
        done.was_silent(0)
