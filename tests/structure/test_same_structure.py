# SPDX-License-Identifier: GPL-2.0-only
"""Both halves have one structure; and what is changed in one of them is seen, and where."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import mirrored
import pytest
from quality.test_mutants import ALL as MUTANTS

from pykmm.source.anchors import TWINS, anchors_of
from tools.twins import read_cython
from tools.twins.compare import ALL_TWINS, Twins

ROOT = mirrored.ROOT
C_OF = {p: c for c, p in TWINS.items()}


@cache
def twins(path: str) -> Twins:
    """The halves of a file as they are."""
    return Twins(path, (ROOT / "cref" / path).read_text(encoding="utf-8"),
                 (ROOT / "pykmm" / ALL_TWINS[path]).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ALL_TWINS)
def test_structure_is_that_of_the_other_half(path):
    assert [str(d) for d in twins(path).differences()] == []


def test_structure_is_compared_in_every_header_with_functions():
    headers = {p.relative_to(ROOT / "cref").as_posix()
               for p in (ROOT / "cref/include").rglob("*.h")}
    without = {h for h in headers if not mirrored.c_functions(
        (ROOT / "cref" / h).read_text(encoding="utf-8"))}

    assert headers - without == {path for path in ALL_TWINS if path.endswith(".h")}


def test_structure_compares_all_functions_of_the_patch():
    names = [f.name for path in TWINS for f in mirrored.c_functions(twins(path).c)]

    assert sorted(names) == sorted(set(mirrored.FUNCTIONS))


def test_structure_rests_on_names_that_are_those_of_c():
    """Both say `put_page`; so it must be one function."""
    text = (ROOT / "pykmm/machine.pxd").read_text(encoding="utf-8")
    assert read_cython.renamed(text) == []

    other = text.replace("void put_page(", 'void put_page "get_page"(')
    assert other != text and read_cython.renamed(other) == ["put_page"]
    brought = text + '\ncdef extern from *:\n    """\n    #define put_page get_page\n    """\n'
    assert read_cython.renamed(brought) == [f"text in line {text.count(chr(10)) + 2}"]


# -- planted in one half or the other


@dataclass(frozen=True)
class Plant:
    """One change, once in C and once in Cython, as (old, new).

    step    in whose lines `old` stands once; "" if it stands once in the file
    """

    what: str
    path: str
    step: str
    c: tuple[str, str]
    cython: tuple[str, str]


def same(old: str, new: str) -> dict:
    """The same change in both languages."""
    return {"c": (old, new), "cython": (old, new)}


RMAP, MEMORY, MMAP = "mm/rmap.c", "mm/memory.c", "mm/mmap.c"
MPROTECT, WRITEBACK, BUFFER = "mm/mprotect.c", "mm/page-writeback.c", "fs/buffer.c"

