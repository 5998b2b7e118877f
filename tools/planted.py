#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is a slowdown seen?  P with about 5 % more work in one step of a function.

    python tools/planted.py [--times SECONDS] [FUNCTION ...]

Builds P again for each function, with a chain of additions in front of one step,
and counts the function's rows with it and without.  Each slowdown must show in
the row that it was made for, and only in P; and a comment more and a local of
another name in every function must change no number of any row.

With --times the chain takes 5 % of the time of a path through the step instead,
if there is one that takes 100 ns or more.  It is timed for so long with the chain
and without, with events: by what `pykmm bench --compare` goes by, P/C must be
slower, and the same where nothing was planted.

Exit status: 0 all is seen; 1 something is not; 2 bad arguments; 3 something that
this needs is missing.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/planted"
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import copies  # noqa: E402

from pykmm import paths  # noqa: E402
from pykmm.bench import compare, instructions, rows  # noqa: E402
from pykmm.errors import BadInput, PykmmError  # noqa: E402
from pykmm.source import anchors  # noqa: E402

PERCENT = 5
# So many additions take so many instructions, as no compiler can shorten the chain, and so much
# time as many of them take alone: a processor that runs several at once does so there too.
LINK = 'x += 1; __asm__ __volatile__("" : "+r"(x));'
_CHAIN = '''
cdef extern from *:
    """
    static inline __attribute__((always_inline)) void kmm_planted(void)
    {{
        unsigned long x = 0;
        {links}
    }}
    """
    void kmm_planted() noexcept nogil
'''
COUNT = """
import json, sys
from pykmm.bench import instructions, rows
print(json.dumps(instructions.count(rows.of(sys.argv[1:]))))
"""
TIME = """
import json, sys
from pykmm.bench.session import Session
print(json.dumps(Session([sys.argv[1]], float(sys.argv[2]), events=True).run().rows))
"""
PATH_NS = 100
_TRIES, _CALLS, _LINKS = 50, 1000, 100      # to find what an addition takes


@dataclass(frozen=True)
class Plant:
    """Where a function is made slower.

    file    below pykmm/
    step    in front of whose first line
    row     which gets PERCENT more instructions, or one if that is more
    local   a name in the function that may as well be another one
    path    name of a row that takes 100 ns and more, in which the step runs once, or ""
    """

    function: str
    file: str
    step: str
    row: str
    local: str
    path: str = ""

    @property
    def row_name(self) -> str:
        return f"{self.function}/{self.row}"

    def slower(self, text: str, instructions: int) -> str:
        """The source of the file with so many instructions more before the step."""
        text = self._before_step(text, "kmm_planted()")
        at = text.index("\ncdef ")
        return text[:at] + _CHAIN.format(links=LINK * instructions) + text[at:]

    def same(self, text: str) -> str:
        """The source of the file with other words in it, and no other meaning."""
        text = self._before_step(text, "# nothing else")
        start = text.index(next(line for line in text.splitlines()
                                if re.match(rf"cdef .*\b{self.function}\(", line)))
        end = text.find("\ncdef ", start)
        end = len(text) if end < 0 else end
        body = re.sub(rf"(?<![.\w]){self.local}(?![\w(])", f"{self.local}_renamed",
                      text[start:end])
        return text[:start] + body + text[end:]

    def _before_step(self, text: str, added: str) -> str:
        lines = text.splitlines(keepends=True)
        at = next(a.line for a in anchors.anchors_of(text, cython=True) if a.step == self.step) - 1
        indent = lines[at][:len(lines[at]) - len(lines[at].lstrip())]
        return "".join([*lines[:at], f"{indent}{added}\n", *lines[at:]])


