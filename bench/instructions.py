#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count the instructions of one call of each function, in C and in Cython.

    python bench/instructions.py [--json PATH] [--breakdown]

For every function there are a few named situations; the case of a situation is
the first one of a fixed seed that has its property, so it is the same on every
machine.  valgrind's callgrind counts what runs inside kmm_bare_call
(cref/engine/call.c), less that function's own instructions: the function, what
it calls of its half, and the primitives of the machine, which all halves share.

Each count is exact: it is taken twice, and both must be equal.  A row is within
bounds if P differs from C by at most 2 % or 2 instructions.

Exit status: 0 all rows within bounds; 1 one is not; 3 something that this needs
is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
SEED = 1
DRAWS = 200_000
PERCENT, INSTRUCTIONS = 2, 2
ALL_UNITS, NO_UNITS = 0x7F, 0       # machine/constants.h
# Instructions are collected inside ENTRY; MARK, which nothing else calls, ends a count.
ENTRY, MARK = "kmm_bare_call", "kmm_decode"
TAKES = 2

PAGE_RW, PAGE_DIRTY = 0x002, 0x040  # machine/constants.h
EFAULT_ADDRESS = 2**64 - 14


@dataclass(frozen=True)
class Run:
    """What C made of a case: how a situation is recognised."""

    ret: int
    protect: int
    events: list[tuple[str, dict[str, int]]]

    def value(self, event: str, word: str) -> int | None:
        """A word of the first event of this name, or None if there is none."""
        return next((words[word] for name, words in self.events if name == event), None)

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)


@dataclass(frozen=True)
class Situation:
    function: str
    name: str
    holds: Callable[[Run], bool]
    units: int = ALL_UNITS


def _one(name: str, holds: Callable[[Run], bool]) -> Situation:
    return Situation("page_mkclean_one", name, holds)


def _old(run: Run) -> int:
    """Dirty and writable bits of the pte that was cleaned, 0 if none was."""
    return (run.value("ptep_get_and_clear", "old") or 0) & (PAGE_DIRTY | PAGE_RW)


def _walks(function: str, vmas: int, cleaned: int) -> Situation:
    return Situation(function, f"{vmas} vma{'s' * (vmas != 1)}, {cleaned} cleaned",
                     lambda run: (run.count("vma_address") == vmas
                                  and run.count("ptep_establish") == cleaned
                                  and (function == "page_mkclean_file"
                                       or run.count("vma_prio_tree_first") == 1)))


def _becomes_clean(function: str, page_mkclean_unit: int) -> list[Situation]:
    """The two functions that a page becomes clean by have the same situations."""
    def dirty(run: Run) -> bool:
        return run.value("TestClearPageDirty", "old") == 1

    def mapping(run: Run) -> bool:
        return bool(run.value("page_mapping", "mapping"))

    def mapped(vmas: int, cleaned: int) -> Callable[[Run], bool]:
        return lambda run: (dirty(run) and run.count("vma_address") == vmas
                            and run.count("ptep_establish") == cleaned)

    return [
        Situation(function, "no mapping, clean", lambda run: not mapping(run) and not dirty(run)),
        Situation(function, "no mapping, dirty", lambda run: not mapping(run) and dirty(run)),
        Situation(function, "clean", lambda run: mapping(run) and not dirty(run)),
        Situation(function, "dirty, not mapped",
                  lambda run: mapping(run) and dirty(run)
                  and run.value("page_mapped", "mapped") == 0),
        Situation(function, "dirty, its unit off", lambda run: mapping(run) and dirty(run),
                  ALL_UNITS & ~page_mkclean_unit),
        Situation(function, "dirty, not accounted",
                  lambda run: mapping(run) and dirty(run)
                  and run.value("page_mapped", "mapped") == 0
                  and run.count("dec_page_state") == 0),
        Situation(function, "dirty, 1 vma, 0 cleaned", mapped(1, 0)),
        Situation(function, "dirty, 1 vma, 1 cleaned", mapped(1, 1)),
        Situation(function, "dirty, 3 vmas, 2 cleaned", mapped(3, 2)),
    ]


def _error(run: Run) -> bool:
    return run.ret < 0


