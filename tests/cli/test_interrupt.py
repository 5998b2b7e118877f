# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C at every moment, SIGTERM, and a parent that is killed: codes, JSON, no process left."""

import contextlib
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_command import Pykmm, all_gone, descendants, running, until
from cli_halves import Workshop

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
    compiler = pykmm.cwd / "slow-cc"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && exec cc "$@"\n'
                        f'touch {pykmm.cwd}/at-work; sleep 1000 & wait\n')
    compiler.chmod(0o755)
    pykmm.env |= {"CC": str(compiler), "XDG_CACHE_HOME": str(pykmm.cwd / "cache")}
    with pykmm.started(*LONG_RUN, "--patch", mail, *more) as process:
        until((pykmm.cwd / "at-work").exists, "the compiler")
        yield process


def send(process: subprocess.Popen, number: signal.Signals, to: str) -> None:
    (os.killpg if to == "group" else os.kill)(process.pid, number)


# -- Ctrl-C


@pytest.mark.parametrize("to", ["group", "process"])
def test_interrupt_gives_the_result_so_far(pykmm: Pykmm, to: str) -> None:
    with fuzzing(pykmm, "--json", "out.json") as process:
        send(process, signal.SIGINT, to)
        done = pykmm.ended(process).was_silent(0)
    assert "stopped early" in done.out and "page_mkclean" in done.out
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["cases"] >= 0


def test_interrupt_with_json_on_standard_output(pykmm: Pykmm) -> None:
    with pykmm.started(*LONG_RUN, "--json", "-") as process:
        until(lambda: len(descendants(process.pid)) > 0, "a child")
        until(lambda: any(Path(f"/proc/{pid}/task").is_dir()
                          and len(os.listdir(f"/proc/{pid}/task")) > 2
                          for pid in descendants(process.pid)), "threads that run halves")
        send(process, signal.SIGINT, "group")
        done = pykmm.ended(process).was_silent(0)
    assert done.json["interrupted"] is True


def test_interrupt_after_a_divergence(pykmm: Pykmm, workshop: Workshop) -> None:
    with fuzzing(pykmm, "--half", workshop.wrong(), "--keep-going", "--json", "out.json"
                 ) as process:
        # a line of progress that tells of some
        until(lambda: " 0 divergences" not in (line := process.stdout.readline())
              and "divergences" in line and re.search(r"  steps \d+/\d+  branches \d+/", line),
              "a divergence")
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
        until(lambda: process.poll() is not None or send(process, signal.SIGINT, "group"),
              "the end")
        done = pykmm.ended(process)
        # the compiler is in a session of its own
        until(lambda: all_gone(children), f"the end of {children}", 10)
    assert done.code == 0
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["cases"] == 0


def test_interrupt_while_it_starts(pykmm: Pykmm) -> None:
    # a tenth of a second is enough for Python itself to start, and not for the halves
    for tenths in (1, 1.5, 2, 3):
        with pykmm.started(*LONG_RUN) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(tenths / 10)
            send(process, signal.SIGINT, "group")
            assert pykmm.ended(process).code == 0


def test_second_interrupt_does_not_wait_for_a_half(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("loops", LOOP)
    with fuzzing(pykmm, "--half", half, "--json", "out.json") as process:
        children = descendants(process.pid)
        until(lambda: process.poll() is not None or send(process, signal.SIGINT, "group"),
              "the end")
        assert pykmm.ended(process).code == 0
        until(lambda: all_gone(children), f"the end of {children}", 10)
    assert json.loads((pykmm.cwd / "out.json").read_text())["interrupted"] is True


def test_interrupt_of_run(pykmm: Pykmm, workshop: Workshop, saved_case: Path) -> None:
    half = workshop.with_lines("loops", LOOP)
    with pykmm.started("run", saved_case, "--half", half) as process:
        children = until(lambda: descendants(process.pid), "a child")
        send(process, signal.SIGINT, "group")
        pykmm.ended(process).complained(0, "stopped")
        until(lambda: all_gone(children), f"the end of {children}", 10)


def test_interrupt_that_a_shell_ignores_is_ignored(pykmm: Pykmm) -> None:
    # what a shell does to `pykmm ... &` in a script
    with fuzzing(pykmm, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        send(process, signal.SIGINT, "group")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
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
        until(lambda: all_gone(children), f"the end of {children}", 10)
    if number != signal.SIGKILL:
        assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", ENDS)
@pytest.mark.parametrize("when", ["fuzz", "run", "load"])
def test_nothing_is_left_of_a_half_that_loops(pykmm: Pykmm, workshop: Workshop, saved_case: Path,
                                              when: str, number: signal.Signals) -> None:
    half = workshop.with_lines("loops", LOOP)
    if when == "load":
        half = workshop.with_lines("load_loops", "", before=(
            f"__attribute__((constructor)) static void at_load(void) {{ {LOOP} }}"))
    words = ["run", saved_case] if when == "run" else LONG_RUN
    with pykmm.started(*words, "--half", half) as process:
        until(lambda: running(half.partition("=")[2]), "the child with the half")
        children = descendants(process.pid)
        send(process, number, "process")
        assert pykmm.ended(process).code == code_of(number)
        until(lambda: all_gone(children), f"the end of {children}", 10)


@pytest.mark.parametrize("number", ENDS)
def test_nothing_is_left_of_a_compiler(pykmm: Pykmm, mail: Path, number: signal.Signals) -> None:
    with compiling(pykmm, mail) as process:
        children = until(lambda: len(found := descendants(process.pid)) >= 3 and found,
                         "the engine, the compiler, and what that runs")
        send(process, number, "process")
        assert pykmm.ended(process).code == code_of(number)
        until(lambda: all_gone(children), f"the end of {children}", 10)


def test_nothing_is_left_of_a_half_that_leaves_processes(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("forks", "static int done; extern int fork(void); "
                               "extern unsigned sleep(unsigned); "
                               "if (!done) { done = 1; if (!fork()) for (;;) sleep(1000); }")
    with pykmm.started("fuzz", "--cases", "1M", "--half", half, "--jobs", "1") as process:
        children = until(lambda: len(descendants(process.pid)) > 1 and descendants(process.pid),
                         "a process of the half")
        assert pykmm.ended(process).code == 0
        until(lambda: all_gone(children), f"the end of {children}", 10)
