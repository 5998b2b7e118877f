# SPDX-License-Identifier: GPL-2.0-only
"""Operations as text: what values mean, and what an operation gave."""

import errno

import pytest

from pykmm.engine import core
from pykmm.report import operations


@pytest.mark.parametrize("name, actor, arguments, said", [
    ("mmap", 0, (0, 1, 2, 3, 1, 5), "0: mmap fd=0 place=1 pages=2 prot=READ|WRITE flags=SHARED "
                                    "pgoff=5"),
    ("mmap", 2, (255, 0, 0, 0, 0x9E, 0), "2: mmap fd=none place=0 pages=0 prot=0 "
                                         "flags=PRIVATE|ANYWHERE|LOCKED|POPULATE|NONBLOCK pgoff=0"),
    ("mprotect", 1, (3, 1, 0x19), "1: mprotect place=3 pages=1 prot=READ|SEM|0x10"),
    ("msync", 0, (3, 1, 6), "0: msync place=3 pages=1 flags=INVALIDATE|SYNC"),
    ("remap_file_pages", 0, (0, 1, 2, 1), "0: remap_file_pages place=0 pages=1 pgoff=2 "
                                          "flags=NONBLOCK"),
    ("open", 0, (3, 1, 3), "0: open fd=3 inode=1 mode=READ|WRITE"),
    ("writeback", 0, (0, 1, 32), "0: writeback inode=0 mode=ALL nr_to_write=32"),
    ("fork", 1, (), "1: fork"),
])
def test_operation_is_said_with_names_for_bits(name, actor, arguments, said):
    assert operations.text(name, actor, arguments) == said


def test_every_operation_can_be_said():
    for name, arguments in core.OPERATIONS:
        said = operations.text(name, 0, (1,) * len(arguments))
        assert said.split()[1] == name and said.count("=") == len(arguments)


@pytest.mark.parametrize("name, value, said", [
    ("store", 74, "74"), ("store", -1011, "SIGSEGV"), ("store", -1007, "SIGBUS"),
    ("store", -1009, "SIGKILL"), ("mmap", 0x40003000, "0x40003000"),
    ("brk", 0x8050000, "0x8050000"),
    ("mmap", -errno.ENOMEM, "-ENOMEM"), ("fork", -errno.ESRCH, "-ESRCH"), ("munmap", 0, "0"),
    ("reclaim", -4000, "-4000"),
])
def test_result_of_an_operation_is_said_as_its_kind(name, value, said):
    kind = [kind for kind, _ in core.OPERATIONS].index(name)

    text = operations.event_text(kind, 1, 0, value % 2**64)

    assert text.startswith(f"operation(1: {name}") and text.endswith(f") = {said}")
