#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Is a slowdown seen?  P with about 5 % more work in one step of a function.

    python tools/planted.py [FUNCTION ...]

Builds P again for each function, with a chain of additions in front of one step,
and counts the function's rows with it and without.  Each slowdown must show in
the row that it was made for, and only in P; and a comment more and a local of
another name in every function must change no number of any row.

Exit status: 0 all is seen; 1 something is not; 2 no such function; 3 something
that this needs is missing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build/planted"
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

import copies  # noqa: E402

from pykmm.bench import instructions, rows  # noqa: E402
from pykmm.errors import BadInput, PykmmError  # noqa: E402
from pykmm.source import anchors  # noqa: E402

PERCENT = 5
# One addition waits for the one before it: n of them take n instructions and n cycles, and no
# compiler can shorten the chain.
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


@dataclass(frozen=True)
class Plant:
    """Where a function is made slower.

    file    below pykmm/
    step    in front of whose first line
    row     which gets PERCENT more instructions, or one if that is more
    local   a name in the function that may as well be another one
    """

    function: str
    file: str
    step: str
    row: str
    local: str

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
        start = re.search(rf"^cdef .*\b{self.function}\(", text, re.MULTILINE).start()
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
    Plant("do_wp_page", "mm/memory.pyx", "WP6", "file, copied", "dirty_page"),
    Plant("do_no_page", "mm/memory.pyx", "NP9", "read", "sequence"),
    Plant("do_mmap_pgoff", "mm/mmap.pyx", "MM18", "file, shared", "correct_wcount"),
    Plant("do_brk", "mm/mmap.pyx", "BK7", "merged", "pgoff"),
    Plant("mprotect_fixup", "mm/mprotect.pyx", "MF8", "whole vma", "charged"),
    Plant("do_writepages", "mm/page_writeback.pyx", "DW4", "1 page", "ret"),
    Plant("test_clear_page_dirty", "mm/page_writeback.pyx", "TC4", "1 mapping", "flags"),
    Plant("clear_page_dirty_for_io", "mm/page_writeback.pyx", "CI4", "1 mapping", "mapping"),
    Plant("page_mkclean_one", "mm/rmap.pyx", "MK4", "tracked, dirty, writable", "entry"),
    Plant("page_mkclean_file", "mm/rmap.pyx", "MFI5", "1 mapping", "protect"),
    Plant("page_mkclean", "mm/rmap.pyx", "PM3", "1 mapping", "mapping"),
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


def _counted_in_copy(functions: list[str]) -> instructions.Totals:
    done = subprocess.run([sys.executable, "-c", COUNT, *functions], cwd=FOLDER, check=False,
                          capture_output=True, text=True)
    if done.returncode:
        raise copies.Failed(f"counting in {FOLDER} failed:\n{done.stderr}")
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


def _slower(plant: Plant, before: instructions.Totals) -> bool:
    planted = more_of(before, plant)
    _build({plant.file: plant.slower(_source(plant), planted)})
    after = _counted_in_copy([plant.function])
    wrong = verdict({name: before[name] for name in after}, after, plant)
    was, now = (counts[plant.row_name]["P"] for counts in (before, after))
    print(f"{plant.function:<24}{plant.step:<6}{planted:>4} in {plant.row:<26}{was:>6} ->{now:>6}"
          f"  {(now - was) / was:+7.1%}  {wrong or 'seen'}", flush=True)
    return not wrong


def _same(before: instructions.Totals, plants: list[Plant]) -> bool:
    texts: dict[str, str] = {}
    for plant in plants:
        texts[plant.file] = plant.same(texts.get(plant.file) or _source(plant))
    _build(texts)
    changed = instructions.changes(before, _counted_in_copy([]))
    for line in changed:
        print(line)
    print(f"comments and names in {len(plants)} functions: {len(changed)} of "
          f"{sum(map(len, before.values()))} numbers changed")
    return not changed


def run(functions: list[str]) -> int:
    known = [plant.function for plant in PLANTS]
    for function in functions:
        if function not in known:
            raise BadInput(f"no function {function}: there are {', '.join(known)}")
    chosen = [plant for plant in PLANTS if not functions or plant.function in functions]
    before = instructions.count(rows.ROWS)
    with copies.locked(FOLDER):
        seen = [_slower(plant, before) for plant in chosen]
        return 0 if all([*seen, _same(before, chosen)]) else 1


def main() -> None:
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__.strip())
        return
    try:
        sys.exit(run(sys.argv[1:]))
    except PykmmError as error:
        print(f"planted: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (copies.Failed, copies.Missing) as error:
        print(f"planted: {error}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