PLANTS = [
    Plant("calls swapped", MEMORY, "WP14",
          ("set_page_dirty(dirty_page);\n\t\tput_page(dirty_page);",
           "put_page(dirty_page);\n\t\tset_page_dirty(dirty_page);"),
          ("set_page_dirty(dirty_page)\n            put_page(dirty_page)",
           "put_page(dirty_page)\n            set_page_dirty(dirty_page)")),
    Plant("call dropped", RMAP, "MK6", ("\tlazy_mmu_prot_update(entry);\n", ""),
          ("        lazy_mmu_prot_update(entry)\n", "")),
    Plant("call twice", RMAP, "MK8", ("pte_unmap_unlock(pte, ptl);",
                                      "pte_unmap_unlock(pte, ptl); pte_unmap_unlock(pte, ptl);"),
          ("pte_unmap_unlock(pte, ptl)", "pte_unmap_unlock(pte, ptl); pte_unmap_unlock(pte, ptl)")),
    Plant("another function called", RMAP, "MK5", **same("pte_mkclean", "pte_mkyoung")),
    Plant("argument changed", MEMORY, "WP3", **same("entry, 1)", "entry, 0)")),
    Plant("arguments swapped", MEMORY, "FP6", **same("vma, address", "address, vma")),
    Plant("argument's address", MEMORY, "NP4", **same("&ret", "ret")),
    Plant("constant changed", MPROTECT, "MF3", **same("0xf", "0x7")),
    Plant("named constant changed", WRITEBACK, "TC4", **same("TAG_DIRTY", "TAG_WRITEBACK")),
    Plant("unit changed", WRITEBACK, "TC6", **same("KMM_U5", "KMM_U6")),
    Plant("comparison changed", WRITEBACK, "DW1", **same("<= 0", "< 0")),
    Plant("and for or", RMAP, "MK3", ("|| (", "&& ("), ("or (", "and (")),
    Plant("operands swapped", RMAP, "MK3",
          ("protect && pte_write(*pte)", "pte_write(*pte) && protect"),
          ("protect and pte_write(pte[0])", "pte_write(pte[0]) and protect")),
    Plant("condition turned round", RMAP, "MK3", ("!(pte_dirty", "(pte_dirty"),
          ("not (pte_dirty", "(pte_dirty")),
    Plant("pointer's truth turned round", RMAP, "PM3", ("if (mapping)", "if (!mapping)"),
          ("is not NULL", "is NULL")),
    Plant("`and` of whole numbers used as a value", RMAP, "MFI4",
          ("mapping_cap_account_dirty(mapping) &&\n\t\t\tis_shared_writable(vma->vm_flags);",
           "mapping_cap_account_dirty(mapping) ? is_shared_writable(vma->vm_flags) : 0;"),
          ("1 if (mapping_cap_account_dirty(mapping) and\n"
           "                        is_shared_writable(vma.vm_flags)) else 0",
           "(mapping_cap_account_dirty(mapping) and\n"
           "                        is_shared_writable(vma.vm_flags))")),
    Plant("brackets moved", MPROTECT, "MF4",
          ("vma->vm_pgoff + ((start - vma->vm_start) >> PAGE_SHIFT)",
           "(vma->vm_pgoff + (start - vma->vm_start)) >> PAGE_SHIFT"),
          ("vma.vm_pgoff + ((start - vma.vm_start) >> PAGE_SHIFT)",
           "(vma.vm_pgoff + (start - vma.vm_start)) >> PAGE_SHIFT")),
    Plant("sign dropped", MPROTECT, "MF10", **same("-nrpages", "nrpages")),
    Plant("cast to another type", RMAP, "MK1", **same("unsigned long", "unsigned int")),
    Plant("another member", BUFFER, "TF4", **same("private_lock", "i_mmap_lock")),
    Plant("step missing", RMAP, "MK5", ("/* MK5 E25 */", ""), ("# MK5 E25", "")),
    Plant("step without its edit", RMAP, "MK5", **same("MK5 E25", "MK5")),
    Plant("step one line later", MEMORY, "WP10b",
          ("(orig_pte));\t/* WP10b */\n\t\tentry = mk_pte(new_page, vma->vm_page_prot);",
           "(orig_pte));\n\t\tentry = mk_pte(new_page, vma->vm_page_prot); /* WP10b */"),
          ("(orig_pte))   # WP10b\n            entry = mk_pte(new_page, vma.vm_page_prot)",
           "(orig_pte))\n            entry = mk_pte(new_page, vma.vm_page_prot)  # WP10b")),
    Plant("locals in another order", MPROTECT, "",
          ("pgprot_t newprot;\n\tpgoff_t pgoff;", "pgoff_t pgoff;\n\tpgprot_t newprot;"),
          ("cdef pgprot_t newprot\n    cdef pgoff_t pgoff",
           "cdef pgoff_t pgoff\n    cdef pgprot_t newprot")),
    Plant("local of another type", MPROTECT, "", **same("pgoff_t pgoff", "unsigned long pgoff")),
    Plant("local that is no pointer", RMAP, "",
          ("spinlock_t *ptl", "spinlock_t ptl"), ("cdef spinlock_t *ptl", "cdef spinlock_t ptl")),
    Plant("local dropped", RMAP, "", ("\tspinlock_t *ptl;\n", ""),
          ("    cdef spinlock_t *ptl\n", "")),
    Plant("local begins otherwise", MPROTECT, "",
          **same("unsigned long charged = 0", "unsigned long charged = 1")),
    Plant("locals of a block in another order", MMAP, "",
          ("/* MM6a */\n\t\tunsigned long locked, lock_limit;",
           "/* MM6a */\n\t\tunsigned long lock_limit, locked;"),
          ("*mapping = NULL\n    cdef unsigned long locked\n    cdef unsigned long lock_limit\n",
           "*mapping = NULL\n    cdef unsigned long lock_limit\n    cdef unsigned long locked\n")),
    Plant("argument of another type", RMAP, "", **same("int protect)", "long protect)")),
    Plant("result of another type", BUFFER, "", ("int try_to_free", "long try_to_free"),
          ("cdef int try_to_free", "cdef long try_to_free")),
    Plant("goto to another label", RMAP, "MK2", ("goto out", "goto unlock"),
          ("at = L_out", "at = L_unlock")),
    Plant("goto dropped", BUFFER, "TF3", ("\t\tgoto out;\n", ""),
          ("at = L_out; continue", "pass")),
    Plant("return for goto", RMAP, "MK2", ("goto out", "return ret"),
          ("at = L_out; continue", "return ret")),
    Plant("result changed", RMAP, "MK9", **same("return ret", "return 0")),
    Plant("label renamed", MEMORY, "WP14", ("oom:", "fail:"), ("# oom:", "# fail:")),
    Plant("else dropped", MPROTECT, "MF9", ("\telse\n\t\tchange", "\tchange"),
          ("        else:\n            change", "        change")),
    Plant("else belongs to the inner if", MEMORY, "NP9a", ("} else {", "} if (write_access) {"),
          ("else:", "if write_access:")),
    Plant("else if is no else", MMAP, "MM11", ("} else if", "} if"), ("elif", "if")),
    Plant("statement out of its block", MMAP, "MM6",
          ("\t\tvm_flags |= VM_LOCKED;\n\t}", "\t}\n\tvm_flags |= VM_LOCKED;"),
          ("            vm_flags |= VM_LOCKED", "        vm_flags |= VM_LOCKED")),
    Plant("loop's end changed", BUFFER, "TF7", ("(bh != b", "(bh == b"), ("(bh != b", "(bh == b")),
    Plant("loop's start changed", RMAP, "MFI4", **same("pgoff, pgoff)", "pgoff, pgoff + 1)")),
    Plant("loop that runs once", RMAP, "MFI4",
          ("vma_prio_tree_foreach(vma, &iter, &mapping->i_mmap, pgoff, pgoff)",
           "vma = vma_prio_tree_first(&iter, &mapping->i_mmap, pgoff, pgoff); if (vma)"),
          ("while vma", "if vma")),
    Plant("case falls through", MMAP, "MM7b", ("\t\t\tbreak;\n", ""), ("elif", "if")),
    Plant("case of another value", MMAP, "MM7b", **same("MAP_PRIVATE", "MAP_SHARED")),
    Plant("assignment for addition", RMAP, "MFI4", **same("ret +=", "ret =")),
    Plant("assignment dropped", RMAP, "PM4", **same("ret = page", "page")),
]


