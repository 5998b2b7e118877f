# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C at every moment, SIGTERM, and a parent that is killed: codes, JSON, no process left.

No test here waits for time to pass: see interrupting.py.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_command import Pykmm, descendants
from cli_halves import Workshop
from interrupting import Told, ended, interrupt_until_it_ends, interrupts_itself

LONG_RUN = ["fuzz", "--seconds", "10m", "--seed", "1"]
LOOP = "for (;;) __asm__ volatile(\"\");"


@contextlib.contextmanager
def fuzzing(pykmm: Pykmm, *more: object, **how: object) -> Iterator[subprocess.Popen]:
    """The command once its halves run."""
    with pykmm.started(*LONG_RUN, *more, **how) as process:
        assert process.stdout.readline().startswith("halves ")
        yield process


@contextlib.contextmanager
def compiling(pykmm: Pykmm, mail: Path, *more: object) -> Iterator[subprocess.Popen]:
    """The command while the compiler is at work on half X, for ever."""
    compiler, told = pykmm.cwd / "slow-cc", Told(pykmm.cwd)
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && exec cc "$@"\n'
                        f'tail -f /dev/null & {told.shell}; wait\n')
    compiler.chmod(0o755)
    pykmm.env |= {"CC": str(compiler), "XDG_CACHE_HOME": str(pykmm.cwd / "cache")}
    with pykmm.started(*LONG_RUN, "--patch", mail, *more) as process:
        told.wait()
        yield process


def send(process: subprocess.Popen, number: signal.Signals, to: str) -> None:
    (os.killpg if to == "group" else os.kill)(process.pid, number)


# -- Ctrl-C


@pytest.mark.parametrize("to", ["group", "process"])
def test_interrupt_gives_the_result_so_far(pykmm: Pykmm, to: str) -> None:
    with fuzzing(pykmm, "--json", "out.json") as process:
        send(process, signal.SIGINT, to)
        done = pykmm.ended(process).was_silent(130)
    assert "stopped early" in done.out and "page_mkclean" in done.out
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["cases"] >= 0


def test_interrupt_with_json_on_standard_output(pykmm: Pykmm, workshop: Workshop) -> None:
    told = Told(pykmm.cwd)
    half = workshop.with_lines("tells", told.c)
    with pykmm.started(*LONG_RUN, "--json", "-", "--half", half) as process:
        told.wait()
        send(process, signal.SIGINT, "group")
        done = pykmm.ended(process).was_silent(130)
    assert done.json["interrupted"] is True


def test_interrupt_after_a_divergence(pykmm: Pykmm, workshop: Workshop) -> None:
    with fuzzing(pykmm, "--half", workshop.wrong(), "--keep-going", "--json", "out.json"
                 ) as process:
        # a line of progress that tells of some
        assert any(" 0 divergences" not in line and "divergences" in line
                   and re.search(r"  steps \d+/\d+  branches \d+/", line)
                   for line in process.stdout)
        send(process, signal.SIGINT, "group")
        done = pykmm.ended(process).was_silent(1)
    assert "C and wrong differ" in done.out
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and len(result["divergences"]) > 0
    assert all((pykmm.cwd / found["saved"]).is_file() for found in result["divergences"])


def test_interrupt_before_the_halves_are_ready(pykmm: Pykmm, mail: Path) -> None:
    with compiling(pykmm, mail, "--json", "out.json") as process:
        children = descendants(process.pid)
        # the first one asks for a result, which does not come; the second one does without
        interrupt_until_it_ends(process)
        done = pykmm.ended(process)
        # the compiler is in a session of its own
        assert ended(children)
    assert done.code == 130
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["cases"] == 0


