# SPDX-License-Identifier: GPL-2.0-only
"""The process that runs halves: started by engine.guarded, talks JSON lines, may die.

    python -m pykmm.engine.worker FD      task: one JSON object on standard input

It writes objects with a "type" to FD: built, loading, ready, progress,
examining, result, error.  Standard input stays open as long as the parent
lives; "stop" on it ends a fuzzing run early, its end ends the process at once.
"""

import _thread
import ctypes
import json
import mmap
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from ..errors import HarnessError, PykmmError
from . import core, finding, fuzz, halves

MEMORY_BYTES = 8 << 30
FILE_BYTES = 1 << 30
STATE_BYTES = 64 << 30      # of an exploration: 24 a world
LEAVE_SECONDS = 1.0
PR_SET_PDEATHSIG = 1     # of <linux/prctl.h>


class Talk:
    """Messages to the parent; a parent that is gone ends the process."""

    def __init__(self, to: TextIO):
        self._to = to
        self._lock = threading.Lock()

    def say(self, kind: str, **what: Any) -> None:
        with self._lock:
            self._to.write(json.dumps({"type": kind, **what}) + "\n")
            self._to.flush()


def _limit(file_bytes: int) -> None:
    """No core files, and no more memory or disk than the task needs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, file_bytes)):
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
        talk.say("loading", half="X")
        loaded.append(core.Half.load(built.path, "X"))
        mail = finding.MailLines(os.path.basename(task["patch"]), {
            line.number: found.edit.id for found in built.verdict.edits for line in found.lines})
    for named in task["halves"]:
        talk.say("loading", half=named["name"])
        loaded.append(core.Half.load(named["path"], named["name"]))
    halves.need_their_own(loaded, _called(task))
    talk.say("ready", halves=[half.name for half in loaded], lent=halves.lent(loaded))
    return loaded, mail


def _called(task: dict) -> list[str]:
    """The functions that a task calls by the tables of halves; []: it says that itself."""
    if task["do"] == "fuzz":
        plan = task["plan"]
        chosen = plan["functions"]
        direct = core.FUNCTIONS if chosen is None else [core.FUNCTIONS[n] for n in chosen]
        return [*(() if plan["kind"] == fuzz.SEQUENCES else direct),
                *(() if plan["kind"] == fuzz.DIRECT else core.OF_OPERATIONS)]
    if task["do"] == "run":
        case = bytes.fromhex(task["case"])
        return core.OF_OPERATIONS if core.is_sequence(case) else [finding.function_of(case)]
    if task["do"] == "scenario":
        from ..scenario import parse, run

        return run.called(parse.parse(task["text"], task["file"]))
    return core.OF_OPERATIONS if task["do"] == "explore" else []


def _load_revisions(task: dict, talk: Talk) -> tuple[list[core.Half], list[finding.MailLines]]:
    """X of the one mail, Y of the other; and the lines of both.  Into the task goes `alone`: of
    each edit that is asked alone a Y with that edit only, or why it cannot be made."""
    from ..patch.half_x import DoesNotCompile, build_of, build_x
    from ..patch.mail import read_mail
    from ..review.revisions import alone

    mails = [task["patch"], task["against"]]
    built = [build_x(Path(mail)) for mail in mails]
    talk.say("loading", half="X")
    loaded = [core.Half.load(one.path, name) for one, name in zip(built, "XY", strict=True)]
    task["alone"] = {}
    for edit in task["plan"]["alone"]:
        talk.say("progress", what=f"compiling {edit} alone")
        verdict = alone(*(one.verdict for one in built), edit)
        try:
            one = build_of(read_mail(mails[1]), verdict)
        except DoesNotCompile as error:
            task["alone"][edit] = str(error)
        else:
            task["alone"][edit] = core.Half.load(one.path, "Y")
    talk.say("ready", halves=[half.name for half in loaded], lent={})
    return loaded, [finding.MailLines(os.path.basename(mail), {
        line.number: found.edit.id for found in one.verdict.edits for line in found.lines})
        for mail, one in zip(mails, built, strict=True)]


def _watches(file: int, jobs: int) -> list[memoryview]:
    whole = memoryview(mmap.mmap(file, jobs * core.WATCH_BYTES))
    return [whole[n * core.WATCH_BYTES:(n + 1) * core.WATCH_BYTES] for n in range(jobs)]


def _listen(lines: TextIO, stop: threading.Event) -> None:
    for line in lines:
        if line.strip() == "stop":
            stop.set()
    # The parent is gone, and with it whoever wanted an answer.  The main thread may have a
    # compiler to end first, or be in a half that it never comes back from.
    _thread.interrupt_main()
    time.sleep(LEAVE_SECONDS)
    os._exit(0)


def _end_with(parent: int) -> None:
    """From here on the kernel ends this process with its parent: a half may hold it for ever."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "prctl"):      # Linux; elsewhere there is _listen alone
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def _examine(case: bytes, loaded: list[core.Half], mail: finding.MailLines, talk: Talk) -> dict:
    """finding.examine, after each half has shown, by its name, that it comes back from the case."""
    runner = core.Runner.of(case)
    for half in loaded:
        talk.say("examining", half=half.name, case=case.hex())
        runner.run(half)
    return finding.examine(case, loaded, mail)


