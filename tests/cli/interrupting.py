# SPDX-License-Identifier: GPL-2.0-only
"""Ctrl-C at a chosen moment, without a clock: a process interrupts itself there.

An audit hook counts what Python itself tells of (imports, opened files, started processes), and
sends SIGINT at the one that a test names.  Waiting is for the other side of a pipe, or for the end of
a process; a limit of time is there so that a test that fails ends, and nothing depends on it.
"""

import contextlib
import os
import select
import signal
import subprocess
from pathlib import Path

from cli_command import WAIT, Pykmm

HOOK = '''
import os, signal, sys

if "pykmm" in sys.orig_argv:       # the command itself, and not what it starts
    event, _, which = os.environ["TEST_INTERRUPT_AT"].partition(" ")
    number, _, name = which.partition(" ")
    count, begun = 0, False

    def hook(what, arguments):
        global count, begun
        if what == "import" and arguments[0] == "pykmm.cli.commands":
            begun = True            # from here on somebody is there to catch it
        if not begun or what != event or name not in str(arguments[0]):
            return
        count += 1
        if count == int(number):
            os.kill(os.getpid(), signal.SIGINT)

    sys.addaudithook(hook)
'''


def interrupts_itself(pykmm: Pykmm, event: str, number: int = 1, name: str = "") -> None:
    """From here on commands send themselves SIGINT at the number-th such event.

    event : str   of Python's audit table: import, open, subprocess.Popen
    name : str    what its first argument has to contain
    """
    folder = pykmm.cwd / "hook"
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(HOOK)
    pykmm.env["PYTHONPATH"] = os.pathsep.join([str(folder), pykmm.env["PYTHONPATH"]])
    pykmm.env["TEST_INTERRUPT_AT"] = f"{event} {number} {name}"


class Told:
    """A pipe by which a program that a test wrote says that it is there; once."""

    def __init__(self, folder: Path, name: str = "told"):
        self.path = folder / name
        os.mkfifo(self.path)

    @property
    def shell(self) -> str:
        return f"echo > {self.path}"

    @property
    def c(self) -> str:
        """Lines for the beginning of a function: the first of all threads says it."""
        return ("static int told; extern int open(const char *, int, ...); extern int close(int);"
                "extern long write(int, const void *, unsigned long);"
                "if (!__sync_lock_test_and_set(&told, 1)) {"
                f" int to = open(\"{self.path}\", 1); write(to, \"x\", 1); close(to); }}")

    def wait(self) -> None:
        """Until it has been said: opening a pipe waits for who opens its other end."""
        reader = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            ready, _, _ = select.select([reader], [], [], WAIT)
            assert ready and os.read(reader, 1), "waited in vain"
        finally:
            os.close(reader)


def ended(pids: set[int]) -> bool:
    """Wait for the end of these processes, whoever's they are."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            one = os.pidfd_open(pid)
            try:
                if not select.select([one], [], [], WAIT)[0]:
                    return False
            finally:
                os.close(one)
    return True


def interrupt_until_it_ends(process: subprocess.Popen) -> None:
    """Ctrl-C again and again, as a user does: a signal that comes before the last one was seen is
    the same one, so how many it takes is not to be known."""
    one = os.pidfd_open(process.pid)
    try:
        for _ in range(20 * WAIT):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            if select.select([one], [], [], 0.05)[0]:       # a breath, on a machine that is busy
                return
        raise AssertionError("it does not end")
    finally:
        os.close(one)
