# SPDX-License-Identifier: GPL-2.0-only
"""Halves run in a child process; this is the parent's side.

Nothing that a half does can end the command that the user typed: a child that
dies or stands still is told apart here, with the case that it was running, read
from a file that both processes have mapped.
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

# How long the child may be silent: compiling a mail, loading halves, running cases.
SILENT_SECONDS = {"start": 120.0, "built": 20.0, "ready": 15.0}


@dataclass(frozen=True)
class Died:
    """The child did not come to its end.

    how : str            what happened, for people
    half : str | None    the half that ran then, if one did
    case : bytes | None  its case (choices)
    """

    how: str
    half: str | None
    case: bytes | None


class Child:
    """One task in a child process.

    task : dict   as engine.worker takes it; "plan" holds "jobs" for fuzzing
    """

    def __init__(self, task: dict):
        self._jobs = task.get("plan", {}).get("jobs", 1)
        self._halves: list[str] = []
        self._watch = tempfile.NamedTemporaryFile(prefix="pykmm-watch-")
        self._watch.truncate(self._jobs * core.WATCH_BYTES)
        self._errors = tempfile.TemporaryFile(prefix="pykmm-errors-")
        ours, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pykmm.engine.worker", str(theirs)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._errors,
                pass_fds=[theirs],
                # Ctrl-C is the parent's to act on
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
        except OSError as error:
            os.close(ours)
            raise Lacking(f"cannot start a child process: {error.strerror}") from error
        finally:
            os.close(theirs)
        self._pipe = os.fdopen(ours, "rb", buffering=0)
        self._send(json.dumps({**task, "watch": self._watch.name}))

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._pipe.close()
        self._watch.close()
        self._errors.close()

    def _send(self, line: str) -> None:
        # a child that is gone shows itself by the end of its pipe
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def stop(self) -> None:
        """Ask for the end of a fuzzing run; its result still comes."""
        self._send("stop")

    def kill(self) -> None:
        """End the child and whatever it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def messages(self) -> Iterator[dict | Died]:
        """Messages of the child as they come; the last one is its result, or Died.

        raises PykmmError   what the child reported as an error
        """
        stage, heard, beats = "start", time.monotonic(), -1
        rest = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            while True:
                if selector.select(timeout=0.25):
                    data = os.read(self._pipe.fileno(), 1 << 20)
                    if not data:
                        yield self._died(self._how_it_ended())
                        return
                    *lines, rest = (rest + data).split(b"\n")
                    for line in lines:
                        message = self._understand(line)
                        if message["type"] in SILENT_SECONDS:
                            stage = message["type"]
                        heard = time.monotonic() if message["type"] != "progress" else heard
                        yield message
                        if message["type"] == "result":
                            return
                # progress is said by a thread that a looping half does not stop: count cases
                now_beats = sum(watch[0] for watch in self._watches())
                if now_beats != beats:
                    beats, heard = now_beats, time.monotonic()
                if time.monotonic() - heard > SILENT_SECONDS[stage]:
                    doing = {"start": "did not come out of compiling the mail",
                             "built": "did not come back from being loaded"}
                    yield self._died(doing.get(stage, "does not come back"))
                    return

    def _understand(self, line: bytes) -> dict:
        message = json.loads(line)
        if message["type"] == "ready":
            self._halves = message["halves"]
        if message["type"] == "error":
            kind = {2: BadInput, 3: Lacking}.get(message["exit_code"], HarnessError)
            error: PykmmError = kind(message["message"])
            error.detail = message["detail"]
            raise error
        return message

    def _watches(self) -> list[tuple[int, int | None, bytes]]:
        self._watch.seek(0)
        data = self._watch.read()
        return [core.watched(data[n * core.WATCH_BYTES:(n + 1) * core.WATCH_BYTES])
                for n in range(self._jobs)]

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        if code < 0:
            return f"ended the engine by {signal.Signals(-code).name}"
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        return f"ended the engine with exit code {code}" + (f": {said[-1]}" if said else "")

    def _died(self, how: str) -> Died:
        for _, half, case in self._watches():
            if half is not None and half < len(self._halves):
                return Died(how, self._halves[half], case)
        return Died(how, None, None)