def _fuzz(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
          stop: threading.Event) -> None:
    counted = [halves.c_half(counted=True), halves.p_half(counted=True)]
    fuzzer = fuzz.Fuzzer(
        fuzz.Plan(loaded, counted, **task["plan"]), _watches(task["watch"], task["plan"]["jobs"])
    )
    threading.Thread(target=lambda: stop.wait() and fuzzer.stop(), daemon=True).start()
    outcome = fuzzer.run(lambda cases, divergences, seconds: talk.say(
        "progress", cases=cases, divergences=divergences, seconds=seconds,
        **fuzzer.reached_so_far()))
    found = [
        {"shard": d.shard, "index": d.index, "half": d.half, "case": d.case.hex(),
         **_examine(d.case, loaded, mail, talk)}
        for d in outcome.found
    ]
    talk.say("result", **{**vars(outcome), "found": found})


def _run(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
         _: threading.Event) -> None:
    talk.say("result", **_examine(bytes.fromhex(task["case"]), loaded, mail, talk))


def _explore(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
             stop: threading.Event) -> None:
    from ..scenario import explored
    from . import exploring
    from .scope import Scope

    plan = dict(task["plan"])
    scope = Scope(**{name: tuple(value) if isinstance(value, list) else value
                     for name, value in plan.pop("scope").items()})
    exploration = exploring.Exploration(exploring.Plan(loaded, scope, **plan))
    threading.Thread(target=lambda: stop.wait() and exploration.stop(), daemon=True).start()
    result = exploration.run(lambda totals, seconds: talk.say(
        "progress", **totals, before=exploration.before, seconds=seconds))
    for found in result["found"]:
        found["scenario"] = explored.text_of(found, scope)
    talk.say("result", **result)


def _scenario(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
              _: threading.Event) -> None:
    from ..scenario import parse, run

    scenario = parse.parse(task["text"], task["file"])
    halves_told = run.Halves(loaded, mail, lambda half: talk.say("examining", half=half, case=""))
    talk.say("result", **run.run(scenario, halves_told, detail=True))


def _witnesses(_task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
               _: threading.Event) -> None:
    from ..review import evidence, witnesses
    from ..scenario.run import Halves

    told = Halves(loaded, mail, lambda half: talk.say("examining", half=half, case=""))
    runs = {unit: witnesses.found(one, told) for unit, one in witnesses.witnesses().items()}
    folder = evidence.folder()
    if folder is not None:
        runs |= {name: witnesses.shown(one, folder, told)
                 for name, one in witnesses.findings().items()}
    talk.say("result", runs=runs)


def _units(task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
           _: threading.Event) -> None:
    from ..review import ablation, drawn, shortest
    from ..scenario.run import Halves

    told = Halves(loaded, mail, lambda half: talk.say("examining", half=half, case=""))
    sequences = drawn.Sequences(loaded[0], task["cases"], task["seed"],
                                lambda: talk.say("progress"))
    ablations = ablation.Ablations(loaded[0], tell=lambda: talk.say("progress"))
    found = shortest.facts(ablations, told, sequences, task["seconds"])
    alike = [vars(one) for one in ablation.equality(loaded, tell=ablations.tell)]
    talk.say("result", **found, halves=[half.name for half in loaded], equality=alike)


