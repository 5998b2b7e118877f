# SPDX-License-Identifier: GPL-2.0-only
"""Worlds to measure in: a kernel as it starts, and what processes and the disk make of it.

    kernel = Kernel(AFTER, vmas=66)
    file = kernel.file()
    at = [kernel.mmap(file, at=place(i)) for i in range(64)]
    for address in at:
        kernel.store(address)
    kernel.hold("lock_page", kernel.page(file))
    start = kernel.start(Call("page_mkclean", {"page": kernel.page(file)}))

Nothing is drawn into a world by hand but files and their disk: all else comes by system calls and
accesses, as half C answers them with the units of this kernel.  That is the same machine as that of
small worlds, with more of everything.
"""

from functools import cache

from ..engine import core, halves
from ..errors import HarnessError
from ..report.paths import PAGE_SHIFT
from ..report.world import KINDS
from .row import Call, Operation, Start

PAGE = 1 << PAGE_SHIFT
READ, WRITE = 1, 2                              # PROT_*, and FMODE_* of files
FOLL_WRITE, FOLL_TOUCH, FOLL_GET = 1, 2, 4
PTE_ACCESSED = 0x020
_BASE, _HEAP, _HEAP_PLACE = 0x40000000, 0x08050000, 16
_MAP_SHARED, _MAP_PRIVATE, _MAP_FIXED, _MAP_ANONYMOUS = 0x01, 0x02, 0x10, 0x20
_MS_ASYNC, _MS_SYNC = 1, 4
_ALL = (1 << 64) - 1
_WBC = {"nr_to_write": 0, "sync_mode": 32}      # struct writeback_control
_DONE = 0       # KMM_ACCESS_DONE

# As much as any row with a handful of pages needs; page tables have 1024 entries, as on i386.
_USUAL = {"pages": 33, "vmas": 16, "mms": 2, "pmds": 3, "table_shift": 10, "mappings": 4,
          "slots": 32, "files": 6, "anon_vmas": 8, "buffers": 64, "trace_words": 1 << 14,
          "swap_slots": 2}


def place(number: int) -> int:
    """Address of a page by the number that operations know it by, without their limit to it."""
    return _BASE + number * PAGE


def heap_place(number: int) -> int:
    """Address of a page of the heap."""
    return _HEAP + number * PAGE


def heap_number(number: int) -> int:
    """What operations call a page of the heap."""
    return _HEAP_PLACE + number


def room(mappings: int = 0, pages: int = 0, places: int = 0) -> dict[str, int]:
    """Capacities for so many mappings, pages of memory and of a file, and places to map at.

    One page table has all places: the model's walk looks through a process's tables one by one,
    which the kernel's does not, and that would be measured too.
    """
    shift = max(_USUAL["table_shift"], (max(places, mappings) - 1).bit_length())
    return {"pages": _USUAL["pages"] + pages, "vmas": _USUAL["vmas"] + mappings,
            "table_shift": shift, "slots": _USUAL["slots"] + pages,
            "buffers": _USUAL["buffers"] + pages,
            "trace_words": _USUAL["trace_words"] + 64 * mappings + 512 * pages}


@cache
def _half() -> core.Half:
    return halves.c_half()


