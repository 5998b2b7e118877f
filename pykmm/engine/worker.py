# SPDX-License-Identifier: GPL-2.0-only
"""The process that runs halves: started by engine.guarded, talks JSON lines, may die.

    python -m pykmm.engine.worker FD      task: one JSON object on standard input

It writes objects with a "type" to FD: built, ready, progress, result, error.
Standard input stays open as long as the parent lives; "stop" on it ends a
fuzzing run early, its end ends the process at once.
"""

import json
import mmap
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from ..errors import HarnessError, PykmmError
from . import casefile, core, finding, fuzz, halves

MEMORY_BYTES = 8 << 30
FILE_BYTES = 1 << 30


class Talk:
    """Messages to the parent; a parent that is gone ends the process."""

    def __init__(self, to: TextIO):
        self._to = to
        self._lock = threading.Lock()

    def say(self, kind: str, **what: Any) -> None:
        with self._lock:
            self._to.write(json.dumps({"type": kind, **what}) + "\n")
            self._to.flush()


def _limit() -> None:
    """No core files, and no more memory or disk than any task here needs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, FILE_BYTES)):
        _, hard = resource.getrlimit(limit)
        if hard == resource.RLIM_INFINITY or hard > most:
            resource.setrlimit(limit, (most, most))


def _load_halves(task: dict, talk: Talk) -> tuple[list[core.Half], finding.MailLines]:
    """C, P, then X if there is a mail, then those that the user named; and the mail's lines."""
    loaded = [halves.c_half(), halves.p_half()]
    mail = finding.MailLines()
    if task["patch"]:
        from ..patch.half_x import build_x

        built = build_x(Path(task["patch"]))
        talk.say("built", verdict=built.verdict.kind, text=str(built.verdict),
                 carried=list(built.carried), not_carried=list(built.not_carried),
                 note=built.note)
        loaded.append(core.Half.load(built.path, "X"))
        mail = finding.MailLines(os.path.basename(task["patch"]), {
            line.number: found.edit.id for found in built.verdict.edits for line in found.lines})
    loaded += halves.user_halves([halves.NamedHalf(**named) for named in task["halves"]])
    talk.say("ready", halves=[half.name for half in loaded])
    return loaded, mail


def _watch_file(path: str, jobs: int) -> list[memoryview]:
    with open(path, "r+b") as file:
        whole = memoryview(mmap.mmap(file.fileno(), jobs * core.WATCH_BYTES))
    return [whole[n * core.WATCH_BYTES:(n + 1) * core.WATCH_BYTES] for n in range(jobs)]


def _listen(stop: fuzz.Fuzzer | None, lines: TextIO) -> None:
    for line in lines:
        if line.strip() == "stop" and stop is not None:
            stop.stop()
    os._exit(0)      # the parent is gone, and with it whoever wanted an answer


def _fuzz(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk) -> None:
    counted = [halves.c_half(counted=True), halves.p_half(counted=True)]
    fuzzer = fuzz.Fuzzer(
        fuzz.Plan(loaded, counted, **task["plan"]), _watch_file(task["watch"], task["plan"]["jobs"])
    )
    threading.Thread(target=_listen, args=(fuzzer, sys.stdin), daemon=True).start()
    outcome = fuzzer.run(lambda cases, divergences, seconds: talk.say(
        "progress", cases=cases, divergences=divergences, seconds=seconds))
    found = [
        {"shard": d.shard, "index": d.index, "half": d.half, "case": d.case.hex(),
         **finding.examine(d.case, loaded, mail)}
        for d in outcome.found
    ]
    talk.say("result", **{**vars(outcome), "found": found})


def _run(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk) -> None:
    threading.Thread(target=_listen, args=(None, sys.stdin), daemon=True).start()
    case = casefile.load(Path(task["case"]))
    talk.say("result", **finding.examine(case, loaded, mail))


def main() -> int:
    talk = Talk(os.fdopen(int(sys.argv[1]), "w", encoding="utf-8"))
    task = json.loads(sys.stdin.readline())
    _limit()
    try:
        loaded, mail = _load_halves(task, talk)
        {"fuzz": _fuzz, "run": _run}[task["do"]](task, loaded, mail, talk)
    except PykmmError as error:
        talk.say("error", exit_code=error.exit_code, message=str(error),
                 detail=getattr(error, "detail", ""))
    except MemoryError:
        talk.say("error", exit_code=3, message="not enough memory for so many --jobs", detail="")
    except BrokenPipeError:
        return 0
    except Exception as error:
        broken = HarnessError(f"{type(error).__name__}: {error}")
        talk.say("error", exit_code=broken.exit_code, detail="",
                 message=f"pykmm itself is broken: {broken}; please report it with the command")
    sys.stdout.flush()
    os._exit(0)     # foreign code may have left threads or exit handlers behind


if __name__ == "__main__":
    sys.exit(main())