def _shortest(_task: dict, loaded: list[core.Half], _mail: finding.MailLines, talk: Talk,
              _: threading.Event) -> None:
    from ..review import ablation, shortest

    talk.say("result", shortest=shortest.first(ablation.Ablations(loaded[0])))


def _wrong(task: dict, loaded: list[core.Half], _mail: finding.MailLines, talk: Talk,
           stop: threading.Event) -> None:
    from ..review import wrong

    both = wrong.Wrong(loaded[0], task["jobs"], seconds=task["seconds"],
                       others=tuple(half for half in loaded if half.name == "X"))
    threading.Thread(target=lambda: stop.wait() and both.stop(), daemon=True).start()
    explored = []
    # who watches takes silence for a half that does not come back
    for one in both.explored(lambda: talk.say("progress")):
        explored.append(one)
        talk.say("explored", **wrong.facts([one], both.scopes)["explored"][0])
    rest = list(both.at_rest())
    talk.say("result", **wrong.facts(explored, both.scopes, rest), interrupted=both.stopped,
             out_of_time=both.is_over and not both.stopped, left=both.left,
             halves=["C", *(half.name for half in both.others)])


def _claims(_task: dict, loaded: list[core.Half], mail: finding.MailLines, talk: Talk,
            _: threading.Event) -> None:
    from ..review import claims, evidence
    from ..scenario.run import Halves

    halves_told = Halves(loaded, mail, lambda half: talk.say("examining", half=half, case=""))
    talk.say("result", judged={claim.id: vars(evidence.judge(claim, halves_told))
                               for claim in claims.load().claims if claim.shown})


def _against(task: dict, loaded: list[core.Half], mails: list[finding.MailLines], talk: Talk,
             _: threading.Event) -> None:
    from ..review import against

    plan = against.Plan(**task["plan"])
    one = against.Against(plan, loaded, mails, task["alone"],
                          lambda what: talk.say("progress", what=what))
    talk.say("result", **one.run())


def _bench(task: dict, loaded: list[core.Half], _mail: finding.MailLines, talk: Talk,
           stop: threading.Event) -> None:
    from ..bench import child

    child.run(task["plan"], loaded, talk.say, stop)


def _bench_check(task: dict, loaded: list[core.Half], _mail: finding.MailLines, talk: Talk,
                 _: threading.Event) -> None:
    from ..bench import check

    talk.say("result", refused=check.answer(
        task["rows"], loaded,
        lambda half, row: talk.say("examining", half=half, case=row.encode().hex())))


TASKS = {
    "against": _against,
    "bench": _bench,
    "bench_check": _bench_check,
    "claims": _claims,
    "explore": _explore,
    "fuzz": _fuzz,
    "run": _run,
    "scenario": _scenario,
    "shortest": _shortest,
    "units": _units,
    "witnesses": _witnesses,
    "wrong": _wrong,
}


def main() -> int:
    talk = Talk(os.fdopen(int(sys.argv[1]), "w", encoding="utf-8"))
    task = json.loads(sys.stdin.readline())
    stop = threading.Event()
    threading.Thread(target=_listen, args=(sys.stdin, stop), daemon=True).start()
    _limit(STATE_BYTES if task["do"] == "explore" else FILE_BYTES)
    try:
        load = _load_revisions if task["do"] == "against" else _load_halves
        loaded, mail = load(task, talk)
        _end_with(task["parent"])
        TASKS[task["do"]](task, loaded, mail, talk, stop)
    except PykmmError as error:
        talk.say("error", exit_code=error.exit_code, message=str(error),
                 detail=getattr(error, "detail", ""))
    except MemoryError:
        talk.say("error", exit_code=3, message="not enough memory for so many --jobs", detail="")
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    except Exception as error:
        broken = HarnessError(f"{type(error).__name__}: {error}")
        talk.say("error", exit_code=broken.exit_code, detail="",
                 message=f"pykmm itself is broken: {broken}; please report it with the command")
    sys.stdout.flush()
    os._exit(0)     # foreign code may have left threads or exit handlers behind


if __name__ == "__main__":
    sys.exit(main())
