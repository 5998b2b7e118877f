# SPDX-License-Identifier: GPL-2.0-only
"""Where output goes: pipes that are closed, streams that are closed or full, terminals."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from cli_command import Done, Pykmm
from cli_halves import Workshop

LONG_RUN = ["fuzz", "--seconds", "10m", "--seed", "1"]


def in_terminal(pykmm: Pykmm, *arguments: object, columns: int = 100, **how: object) -> Done:
    """Run with standard output on a terminal; what it got is `out`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    with pykmm.started(*arguments, stdout=theirs, **how) as process:
        os.close(theirs)
        got = read_all(ours)
        os.close(ours)
        err = process.stderr.read()
        return pykmm.checked(Done(process.wait(), got.replace("\r\n", "\n"), err))


def read_all(terminal: int) -> str:
    got = b""
    while select.select([terminal], [], [], 60)[0]:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:     # Linux's way to say that the other side is closed
            break
        if not data:
            break
        got += data
    return got.decode()


# -- pipes and closed streams


def test_pipe_gets_plain_lines(pykmm: Pykmm) -> None:
    pykmm.env |= {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    for arguments in (["fuzz", "--seconds", "6"], ["doctor"], ["--help"]):
        done = pykmm(*arguments).was_silent(0)
        assert "\x1b" not in done.out and "\r" not in done.out
        assert done.out.endswith("\n")
        if arguments[0] == "fuzz":
            # progress, and the result
            assert sum("cases/s" in line for line in done.out.splitlines()) >= 2


# 130: what nobody reads any more is stopped early
@pytest.mark.parametrize(("arguments", "left", "never"), [
    ("fuzz --seconds 10m", 130, 130), ("doctor", 0, 0), ("--help", 0, 0), ("fuzz --help", 0, 0),
    ("fuzz --cases 300k --json -", 0, 130),
])
def test_reader_that_leaves_ends_the_command_in_silence(pykmm: Pykmm, arguments: str, left: int,
                                                        never: int) -> None:
    done = pykmm.shell(f"$pykmm {arguments} | head -1; exit ${{PIPESTATUS[0]}}").was_silent(left)
    assert len(done.out.splitlines()) == 1
    pykmm.shell(f"$pykmm {arguments} | true; exit ${{PIPESTATUS[0]}}").was_silent(never)


def test_reader_that_leaves_does_not_hide_a_divergence(pykmm: Pykmm, workshop: Workshop,
                                                       saved_case: Path) -> None:
    half = workshop.wrong()
    # who reads the pipe leaves when the case is saved, before it is told
    done = pykmm.shell(f"$pykmm fuzz --cases 20k --seed 1 --half {half} | (head -1; "
                       "until ls findings/*.case >/dev/null 2>&1; do :; done); "
                       "exit ${PIPESTATUS[0]}")
    done.was_silent(1)
    pykmm.shell(f"$pykmm run {saved_case} --half {half} | true; exit ${{PIPESTATUS[0]}}"
                ).was_silent(1)


@pytest.mark.parametrize("closed", [">&-", "<&-", "<&- >&-"])
def test_streams_closed_from_the_start(pykmm: Pykmm, workshop: Workshop, closed: str) -> None:
    fuzz = "$pykmm fuzz --cases 20k --seed 1"
    pykmm.shell(f"{fuzz} {closed}").was_silent(0)
    pykmm.shell(f"{fuzz} --half {workshop.wrong()} {closed}").was_silent(1)
    pykmm.shell(f"{fuzz} --json out.json {closed}").was_silent(0)
    assert (pykmm.cwd / "out.json").read_text().startswith("{")
    for other in ("doctor", "--help", "--version", "fuzz --json - --cases 1"):
        pykmm.shell(f"$pykmm {other} {closed}").was_silent(0)
    pykmm.shell(f"$pykmm fuzz --sing {closed}").complained(2, "--sing")


def test_standard_error_closed_from_the_start(pykmm: Pykmm, workshop: Workshop) -> None:
    for closed in ("2>&-", "<&- >&- 2>&-", "2>/dev/full"):
        assert pykmm.shell(f"$pykmm fuzz --cases 1k {closed}").code == 0
        assert pykmm.shell(f"$pykmm fuzz --cases 0 {closed}").code == 2
        assert pykmm.shell(f"$pykmm fuzz --cases 20k --seed 1 --half {workshop.wrong()} "
                           f"{closed}").code == 1


@pytest.mark.parametrize("arguments", ["fuzz --cases 1k", "fuzz --cases 1k --json -", "doctor",
                                       "--help", "--version", "fuzz --help"])
def test_full_standard_output_is_named(pykmm: Pykmm, arguments: str) -> None:
    pykmm.shell(f"$pykmm {arguments} >/dev/full").complained(
        2, "standard output cannot be written: No space left on device")


def test_names_that_the_terminal_cannot_show(pykmm: Pykmm, saved_case: Path,
                                             workshop: Workshop) -> None:
    odd = os.fsdecode("fünd \udcff".encode("utf-8", "surrogateescape"))
    pykmm.env |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = pykmm("fuzz", "--cases", "20k", "--half", workshop.wrong(), "--findings", odd)
    assert done.was_silent(1).out.count("again with: pykmm run") == 1
    assert len(list((pykmm.cwd / odd).iterdir())) == 1
    pykmm("fuzz", "--cases", "20k", "--half", workshop.wrong(), "--findings", odd,
          "--json", "-").was_silent(1)


# -- terminals


def test_terminal_shows_progress_that_goes_away(pykmm: Pykmm) -> None:
    pykmm.env["TERM"] = "xterm"
    done = in_terminal(pykmm, "fuzz", "--seconds", "1.5", "--seed", "1").was_silent(0)
    assert done.out.count("cases/s  ") >= 1, "live progress"
    live = [(*map(int, found),) for found in re.findall(
        r"cases/s  steps (\d+)/(\d+)\s+branches (\d+)/(\d+)\s+0\s+divergences", done.out)]
    assert len(live) == done.out.count("cases/s  ")
    assert live == sorted(live) and live[-1][1] > 100 and live[-1][3] > 300
    assert done.out.count("\x1b[?25l") == done.out.count("\x1b[?25h") == 1, "the cursor is back"
    after = done.out[done.out.index("\x1b[?25h"):]
    assert "page_mkclean" in after and "0 divergences" in after
    assert "cases/s  " not in after


def test_terminal_that_can_do_nothing_gets_plain_lines(pykmm: Pykmm) -> None:
    pykmm.env["TERM"] = "dumb"
    done = in_terminal(pykmm, "fuzz", "--seconds", "0.5").was_silent(0)
    assert "\x1b" not in done.out and "\r" not in done.out


def test_narrow_terminal(pykmm: Pykmm) -> None:
    pykmm.env["TERM"] = "xterm"
    in_terminal(pykmm, "fuzz", "--seconds", "0.5", columns=20).was_silent(0)
    in_terminal(pykmm, "doctor", columns=20).was_silent(0)


def test_json_stays_alone_on_a_terminal(pykmm: Pykmm) -> None:
    pykmm.env["TERM"] = "xterm"
    done = in_terminal(pykmm, "fuzz", "--seconds", "0.5", "--json", "-").was_silent(0)
    assert done.json["schema"] == "pykmm.fuzz/1"


def test_error_after_progress_gives_the_cursor_back(pykmm: Pykmm, workshop: Workshop) -> None:
    pykmm.env |= {"TERM": "xterm", "PYKMM_SILENT_SECONDS": "1"}
    half = workshop.with_lines("loops", "for (;;) __asm__ volatile(\"\");")
    done = in_terminal(pykmm, *LONG_RUN, "--half", half)
    assert done.code == 1 and "half loops does not come back" in done.err
    assert done.out.count("\x1b[?25l") == done.out.count("\x1b[?25h")


def test_interrupt_from_the_keyboard(pykmm: Pykmm) -> None:
    """Ctrl-C as a terminal sends it: to the whole foreground process group."""
    pykmm.env["TERM"] = "xterm"
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(pykmm.cwd)
        os.execve(pykmm.command[0], [*pykmm.command, *LONG_RUN], pykmm.env)
    got = b""
    while b"cases/s" not in got:
        got += os.read(terminal, 1 << 16)
    os.write(terminal, b"\x03")
    rest = read_all(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert "stopped early" in rest and "Traceback" not in rest
    assert (got.decode() + rest).count("\x1b[?25h") == 1


def test_terminal_that_goes_away(pykmm: Pykmm) -> None:
    """With SIGHUP ignored, as under nohup, writing fails instead."""
    pykmm.env["TERM"] = "xterm"
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*pykmm.command, *LONG_RUN], cwd=pykmm.cwd, env=pykmm.env, stdout=theirs,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    os.close(theirs)
    got = b""
    while b"cases/s" not in got:
        got += os.read(ours, 1 << 16)
    os.close(ours)
    assert process.stderr.read() == ""      # up to its end, and so to that of the command
    assert process.wait() == 130
    process.stderr.close()
