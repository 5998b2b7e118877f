# SPDX-License-Identifier: GPL-2.0-only
"""Operations: one step of a sequence, by one actor (docs/operations.md).

`operate(world, "mmap", 0, 0, 3, 2, 3, 1, 0)` is process 0 mapping two pages of its descriptor 0
at place 3.  Names are those of the table there; arguments follow it in order, as numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from . import (
    alloc,
    buffers,
    disk,
    fault,
    files,
    follow,
    journal,
    lru,
    mmap,
    mprotect,
    msync,
    munmap,
    pagecache,
    populate,
    process,
    reclaim,
    truncate,
    write,
    writeback,
)
from .constants import (
    EBUSY,
    EINVAL,
    ENOENT,
    ESRCH,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_GROWSDOWN,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    SECTOR_SIZE,
)
from .state import HEAP_START, PAGE_SIZE, UNMAPPED_BASE, Inode, Page, World

WITHOUT_PROCESS = (
    "unpin", "truncate", "invalidate", "writeback", "sync", "complete", "flush_buffers", "commit",
    "release_page", "reclaim", "strip", "drain", "lock_page",
)
HEAP_PLACE = 16             # places from here on are pages of the heap
ANONYMOUS_FD = 255
ANYWHERE = 4
MMAP_FLAGS = (
    (1, MAP_SHARED),
    (2, MAP_PRIVATE),
    (8, MAP_LOCKED),
    (16, MAP_POPULATE),
    (32, MAP_NORESERVE),
    (64, MAP_GROWSDOWN),
    (128, MAP_NONBLOCK),
)


def operate(world: World, name: str, actor: int, *arguments: int) -> int:
    """Perform one operation, whole.

    actor : the number of a process, 0 to 2
    returns the system call's result, or as the table says; -1007, -1009, -1011: SIGBUS, SIGKILL,
    SIGSEGV
    raises Bug, Oops, CountBelowZero, Hang    the run is over

    1. No such process: -ESRCH, and nothing changes; but what a process does not do itself
       (WITHOUT_PROCESS) happens all the same.
    2. The operation, with this process running.
    3. He who holds a page's lock since an operation lock_page lets go after any other one.
    """
    result = perform(world, name, actor, arguments)
    if name != "lock_page" and world.page_of_other is not None:
        pagecache.let_go(world)
    return result


def perform(world: World, name: str, actor: int, arguments: tuple[int, ...]) -> int:
    """Steps 1 and 2 of operate."""
    world.current = world.tasks[actor]
    if name not in WITHOUT_PROCESS and not process_is_there(world, actor):
        return -ESRCH
    return OPERATIONS[name](world, *arguments)


def process_is_there(world: World, number: int) -> bool:
    """Is there a process with this number?"""
    return number < len(world.mms) and world.mms[number].users > 0


def address_of(place: int) -> int:
    """The address of a place: a page from TASK_UNMAPPED_BASE, or of the heap."""
    if place < HEAP_PLACE:
        return UNMAPPED_BASE + place * PAGE_SIZE
    return HEAP_START + (place - HEAP_PLACE) * PAGE_SIZE


def inode_of(world: World, number: int) -> Inode | None:
    """The inode with this number, None if it is not there."""
    if number >= len(world.inodes) or world.inodes[number].count == 0:
        return None
    return world.inodes[number]


def page_of(world: World, number: int) -> Page | None:
    """The page with this number, None if it is free, or the zero page."""
    page = world.pages[number] if number < len(world.pages) else None
    return None if page is None or page.count == 0 or page is world.zero_page else page


def of_inode(act: Callable[..., int]) -> Callable[..., int]:
    """An operation on an inode, given by number: -ENOENT if it is not there."""
    def operation(world: World, number: int, *arguments: int) -> int:
        inode = inode_of(world, number)
        return -ENOENT if inode is None else act(world, inode, *arguments)
    return operation


def of_page(act: Callable[..., int]) -> Callable[..., int]:
    """An operation on a page, given by number: -ENOENT if it is free."""
    def operation(world: World, number: int, *arguments: int) -> int:
        page = page_of(world, number)
        return -ENOENT if page is None else act(world, page, *arguments)
    return operation


# one by one


def open_(world: World, fd: int, inode: int, mode: int) -> int:
    """open(2) onto this descriptor."""
    return files.sys_open(world, world.current, fd, inode, mode)


def close(world: World, fd: int) -> int:
    """close(2)."""
    return files.sys_close(world, world.current, fd)


def map_(world: World, fd: int, place: int, pages: int, prot: int, flags: int,
         pgoff: int) -> int:
    """mmap2(2).  Anywhere: without MAP_FIXED, and no address is wished for."""
    chosen = 0
    for bit, flag in MMAP_FLAGS:
        if flags & bit:
            chosen |= flag
    address = 0
    if not flags & ANYWHERE:
        chosen |= MAP_FIXED
        address = address_of(place)
    if fd == ANONYMOUS_FD:
        chosen |= MAP_ANONYMOUS
    return mmap.sys_mmap(world, address, pages * PAGE_SIZE, prot, chosen, fd, pgoff)


def munmap_(world: World, place: int, pages: int) -> int:
    """munmap(2)."""
    return munmap.sys_munmap(world, address_of(place), pages * PAGE_SIZE)


def mprotect_(world: World, place: int, pages: int, prot: int) -> int:
    """mprotect(2)."""
    return mprotect.sys_mprotect(world, address_of(place), pages * PAGE_SIZE, prot)


def msync_(world: World, place: int, pages: int, flags: int) -> int:
    """msync(2)."""
    return msync.sys_msync(world, address_of(place), pages * PAGE_SIZE, flags)


def brk(world: World, pages: int) -> int:
    """brk(2) to so many pages of heap."""
    return mmap.sys_brk(world, HEAP_START + pages * PAGE_SIZE)


def remap_file_pages(world: World, place: int, pages: int, pgoff: int, nonblock: int) -> int:
    """remap_file_pages(2), prot 0."""
    flags = MAP_NONBLOCK if nonblock else 0
    return populate.sys_remap_file_pages(
        world, address_of(place), pages * PAGE_SIZE, 0, pgoff, flags)


def fork(world: World) -> int:
    """fork(2): the child's number."""
    return process.fork(world, world.current)