@pytest.fixture
def commands(pykmm: Pykmm, request: pytest.FixtureRequest) -> dict[str, list]:
    """Every command, in each of its modes, as it would run for some time."""
    (pykmm.cwd / "a.kmm").write_text("file f ext2\np0: open f\n")
    case = request.getfixturevalue("saved_case")
    return {
        "fuzz": LONG_RUN, "coverage": ["coverage", "--html", "page"], "explore": ["explore"],
        "run a case": ["run", case], "run a scenario": ["run", "a.kmm"],
        "fmt": ["fmt", "--check", "a.kmm"], "review": ["review", "--html", "page"],
        "review an edit": ["review", "E14"], "review --claims": ["review", "--claims"],
        "review --units": ["review", "--units"], "review --wrong": ["review", "--wrong"],
        "bench": ["bench", "do_brk", "--html", "page"], "doctor": ["doctor"],
    }


WITH_MAIL = {"extract": ["extract", "MAIL", "-o", "out"],
             "review --against": ["review", "--patch", "MAIL", "--against", "MAIL"]}
NAMES = ["fuzz", "coverage", "explore", "run a case", "run a scenario", "fmt", "review",
         "review an edit", "review --claims", "review --units", "review --wrong", "bench", "doctor"]


@pytest.mark.parametrize("name", [*NAMES, *WITH_MAIL])
def test_interrupt_while_it_imports(pykmm: Pykmm, request: pytest.FixtureRequest,
                                    name: str) -> None:
    words = with_mail(request, name) if name in WITH_MAIL else request.getfixturevalue(
        "commands")[name]
    # the first import that somebody can catch, some of those on the way, one of its own
    for number in (1, 2, 40):
        interrupts_itself(pykmm, "import", number)
        pykmm(*words).complained(130, "stopped")


def with_mail(request: pytest.FixtureRequest, name: str) -> list:
    mail = request.getfixturevalue("mail")
    return [mail if word == "MAIL" else word for word in WITH_MAIL[name]]


@pytest.mark.parametrize("name", [one for one in NAMES if one not in ("fmt", "doctor")])
def test_interrupt_while_a_process_starts(pykmm: Pykmm, commands: dict, name: str) -> None:
    interrupts_itself(pykmm, "subprocess.Popen")
    words = commands[name]
    done = pykmm(*words, "--json", "out.json")
    assert done.code == 130, done
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["schema"].startswith("pykmm.")
    if "--html" in words:
        assert "interrupted" in (pykmm.cwd / "page").read_text()


def test_interrupt_of_doctor_and_of_a_command_without_a_child(pykmm: Pykmm, commands: dict) -> None:
    for name, event in (("doctor", "subprocess.Popen"), ("fmt", "open")):
        interrupts_itself(pykmm, event, 1, "a.kmm" if name == "fmt" else "")
        pykmm(*commands[name], "--json", "out.json").complained(130, "stopped")
        assert json.loads((pykmm.cwd / "out.json").read_text())["interrupted"] is True
        (pykmm.cwd / "out.json").unlink()


def test_interrupt_after_something_was_found_keeps_it(pykmm: Pykmm) -> None:
    (pykmm.cwd / "odd.kmm").write_text("file   f ext2\np0: open f\n")
    (pykmm.cwd / "late.kmm").write_text("file f ext2\np0: open f\n")
    interrupts_itself(pykmm, "open", 1, "late.kmm")
    done = pykmm("fmt", "--check", "odd.kmm", "late.kmm", "--json", "out.json")
    done.complained(1, "stopped")
    assert json.loads((pykmm.cwd / "out.json").read_text())["interrupted"] is True


def test_interrupt_of_explore_and_coverage_tells_what_there_is(pykmm: Pykmm) -> None:
    for words, line in ((["explore", "--pages", "3"], "depth 4"),
                        (["coverage", "--seconds", "10m", "--html", "page"], "cases/s")):
        with pykmm.started(*words, "--json", "out.json") as process:
            assert any(line in told for told in process.stdout)
            send(process, signal.SIGINT, "group")
            pykmm.ended(process).was_silent(130)
        assert json.loads((pykmm.cwd / "out.json").read_text())["interrupted"] is True
    assert "interrupted" in (pykmm.cwd / "page").read_text()


