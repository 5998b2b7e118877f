# SPDX-License-Identifier: GPL-2.0-only
"""The real command, as a user's shell would start it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pykmm import paths

# seconds: a test that fails ends some time; of one that does not, nothing depends on it
WAIT = 600


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)

    def complained(self, code: int, *parts: str) -> "Done":
        """It ended with this code and one line on standard error, which holds all the parts."""
        assert self.code == code, self
        assert self.err.count("\n") == 1 and self.err.endswith("\n"), self.err
        assert self.err.startswith("pykmm: "), self.err
        for part in parts:
            assert part in self.err, (part, self.err)
        return self

    def was_silent(self, code: int) -> "Done":
        """It ended with this code and nothing on standard error."""
        assert (self.code, self.err) == (code, ""), self
        return self


class Pykmm:
    """`pykmm` in a folder of its own.

    cwd : Path         where it runs
    env : dict         its environment; PYKMM_PATCH is in it only if a test puts it there
    """

    def __init__(self, cwd: Path, cache: Path):
        self.cwd = cwd
        self.env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
        for name in ("PYKMM_PATCH", "PYKMM_SILENT_SECONDS", "CC", "FORCE_COLOR"):
            self.env.pop(name, None)
        checkout = paths.package().parent
        if (checkout / "cref").is_dir():
            self.env["PYTHONPATH"] = str(checkout)

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "pykmm"]

    def __call__(self, *arguments: object, **how: object) -> Done:
        """Run to the end; `how` goes to subprocess.run.  No command ever shows a traceback."""
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
               "stdin": subprocess.DEVNULL, "timeout": WAIT, **how}
        done = subprocess.run([*self.command, *map(str, arguments)], cwd=self.cwd, env=self.env,
                              text=True, errors="replace", check=False, **how)
        return self.checked(Done(done.returncode, done.stdout or "", done.stderr or ""))

    def each(self, commands: list[list]) -> list[Done]:
        """Several commands, a few of them at a time."""
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda words: self(*words), commands))

    def shell(self, line: str) -> Done:
        """Run a line of bash in which $pykmm is the command; the code is that of pykmm."""
        line = line.replace("$pykmm", " ".join(self.command))
        done = subprocess.run(["bash", "-c", line], cwd=self.cwd, env=self.env, text=True,
                              capture_output=True, timeout=WAIT, check=False)
        return self.checked(Done(done.returncode, done.stdout, done.stderr))

    @contextlib.contextmanager
    def started(self, *arguments: object, **how: object) -> Iterator[subprocess.Popen]:
        """Started in a process group of its own, and killed if the test leaves it running."""
        how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how}
        process = subprocess.Popen([*self.command, *map(str, arguments)], cwd=self.cwd,
                                   env=self.env, start_new_session=True, **how)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def ended(self, process: subprocess.Popen) -> Done:
        """What a started command left, once it has ended by itself."""
        out, err = process.communicate(timeout=WAIT)
        return self.checked(Done(process.returncode, out or "", err or ""))

    @staticmethod
    def checked(done: Done) -> Done:
        assert "Traceback" not in done.out + done.err, done
        assert "Exception ignored" not in done.err, done
        return done


def _parent(pid: int) -> int | None:
    """Parent of a process; None if it has ended."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if after_name[0] == "Z" else int(after_name[1])


def descendants(pid: int) -> set[int]:
    """All processes below one."""
    parents = {int(p.name): _parent(int(p.name)) for p in Path("/proc").iterdir()
               if p.name.isdigit()}
    found, new = set(), {pid}
    while new:
        new = {p for p, parent in parents.items() if parent in new} - found
        found |= new
    return found


def running(library: str) -> set[int]:
    """Processes that have a library mapped."""
    found = set()
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and library in (process / "maps").read_text():
                found.add(int(process.name))
    return found
