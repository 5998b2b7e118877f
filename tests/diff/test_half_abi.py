# SPDX-License-Identifier: GPL-2.0-only
"""KMM_HALF_ABI: the same wherever a half is built, and another one after any change of a form."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pykmm import paths
from pykmm.engine import core

SOURCE = '#include "half.h"\n#include <stdio.h>\nint main(void) { printf("%u", KMM_HALF_ABI); }\n'


def abi(cref: Path, folder: Path, compiler: str = "gcc", *flags: str) -> int:
    (folder / "abi.c").write_text(SOURCE)
    subprocess.run([compiler, "-std=gnu11", "-Wall", "-Wextra", "-Werror", *flags,
                    f"-I{cref}/include", f"-I{cref}", str(folder / "abi.c"), "-o",
                    str(folder / "abi")], check=True, capture_output=True)
    return int(subprocess.run([folder / "abi"], check=True, capture_output=True).stdout)


@pytest.mark.parametrize("flag", ["-O0", "-O2"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_compiler_gives_the_number_that_the_core_library_has(tmp_path, compiler, flag):
    if not shutil.which(compiler):
        pytest.skip(f"there is no {compiler}")
    assert abi(paths.cref(), tmp_path, compiler, flag) == core.ABI


def test_without_events_it_is_another_one(tmp_path):
    assert abi(paths.cref(), tmp_path, "gcc", "-DKMM_QUIET") == core.ABI ^ 1


def test_macros_of_who_includes_it_do_not_matter(tmp_path):
    macros = [f"-D{name}=1" for name in ("END", "FIELD", "STRUCT", "FUNCTION")]
    assert abi(paths.cref(), tmp_path, "gcc", *macros) == core.ABI


def swapped(text: str, first: str, second: str) -> str:
    assert text.count(first) == text.count(second) == 1, (first, second)
    return text.replace(first, "\0").replace(second, first).replace("\0", second)


def replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


# what is changed in which files: fields of one width, words of one number, so that sizes stay
CHANGES = {
    "two fields change places": {
        "machine/types.h": lambda t: swapped(t, "\ts32 i_writecount;\n", "\tu32 i_is;\n"),
        "machine/layout.def": lambda t: swapped(
            t, "\tFIELD(inode, i_writecount, int)\n",
            re.search(r"\tFIELD\(inode, i_is, .*\n", t)[0])},
    "a field is wider": {
        "machine/types.h": lambda t: replaced(
            replaced(t, "\tu32 i_is;\n", "\tu64 i_is;\n"),
            "\tu32 i_count;			/* 0: the slot", "\tu64 i_count;			/* 0: the slot")},
    "a field is of another form": {
        "machine/layout.def": lambda t: replaced(t, "FIELD(page, index, hex)",
                                                 "FIELD(page, index, int)")},
    "two events change places": {
        "machine/events.def": lambda t: swapped(t, "EVENT(spin_lock,", "EVENT(spin_unlock,")},
    "an event has another result": {
        "machine/events.def": lambda t: replaced(
            t, 'EVENT(write_lock_irqsave,	"lock",			"flags",	2)',
            'EVENT(write_lock_irqsave,	"lock",			"flag",	2)')},
    "two functions change places": {
        "half.def": lambda t: swapped(t, "int, do_writepages,", "int, test_clear_page_dirty,")},
    "a function has another argument": {
        "half.def": lambda t: replaced(t, "(unsigned long addr, unsigned long len))",
                                       "(unsigned long addr, long len))")},
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_of_a_form_gives_another_number(tmp_path, change):
    cref = tmp_path / "cref"
    shutil.copytree(paths.cref(), cref)
    for name, of in CHANGES[change].items():
        text = (cref / name).read_text()
        (cref / name).write_text(of(text))
    # whatever comes of it, no half of this pykmm takes it for its own
    assert abi(cref, tmp_path) | 1 != core.ABI | 1
