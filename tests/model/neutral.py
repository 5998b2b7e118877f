# SPDX-License-Identifier: GPL-2.0-only
"""What is compared: one row of plain values for each thing of a world.

A row has the same form whether it was read from the model's objects (`fields`, below) or from
C's bytes (image.py): {(what, number): (value, ...)}, the values in the order of `FIELDS`.  A
reference is the number of the thing that it leads to.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .state import AnonVma, Buffer, Inode, Mapping, Mm, Page, Task, Vma, World

Rows = dict[tuple[str, int], tuple]

FIELDS = {what: names.split() for what, names in {
    "page": "flags count mapcount mapping index private contents in_flight io io_bio pins",
    "vma": "mm start end flags prot pgoff file ops anon_vma truncate_count",
    "anon_vma": "vmas",
    "mm": "users vmas ptes tables map_count file_rss anon_rss total_vm locked_vm shared_vm exec_vm "
          "stack_vm reserved_vm def_flags start_brk brk",
    "task": "fd personality capabilities rlimit_memlock rlimit_as rlimit_data rlimit_fsize",
    "mapping": "inode pages nrpages tags i_mmap nonlinear i_mmap_writable truncate_count flags "
               "writeback_index capabilities congested operations",
    "inode": "kind size disk mapped blkbits state place dirtied_when writecount flags hashed "
             "is_block_device charged count",
    "file": "mapping inode mode operations count",
    "buffer": "flags next page count blocknr end_io in_transaction assoc_mapping",
    "swap": "map contents",
    "world": "units current fail_in page_of_other version nr_dirty nr_writeback nr_mapped "
             "nr_active nr_inactive lru_add lru_add_active committed commit_limit overcommit "
             "max_map_count buffer_heads_over_limit nr_swap_used jiffies clock_stands strays "
             "layout",
}.items()}

# what C has tables of functions for: (address space, open file), by kind of file
OPERATIONS = {
    "": ("", ""),
    "ext2": ("ext2", "generic"),
    "ext3": ("ext3", "generic"),
    "block device": ("block_device", "generic"),
    "tmpfs": ("tmpfs", "shmem"),
    "ramfs": ("ramfs", "generic"),
    "PFNMAP driver": ("driver", "pfnmap"),
    "prot driver": ("driver", "prot_driver"),
    "hugetlbfs": ("driver", "hugetlb"),
    "no mmap": ("driver", "no_mmap"),
    "failing driver": ("driver", "failing"),
}


def number(thing: Any) -> int | None:
    """The number of what a reference leads to; None: nowhere."""
    return None if thing is None else thing.number


def numbers(things: list) -> list[int | None]:
    return [number(thing) for thing in things]


def signed(word: int, size: int = 64) -> int:
    """A word of so many bits as C's table of fields shows it: half of the values are negative."""
    half = 1 << size - 1
    return (word + half) % (2 * half) - half


def under_way(in_flight: list[int], io: set[int]) -> list[int | None]:
    """Contents of a page that are being written; of other sectors they mean nothing."""
    return [version if sector in io else None for sector, version in enumerate(in_flight)]


def _page(page: Page) -> tuple:
    mapping = page.mapping
    private = page.private
    return (page.flags, page.count, page.mapcount,
            mapping and ("anon_vma" if isinstance(mapping, AnonVma) else "mapping",
                         mapping.number),
            page.index,
            ("buffer", private.number) if isinstance(private, Buffer) else private,
            page.contents, under_way(page.in_flight, page.io), page.io, page.io_bio, page.pins)


def _vma(vma: Vma) -> tuple:
    return (number(vma.mm), vma.start, vma.end, vma.flags, vma.prot, vma.pgoff, number(vma.file),
            vma.ops, number(vma.anon_vma), vma.truncate_count)


def _mm(mm: Mm) -> tuple:
    # of a process that has gone only docs/findings can tell what its counters were left at
    rss = (mm.file_rss, mm.anon_rss) if mm.users else (0, 0)
    return (mm.users, numbers(mm.vmas), mm.ptes, mm.tables, mm.map_count, *rss,
            signed(mm.total_vm), signed(mm.locked_vm), signed(mm.shared_vm), signed(mm.exec_vm),
            signed(mm.stack_vm), signed(mm.reserved_vm), mm.def_flags, mm.start_brk, mm.brk)


def _task(task: Task) -> tuple:
    return (numbers(task.fd), task.personality, task.capabilities, task.rlimit_memlock,
            task.rlimit_as, task.rlimit_data, task.rlimit_fsize)


