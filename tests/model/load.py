# SPDX-License-Identifier: GPL-2.0-only
"""A model World from rows: the same state, whoever had it (neutral.py)."""

from __future__ import annotations

from typing import Any

from .constants import UINT_MASK
from .neutral import FIELDS, Rows
from .state import UNITS, World

# values that are what the model's objects hold, as they are
_PLAIN = {
    "page": "count mapcount index io_bio pins",
    "vma": "start end flags prot pgoff ops truncate_count",
    "mm": "users map_count file_rss anon_rss total_vm locked_vm shared_vm exec_vm stack_vm "
          "reserved_vm def_flags start_brk brk",
    "task": "personality capabilities rlimit_memlock rlimit_as rlimit_data rlimit_fsize",
    "mapping": "i_mmap_writable truncate_count writeback_index capabilities congested",
    "inode": "kind size mapped blkbits state place dirtied_when writecount flags hashed "
             "is_block_device charged count",
    "file": "mode count",
    "buffer": "count blocknr end_io in_transaction",
    "swap": "map",
    "world": "fail_in version nr_dirty nr_writeback nr_mapped nr_active nr_inactive committed "
             "commit_limit overcommit max_map_count buffer_heads_over_limit nr_swap_used jiffies "
             "clock_stands",
}


def _of(rows: Rows, what: str, number: int) -> dict[str, Any]:
    return dict(zip(FIELDS[what], rows[what, number], strict=True))


def _plain(thing: Any, what: str, values: dict[str, Any]) -> None:
    for name in _PLAIN[what].split():
        setattr(thing, name, values[name])


def _at(things: list, number: int | None) -> Any:
    return None if number is None else things[number]


def _page(world: World, page: Any, values: dict[str, Any]) -> None:
    page.flags = set(values["flags"])
    page.contents = list(values["contents"])
    page.in_flight = [version or 0 for version in values["in_flight"]]
    page.io = set(values["io"])
    if values["mapping"]:
        what, number = values["mapping"]
        page.mapping = (world.anon_vmas if what == "anon_vma" else world.mappings)[number]
    private = values["private"]
    page.private = world.buffers[private[1]] if isinstance(private, tuple) else private


def _vma(world: World, vma: Any, values: dict[str, Any]) -> None:
    vma.mm = _at(world.mms, values["mm"])
    vma.file = _at(world.files, values["file"])
    vma.anon_vma = _at(world.anon_vmas, values["anon_vma"])


def _mm(world: World, mm: Any, values: dict[str, Any]) -> None:
    mm.vmas = [world.vmas[i] for i in values["vmas"]]
    mm.ptes = dict(values["ptes"])
    mm.tables = set(values["tables"])


def _task(world: World, task: Any, values: dict[str, Any]) -> None:
    task.fd = [_at(world.files, i) for i in values["fd"]]


def _mapping(world: World, mapping: Any, values: dict[str, Any]) -> None:
    mapping.inode = _at(world.inodes, values["inode"])
    mapping.pages = {index: world.pages[i] for index, i in values["pages"].items()}
    mapping.tags = {index: set(tags) for index, tags in values["tags"].items()}
    mapping.i_mmap = [world.vmas[i] for i in values["i_mmap"]]
    mapping.nonlinear = [world.vmas[i] for i in values["nonlinear"]]
    mapping.flags = set(values["flags"])
    mapping.truncate_count &= UINT_MASK         # rows have a sign


def _inode(world: World, inode: Any, values: dict[str, Any]) -> None:
    inode.disk = list(values["disk"])


def _file(world: World, file: Any, values: dict[str, Any]) -> None:
    file.mapping = _at(world.mappings, values["mapping"])


def _buffer(world: World, buffer: Any, values: dict[str, Any]) -> None:
    buffer.flags = set(values["flags"])
    buffer.next = _at(world.buffers, values["next"])
    buffer.page = _at(world.pages, values["page"])
    buffer.assoc_mapping = _at(world.mappings, values["assoc_mapping"])


def _swap(world: World, slot: Any, values: dict[str, Any]) -> None:
    slot.contents = list(values["contents"])


def world_of(rows: Rows) -> World:
    """The model's world of the same state; the rows are read and not kept."""
    world = World()
    for what, things, fill in (
            ("page", world.pages, _page), ("vma", world.vmas, _vma), ("mm", world.mms, _mm),
            ("task", world.tasks, _task), ("mapping", world.mappings, _mapping),
            ("inode", world.inodes, _inode), ("file", world.files, _file),
            ("buffer", world.buffers, _buffer), ("swap", world.swap, _swap)):
        for thing in things:
            values = _of(rows, what, thing.number)
            _plain(thing, what, values)
            fill(world, thing, values)
    for anon_vma in world.anon_vmas:
        anon_vma.vmas = [world.vmas[i] for i in _of(rows, "anon_vma", anon_vma.number)["vmas"]]
    values = _of(rows, "world", 0)
    _plain(world, "world", values)
    world.units = {name for name in UNITS if name in values["units"]}
    world.current = world.tasks[values["current"]]
    world.page_of_other = _at(world.pages, values["page_of_other"])
    world.lru_add = [world.pages[i] for i in values["lru_add"]]
    world.lru_add_active = [world.pages[i] for i in values["lru_add_active"]]
    return world