def _faults() -> Iterator[Situation]:
    """do_wp_page and do_no_page."""
    def wp(name: str, holds: Callable[[Run], bool], units: int = ALL_UNITS) -> Situation:
        return Situation("do_wp_page", name, holds, units)

    def no(name: str, holds: Callable[[Run], bool], units: int = ALL_UNITS) -> Situation:
        return Situation("do_no_page", name, holds, units)

    yield wp("shared writable, reused and dirtied",
             lambda run: run.count("ptep_set_access_flags") == 1 and run.count("PageAnon") == 0)
    yield wp("anonymous, reused", lambda run: run.count("ptep_set_access_flags") == 1
             and run.count("can_share_swap_page") == 1)
    yield wp("file, copied", lambda run: run.count("cow_user_page") == 1
             and run.count("dec_mm_counter") == 1)
    yield wp("before the patch, file, copied", lambda run: run.count("cow_user_page") == 1
             and run.count("dec_mm_counter") == 1, NO_UNITS)
    yield wp("zero page, copied", lambda run: run.count("ptep_establish") == 1
             and run.count("alloc_zeroed_user_highpage") == 1)
    yield wp("race lost", lambda run: run.ret == 2 and run.count("alloc_page_vma") == 1)
    yield wp("no memory", lambda run: run.ret == 0)
    yield no("read", lambda run: run.ret in (2, 3) and run.count("page_add_file_rmap") == 1
             and run.count("put_page") == 0)
    yield no("shared store", lambda run: run.ret in (2, 3) and run.count("set_page_dirty") == 1)
    yield no("before the patch, mapped",
             lambda run: run.ret in (2, 3) and run.count("page_add_file_rmap") == 1, NO_UNITS)
    yield no("private store", lambda run: run.ret in (2, 3)
             and run.count("page_add_new_anon_rmap") == 1)
    yield no("filled meanwhile", lambda run: run.ret in (2, 3)
             and run.count("pte_offset_map_lock") == 1 and not run.count("flush_icache_page"))
    yield no("no memory", lambda run: run.ret == 0)
    yield no("SIGBUS", lambda run: run.ret == 1)


def _merged(run: Run) -> bool:
    return bool(run.value("vma_merge", "vma"))


def _mappings() -> Iterator[Situation]:
    """do_mmap_pgoff, do_brk, mprotect_fixup."""
    def mm(name: str, holds: Callable[[Run], bool]) -> Situation:
        return Situation("do_mmap_pgoff", name, lambda run: not _error(run) and holds(run))

    def fix(name: str, holds: Callable[[Run], bool]) -> Situation:
        return Situation("mprotect_fixup", name, lambda run: not _error(run) and holds(run))

    yield Situation("do_mmap_pgoff", "refused at once", lambda run: _error(run) and not run.events)
    # errors that nothing was undone for
    for name, error in (("EPERM", 1), ("EAGAIN", 11), ("ENOMEM", 12), ("EACCES", 13),
                        ("ENODEV", 19), ("EINVAL", 22), ("EOVERFLOW", 75)):
        yield Situation("do_mmap_pgoff", f"refused, {name}",
                        lambda run, error=error: run.ret == -error
                        and not run.count("find_vma_prepare"))
    yield mm("memory, a vma of its own", lambda run: run.count("kmem_cache_zalloc") == 1
             and not run.count("get_file") and not run.count("shmem_zero_setup")
             and not run.count("do_munmap"))
    yield mm("memory, merged", lambda run: run.count("vma_merge") == 1
             and not run.count("kmem_cache_zalloc"))
    yield mm("memory, shared", lambda run: run.value("shmem_zero_setup", "error") == 0)
    yield mm("file, tracked", lambda run: run.value("mapping_cap_account_dirty", "accounts") == 1
             and run.count("vma_link") == 1)
    yield mm("file, private", lambda run: run.count("get_file") == run.count("vma_link") == 1
             and not run.count("mapping_cap_account_dirty"))
    yield mm("file, merged", lambda run: run.count("mpol_free") == 1)
    yield mm("others unmapped", lambda run: run.count("do_munmap") == 1)
    yield Situation("do_brk", "merged", lambda run: not _error(run) and _merged(run)
                    and not run.count("do_munmap"))
    yield Situation("do_brk", "a vma of its own",
                    lambda run: not _error(run) and run.count("vma_link") == 1)
    yield Situation("do_brk", "others unmapped",
                    lambda run: not _error(run) and run.count("do_munmap") == 1)
    yield Situation("do_brk", "refused", lambda run: run.ret == -22)
    yield fix("nothing to change", lambda run: not run.events)
    yield fix("merged", _merged)
    yield fix("a whole vma", lambda run: not run.count("split_vma") and not _merged(run)
              and run.count("change_protection") == 1)
    yield fix("tracked", lambda run: run.count("split_vma") == 0
              and run.value("mapping_cap_account_dirty", "accounts") == 1)
    yield fix("split in two", lambda run: run.count("split_vma") == 1)
    yield fix("split in three", lambda run: run.count("split_vma") == 2)
    yield Situation("mprotect_fixup", "no vma to split into",
                    lambda run: _error(run) and run.count("split_vma") == 1)


