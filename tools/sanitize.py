#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run cases under gcc's address and undefined-behaviour sanitizers.

    python tools/sanitize.py [--cases N] [--sequences N] [--seed S] [--plant NAME]

Copies the sources to build/sanitize, builds there what setup.py builds (machine,
engine, both halves, their counting builds, the engine's binding) with the
sanitizers on, and runs half of the cases legal and half of them wild: C against
P, and a sample of them by the counting builds as any fuzzing run does.  Prints
one line a run, then `silent` or the sanitizer's own report.

What it sees: every access of the engine's and the binding's own memory (heap,
stack, globals); every shift, alignment, index, conversion and signed sum of all
five; a trace that runs over its end; a word of the trace that was never written,
as each half finds another pattern there; a run that ends as none of its kind may.
What it does not see: a world is one mmap'ed block, so an access that goes astray
inside its state is legal to the address sanitizer; one that leaves the block
meets the guard regions around it, and is a stray access.  Signed overflow is
defined in this project (-fwrapv); here it is a report all the same, as nothing
but counts means to turn over, and those say so (kmm_count_add).

--plant puts a known fault into the copy, to show that it is reported.

Exit status: 0 silent; 1 a report, a difference between halves or a crash;
2 bad arguments; 3 something that this needs is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from copies import ROOT, Failed, Missing, bring_up_to_date, build, locked

FOLDER = ROOT / "build/sanitize"
COMPILER = "gcc"

SANITIZE = "-fsanitize=address,undefined"
FLAGS = [
    "-O1", "-fno-omit-frame-pointer", "-fno-wrapv", SANITIZE, "-fno-sanitize-recover=undefined",
    # A wild case follows NULL pointers on purpose: the fault is caught and is an outcome
    # of the case, an oops.  That is all that this check would report, and it reports it.
    "-fno-sanitize=null",
]

# An oops is a SIGSEGV that the guard catches (cref/machine/guard.c), so the sanitizer must
# leave all the signals to it, and the thread's signal stack as well.
ASAN_OPTIONS = ":".join([
    "detect_leaks=0",       # the interpreter itself leaves memory behind
    "handle_segv=0", "handle_sigbus=0", "handle_sigfpe=0", "handle_sigill=0",
    "allow_user_segv_handler=1", "use_sigaltstack=0",
    "detect_stack_use_after_return=1",
])
UBSAN_OPTIONS = "print_stacktrace=1:halt_on_error=1"
REPORT = re.compile(r"ERROR: AddressSanitizer|: runtime error: ")


@dataclass(frozen=True)
class Plant:
    """A fault put into one file of the copy, and what its report must say."""

    path: str
    before: str
    after: str
    report: str


PLANTS = {
    "heap": Plant(
        "cref/engine/replay.c",
        "static void keep(struct kmm_runner *runner)\n{\n",
        "static void keep(struct kmm_runner *runner)\n{\n"
        "\trunner->left[round_up(runner->block_bytes, KMM_WORLD_ALIGN)] = 1;\n",
        "heap-buffer-overflow",
    ),
    "stack": Plant(
        "cref/engine/shard.c",
        "\tkmm_decode_range(c, (const u8 *)words, from, to);\n",
        "\twords[WORDS + (to == CALL_BYTES)] = key;\n"
        "\tkmm_decode_range(c, (const u8 *)words, from, to);\n",
        "stack-buffer-overflow|index .* out of bounds",
    ),
    "shift": Plant(
        "cref/engine/shard.c",
        "\t\tshard->calls[c->function]++;\n",
        "\t\tshard->calls[c->function] += 1 << (32 + (int)(i & 1)) ? 1 : 0;\n",
        "shift exponent 3[23] is too large",
    ),
    "trace": Plant(
        "cref/machine/event.h",
        "\tworld->trace_at = at + 1 + words;\n",
        "\tworld->trace_at = at + 1 + words;\n"
        "\t*world->trace_end = words;\n",
        "use-after-poison",
    ),
    "slot": Plant(
        "cref/machine/event.h",
        "\t\tu64 *at_ = kmm_event(KMM_EVENT_##name, KMM_NR_OF(__VA_ARGS__), here); \\\n"
        "\t\tkmm_words_out(at_, words_, sizeof(words_) / sizeof(*words_)); \\\n",
        "\t\tu64 *at_ = kmm_event(KMM_EVENT_##name, KMM_NR_OF(__VA_ARGS__), here); \\\n"
        "\t\tkmm_words_out(at_, words_, sizeof(words_) / sizeof(*words_) - 1); \\\n",
        r"legal: \d+ cases, [1-9]\d* differing",
    ),
    "misaligned": Plant(
        "cref/machine/dirty.c",
        "\tstruct address_space *mapping = page_mapping(page);\n\n\tif (mapping) {\n",
        "\tstruct address_space *mapping = page_mapping(page);\n\n"
        "\tif (mapping && *(const volatile u32 *)((const char *)mapping + 2) != 1) {\n",
        "misaligned address",
    ),
    "overflow": Plant(
        "cref/machine/account.c",
        "world->vm_committed_space > world->commit_limit",
        "world->commit_limit + pages < world->vm_committed_space",
        "signed integer overflow",
    ),
    "cython-shift": Plant(
        "pykmm/mm/rmap.pyx",
        "        address = vma_address(page, vma) ",
        "        at = 1 << <int>(64 + (page.index & 1))\n"
        "        at = L_top\n"
        "        address = vma_address(page, vma) ",
        "shift exponent 6[45] is too large",
    ),
}

# How runs of a kind may end.  The kernel's own BUG_ONs are for callers that the legal cases have
# as well; of wild cases, none may leave its world.
ENDINGS = {
    "legal": {"returned", "BUG"},
    "wild": {"returned", "BUG", "oops", "lock taken twice", "lock not held", "too many locks",
             "count below zero", "hang"},
    "sequences": {"returned"},
}


def runtime(name: str) -> str:
    """Path of a sanitizer's runtime library."""
    if not shutil.which(COMPILER):
        raise Missing(f"{COMPILER} was not found: install it (Debian: apt-get install gcc)")
    found = subprocess.run([COMPILER, f"-print-file-name={name}.so"], capture_output=True,
                           text=True, check=True).stdout.strip()
    # gcc answers with the bare name when it has none
    if not os.path.isabs(found) or not os.path.exists(found):
        raise Missing(f"{COMPILER} has no {name}.so: install the sanitizers' runtime "
                      f"(Debian: apt-get install libgcc-12-dev, or that of your gcc)")
    return found


def check_tools() -> None:
    """raises Missing   the compiler, a runtime or a Python package is not there"""
    runtime("libasan")
    runtime("libubsan")
    for module in ("Cython", "setuptools"):
        if subprocess.run([sys.executable, "-c", f"import {module}"],
                          capture_output=True, check=False).returncode:
            raise Missing(f"{sys.executable} has no {module}: pip install {module.lower()}")


def text_for_copy(path: Path, plant: Plant | None) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    if path == Path("cref/CFLAGS"):
        text += " ".join(FLAGS) + "\n"
    if plant and path == Path(plant.path):
        if text.count(plant.before) != 1:
            raise Failed(f"{path} no longer holds the line that the fault is planted at: "
                         f"{plant.before.splitlines()[0].strip()!r}")
        text = text.replace(plant.before, plant.after)
    return text


def run_cases(folder: Path, cases: int, sequences: int, seed: int) -> tuple[bool, str]:
    """(silent, what to print) of the cases, run in a child under the sanitizers."""
    env = {
        **os.environ,
        "PYTHONPATH": str(folder),
        # Python's own pools would hide the bounds of what they hand out
        "PYTHONMALLOC": "malloc",
        # a fault outside a half is ours: say where
        "PYTHONFAULTHANDLER": "1",
        "LD_PRELOAD": runtime("libasan"),
        "ASAN_OPTIONS": ASAN_OPTIONS,
        "UBSAN_OPTIONS": UBSAN_OPTIONS,
    }
    done = subprocess.run([sys.executable, __file__, "--child", f"--cases={cases}",
                           f"--sequences={sequences}", f"--seed={seed}"],
                          cwd=folder, env=env, capture_output=True, text=True, check=False)
    if REPORT.search(done.stderr):
        return False, done.stdout + done.stderr
    if done.returncode:
        return False, (f"{done.stdout}{done.stderr}the child ended with status "
                       f"{done.returncode} and no sanitizer's report\n")
    lines, strange, differing = [], [], 0
    for line in done.stdout.splitlines():
        run = json.loads(line)
        differing += run["divergences"]
        strange += [f"{run['kind']}: {n} ended as {name}" for name, n in run["outcomes"].items()
                    if n and name not in ENDINGS[run["kind"]]]
        outcomes = ", ".join(f"{n} {name}" for name, n in run["outcomes"].items() if n)
        lines.append(f"{run['kind']}: {run['done']} cases, {run['divergences']} differing; "
                     f"{outcomes}")
    if differing:
        lines.append("halves that differ only here rely on undefined behaviour")
    return not differing and not strange, "\n".join(lines + strange) + "\n"


def sanitize(cases: int, seed: int, plant: Plant | None = None, *, sequences: int = 0,
             folder: Path = FOLDER) -> tuple[bool, str]:
    """Copy, build, run: (silent, what to print).

    raises Missing, Failed
    """
    check_tools()
    with locked(folder):
        bring_up_to_date(folder, lambda path: text_for_copy(path, plant))
        build(folder, CC=COMPILER, LDFLAGS=SANITIZE)
        return run_cases(folder, cases, sequences, seed)


def child(cases: int, sequences: int, seed: int) -> None:
    """In the sanitized build: the cases, and the binding's slower calls on some of them."""
    import array
    import threading

    from pykmm import half, paths
    from pykmm.counted import half as counted_half
    from pykmm.engine import core
    from pykmm.source import counting

    if not Path(core.__file__).is_relative_to(Path.cwd()):
        sys.exit(f"{core.__file__} is not of the sanitized build")
    halves = [core.Half.load(paths.lib() / "c.so", "C"), core.Half.at(half.ADDRESS, "P")]
    counted = [core.Half.load(paths.lib() / "c-counted.so", "C"),
               core.Half.at(counted_half.ADDRESS, "P")]
    # exactly as many as they may write to
    counters = array.array("Q", [0] * len(counted) * counting.counters_of(paths.cref()).total)

    def by_hand(job: core.Job, count: int, of_sequences: bool) -> None:
        """What printing and shrinking use: the case's bytes, images, traces."""
        runner = core.Runner(sequences=of_sequences)
        for i in range(count):
            case = job.case(1, i, of_sequences)
            if core.decode(core.encode(case)) != case:
                raise SystemExit(f"case {i} of shard 1 is not what its bytes decode to")
            runner.build(case)
            before = runner.image()
            runner.arrays()
            runner.call()
            for one in halves:
                runner.run(one)
                runner.trace()
            runner.first_differing(halves)
            runner.restore(before)

    def every_kind() -> None:
        for kind, share in (("legal", cases - cases // 2), ("wild", cases // 2),
                            ("sequences", sequences)):
            job = core.Job(halves, counted=counted, seed=seed, keep_going=True,
                           wild=kind == "wild")
            of_sequences = kind == "sequences"
            core.guard_process()
            ran = job.run_shard(core.Runner(sequences=of_sequences), 0, share, core.Stop(),
                                bytearray(core.WATCH_BYTES), counters)
            core.unguard_process()
            by_hand(job, min(share, 500), of_sequences)
            print(json.dumps({**ran, "kind": kind}), flush=True)
        if not any(counters):
            raise SystemExit("the counting builds did not run")
        core.unguard_thread()

    # The sanitizer wipes its notes of the whole stack at every caught fault, so the stack is small.
    threading.stack_size(512 * 1024)
    failed: list[BaseException] = []

    def in_thread() -> None:
        try:
            every_kind()
        except BaseException as error:  # a thread's SystemExit would end nothing
            failed.append(error)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def refuse(status: int, message: str) -> NoReturn:
    print(f"sanitize: {message}", file=sys.stderr)
    sys.exit(status)


def main() -> None:
    parser = argparse.ArgumentParser(description="Run cases under gcc's sanitizers.")
    parser.add_argument("--cases", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--sequences", type=int, default=100_000, help="default: 100000")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--plant", choices=sorted(PLANTS),
                        help="put this fault into the copy, to see it reported")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cases < 2:
        refuse(2, "--cases must be at least 2")
    if not 0 <= arguments.seed < 2**64:
        refuse(2, "--seed must be at least 0 and below 2**64")
    if arguments.child:
        child(arguments.cases, arguments.sequences, arguments.seed)
        return
    try:
        silent, text = sanitize(arguments.cases, arguments.seed,
                                PLANTS[arguments.plant] if arguments.plant else None,
                                sequences=arguments.sequences)
    except Missing as missing:
        refuse(3, str(missing))
    except Failed as failed:
        refuse(1, str(failed))
    print(text, end="")
    if silent:
        print("silent")
    sys.exit(0 if silent else 1)


if __name__ == "__main__":
    main()
