# SPDX-License-Identifier: GPL-2.0-only
"""Halves for --half: the C half with a changed token, or with lines put into it."""

import re
import shlex
import subprocess
from pathlib import Path

from pykmm import paths

RMAP = "mm/rmap.c"

# of a page_mkclean that only sequences reach: no direct call has so many events before it
LATE = "if (kmm_world->trace_at - kmm_world->trace > 1500)"


class Workshop:
    """Compiles halves, each once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._others = folder / "others.o"      # all of a half but mm/rmap.c
        self._made: dict[tuple, Path] = {}

    def half(self, name: str, text: str) -> str:
        """`--half` for the C half with another mm/rmap.c: NAME=FILE."""
        key = (name, text)
        if key not in self._made:
            self._made[key] = self._compile(name, text)
        return f"{name}={self._made[key]}"

    def _compile(self, name: str, text: str) -> Path:
        cref, lib = paths.cref(), paths.lib()
        includes = [f"-I{cref}/include", f"-I{cref}"]
        if not self._others.is_file():
            others = sorted(p for d in ("mm", "fs") for p in (cref / d).glob("*.c"))
            others.remove(cref / RMAP)
            self.compile(self._others, "-r", *paths.c_flags(), *includes, *others,
                         cref / "half.c", cref / "machine/enter.c")
        source = self.folder / f"{name}.c"
        source.write_text(text)
        return self.compile(self.folder / f"{name}.so", "-shared", *paths.c_flags(), *includes,
                            source, self._others, f"-L{lib}", "-lkmm", f"-Wl,-rpath,{lib}")

    def compile(self, library: Path, *words: object) -> Path:
        """Anything that gcc makes of C."""
        command = ["gcc", "-fPIC", "-w", "-o", library, *words]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stderr}"
        return library

    def wrong(self) -> str:
        """A half that protects ptes where it must not, and the other way round."""
        return self.half("wrong", changed("if (protect)\n", "if (!protect)\n"))

    def rare(self) -> str:
        """A half that is wrong about a few cases in ten thousand, of both kinds."""
        return self.with_lines("rare", "if ((page->flags * 31 + page->index * 7 + "
                               "page->_mapcount.counter) % 251 == 5) return 77;")

    def late(self) -> str:
        """A half that forgets to clean pages that were dirtied late in a sequence."""
        return self.with_lines("late", f"{LATE} return 0;")

    def partly(self) -> str:
        """A half without page_mkclean_one."""
        return self.half("partly", self.partly_text())

    @staticmethod
    def partly_text() -> str:
        return changed("KMM_ENTRY(page_mkclean_one);",
                       "__asm__(\".globl kmm_entry_page_mkclean_one\\n"
                       ".set kmm_entry_page_mkclean_one, 0\");")

    def table(self, name: str, functions: str) -> str:
        """A half that is a table and nothing else; functions: lines of its initializer, of which
        `one` is a function of unsigned int that returns 1."""
        source = self.folder / f"{name}.c"
        source.write_text(f"""
            #include "half.h"
            static void enter(struct world *world) {{ (void)world; }}
            int one(unsigned int flags) {{ (void)flags; return 1; }}
            __attribute__((visibility("default"))) const struct kmm_half kmm_half = {{
                .abi = KMM_HALF_ABI, .size = sizeof(struct kmm_half), .name = "{name}",
                .enter = enter, {functions}
            }};""")
        library = self.compile(self.folder / f"{name}.so", "-shared", *paths.c_flags(),
                               f"-I{paths.cref()}", source)
        return f"{name}={library}"

    def with_lines(self, name: str, lines: str, before: str = "") -> str:
        """A half whose page_mkclean begins with some lines of C."""
        return self.half(name, with_lines(lines, before))


def changed(old: str, new: str) -> str:
    """cref/mm/rmap.c with one thing changed."""
    text = (paths.cref() / RMAP).read_text()
    assert text.count(old) == 1, f"{old!r} is not once in cref/{RMAP}"
    return text.replace(old, new)


def with_lines(lines: str, before: str = "") -> str:
    """cref/mm/rmap.c with lines at the start of page_mkclean, and others before it."""
    text = (paths.cref() / RMAP).read_text()
    head = re.compile(r"^int page_mkclean\(struct page \*page\)\n\{\n", re.MULTILINE)
    assert len(head.findall(text)) == 1
    return head.sub(lambda found: f"{before}\n{found[0]}\t{lines}\n", text)