class Kernel:
    """A kernel with these units, process 0 and no file, in a block of its own.

    units : int         which kernel: row.AFTER, row.BEFORE, or any mask of units
    capacities : int    of what more is needed than a handful (struct world_size); see room()
    raises HarnessError   from all methods: what was asked for did not succeed
    """

    def __init__(self, units: int, **capacities: int):
        self._size = _USUAL | capacities
        self.runner = core.Runner(**self._size)
        self.runner.use(_half())
        self._arrays = {name: (structure, self.runner.base + offset, stride)
                        for name, structure, offset, stride, _ in self.runner.arrays()}
        self._fields = {(structure, name): (offset, size)
                        for structure, name, _, offset, size in core.FIELDS}
        self._files = 0
        self.set("world", 0, "units", units)
        self.set("mm", 0, "mm_users", 1)
        self._call("use_swap_aops", self.at("mapping", self._size["mappings"] - 1))

    # What lies where.

    def at(self, array: str, number: int = 0, field: str = "") -> int:
        """Address of an element of an array of the world, or of a field in it."""
        _, base, stride = self._arrays[array]
        return base + number * stride + (self.offset(array, field) if field else 0)

    def _size_of(self, array: str, field: str) -> int:
        return self._fields[self._arrays[array][0], field][1]

    def get(self, array: str, number: int, field: str) -> int:
        """A word of the world as it is, unsigned."""
        return self.word(self.at(array, number, field), self._size_of(array, field))

    def set(self, array: str, number: int, field: str, value: int) -> None:
        """Put a word into a field that no operation puts there."""
        self.put_word(self.at(array, number, field), value, self._size_of(array, field))

    def put_word(self, address: int, value: int, size: int = 8) -> None:
        """Put a word at an address of the block that no operation puts there."""
        at = address - self.runner.base
        image = self.runner.image()
        self.runner.restore(image[:at] + value.to_bytes(size, "little") + image[at + size:])

    def word(self, address: int, size: int = 8) -> int:
        """What lies at an address of the block."""
        at = address - self.runner.base
        return int.from_bytes(self.runner.image()[at:at + size], "little")

    def offset(self, array: str, field: str) -> int:
        """Bytes from the start of an element of an array, or of a writeback_control, to a field."""
        if array == "wbc":
            return _WBC[field]
        return self._fields[self._arrays[array][0], field][0]

    def mapping(self, file: int) -> int:
        return self.at("mapping", file)

    def open_file(self, file: int) -> int:
        """Address of the open file of process 0."""
        return self.word(self.at("task", 0, "fd") + 8 * file)

    def page(self, file: int, index: int = 0) -> int:
        """Address of a file's page in memory."""
        page = self._call("find_get_page", self.mapping(file), index)
        if not page:
            raise HarnessError(f"a world to measure in: page {index} of file {file} is not in "
                               "memory")
        self._call("put_page", page)
        return page

    def vma(self, address: int, mm: int = 0) -> int:
        return self._call("find_vma", self.at("mm", mm), address)

    def pmd(self, address: int) -> int:
        """The directory entry for an address, with its page table, as a fault makes it."""
        return self._call("pte_alloc", self.at("mm"), address)

    def lock_of(self, pmd: int) -> int:
        """Address of the lock of a page table."""
        return pmd + self.offset("pmd", "ptl")

    def pte(self, address: int) -> int:
        """Address of a page table entry of process 0."""
        pmd = self.pmd(address)
        table = self.word(pmd + self.offset("pmd", "table"))
        return table + 4 * ((address >> PAGE_SHIFT) % (1 << self._size["table_shift"]))

    def pte_word(self, address: int) -> int:
        return self.word(self.pte(address), 4)

    def page_number(self, page: int) -> int:
        """What operations call a page."""
        _, base, stride = self._arrays["page"]
        return (page - base) // stride

    # What processes do.

    def file(self, kind: str = "ext2", pages: int = 1, block: int = PAGE) -> int:
        """Make a file, all of it on disk, and let process 0 open it: its number and descriptor.

        kind : str     of pykmm.report.world.KINDS
        block : int    bytes of a block: 1024, 2048 or 4096
        """
        number, self._files = self._files, self._files + 1
        self._call("make_inode", self.at("inode", number), KINDS.index(kind), pages * PAGE)
        self.set("inode", number, "i_blkbits", block.bit_length() - 1)
        self.set("inode", number, "i_mapped", _ALL)
        self.operate("open", number, number, READ | WRITE)
        return number

    def mmap(self, file: int | None = None, pages: int = 1, at: int | None = None, pgoff: int = 0,
             prot: int = READ | WRITE, shared: bool = True) -> int:
        """sys_mmap by process 0: the address.  file: None is memory of no file."""
        flags = _MAP_SHARED if shared else _MAP_PRIVATE
        flags |= _MAP_ANONYMOUS if file is None else 0
        flags |= _MAP_FIXED if at is not None else 0
        opened = 0 if file is None else self.open_file(file)
        address = self._call("sys_mmap", opened, int(bool(opened)), at or 0, pages * PAGE, prot,
                             flags, pgoff)
        if address < 0:
            raise HarnessError(f"a world to measure in: mmap gives {address}")
        return address

    def memory(self, pages: int = 1, at: int | None = None) -> int:
        """Private memory of no file."""
        return self.mmap(None, pages, at, shared=False)

    def mprotect(self, address: int, pages: int, prot: int) -> None:
        self._succeed("sys_mprotect", address, pages * PAGE, prot)

    def msync(self, address: int, pages: int = 1, wait: bool = False) -> None:
        self._succeed("sys_msync", address, pages * PAGE, _MS_SYNC if wait else _MS_ASYNC)

    def brk(self, pages: int) -> None:
        if self._call("sys_brk", heap_place(pages)) != heap_place(pages):
            raise HarnessError(f"a world to measure in: a heap of {pages} pages is refused")

    def load(self, address: int) -> None:
        self._access(address, 0)

    def store(self, address: int) -> None:
        self._access(address, 1)

    def _access(self, address: int, write: int) -> None:
        if self._call("user_access", address, write) >> 32 != _DONE:
            raise HarnessError(f"a world to measure in: an access to {address:#x} fails")

    def operate(self, name: str, *arguments: int, actor: int = 0) -> int:
        """An operation of a process: what it gives.  Process 0 is the one that runs afterwards."""
        result = self._operate(name, actor, arguments)
        if actor:
            self._operate("nothing", 0, ())
        return result

    def _operate(self, name: str, actor: int, arguments: tuple[int, ...]) -> int:
        outcome, result, _ = self.runner.operate(_half(), name, actor, *arguments)
        if outcome != "returned" or result < 0:
            raise HarnessError(f"a world to measure in: {name}{arguments} gives {outcome} {result}")
        self.runner.forget_trace()
        return result

    # What a caller holds.

    def hold(self, primitive: str, *arguments: int) -> int:
        """What a caller takes before it calls; the world is legal but for that."""
        return self._call(primitive, *arguments)

    def start(self, *steps: Call | Operation) -> Start:
        """The world as it is, and what is done from there."""
        self.runner.forget_trace()
        return Start(self.runner, self.runner.image(), steps)

    # Inside.

    def _succeed(self, name: str, *arguments: int) -> None:
        error = self._call(name, *arguments)
        if error:
            raise HarnessError(f"a world to measure in: {name} gives {error}")

    def _call(self, name: str, *arguments: int) -> int:
        outcome, result, _ = self.runner.primitive(name, *arguments)
        self.runner.forget_trace()
        if outcome != "returned":
            raise HarnessError(f"a world to measure in: {name}{arguments} ends as {outcome}")
        return result
