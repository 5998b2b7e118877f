#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Build everything by other compilers and at other levels, and compare all of it.

    python tools/compilers.py [--only NAMES] [--cases N] [--sequences N] [--seed S]
                              [--without-tests]

For gcc and, where it is installed, clang, at -O0, -O2 and -O3, a copy of the sources
in build/compilers/ is built with that compiler and level as the last word of its
cref/CFLAGS: core library, all halves, the binding.  With each of them run

  equality    the tests of tests/diff, tests/mm and tests/fs
  fuzzing     direct cases, wild ones and sequences: C against P, and X if PYKMM_PATCH
              names the mail; seeds are fixed
  digest      what some of these cases leave, pointers as offsets, and every word of their
              traces: one hash, which must be the same for all, as the machine and the
              engine are not compared by any half

and at the end the halves of all builds against each other on the first build's engine:
every C, P and X with the first C.  One core library serves them all, as only one of that
name is loaded into a process.

Exit status: 0 all alike; 1 a difference, or a copy that does not build; 2 bad arguments;
3 something that this needs is missing.  A compiler that is not installed is told in one
line and left out.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import types
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import copies
from copies import Failed, Missing

if TYPE_CHECKING:
    from pykmm.engine import core

FOLDER = copies.ROOT / "build/compilers"
COMPILERS = ("gcc", "clang")
LEVELS = ("-O0", "-O2", "-O3")
TESTS = ("tests/diff", "tests/mm", "tests/fs")
# it builds copies itself, and means those of the project
OWN_TEST = "tests/diff/test_compilers.py"
DIGESTED = 2000         # cases of each kind
MAPS = Path("/proc/self/maps")
BLOCK_BYTES = 1 << 24   # more than any block of a world has


@dataclass(frozen=True)
class Build:
    """A compiler and a level, and the copy that is built with them."""

    compiler: str
    level: str

    @property
    def name(self) -> str:
        return f"{self.compiler}{self.level.replace('-', '_')}"

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def make(self) -> None:
        """raises Failed   the compiler refuses the sources"""
        def text_for_copy(path: Path) -> str:
            text = (copies.ROOT / path).read_text(encoding="utf-8")
            return text + self.level + "\n" if path == Path("cref/CFLAGS") else text

        copies.bring_up_to_date(self.folder, text_for_copy, (*copies.TREES, "tests"))
        copies.build(self.folder, jobs=os.cpu_count() or 1, CC=self.compiler)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The copy's Python with these words, by this compiler."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "CC": self.compiler}
        return subprocess.run([sys.executable, *words], cwd=self.folder, env=environment,
                              capture_output=True, text=True, check=False)


BUILDS = [Build(compiler, level) for compiler in COMPILERS for level in LEVELS]


def half_command(build: Build, cref: Path, flags: list[str], lib: Path, output: Path) -> list[str]:
    """The command that compiles half C alone, against the core library in `lib`."""
    sources = ["half.c", "machine/enter.c",
               *(str(path.relative_to(cref)) for folder in ("mm", "fs")
                 for path in sorted((cref / folder).glob("*.c")))]
    return [build.compiler, "-fPIC", "-shared", *flags, build.level, "-Wall", "-Wextra", "-Werror",
            f"-I{cref}/include", f"-I{cref}", *(str(cref / source) for source in sources),
            "-o", str(output), f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}", "-Wl,-z,defs"]


# -- in a child: the engine of one build


def share_one_core_library() -> None:
    """raises Failed   halves of one process have two machines"""
    with open(MAPS, encoding="ascii", errors="replace") as maps:
        loaded = {line.split(maxsplit=5)[5].strip() for line in maps if "libkmm.so" in line}
    if len(loaded) != 1:
        raise Failed(f"more than one core library is loaded: {', '.join(sorted(loaded))}")


@contextmanager
def package_of(folder: Path) -> Iterator[None]:
    """The pykmm of another copy, its modules beside those that are loaded; ours is back after."""
    ours = {name: sys.modules.pop(name) for name in list(sys.modules)
            if name.partition(".")[0] == "pykmm"}
    package = types.ModuleType("pykmm")     # none of its own imports: only the half is wanted
    package.__path__ = [str(folder / "pykmm")]
    sys.modules["pykmm"] = package
    try:
        yield
    finally:
        for name in list(sys.modules):
            if name.partition(".")[0] == "pykmm":
                del sys.modules[name]
        sys.modules.update(ours)


def p_half_of(folder: Path, name: str) -> core.Half:
    """The Cython half of another copy, in this process."""
    from pykmm.engine import core

    with package_of(folder):
        half = importlib.import_module("pykmm.half")
    assert half.__file__ and Path(half.__file__).is_relative_to(folder)
    return core.Half.at(half.ADDRESS, name)


