# SPDX-License-Identifier: GPL-2.0-only
"""Time stamps of files, as far as they show: in the inode's dirty bits (facts 25.7).

No stamp is kept.  A clock that moves gives each operation its own time, so that each stamp is a
change; one that stands gives all the same, and nothing ever changes.
"""

from __future__ import annotations

from . import dirty
from .constants import I_DIRTY_SYNC
from .state import Inode, World

# the kinds whose own inode has the times: a block device's are on its device node, which is not
# here, and hooks of drivers do not look at the clock
WITH_TIMES = ("ext2", "ext3", "tmpfs", "ramfs")


def stamp(world: World, inode: Inode) -> None:
    """A time of the file is now.  I_DIRTY_SYNC if that is another than before."""
    if inode.kind in WITH_TIMES and not world.clock_stands:
        dirty.__mark_inode_dirty(world, inode, I_DIRTY_SYNC)


def file_accessed(world: World, inode: Inode) -> None:
    """mmap(2): atime."""
    stamp(world, inode)


def file_update_time(world: World, inode: Inode) -> None:
    """write(2): mtime and ctime.  tmpfs stores them and its inode stays as it is (facts 25.5)."""
    if inode.kind != "tmpfs":
        stamp(world, inode)