def test_second_interrupt_does_not_wait_for_a_half(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("loops", LOOP)
    with fuzzing(pykmm, "--half", half, "--json", "out.json") as process:
        children = descendants(process.pid)
        interrupt_until_it_ends(process)
        assert pykmm.ended(process).code == 130
        assert ended(children)
    assert json.loads((pykmm.cwd / "out.json").read_text())["interrupted"] is True


def test_interrupt_of_run(pykmm: Pykmm, workshop: Workshop, saved_case: Path) -> None:
    told = Told(pykmm.cwd)
    half = workshop.with_lines("tells_and_loops", told.c + LOOP)
    with pykmm.started("run", saved_case, "--half", half, "--json", "out.json") as process:
        told.wait()
        children = descendants(process.pid)
        send(process, signal.SIGINT, "group")
        pykmm.ended(process).complained(130, "stopped")
        assert ended(children)
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result == {"schema": "pykmm.run/1", "file": str(saved_case), "interrupted": True}


def test_interrupt_that_a_shell_ignores_is_ignored(pykmm: Pykmm) -> None:
    # what a shell does to `pykmm ... &` in a script
    with fuzzing(pykmm, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        send(process, signal.SIGINT, "group")
        # it goes on: another line of progress comes after that
        assert any("cases/s" in line for line in process.stdout)
        send(process, signal.SIGTERM, "group")
        assert pykmm.ended(process).code == 128 + signal.SIGTERM


# -- ends that leave no process behind

ENDS = [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


def code_of(number: signal.Signals) -> int:
    return -number if number == signal.SIGKILL else 128 + number


@pytest.mark.parametrize("number", ENDS)
def test_nothing_is_left_while_fuzzing(pykmm: Pykmm, number: signal.Signals,
                                       tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    pykmm.env["TMPDIR"] = str(temporary)
    with fuzzing(pykmm) as process:
        children = descendants(process.pid)
        assert children
        send(process, number, "process")
        assert pykmm.ended(process).code == code_of(number)
        assert ended(children)
    if number != signal.SIGKILL:
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("when", ["fuzz", "run", "load"])
def test_nothing_is_left_of_a_half_that_loops(pykmm: Pykmm, workshop: Workshop, saved_case: Path,
                                              when: str, number: signal.Signals) -> None:
    told = Told(pykmm.cwd)
    half = workshop.with_lines("tells_and_loops", told.c + LOOP)
    if when == "load":
        half = workshop.with_lines("load_loops", "", before=(
            f"__attribute__((constructor)) static void at_load(void) {{ {told.c} {LOOP} }}"))
    words = ["run", saved_case] if when == "run" else LONG_RUN
    with pykmm.started(*words, "--half", half) as process:
        told.wait()
        children = descendants(process.pid)
        send(process, number, "process")
        assert pykmm.ended(process).code == code_of(number)
        assert ended(children)


@pytest.mark.parametrize("number", ENDS)
def test_nothing_is_left_of_a_compiler(pykmm: Pykmm, mail: Path, number: signal.Signals) -> None:
    with compiling(pykmm, mail) as process:
        children = descendants(process.pid)
        assert len(children) >= 3, "the engine, the compiler, and what that runs"
        send(process, number, "process")
        assert pykmm.ended(process).code == code_of(number)
        assert ended(children)


def test_nothing_is_left_of_a_half_that_leaves_processes(pykmm: Pykmm, workshop: Workshop) -> None:
    told = Told(pykmm.cwd)
    half = workshop.with_lines("forks", "static int done; extern int fork(void); "
                               "extern int pause(void); if (!done) { done = 1; if (!fork()) "
                               f"{{ {told.c} for (;;) pause(); }} }}")
    with pykmm.started("fuzz", "--cases", "1M", "--half", half, "--jobs", "1") as process:
        told.wait()
        children = descendants(process.pid)
        assert len(children) > 1, "a process of the half"
        assert pykmm.ended(process).code == 0
        assert ended(children)
