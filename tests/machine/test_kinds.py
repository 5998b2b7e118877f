# SPDX-License-Identifier: GPL-2.0-only
"""What each kind of file has: blocks on a disk, a write, an fsync, a size that can be changed."""

import pytest
from processes import KINDS

from pykmm.engine import core

EBADF, EINVAL = 9, 22
#                  on disk  write   fsync
TRAITS = {
    "ext2":           (True,  True,  True),
    "ext3":           (True,  True,  True),
    "block device":   (True,  True,  True),
    "tmpfs":          (False, True,  True),
    "ramfs":          (False, True,  True),
    "PFNMAP driver":  (False, False, False),
    "prot driver":    (False, False, False),
    "hugetlbfs":      (False, False, True),
    "no mmap":        (False, False, False),
    "failing driver": (False, False, False),
}


def test_kinds_are_known_by_the_core_s_own_names():
    assert core.FILE_KINDS == KINDS == list(TRAITS)
    assert core.ON_DISK == [name for name, (disk, *_) in TRAITS.items() if disk]


@pytest.mark.parametrize("kind", TRAITS)
def test_what_a_kind_has_not_is_an_error(process, kind):
    _, writes, syncs = TRAITS[kind]
    process.file(0, kind)
    process.set("mm[0].mm_users", 1)
    process.set("task[0].fd[0]", process.address("file[0]"))
    for name, arguments, has in (("kmm_write", ("file[0]", 0, 1024), writes),
                                 ("do_fsync", ("file[0]",), syncs)):
        outcome, ret, _ = process.runner.primitive(name, *(
            process.address(a) if isinstance(a, str) else a for a in arguments))
        assert outcome == "returned"
        assert (ret == (-EINVAL) % 2**64 or ret == -EINVAL) != has
