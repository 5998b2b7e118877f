# SPDX-License-Identifier: GPL-2.0-only
"""What `pykmm review --wrong` explores, from small to large; the last ones are the largest.

Each asks something that the others leave out.  Where another actor may act, scopes are small in what they
try: of what one property breaks only the nearest runs are looked at, and the first race would hide all
others.
"""

from ..engine import core
from ..engine.scope import DEFAULT, Scope


def _ops(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ALL = tuple(name for name, _ in core.OPERATIONS if name != "nothing")
_DISK = "mmap munmap load store write fsync writeback complete"
_HAND = f"{_DISK} flush_buffers commit release_page"
_DRIVERS = ("PFNMAP_driver", "prot_driver")

SCOPES: dict[str, Scope] = {
    # what a file system writes by hand
    "journal": Scope(kinds=("ext3",), ops=_ops(f"{_HAND} sync")),
    "device": Scope(kinds=("block_device",), ops=_ops(f"{_HAND} sync")),
    # small blocks, written and cut in parts
    "half blocks, cut": Scope(blocks=2048, depth=9, ops=_ops(
        "mmap munmap store write fsync truncate writeback complete parts")),
    "quarter blocks, cut": Scope(blocks=1024, depth=8, ops=_ops(
        "mmap munmap store fsync truncate complete parts")),
    "half blocks, cut, journal": Scope(kinds=("ext3",), blocks=2048, depth=7, ops=_ops(
        f"{_HAND} truncate parts")),
    # a debugger writes where the process may not
    "forced writes": Scope(depth=9, ops=_ops(f"{_DISK} mprotect poke truncate invalidate reclaim")),
    "forced writes, journal": Scope(kinds=("ext3",), depth=7, ops=_ops(f"{_HAND} mprotect poke")),
    # a device writes into a page that it holds
    "pins": Scope(depth=8, ops=_ops(f"{_DISK} pin unpin truncate invalidate reclaim")),
    "pins, device": Scope(kinds=("block_device",), depth=7, ops=_ops(f"{_HAND} pin unpin")),
    # mappings that remap_file_pages has changed
    "nonlinear": Scope(file_pages=2, depth=9, ops=_ops(
        "mmap munmap load store fsync writeback complete remap_file_pages")),
    "nonlinear, forced writes": Scope(file_pages=2, vmas=3, depth=6, ops=_ops(
        "mmap munmap store poke pin fsync reclaim drain remap_file_pages truncate")),
    # kinds of file without a disk
    "no disk": Scope(kinds=("tmpfs",), depth=9, ops=_ops(
        "mmap munmap mprotect load store poke pin unpin write fsync truncate reclaim")),
    "memory alone": Scope(kinds=("ramfs",), depth=7, ops=_ALL),
    "frames of a driver": Scope(kinds=("PFNMAP_driver",), depth=7, ops=_ALL),
    "pages of a driver": Scope(kinds=("prot_driver",), depth=6, ops=_ALL),
    # too little memory, and disks that fail
    "no memory": Scope(depth=11, ops=_ops(f"{_DISK} mprotect truncate reclaim fail")),
    "no memory, forced writes": Scope(depth=6, ops=_ops(
        f"{_DISK} mprotect msync poke pin truncate reclaim fork exit fail anon")),
    "no memory, drivers": Scope(kinds=_DRIVERS, depth=4, ops=_ops(
        "mmap munmap mprotect load store poke pin fork fail")),
    "errors": Scope(depth=12, ops=_ops(f"{_DISK} truncate invalidate parts error")),
    "errors, half blocks": Scope(blocks=2048, depth=7, ops=_ops(
        f"{_DISK} truncate invalidate parts error fail")),
    "swap": Scope(processes=2, depth=11, ops=_ops(
        "mmap munmap load store anon fork exit reclaim drain complete")),
    # another actor at a pause
    "a store at a pause": Scope(kinds=("block_device",), ops=_ops(
        "mmap munmap load store msync fsync writeback complete pause")),
    "a store at a pause, journal": Scope(kinds=("ext3",), ops=_ops(
        "mmap munmap load store write fsync commit complete pause")),
    "truncated at a pause": Scope(depth=7, ops=_ops("mmap load store write fsync truncate pause")),
    "cut at a pause": Scope(blocks=2048, depth=5, ops=_ops(
        "mmap store write fsync truncate complete parts pause")),
    "invalidated at a pause": Scope(depth=6, ops=_ops(
        "mmap munmap load store write fsync invalidate pause")),
    "invalidated at a pause, device": Scope(kinds=("block_device",), depth=5, ops=_ops(
        "mmap munmap load store write fsync flush_buffers invalidate pause")),
    "given back at a pause": Scope(depth=6, ops=_ops(
        "mmap munmap load store write fsync complete release_page pause")),
    "given back at a pause, journal": Scope(kinds=("ext3",), ops=_ops(
        "mmap munmap load store write commit release_page pause")),
    "taken back at a pause": Scope(depth=8, ops=_ops("mmap munmap load store fsync reclaim pause")),
    "forced at a pause": Scope(processes=2, depth=5, ops=_ops(
        "mmap munmap mprotect store poke fork fsync pause")),
    "nonlinear at a pause": Scope(file_pages=2, depth=4, ops=_ops(
        "mmap munmap store fsync remap_file_pages reclaim pause")),
    "no disk, at a pause": Scope(kinds=("tmpfs",), depth=5, ops=_ops(
        "mmap munmap load store write truncate reclaim pause")),
    "pages of a driver, at a pause": Scope(kinds=("prot_driver",), depth=4, ops=_ops(
        "mmap munmap mprotect load store truncate invalidate pause")),
    # everything at once, as far as it goes
    "all operations": Scope(depth=6, ops=(*_ALL, "anon", "parts", "error")),
    "all operations, journal": Scope(kinds=("ext3",), depth=6, ops=(*_ALL, "anon", "parts")),
    "two files": Scope(kinds=("ext2", "tmpfs"), depth=5, ops=_ops(
        f"{_DISK} mprotect poke pin unpin truncate reclaim")),
    "half blocks": Scope(blocks=2048, kinds=("ext3",), depth=10, ops=(*DEFAULT, "release_page")),
    "journal, two processes": Scope(processes=2, kinds=("ext3",), depth=12, ops=_ops(
        f"{_HAND} mprotect msync truncate fork exit")),
    "two processes": Scope(processes=2, depth=11),
}