PLANTS = [
    Plant("is_shared_writable", "linux/mm.pxd", "SW1", "yes", "flags"),
    Plant("follow_page", "mm/memory.pyx", "FP7", "found", "ptep"),
    Plant("do_wp_page", "mm/memory.pyx", "WP13", "file, copied", "dirty_page",
          "life cycle/fork, store, private"),
    Plant("do_no_page", "mm/memory.pyx", "NP9", "read", "sequence",
          "life cycle/fork, store, shared"),
    Plant("do_mmap_pgoff", "mm/mmap.pyx", "MM18", "file, shared", "correct_wcount"),
    Plant("do_brk", "mm/mmap.pyx", "BK7", "merged", "pgoff"),
    Plant("mprotect_fixup", "mm/mprotect.pyx", "MF8", "whole vma", "charged",
          "mprotect_fixup/change_protection of 64 ptes"),
    Plant("do_writepages", "mm/page_writeback.pyx", "DW4", "1 page", "ret",
          "do_writepages/16 pages"),
    Plant("test_clear_page_dirty", "mm/page_writeback.pyx", "TC4", "1 mapping", "flags",
          "test_clear_page_dirty/64 mappings"),
    Plant("clear_page_dirty_for_io", "mm/page_writeback.pyx", "CI4", "1 mapping", "mapping",
          "clear_page_dirty_for_io/64 mappings"),
    Plant("page_mkclean_one", "mm/rmap.pyx", "MK4", "tracked, dirty, writable", "entry",
          "life cycle/write 1 page, msync, rewrite"),
    Plant("page_mkclean_file", "mm/rmap.pyx", "MFI5", "1 mapping", "protect",
          "page_mkclean_file/64 mappings"),
    Plant("page_mkclean", "mm/rmap.pyx", "PM3", "1 mapping", "mapping",
          "page_mkclean/64 mappings"),
    Plant("try_to_free_buffers", "fs/buffer.pyx", "TF4", "dirty page", "buffers_to_free"),
]


def more_of(before: instructions.Totals, plant: Plant) -> int:
    """How many instructions to plant."""
    return max(1, round(before[plant.row_name]["C"] * PERCENT / 100))


def _without_p(counts: instructions.Totals) -> instructions.Totals:
    return {name: {half: n for half, n in row.items() if half != "P"}
            for name, row in counts.items()}


def verdict(before: instructions.Totals, after: instructions.Totals, plant: Plant) -> str:
    """What is wrong with what was seen of a planted slowdown, or ""."""
    others = instructions.changes(_without_p(before), _without_p(after))
    if others:
        return f"more than P has changed: {others[0]}"
    planted = more_of(before, plant)
    more = after[plant.row_name]["P"] - before[plant.row_name]["P"]
    # what else the compiler keeps in registers then is its own affair
    if not 0 < more <= 2 * planted + instructions.INSTRUCTIONS:
        return f"{planted} instructions more in {plant.row_name} were counted as {more}"
    return ""


def time_verdict(before: dict, after: dict) -> str:
    """What `pykmm bench --compare` says of P/C in a row of two results: slower, faster or same."""
    ratios = [(row["ratio_p_c"], *row["intervals"]["ratio_p_c"]) for row in (after, before)]
    return compare.Change(after["name"], compare.AGAINST_C, compare.quotient(*ratios)).verdict


