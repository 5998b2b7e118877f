# SPDX-License-Identifier: GPL-2.0-only
"""Halves run in a child process; this is the parent's side.

Nothing that a half does can end the command that the user typed: a child that
dies or stands still is told apart here, with the case that it was running, read
from a file that both processes have mapped.

PYKMM_SILENT_SECONDS in the environment says how long a half may take to be
loaded or to run one case before it counts as one that does not come back.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import BadInput, HarnessError, Lacking, PykmmError
from . import core

SILENT_SECONDS = 15.0
COMPILE_SECONDS = 150.0     # patch.half_x gives up by itself long before
TICK_SECONDS = 0.25
LEAVE_SECONDS = 1.5         # for a child that was told to end, to end what it started
_ERRORS_SHOWN = 2000


@dataclass(frozen=True)
class Died:
    """The child did not come to its end.

    how : str                     what happened, for people
    running : ((half, case), ..)  what ran then, one a thread, built-in halves last; cases are
                                  choices
    """

    how: str
    running: tuple[tuple[str, bytes], ...] = ()


def silent_seconds() -> float:
    """SILENT_SECONDS, or what the environment says; raises BadInput if that is no time."""
    text = os.environ.get("PYKMM_SILENT_SECONDS")
    try:
        seconds = float(text) if text else SILENT_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < float("inf"):
        raise BadInput(f"PYKMM_SILENT_SECONDS={text}: it is not a number of seconds above 0")
    return seconds


class Child:
    """One task in a child process.

    task : dict   as engine.worker takes it; "plan" holds "jobs" for fuzzing
    raises Lacking   there is no room here for a process or its files
    """

    def __init__(self, task: dict):
        self._patience = silent_seconds()
        self._halves: list[str] = []
        self._loading: str | None = None        # the half that is being loaded
        self._examined: list[tuple[str, bytes]] = []    # half and case, outside of fuzzing
        self._compiling = True
        self._killed = False
        with contextlib.ExitStack() as made:
            try:
                self._start(task, made)
            except OSError as error:
                raise Lacking(f"cannot start a process for the halves: {error.strerror}") from error
            self._made = made.pop_all()

    def _start(self, task: dict, made: contextlib.ExitStack) -> None:
        self._jobs = task.get("plan", {}).get("jobs", 1)
        self._beats = [(-1, 0.0)] * self._jobs      # cases done, seconds since that changed
        # whatever is left behind below is removed with it, even if the child is killed
        folder = made.enter_context(
            tempfile.TemporaryDirectory(prefix="pykmm-", ignore_cleanup_errors=True))
        self._watch = made.enter_context(tempfile.TemporaryFile())
        self._watch.truncate(self._jobs * core.WATCH_BYTES)
        self._errors = made.enter_context(tempfile.TemporaryFile())
        ours, theirs = os.pipe()
        self._pipe = made.enter_context(os.fdopen(ours, "rb", buffering=0))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *_worker(task, str(theirs))],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors,
                pass_fds=[theirs, self._watch.fileno()],
                # Ctrl-C is the parent's to act on
                start_new_session=True,
                env={**os.environ, "TMPDIR": folder,
                     "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        finally:
            os.close(theirs)
        made.callback(self._leave)
        self._send(json.dumps({**task, "watch": self._watch.fileno(), "parent": os.getpid()}))

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()

    def _send(self, line: str) -> None:
        # a child that is gone shows itself by the end of its pipe
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), line.encode() + b"\n")

    def stop(self) -> None:
        """Ask for the end of a fuzzing run; its result still comes.  For signal handlers too."""
        self._send("stop")

    def kill(self) -> None:
        """End the child and whatever it started.  For signal handlers too."""
        self._killed = True
        if self._compiling:
            # a compiler has a session of its own, and it is the child who ends it
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        else:
            self._kill_group()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _leave(self) -> None:
        self.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_SECONDS)
        self._kill_group()
        self._process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()

    def messages(self) -> Iterator[dict | Died]:
        """Messages of the child as they come; the last one is its result, or Died.

        raises PykmmError   what the child reported as an error; BadInput: a half that cannot be
                            loaded
        """
        rest = b""
        looked, silent = time.monotonic(), 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while True:
                ready = selector.select(TICK_SECONDS)
                if ready:
                    data = os.read(self._pipe.fileno(), 1 << 20)
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        message = self._understand(line)
                        yield message
                        if isinstance(message, Died) or message["type"] == "result":
                            return
                    if not data:
                        yield self._died(self._how_it_ended())
                        return
                elif self._process.poll() is not None:
                    # something that it started holds the pipe open
                    yield self._died(self._how_it_ended())
                    return
                now = time.monotonic()
                # at most a tick or so: a process or machine that was stopped is nobody's silence
                waited, looked = min(now - looked, 4 * TICK_SECONDS), now
                silent = 0.0 if ready else silent + waited
                late = self._late(waited)
                if late or silent > (COMPILE_SECONDS if self._compiling else self._patience):
                    yield late or self._died("does not come back")
                    return

    def _understand(self, line: bytes) -> dict | Died:
        try:
            message = json.loads(line)
            kind = message["type"]
        except (ValueError, TypeError, KeyError):
            return self._died("wrote into the engine's own files")
        if kind in ("loading", "ready", "examining"):
            self._compiling = False
        if kind == "loading":
            self._loading = message["half"]
        elif kind == "ready":
            self._loading, self._halves = None, message["halves"]
        elif kind == "examining":
            self._examined = [(message["half"], bytes.fromhex(message["case"]))]
        elif kind == "error":
            of_code = {2: BadInput, 3: Lacking}.get(message["exit_code"], HarnessError)
            error: PykmmError = of_code(message["message"])
            error.detail = message["detail"]
            raise error
        return message

    def _watches(self) -> list[tuple[int, int | None, bytes]]:
        data = os.pread(self._watch.fileno(), self._jobs * core.WATCH_BYTES, 0)
        return [core.watched(data[n * core.WATCH_BYTES:(n + 1) * core.WATCH_BYTES])
                for n in range(self._jobs)]

    def _late(self, waited: float) -> Died | None:
        """A half that has been running one case for too long, whatever other threads do."""
        for job, (beats, half, _) in enumerate(self._watches()):
            before, seconds = self._beats[job]
            still = half is not None and beats == before
            self._beats[job] = beats, seconds + waited if still else 0.0
            if self._beats[job][1] > self._patience:
                return self._died("does not come back", only_job=job)
        return None

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed the engine's own files"
        if code < 0:
            return f"ended the engine by {_signal_name(-code)}"
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _ERRORS_SHOWN))
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"ended the engine with exit code {code}" + (f": {said[-1]}" if said else "")

    def _died(self, how: str, only_job: int | None = None) -> Died:
        """How, and what ran then; raises BadInput if it was a half's own loading that ran."""
        if self._killed:
            return Died("was stopped")
        if self._loading:
            raise BadInput(f"half {self._loading} {how} while it is loaded")
        running = [(half, case) for job, (_, half, case) in enumerate(self._watches())
                   if half is not None and half < len(self._halves) and only_job in (None, job)]
        running.sort(key=lambda one: one[0], reverse=True)
        named = [(self._halves[half], case) for half, case in running]
        return Died(how, tuple(named or self._examined))


def _worker(task: dict, file: str) -> list[str]:
    if task["do"] != "bench":
        return ["pykmm.engine.worker", file]
    return ["pykmm.engine.bench_worker", file, "events" if task["events"] else "quiet",
            str(task["layout"])]


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
