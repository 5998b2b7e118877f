# SPDX-License-Identifier: GPL-2.0-only
"""Instructions, counted by valgrind's callgrind: exact, and the same on every run.

Counted is what runs inside kmm_bare_call (cref/engine/call.c) and inside
kmm_bare_operation (replay.c), less these functions' own instructions: a patched
function or a whole operation, what it calls of its half, and the primitives of
the machine, which all halves share.
"""

import dataclasses
import marshal
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..engine.halves import BUILT_IN, NamedHalf
from ..errors import BadInput, HarnessError, Lacking, PykmmError
from .counted import TAKES
from .moving import movable
from .row import Call, Start

ENTRIES = ("kmm_bare_call", "kmm_bare_operation")
MARK = "kmm_decode"
# many times what starting and a world take
START_SECONDS, WORLD_SECONDS = 120, 5


@dataclass(frozen=True)
class Task:
    """Who does the steps of which world.

    name : str                what messages call it
    start : Start
    halves : tuple[str, ...]  names: C, P, or of a half that was given
    """

    name: str
    start: Start
    halves: tuple[str, ...]


@dataclass(frozen=True)
class Counted:
    """What a half took for the steps of a task.

    own : Counter    instructions of each function itself, by its name in the library
    value : int      what the last step returned
    """

    own: Counter[str]
    value: int

    @property
    def total(self) -> int:
        return sum(self.own.values())


def valgrind() -> str:
    """Path of valgrind; raises Lacking if there is none."""
    found = shutil.which("valgrind")
    if not found:
        raise Lacking("instructions are counted by valgrind, which was not found: install it "
                      "(Debian: apt-get install valgrind)")
    return found


def parts_of(lines: Sequence[str]) -> Iterator[Counter[str]]:
    """From callgrind's output: per part, the instructions of each function itself."""
    names: dict[str, str] = {}
    part: Counter[str] | None = None
    function, after_call = "", False
    for line in lines:
        if line.startswith("part:"):
            if part is not None:
                yield part
            part = Counter()
        elif line.startswith(("fn=", "cfn=")):
            number, _, name = line.partition("=")[2].partition(" ")
            if name:
                names[number] = name
            if line.startswith("fn="):
                function = names[number]
        elif line.startswith("calls="):
            after_call = True       # the next line is what the call cost: counted where it ran
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            if part is None:
                raise HarnessError("callgrind's output starts without a part")
            if not after_call:
                part[function] += int(line.split()[1])
            after_call = False
    if part is not None:
        yield part


def _step(step) -> tuple:
    """A step as counted.perform takes it."""
    if isinstance(step, Call):
        return step.function, None, dict(step.arguments)
    return step.name, step.actor, tuple(step.arguments)


def _plan(tasks: Sequence[Task], given: Sequence[NamedHalf]) -> dict:
    worlds = []
    for task in tasks:
        moved = movable(task.start.runner, task.start.image)
        fields = tuple(getattr(moved, field.name) for field in dataclasses.fields(moved))
        worlds.append((fields, [_step(step) for step in task.start.steps], task.halves))
    return {"halves": {**dict.fromkeys(BUILT_IN, ""), **{half.name: half.path for half in given}},
            "worlds": worlds}


def _run(plan: dict) -> tuple[list[Counter[str]], list[tuple[str, int]]]:
    """All parts that callgrind wrote, and how each take ended."""
    tool = valgrind()
    with tempfile.TemporaryDirectory(prefix="pykmm-") as folder:
        out, plan_file, answer = (Path(folder, name) for name in ("counts", "plan", "answer"))
        plan_file.write_bytes(marshal.dumps(plan))
        command = [tool, "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}",
                   "--combine-dumps=yes", f"--dump-before={MARK}",
                   *(f"--toggle-collect={entry}" for entry in ENTRIES),
                   sys.executable, "-m", "pykmm.bench.counted", str(plan_file), str(answer)]
        env = {**os.environ, "PYTHONHASHSEED": "0",
               "PYTHONPATH": os.pathsep.join(part for part in sys.path if part)}
        patience = START_SECONDS + WORLD_SECONDS * len(plan["worlds"])
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                                  check=False, timeout=patience, env=env)
        except subprocess.TimeoutExpired:
            raise _died(plan, f"did not come back within {patience} s") from None
        if done.returncode or not answer.exists():
            said = (done.stdout + done.stderr).splitlines()[-1:]
            raise _died(plan, f"ended with {_status(done.returncode)}", *said)
        refused, answers = marshal.loads(answer.read_bytes())
        if refused:
            raise BadInput(refused)
        lines = out.read_text(encoding="utf-8", errors="replace").splitlines()
        return list(parts_of(lines)), answers


def _died(plan: dict, how: str, *said: str) -> PykmmError:
    """Whose fault it is that nothing was counted: halves that the user gave, or ours."""
    given = [name for name in plan["halves"] if name not in BUILT_IN]
    if given:
        return BadInput(f"counting with half {' and '.join(given)} {how}: pykmm fuzz runs it case "
                        f"by case")
    return HarnessError(": ".join([f"counting under callgrind {how}", *said]))


def _status(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def agreed(what: str, takes: list[Counter[str]]) -> Counter[str]:
    """What all takes found, which is the same."""
    if any(take != takes[0] for take in takes):
        raise HarnessError(f"{what}: two counts differ: "
                           + ", ".join(str(sum(take.values())) for take in takes))
    if not sum(takes[0].values()):
        raise HarnessError(f"{what}: nothing was counted: is {' or '.join(ENTRIES)} gone?")
    return takes[0]


def count_each(tasks: Sequence[Task], given: Sequence[NamedHalf] = ()) -> list[dict[str, Counted]]:
    """Per task and half, what the steps took; one child process for all of them.

    given : halves other than C and P, whose names tasks may say
    raises Lacking        valgrind is not there
           BadInput       a step did not return, or a half not at all, or it lacks the function
           HarnessError   two counts differ: something in the machine depends on an address
    """
    parts, answers = _run(_plan(tasks, given))
    takes = [(task, half) for task in tasks for half in task.halves for _ in range(TAKES)]
    for (task, half), (outcome, _) in zip(takes, answers, strict=True):
        if outcome != "returned":
            raise BadInput(f"{task.name}, half {half}: ended with {outcome}, and only what returns "
                           f"is counted")
    # the last part is what came after the last mark
    if len(parts) != len(takes) + 1:
        raise HarnessError(f"callgrind wrote {len(parts)} parts instead of {len(takes) + 1}")
    found: list[dict[str, Counted]] = [{} for _ in tasks]
    at = 0
    for counts, task in zip(found, tasks, strict=True):
        for half in task.halves:
            kept = [Counter({name: n for name, n in part.items() if name not in ENTRIES})
                    for part in parts[at:at + TAKES]]
            counts[half] = Counted(agreed(f"{task.name}, half {half}", kept), answers[at][1])
            at += TAKES
    return found