def step_lines(text: str, step: str, *, cython: bool) -> tuple[int, int]:
    """First line of a step, and the first below it; all lines for ""."""
    anchors = anchors_of(text, cython=cython)
    end = len(text.splitlines()) + 1
    if not step:
        return 1, end
    at = next(i for i, anchor in enumerate(anchors) if anchor.step == step)
    return anchors[at].line, anchors[at + 1].line if at + 1 < len(anchors) else end


def planted(text: str, plant: Plant, *, cython: bool) -> tuple[str, int]:
    """A half with a change in it, and the line where it begins."""
    old, new = plant.cython if cython else plant.c
    first, last = step_lines(text, plant.step, cython=cython)
    lines = text.splitlines(keepends=True)
    head, part = "".join(lines[:first - 1]), "".join(lines[first - 1:last - 1])
    assert part.count(old) == 1, f"{old!r} stands {part.count(old)} times in {plant.step}"
    line = first + part[:part.index(old)].count("\n")
    return head + part.replace(old, new) + "".join(lines[last - 1:]), line


def test_structure_above_the_first_step_is_of_no_step():
    good = twins(MMAP)
    old = "cdef pgoff_t pgoff = addr >> PAGE_SHIFT"
    assert good.cython.count(old) == 1

    found = Twins(MMAP, good.c, good.cython.replace(old, old.replace(">>", "<<"))).differences()

    assert [(d.function, d.step) for d in found] == [("do_brk", "")]


@pytest.mark.parametrize(("old", "new"), [
    ("cdef int page_mkclean_file(", "cdef int page_mkclean_all("),
    ("cdef int page_mkclean_file(", "cdef int more() noexcept nogil:\n    return 0\n\n\n"
                                    "cdef int page_mkclean_file("),
])
def test_structure_function_without_a_twin_is_seen(old, new):
    good = twins(RMAP)
    assert good.cython.count(old) == 1

    found = Twins(RMAP, good.c, good.cython.replace(old, new)).differences()

    assert [d.function for d in found] == [""]
    assert found[0].cython[2] == "function " + ("more" if "more" in new else "page_mkclean_all")