def fuzz(compared: list[core.Half], kind: str, cases: int, seed: int) -> dict:
    """One fuzzing run; `ended` is of the first half alone, and of no engine but a faulty one."""
    from pykmm.engine.fuzz import DIRECT, SEQUENCES, Fuzzer, Plan

    plan = Plan(compared, [], seed=seed, jobs=os.cpu_count() or 1, cases=cases, keep_going=True,
                kind=SEQUENCES if kind == "sequences" else DIRECT, wild=kind == "wild")
    outcome = Fuzzer(plan).run()
    return {"seconds": outcome.seconds, "divergences": outcome.divergences,
            "found": [f"{found.half}: case {found.index} of shard {found.shard}"
                      for found in outcome.found[:3]],
            "ended": [outcome.cases, outcome.operations, outcome.interfered, outcome.disordered,
                      outcome.outcomes]}


class Lasting:
    """Words of a process as what they mean in any: pointers as offsets, tables by first mention."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.tables: dict[int, int] = {}
        with open(MAPS, encoding="ascii", errors="replace") as maps:
            ends = [int(end, 16) for line in maps if "libkmm.so" in line
                    for end in line.split(maxsplit=1)[0].split("-")]
        self.library = range(min(ends), max(ends))

    def word(self, word: int) -> int:
        if word in self.library:
            return 1 << 62 | self.tables.setdefault(word, len(self.tables))
        return 1 << 63 | word - self.base if 0 <= word - self.base < BLOCK_BYTES else word

    def bytes(self, words: Iterable[int]) -> bytes:
        # most words are small, and no address is
        lasting = [self.word(word) if word >> 32 else word for word in words]
        return struct.pack(f"{len(lasting)}Q", *lasting)


def digest(half: core.Half, kind: str, cases: int, seed: int) -> str:
    """A hash of these cases, of how they end, of what they leave and of every event's words."""
    from pykmm.engine import core

    sequences = kind == "sequences"
    runner = core.Runner(sequences=sequences)
    job, lasting = core.Job([half], seed=seed, wild=kind == "wild"), Lasting(runner.base)
    whole = hashlib.sha256()
    for index in range(cases):
        case = job.case(0, index, sequences)
        runner.build(case)
        outcome, result, _ = runner.run(half)
        whole.update(case + outcome.encode() + lasting.bytes([result % 2**64, *runner.trace()[0]]))
        if outcome != "oops":       # what that leaves depends on what was stored by then
            whole.update(lasting.bytes(memoryview(runner.image()).cast("Q")))
    return whole.hexdigest()


def child(task: dict) -> Iterator[dict]:
    """What one process does: {"fuzz": .., or "digest": ..}, one result for each kind."""
    from pykmm.engine import core, halves

    if not Path(core.__file__).is_relative_to(Path.cwd()):
        raise Failed(f"{core.__file__} is not of this copy")
    compared = [halves.c_half(), halves.p_half()]
    for other in task["others"]:
        compared.append(core.Half.load(Path(other["folder"]) / "pykmm/lib/c.so",
                                       f"C {other['name']}"))
        compared.append(p_half_of(Path(other["folder"]), f"P {other['name']}"))
    compared += [core.Half.load(x["path"], f"X {x['name']}") for x in task["mail"]]
    share_one_core_library()
    core.guard_process()
    for kind, cases in task["cases"].items():
        yield {"digest": digest(compared[0], kind, min(DIGESTED, cases), task["seed"]),
               **group_by_group(compared, kind, cases, task["seed"])}


def group_by_group(compared: list[core.Half], kind: str, cases: int, seed: int) -> dict:
    """All with the first one, as many at once as the engine takes."""
    from pykmm.engine import core

    first, *others = compared
    most = core.MAX_HALVES - 1
    runs = [fuzz([first, *others[at:at + most]], kind, cases, seed)
            for at in range(0, len(others), most)]
    return {"kind": kind, "halves": [half.name for half in compared],
            "cases": cases * len(runs), "seconds": sum(run["seconds"] for run in runs),
            "divergences": sum(run["divergences"] for run in runs),
            "found": [line for run in runs for line in run["found"]],
            # of the first half alone: every run of a kind has the same
            "ended": runs[0]["ended"]}


# -- the parent


def ask(build: Build, task: dict) -> list[dict]:
    """What a child on this build's engine found, kind by kind.

    raises Failed   the child ended without an answer
    """
    done = build.run(__file__, "--child", json.dumps(task))
    if done.returncode:
        raise Failed(f"{build.name}: the child ended with status {done.returncode}:\n"
                     + "\n".join(done.stderr.splitlines()[-5:]))
    return [json.loads(line) for line in done.stdout.splitlines()]


def x_of(build: Build, mail: str) -> list[dict]:
    """Half X as this build makes it, if there is a mail.

    raises Failed   it does not compile
    """
    if not mail:
        return []
    done = build.run("-m", "pykmm.patch.half_x", mail)
    if done.returncode:
        raise Failed(f"{build.name}: half X: {done.stderr.strip()}")
    return [{"name": build.name, "path": done.stdout.splitlines()[1]}]


def suite(build: Build) -> tuple[bool, str]:
    """(passed, pytest's last line) of the equality tests."""
    done = build.run("-m", "pytest", "-n", str(os.cpu_count() or 1), *TESTS,
                     f"--ignore={OWN_TEST}")
    lines = done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["no output"]
    failed = [line for line in lines if re.match(r"FAILED|ERROR", line)]
    return not done.returncode, "\n    ".join([lines[-1], *failed[:5]])