def exit_(world: World) -> int:
    """exit(2)."""
    return process.sys_exit(world, world.current)


def load(world: World, place: int, sector: int) -> int:
    """The processor reads one sector: its version."""
    return fault.load(world, world.current, address_of(place), sector)


def store(world: World, place: int, sector: int) -> int:
    """The processor writes one sector: its version."""
    return fault.store(world, world.current, address_of(place), sector)


def poke(world: World, number: int, place: int, sector: int, write_it: int) -> int:
    """A debugger reads or writes one sector of a process: its version, or -EIO."""
    if not process_is_there(world, number):
        return -ESRCH
    return follow.access_process_vm(
        world, world.mms[number], address_of(place), sector, bool(write_it))


def pin(world: World, place: int, write_it: int, force: int) -> int:
    """get_user_pages of one page: its number."""
    return follow.pin(world, world.current, address_of(place), bool(write_it), bool(force))


def unpin(world: World, number: int, store_it: int, make_dirty: int) -> int:
    """A device is done with a page, which may be the zero page: -ENOENT if it is not pinned."""
    page = world.pages[number] if number < len(world.pages) else None
    if page is None or not page.pins:
        return -ENOENT
    return follow.unpin(world, page, bool(store_it), bool(make_dirty))


def write_(world: World, fd: int, index: int, sector: int, sectors: int) -> int:
    """write(2): bytes written."""
    return write.sys_write(world, world.current, fd, index, sector, sectors)


def fsync(world: World, fd: int) -> int:
    """fsync(2)."""
    return writeback.fsync(world, world.current, fd)


def truncate_(world: World, inode: Inode, sectors: int) -> int:
    """ftruncate(2) to so many KiB.  -EINVAL: no regular file."""
    if inode.kind not in ("ext2", "ext3", "tmpfs", "ramfs"):
        return -EINVAL
    return truncate.truncate(world, inode, sectors * SECTOR_SIZE)


def invalidate(world: World, inode: Inode) -> int:
    """invalidate_inode_pages2 of the whole file."""
    return truncate.invalidate_inode_pages2(world, inode.mapping)


def complete(world: World, page: Page, ok: int) -> int:
    """The disk is done with a page."""
    return disk.complete(world, page, bool(ok))


def release_page(world: World, inode: Inode, index: int) -> int:
    """Lock a page, try_to_release_page.

    -ENOENT: it is not in memory.  -EBUSY: it is locked.  facts silent: without buffers 0.
    """
    page = pagecache.find_get_page(world, inode.mapping, index)
    if page is None:
        return -ENOENT
    result = -EBUSY
    if pagecache.trylock_page(world, page):
        result = 0
        if "private" in page.flags:
            result = buffers.try_to_release_page(world, page)
        pagecache.unlock_page(world, page)
    alloc.put_page(world, page)
    return result


def reclaim_(world: World, page: Page, may_write: int) -> int:
    """Reclaim looks at a page: 1 if it was freed."""
    return reclaim.reclaim(world, page, bool(may_write))


def drain(world: World) -> int:
    """The pagevecs go to the LRU lists."""
    lru.lru_add_drain(world)
    return 0


def lock_page(world: World, page: Page) -> int:
    """Somebody who is not seen to run locks a page and holds it: -EBUSY if that cannot be.

    -ENOENT: nobody but who is just allocating it can know of it.
    """
    if page.mapping is None and page.mapcount < 0 and not page.pins and \
            not page.flags & {"lru", "swapcache"}:
        return -ENOENT
    if world.page_of_other is not None or not pagecache.trylock_page(world, page):
        return -EBUSY
    alloc.get_page(world, page)
    world.page_of_other = page
    return 0


def sync(world: World) -> int:
    """sync(2)."""
    return writeback.sync(world)


OPERATIONS: dict[str, Callable[..., int]] = {
    "open": open_,
    "close": close,
    "mmap": map_,
    "munmap": munmap_,
    "mprotect": mprotect_,
    "msync": msync_,
    "brk": brk,
    "remap_file_pages": remap_file_pages,
    "fork": fork,
    "exit": exit_,
    "load": load,
    "store": store,
    "poke": poke,
    "pin": pin,
    "unpin": unpin,
    "write": write_,
    "fsync": fsync,
    "truncate": of_inode(truncate_),
    "invalidate": of_inode(invalidate),
    "writeback": of_inode(writeback.writeback),
    "sync": sync,
    "complete": of_page(complete),
    "flush_buffers": of_inode(buffers.flush_buffers),
    "commit": of_inode(journal.commit),
    "release_page": of_inode(release_page),
    "reclaim": of_page(reclaim_),
    "strip": of_page(reclaim.strip),
    "drain": drain,
    "lock_page": of_page(lock_page),
}