def is_near(line: int, begins: int, plant: Plant) -> bool:
    """Is it a line of the change?  What is missing is said to be at the statement before it."""
    height = max(text.count("\n") for text in (*plant.c, *plant.cython))
    return begins - 3 <= line <= begins + height + 2


@pytest.mark.parametrize("half", ["C", "P"])
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.what)
def test_structure_planted_is_seen_where_it_is(plant, half):
    cython = half == "P"
    good = twins(plant.path)
    text, line = planted(good.cython if cython else good.c, plant, cython=cython)
    bad = Twins(plant.path, *((good.c, text) if cython else (text, good.cython)))
    _, other = planted(good.c if cython else good.cython, plant, cython=not cython)
    lines = (other, line) if cython else (line, other)

    found = bad.differences()

    assert found and not any("cannot be read" in str(d) for d in found)
    near = [d for d in found if all(is_near(*pair, plant) for pair in
                                    zip((d.c[1], d.cython[1]), lines, strict=True))]
    assert near, "\n".join(map(str, found))
    assert f"  cref/{plant.path}:{near[0].c[1]} " in str(near[0])
    assert f"  pykmm/{TWINS[plant.path]}:{near[0].cython[1]} " in str(near[0])


@pytest.mark.parametrize("function", sorted({m.function for m in MUTANTS}))
def test_structure_of_every_mutant_is_seen(function):
    survived = []
    for mutant in (m for m in MUTANTS if m.function == function):
        good = twins(C_OF[mutant.file])
        found = Twins(good.path, good.c, mutant.applied_to(good.cython)).differences()
        if not found or {d.function for d in found} != {function}:
            survived.append(mutant.name)

    assert survived == []


# -- the command


@pytest.fixture
def tree(tmp_path) -> Path:
    """The sources and the command, to be changed."""
    for folder in ("cref", "pykmm", "tools"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(
            "__pycache__", "*.so", "machine", "engine", "lib"))
    # its types have names that C spells otherwise
    shutil.copy2(ROOT / "pykmm/machine.pxd", tmp_path / "pykmm")
    return tmp_path


def run(tree: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, tree / "tools/structure.py", *arguments], cwd="/",
                          capture_output=True, text=True, check=False)


def test_structure_command_says_ok_of_every_function():
    done = run(ROOT)

    assert (done.returncode, done.stderr) == (0, "")
    assert set(mirrored.FUNCTIONS) < {line.split()[1] for line in done.stdout.splitlines()
                                      if line.startswith("OK  ")}


def test_structure_command_says_where_halves_differ(tree):
    path = tree / "pykmm/mm/rmap.pyx"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("ret = 1 ", "ret = 2 "), encoding="utf-8")
    line = text[:text.index("ret = 1 ")].count("\n") + 1

    done, other = run(tree, "page_mkclean_one", "page_mkclean"), run(tree, "do_brk")

    assert (done.returncode, done.stderr, other.returncode) == (1, "", 0)
    ok, title, c, p = done.stdout.splitlines()
    assert (ok, title) == ("OK  page_mkclean", "page_mkclean_one MK7: the halves differ")
    assert c.split(maxsplit=1)[1] == "ret = 1" and c.strip().startswith("cref/mm/rmap.c:")
    assert p.split(maxsplit=1) == [f"pykmm/mm/rmap.pyx:{line}", "ret = 2"]


def test_structure_command_names_a_source_that_cannot_be_parsed(tree):
    path = tree / "cref/mm/rmap.c"
    path.write_text(path.read_text(encoding="utf-8") + "int f(\n", encoding="utf-8")

    done = run(tree)

    assert (done.returncode, done.stderr) == (1, "")
    assert "cannot be read: this is no C" in done.stdout and "OK  do_brk" in done.stdout


def test_structure_command_refuses_a_function_that_is_not_there():
    done = run(ROOT, "do_nothing")

    assert (done.returncode, done.stdout) == (2, "")
    assert "no function do_nothing in cref" in done.stderr


def test_structure_command_without_a_source_says_which(tree):
    (tree / "pykmm/mm/rmap.pyx").unlink()

    done = run(tree)

    assert (done.returncode, done.stdout) == (3, "")
    assert "pykmm/mm/rmap.pyx: cannot be read" in done.stderr


def test_structure_command_without_a_parser_says_what_to_install(tree):
    (tree / "tree_sitter.py").write_text("raise ModuleNotFoundError(name='tree_sitter')\n",
                                         encoding="utf-8")
    done = run(tree)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("tools/structure.py needs tree_sitter: pip install")