def _told(folder: Path, script: str, *words: str) -> Any:
    """What a script prints that runs on the pykmm in a folder."""
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=folder, check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise copies.Failed(f"measuring in {folder} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def _build(texts: dict[str, str]) -> None:
    """The copy with these files of pykmm/ in the place of their like."""
    def text_of(path: Path) -> str:
        name = str(path.relative_to("pykmm")) if path.parts[0] == "pykmm" else ""
        return texts.get(name) or (ROOT / path).read_text(encoding="utf-8")

    copies.bring_up_to_date(FOLDER, text_of)
    copies.build(FOLDER, jobs=2)


def _source(plant: Plant) -> str:
    return (ROOT / "pykmm" / plant.file).read_text(encoding="utf-8")


def _build_same(plants: list[Plant]) -> None:
    texts: dict[str, str] = {}
    for plant in plants:
        texts[plant.file] = plant.same(texts.get(plant.file) or _source(plant))
    _build(texts)


def _seen_in_counts(plant: Plant, before: instructions.Totals) -> bool:
    planted = more_of(before, plant)
    _build({plant.file: plant.slower(_source(plant), planted)})
    after = _told(FOLDER, COUNT, plant.function)
    wrong = verdict({name: before[name] for name in after}, after, plant)
    was, now = (counts[plant.row_name]["P"] for counts in (before, after))
    print(f"{plant.function:<24}{plant.step:<6}{planted:>4} in {plant.row:<26}{was:>6} ->{now:>6}"
          f"  {(now - was) / was:+7.1%}  {wrong or 'seen'}", flush=True)
    return not wrong


def _same_in_counts(plants: list[Plant], before: instructions.Totals) -> bool:
    _build_same(plants)
    changed = instructions.changes(before, _told(FOLDER, COUNT))
    for line in changed:
        print(line)
    print(f"comments and names in {len(plants)} functions: {len(changed)} of "
          f"{sum(map(len, before.values()))} numbers changed")
    return not changed


def by_counts(plants: list[Plant]) -> bool:
    before = instructions.count(rows.ROWS)
    seen = [_seen_in_counts(plant, before) for plant in plants]
    return all([*seen, _same_in_counts(plants, before)])


def _addition_ns() -> float:
    """What a link of the chain takes here, at its best."""
    source, library = FOLDER / "chain.c", FOLDER / "chain.so"
    FOLDER.mkdir(parents=True, exist_ok=True)
    # the halves' flags hide what is not asked for
    source.write_text('__attribute__((visibility("default"))) '
                      "void chain(long n) { unsigned long x = 0; while (n--) { "
                      + LINK * _LINKS + " } }\n", encoding="ascii")
    compiler = os.environ.get("CC", "gcc")
    if not shutil.which(compiler):
        raise copies.Missing(f"there is no {compiler} to compile a chain with")
    subprocess.run([compiler, *paths.c_flags(), "-shared", "-fPIC", "-o", library, source],
                   check=True)
    chain, best = ctypes.CDLL(str(library)).chain, float("inf")
    for _ in range(_TRIES):
        start = time.perf_counter_ns()
        chain(_CALLS)
        best = min(best, (time.perf_counter_ns() - start) / _CALLS / _LINKS)
    return best


def _timed(folder: Path, plant: Plant, seconds: float) -> dict:
    return _told(folder, TIME, plant.path, str(seconds))[0]


def _said_of(plant: Plant, before: dict, after: dict) -> str:
    """The verdict, which is printed with what it is made of."""
    said = time_verdict(before, after)
    ratios = [f"{row['ratio_p_c']:.3f} ({low:.3f}..{high:.3f})" for row in (before, after)
              for low, high in [row["intervals"]["ratio_p_c"]]]
    print(f"{plant.function:<24}{plant.step:<6}{before['ns']['P']:>7,.0f} ns in {plant.path:<46}"
          f"P/C {ratios[0]} -> {ratios[1]}  {said}", flush=True)
    return said


def additions(path_ns: float, addition_ns: float) -> int:
    """How many to plant for PERCENT of a path's time."""
    return max(1, round(path_ns * PERCENT / 100 / addition_ns))


def _seen_in_time(plant: Plant, seconds: float, addition_ns: float) -> bool:
    before = _timed(ROOT, plant, seconds)
    planted = additions(before["ns"]["P"], addition_ns)
    _build({plant.file: plant.slower(_source(plant), planted)})
    return _said_of(plant, before, _timed(FOLDER, plant, seconds)) == compare.SLOWER


def _same_in_time(plant: Plant, seconds: float) -> bool:
    timed = [_timed(folder, plant, seconds) for folder in (ROOT, FOLDER)]
    return _said_of(plant, *timed) == compare.SAME


def by_time(plants: list[Plant], seconds: float) -> bool:
    addition_ns = _addition_ns()
    timed = [plant for plant in plants if plant.path]
    for plant in plants:
        if plant not in timed:
            print(f"{plant.function:<24}no path of {PATH_NS} ns")
    seen = [_seen_in_time(plant, seconds, addition_ns) for plant in timed]
    print("comments and names:")
    _build_same(plants)
    return all([*seen, *[_same_in_time(plant, seconds) for plant in timed]])


def chosen(functions: list[str]) -> list[Plant]:
    """The plants of these functions, all without any; raises BadInput for one that has none."""
    known = [plant.function for plant in PLANTS]
    for function in functions:
        if function not in known:
            raise BadInput(f"no function {function}: there are {', '.join(known)}")
    return [plant for plant in PLANTS if not functions or plant.function in functions]


def main() -> None:
    parser = argparse.ArgumentParser(description="Is a slowdown of 5 % in one step of P seen?")
    parser.add_argument("functions", metavar="FUNCTION", nargs="*")
    parser.add_argument("--times", type=float, metavar="SECONDS",
                        help="by time, each row measured for so long; default: by instructions")
    arguments = parser.parse_args()
    try:
        plants = chosen(arguments.functions)
        with copies.locked(FOLDER):
            seen = (by_time(plants, arguments.times) if arguments.times is not None
                    else by_counts(plants))
        sys.exit(0 if seen else 1)
    except PykmmError as error:
        print(f"planted: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (copies.Failed, copies.Missing) as error:
        print(f"planted: {error}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