def _mapping(mapping: Mapping) -> tuple:
    members = sorted(mapping.i_mmap, key=lambda vma: (vma.pgoff, vma.number))
    kind = mapping.inode.kind if mapping.inode else None
    return (number(mapping.inode), {index: number(page) for index, page in mapping.pages.items()},
            len(mapping.pages), mapping.tags, numbers(members), numbers(mapping.nonlinear),
            signed(mapping.i_mmap_writable, 32), signed(mapping.truncate_count, 32), mapping.flags,
            mapping.writeback_index, mapping.capabilities, mapping.congested,
            "swap" if kind is None else OPERATIONS[kind][0])


def _inode(inode: Inode, sectors: int) -> tuple:
    disk = inode.disk + [0] * (sectors - len(inode.disk))
    return (inode.kind, inode.size, disk, inode.mapped, inode.blkbits, inode.state, inode.place,
            inode.dirtied_when, inode.writecount, inode.flags, inode.hashed,
            inode.is_block_device, inode.charged, inode.count)


def _file(file: Any) -> tuple:
    inode = file.mapping and file.mapping.inode
    return (number(file.mapping), number(inode), file.mode,
            OPERATIONS[inode.kind][1] if inode else "", file.count)


def _buffer(buffer: Buffer) -> tuple:
    return (buffer.flags, number(buffer.next), number(buffer.page), buffer.count, buffer.blocknr,
            buffer.end_io, buffer.in_transaction, number(buffer.assoc_mapping))


def _world(world: World) -> tuple:
    return (world.units, world.current.number, world.fail_in, number(world.page_of_other),
            world.version, world.nr_dirty, world.nr_writeback, world.nr_mapped, world.nr_active,
            world.nr_inactive, numbers(world.lru_add), numbers(world.lru_add_active),
            world.committed, world.commit_limit, world.overcommit, world.max_map_count,
            world.buffer_heads_over_limit, world.nr_swap_used, world.jiffies, world.clock_stands,
            [], "as at the start")


def fields(world: World) -> Rows:
    """Every row of the model's world.  They hold its own sets and lists: good until it changes."""
    sectors = world.slots * 4
    rows: Rows = {("world", 0): _world(world)}
    for what, things, row in (
            ("page", world.pages, _page), ("vma", world.vmas, _vma), ("mm", world.mms, _mm),
            ("task", world.tasks, _task), ("mapping", world.mappings, _mapping),
            ("file", world.files, _file), ("buffer", world.buffers, _buffer)):
        for thing in things:
            rows[what, thing.number] = row(thing)
    for inode in world.inodes:
        rows["inode", inode.number] = _inode(inode, sectors)
    for anon_vma in world.anon_vmas:
        rows["anon_vma", anon_vma.number] = (numbers(anon_vma.vmas),)
    for slot in world.swap:
        rows["swap", slot.number] = (slot.map, slot.contents)
    return rows


def _parts(path: str, a: Any, b: Any) -> Iterator[tuple[str, Any, Any]]:
    """A field that differs, part by part where it has parts."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            if a.get(key) != b.get(key):
                name = f"{key:#x}" if isinstance(key, int) and key > 0xFFFF else key
                yield f"{path}[{name}]", a.get(key), b.get(key)
    else:
        yield path, a, b


def _text(path: str, value: Any) -> str:
    if isinstance(value, (set, frozenset)):
        return " ".join(sorted(map(str, value))) or "none"
    word = isinstance(value, int) and not isinstance(value, bool)
    name = path.partition("[")[2].partition(".")[2].partition("[")[0]
    return f"{value:#x}" if word and name in (
        "start", "end", "flags", "prot", "brk", "ptes", "mapped") else str(value)


def differences(a: Rows, b: Rows) -> list[tuple[str, str, str]]:
    """[(path, in a, in b)] of every field that differs, as text."""
    found = []
    for key in {**a, **b}:
        if a.get(key) == b.get(key):
            continue
        names = FIELDS[key[0]]
        missing = ("missing",) * len(names)
        for name, x, y in zip(names, a.get(key, missing), b.get(key, missing), strict=True):
            if x != y:
                where = key[0] if key[0] == "world" else f"{key[0]}[{key[1]}]"
                found += [(path, _text(path, p), _text(path, q))
                          for path, p, q in _parts(f"{where}.{name}", x, y)]
    return found