def told(results: list[dict]) -> Iterator[str]:
    for result in results:
        yield (f"  {result['kind']:<10}{result['cases']:>12,} cases {result['seconds']:8.1f} s"
               f"{result['divergences']:>6} divergences   {result['digest'][:16]}")
        yield from (f"    {line}" for line in result["found"])


def installed(only: set[str]) -> list[Build]:
    """The builds that are wanted and possible; says which compilers are not there.

    raises Missing   none is left
    """
    wanted = [build for build in BUILDS if not only or build.name in only]
    for compiler in dict.fromkeys(build.compiler for build in wanted):
        if not shutil.which(compiler):
            print(f"no {compiler}: it is not installed (Debian: apt-get install {compiler})")
    found = [build for build in wanted if shutil.which(build.compiler)]
    if not found:
        raise Missing("no compiler that was asked for is installed")
    return found


class Comparison:
    """One run of this tool; `alike` is what it comes to."""

    def __init__(self, builds: list[Build], cases: dict[str, int], seed: int, tests: bool) -> None:
        self.builds, self.cases, self.seed, self.tests = builds, cases, seed, tests
        self.mail = os.environ.get("PYKMM_PATCH", "")
        self.alike = True
        self.left: dict[str, dict[str, list[str]]] = {}
        self.made_of_mail: list[dict] = []

    def run(self) -> bool:
        """raises Failed"""
        for build in self.builds:
            started = time.monotonic()
            build.make()
            print(f"{build.name}: built in {time.monotonic() - started:.0f} s", flush=True)
            self.one(build)
        if len(self.builds) > 1:
            self.across()
        return self.alike

    def one(self, build: Build) -> None:
        if self.tests:
            passed, line = suite(build)
            self.alike &= passed
            print(f"  tests: {line}", flush=True)
        x = x_of(build, self.mail)
        self.made_of_mail += x
        results = ask(build, self.task([], x))
        self.judge(results)
        for result in results:
            like = self.left.setdefault(result["kind"], {})
            key = json.dumps([result["digest"], result["ended"]])
            like.setdefault(key, []).append(build.name)
            if len(like) > 1:
                self.alike = False
                print(f"  {result['kind']}: cases end otherwise than by "
                      f"{next(iter(like.values()))[0]}")

    def across(self) -> None:
        """The halves of all builds, on the engine of the first."""
        first, *others = self.builds
        results = ask(first, self.task(others, self.made_of_mail))
        print(f"across builds, {len(results[0]['halves'])} halves on the engine of {first.name}: "
              + ", ".join(results[0]["halves"]))
        self.judge(results)

    def task(self, others: list[Build], mail: list[dict]) -> dict:
        return {"others": [{"name": b.name, "folder": str(b.folder)} for b in others],
                "mail": mail, "cases": self.cases, "seed": self.seed}

    def judge(self, results: list[dict]) -> None:
        print(*told(results), sep="\n", flush=True)
        self.alike &= not any(result["divergences"] for result in results)


def refuse(status: int, message: str) -> NoReturn:
    print(f"compilers: {message}", file=sys.stderr)
    sys.exit(status)


def arguments_of() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Build everything by other compilers and "
                                                 "compare.")
    names = ", ".join(build.name for build in BUILDS)
    parser.add_argument("--only", default="", metavar="NAMES",
                        help=f"these builds, with commas between, of {names}")
    parser.add_argument("--cases", type=int, default=2_000_000,
                        help="direct cases, and as many wild ones; default: 2000000")
    parser.add_argument("--sequences", type=int, default=200_000, help="default: 200000")
    parser.add_argument("--seed", type=int, default=2006, help="default: 2006")
    parser.add_argument("--without-tests", action="store_true",
                        help="only fuzzing and digests, not " + ", ".join(TESTS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = arguments_of()
    if arguments.child:
        for result in child(json.loads(arguments.child)):
            print(json.dumps(result), flush=True)
        return
    only = set(filter(None, arguments.only.split(",")))
    unknown = only - {build.name for build in BUILDS}
    if unknown:
        refuse(2, f"--only {', '.join(sorted(unknown))}: no such build; there are "
                  + ", ".join(build.name for build in BUILDS))
    if min(arguments.cases, arguments.sequences) < 1:
        refuse(2, "--cases and --sequences must be at least 1")
    if not 0 <= arguments.seed < 2**64:
        refuse(2, "--seed must be at least 0 and below 2**64")
    cases = {"direct": arguments.cases, "wild": arguments.cases,
             "sequences": arguments.sequences}
    try:
        with copies.locked(FOLDER):
            alike = Comparison(installed(only), cases, arguments.seed,
                               not arguments.without_tests).run()
    except Missing as missing:
        refuse(3, str(missing))
    except Failed as failed:
        refuse(1, str(failed))
    print("all alike" if alike else "not alike")
    sys.exit(0 if alike else 1)


if __name__ == "__main__":
    main()