SITUATIONS = [
    Situation("is_shared_writable", "no", lambda run: run.ret == 0),
    Situation("is_shared_writable", "yes", lambda run: run.ret == 1),
    *_becomes_clean("test_clear_page_dirty", 0x10),
    *_becomes_clean("clear_page_dirty_for_io", 0x20),
    _one("vma does not hold it", lambda run: run.value("vma_address", "address") == EFAULT_ADDRESS),
    _one("no pte", lambda run: run.value("page_check_address", "pte") == 0),
    _one("clean, not protected",
         lambda run: bool(run.value("page_check_address", "pte")) and not run.ret
         and not run.protect),
    _one("clean and read-only, protected",
         lambda run: bool(run.value("page_check_address", "pte")) and not run.ret
         and bool(run.protect)),
    _one("clean and writable, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_RW),
    _one("dirty, not protected",
         lambda run: not run.protect and _old(run) == PAGE_DIRTY | PAGE_RW),
    _one("dirty and read-only, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_DIRTY),
    _one("dirty and writable, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_DIRTY | PAGE_RW),
    *[_walks("page_mkclean_file", vmas, cleaned)
      for vmas, cleaned in [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]],
    Situation("page_mkclean", "not mapped", lambda run: run.value("page_mapped", "mapped") == 0),
    Situation("page_mkclean", "mapped, no mapping",
              lambda run: run.value("page_mapping", "mapping") == 0),
    *[_walks("page_mkclean", vmas, cleaned)
      for vmas, cleaned in [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]],
    Situation("follow_page", "no page table, no page",
              lambda run: run.value("pmd_offset", "pmd") == 0 and not run.count("ZERO_PAGE")),
    Situation("follow_page", "no page table, zero page",
              lambda run: run.count("ZERO_PAGE") == run.count("get_page") == 1),
    Situation("follow_page", "no pte or not writable",
              lambda run: run.count("pte_offset_map_lock") == 1
              and not run.count("vm_normal_page")),
    Situation("follow_page", "found",
              lambda run: run.count("vm_normal_page") == 1 and not run.count("get_page")
              and not run.count("mark_page_accessed") and run.ret != 0),
    Situation("follow_page", "found, referenced, touched",
              lambda run: run.count("get_page") == run.count("mark_page_accessed") == 1
              and not run.count("PageDirty")),
    Situation("follow_page", "found, dirtied", lambda run: run.count("set_page_dirty") == 1),
    *_faults(),
    *_mappings(),
    Situation("do_writepages", "nothing left to write", lambda run: not run.events),
    Situation("do_writepages", "the file system's own",
              lambda run: bool(run.events) and run.events[0][0] == "writepages"),
    Situation("do_writepages", "the generic one",
              lambda run: bool(run.events) and run.events[0][0] == "generic_writepages"),
    Situation("try_to_free_buffers", "under writeback",
              lambda run: run.value("PageWriteback", "old") == 1),
    Situation("try_to_free_buffers", "no mapping, freed",
              lambda run: not run.count("spin_lock") and run.ret == 1),
    Situation("try_to_free_buffers", "kept", lambda run: run.count("spin_lock") == 1
              and run.ret == 0),
    Situation("try_to_free_buffers", "clean page, 2 freed",
              lambda run: run.ret == 1 and run.count("free_buffer_head") == 2
              and run.value("TestClearPageDirty", "old") == 0),
    Situation("try_to_free_buffers", "dirty page, 2 freed",
              lambda run: run.ret == 1 and run.count("free_buffer_head") == 2
              and run.value("TestClearPageDirty", "old") == 1),
    Situation("try_to_free_buffers", "before the patch, dirty page",
              lambda run: run.ret == 1 and run.value("TestClearPageDirty", "old") == 1, NO_UNITS),
]


def refuse(status: int, message: str) -> NoReturn:
    print(f"instructions: {message}", file=sys.stderr)
    sys.exit(status)


def load() -> tuple:
    """(core, C, P) of the checkout that this file is in, or of the installed package."""
    sys.path.insert(0, str(ROOT))
    try:
        from pykmm import half, paths
        from pykmm.engine import core
    except ImportError as missing:
        refuse(3, f"pykmm is not built ({missing}): python setup.py build_ext --inplace")
    return core, core.Half.load(paths.lib() / "c.so", "C"), core.Half.at(half.ADDRESS, "P")


def events_of(core, words: list[int]) -> Iterator[tuple[str, dict[str, int]]]:
    at = 0
    while at < len(words):
        name, arguments, result, _ = core.EVENTS[words[at] & 0xFFFF]
        length = words[at] >> 16
        values = words[at + 1:at + 1 + length]
        yield name, dict(zip([*arguments, *result.split()], values, strict=True))
        at += 1 + length


def find_cases() -> list[bytes]:
    """The case of each situation: the first that has its property and ends without a BUG."""
    core, c_half, _ = load()
    runner = core.Runner()
    found: dict[Situation, bytes] = {}
    for key in dict.fromkeys((s.function, s.units) for s in SITUATIONS):
        wanted = [s for s in SITUATIONS if (s.function, s.units) == key]
        job = core.Job([c_half], seed=SEED, functions=[core.FUNCTIONS.index(key[0])], units=key[1])
        for index in range(DRAWS):
            case = job.case(0, index)
            runner.build(case)
            outcome, ret, _ = runner.run(c_half)
            if outcome != "returned":
                continue
            run = Run(ret, runner.call()["protect"], list(events_of(core, runner.trace()[0])))
            for situation in [s for s in wanted if s.holds(run)]:
                found[situation] = case
                wanted.remove(situation)
            if not wanted:
                break
        else:
            refuse(1, f"no case among {DRAWS} is {wanted[0].function}, {wanted[0].name}")
    return [found[s] for s in SITUATIONS]


def child(cases: list[str]) -> None:
    """Under callgrind: each case by C and by P, first once unseen by any count that is kept."""
    core, *halves = load()
    runner = core.Runner()
    for text in cases:
        runner.build(bytes.fromhex(text))
        for half in halves:
            # the first call of all binds symbols and the like
            for _ in range(1 + TAKES):
                runner.run(half)
                core.decode(bytes(core.CASE_BYTES))


def parts_of(lines: list[str]) -> Iterator[Counter[str]]:
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
                refuse(1, "callgrind's output starts without a part")
            if not after_call:
                part[function] += int(line.split()[1])
            after_call = False
    if part is not None:
        yield part


def count(cases: list[bytes]) -> list[list[Counter[str]]]:
    """Per case, the counts of C and of P by function."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        refuse(3, "valgrind was not found: install it (Debian: apt-get install valgrind)")
    with tempfile.TemporaryDirectory() as folder:
        out, plan = Path(folder, "counts"), Path(folder, "cases")
        plan.write_text(json.dumps([case.hex() for case in cases]), encoding="ascii")
        done = subprocess.run(
            [valgrind, "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}",
             "--combine-dumps=yes", f"--toggle-collect={ENTRY}", f"--dump-before={MARK}",
             sys.executable, __file__, "--child", str(plan)],
            capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False)
        if done.returncode or not out.exists():
            refuse(1, f"the child under valgrind ended with status {done.returncode}:\n"
                      f"{done.stdout}{done.stderr}".rstrip())
        parts = list(parts_of(out.read_text(encoding="utf-8").splitlines()))
    takes = 1 + TAKES
    # the last part is what came after the last mark
    if len(parts) != len(cases) * 2 * takes + 1:
        refuse(1, f"callgrind wrote {len(parts)} parts instead of {len(cases) * 2 * takes + 1}")
    counts = []
    for number, situation in enumerate(SITUATIONS):
        row = []
        for half in range(2):
            first = (number * 2 + half) * takes
            kept = [Counter({f: n for f, n in part.items() if f != ENTRY})
                    for part in parts[first + 1:first + takes]]
            if not sum(kept[0].values()):
                refuse(1, f"nothing was counted for {situation.function}, {situation.name}")
            if any(one != kept[0] for one in kept):
                refuse(1, f"{situation.function}, {situation.name}: two counts differ: {kept}")
            row.append(kept[0])
        counts.append(row)
    return counts


# Rows that are more than that apart, by how many instructions, and why.
_REGISTERS = "the same statements: gcc keeps pte and flags in other registers"
_EARLY = ("the same statements: what variables start with is computed behind the first return in "
          "one half, and before it in the other")
_STACK = "the same statements: gcc keeps more of the arguments on the stack in one half"
KNOWN = {
    ("follow_page", "no page table, zero page"): (3, _REGISTERS),
    ("follow_page", "no pte or not writable"): (4, _REGISTERS),
    ("do_wp_page", "no memory"): (7, _STACK),
    ("do_mmap_pgoff", "refused at once"): (5, _EARLY),
    ("do_mmap_pgoff", "refused, ENOMEM"): (5, _EARLY),
    ("do_mmap_pgoff", "refused, EOVERFLOW"): (3, _EARLY),
    ("do_brk", "refused"): (4, _EARLY),
    ("mprotect_fixup", "nothing to change"): (3, _EARLY),
}


def within(c: int, p: int, known: int = 0) -> bool:
    return abs(p - c) <= max(INSTRUCTIONS, known) or abs(p - c) * 100 <= PERCENT * c


def same_name(function: str) -> str:
    """A function's name in C, from that of its twin: __pyx_f_5pykmm_2mm_4rmap_page_mkclean."""
    if not function.startswith("__pyx_f_"):
        return function.removesuffix(".cold")
    rest = function.removeprefix("__pyx_f_")
    while rest[:1].isdigit():
        length = rest[:len(rest) - len(rest.lstrip("0123456789"))]
        rest = rest[len(length) + int(length) + 1:]
    return rest.removeprefix("call_")


def breakdown(c: Counter[str], p: Counter[str]) -> Iterator[str]:
    """One line per function whose own instructions differ."""
    by_name: dict[str, list[int]] = {}
    for half, counts in enumerate((c, p)):
        for function, n in counts.items():
            by_name.setdefault(same_name(function), [0, 0])[half] += n
    for name, (in_c, in_p) in sorted(by_name.items()):
        if in_c != in_p:
            yield f"      {name}: {in_c} in C, {in_p} in P"


def main() -> None:
    parser = argparse.ArgumentParser(description="Instructions of each function, C against P.")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the table there as well")
    parser.add_argument("--breakdown", action="store_true",
                        help="under each row, the functions whose own counts differ")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(json.loads(arguments.child.read_text(encoding="ascii")))
        return

    rows, function = [], ""
    print(f"{'instructions of one call':<38}{'C':>7}{'P':>7}{'P-C':>6}{'P/C':>8}")
    for situation, (c_counts, p_counts) in zip(SITUATIONS, count(find_cases()), strict=True):
        c, p = sum(c_counts.values()), sum(p_counts.values())
        known, why = KNOWN.get((situation.function, situation.name), (0, ""))
        row = {"function": situation.function, "situation": situation.name, "C": c, "P": p,
               "difference": p - c, "ratio": round(p / c, 4), "within": within(c, p, known)}
        rows.append(row)
        if situation.function != function:
            function = situation.function
            print(function)
        print(f"  {situation.name:<36}{c:>7}{p:>7}{p - c:>+6}{p / c:>8.3f}"
              f"{'' if row['within'] else '  OUT OF BOUNDS'}")
        if row["within"] and not within(c, p):
            print(f"      known: {why}")
        if arguments.breakdown or not row["within"]:
            for line in breakdown(c_counts, p_counts):
                print(line)
    outside = sum(not row["within"] for row in rows)
    print(f"{len(rows)} situations, {outside} out of bounds "
          f"({PERCENT} % or {INSTRUCTIONS} instructions)")
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if outside else 0)


if __name__ == "__main__":
    main()
