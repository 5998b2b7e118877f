# SPDX-License-Identifier: GPL-2.0-only
"""The state of the model: plain objects that refer to each other.

Everything has a number, its slot in a pool; what is free stays in its pool.  Locks are not
here: the model does one thing at a time.  `World.fields()` says all that is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PAGE_SIZE = 4096
SECTORS = 4             # a page's contents: versions of its quarters
GARBAGE = 0xFFFF        # what a page holds that nobody has filled
UNMAPPED_BASE = 0x40000000
HEAP_START = 0x08050000
TABLE_PAGES = 8         # ptes in one page table
PFN_BASE = 0x100        # frame number of pages[0]
UNITS = ("U1", "U2", "U3", "U4", "U5", "U6", "U7")


class Bug(Exception):
    """The kernel's BUG: the run is over."""


class Oops(Exception):
    """A pointer that leads nowhere was followed."""


class CountBelowZero(Exception):
    """A page or file lost a reference that it did not have."""


class Hang(Exception):
    """The run would never end."""


@dataclass(eq=False)
class Page:
    """One frame of memory.  Free: count 0.

    flags : set of str        names without PG_: locked error referenced uptodate dirty lru active
                              reserved private writeback swapcache mappedtodisk reclaim ...
    mapping : Mapping | AnonVma | None    an AnonVma makes it an anonymous page
    private : int | Buffer    a swap entry (page in the swap cache), or its first buffer (private)
    in_flight : list          its sectors as they were when their write began
    io : set of int           sectors whose write is under way;  io_bio: begun as a whole page
    pins : int                references that get_user_pages gave out
    """

    number: int
    flags: set[str] = field(default_factory=set)
    count: int = 0
    mapcount: int = -1
    mapping: Mapping | AnonVma | None = None
    index: int = 0
    private: int | Buffer = 0
    contents: list[int] = field(default_factory=lambda: [0] * SECTORS)
    in_flight: list[int] = field(default_factory=lambda: [0] * SECTORS)
    io: set[int] = field(default_factory=set)
    io_bio: bool = False
    pins: int = 0

    @property
    def pfn(self) -> int:
        return PFN_BASE + self.number


@dataclass(eq=False)
class AnonVma:
    """vmas : list of Vma      newest first; free: none"""

    number: int
    vmas: list[Vma] = field(default_factory=list)


@dataclass(eq=False)
class Vma:
    """One mapping of a process.  Free: mm None and end 0."""

    number: int
    mm: Mm | None = None
    start: int = 0
    end: int = 0
    flags: int = 0              # VM_*
    prot: int = 0               # vm_page_prot, a pte word
    pgoff: int = 0
    file: OpenFile | None = None
    ops: str = ""               # "": none; else "generic", "shmem", "driver"
    anon_vma: AnonVma | None = None
    truncate_count: int = 0
    cursor: int = 0             # vm_private_data: bytes of a nonlinear vma that a sweep has done


@dataclass(eq=False)
class Mm:
    """A process's memory.  There while users is not 0.

    vmas : list of Vma        by address
    ptes : dict               address -> pte word; none is not there
    tables : set of int       which page tables there are: address // (8 pages)
    """

    number: int
    users: int = 0
    vmas: list[Vma] = field(default_factory=list)
    ptes: dict[int, int] = field(default_factory=dict)
    tables: set[int] = field(default_factory=set)
    map_count: int = 0
    file_rss: int = 0
    anon_rss: int = 0
    total_vm: int = 0           # these in pages
    locked_vm: int = 0
    shared_vm: int = 0
    exec_vm: int = 0
    stack_vm: int = 0
    reserved_vm: int = 0
    def_flags: int = 0
    start_brk: int = 0
    brk: int = 0


@dataclass(eq=False)
class Task:
    """The one thread of mms[number]; limits in bytes."""

    number: int
    fd: list[OpenFile | None] = field(default_factory=lambda: [None] * 4)
    personality: int = 0
    capabilities: int = 0
    rlimit_memlock: int = 2**64 - 1
    rlimit_as: int = 2**64 - 1
    rlimit_data: int = 2**64 - 1
    rlimit_fsize: int = 2**64 - 1


@dataclass(eq=False)
class Mapping:
    """An address space: the pages of one file, or (inode None) the swap cache.

    pages : dict              index -> Page; of the swap cache: swap entry -> Page
    tags : dict               index -> set of "dirty", "writeback"; only those that have one
    i_mmap : list of Vma      linear mappings; visited by (pgoff, number)
    nonlinear : list of Vma   newest first
    """

    number: int
    inode: Inode | None = None
    pages: dict[int, Page] = field(default_factory=dict)
    tags: dict[int, set[str]] = field(default_factory=dict)
    i_mmap: list[Vma] = field(default_factory=list)
    nonlinear: list[Vma] = field(default_factory=list)
    i_mmap_writable: int = 0
    truncate_count: int = 0
    flags: set[str] = field(default_factory=set)      # "EIO", "ENOSPC"
    writeback_index: int = 0
    capabilities: int = 0       # BDI_CAP_* of its backing device
    congested: bool = False


@dataclass(eq=False)
class Inode:
    """A file.  Free: count 0.

    kind : str            "ext2", "ext3", "block device", "tmpfs", "ramfs", "PFNMAP driver",
                          "prot driver", "hugetlbfs", "no mmap", "failing driver"
    size : int            bytes
    disk : list of int    versions of its sectors, 4 a page
    mapped : int          bit of each block that is on disk
    state : int           I_*;  place: "", "dirty" or "clean", the list it is on
    hashed, is_block_device : what __mark_inode_dirty asks
    charged : int         pages that a tmpfs file is charged for
    """

    number: int
    mapping: Mapping
    kind: str = ""
    size: int = 0
    disk: list[int] = field(default_factory=list)
    mapped: int = 0
    blkbits: int = 12
    state: int = 0
    place: str = ""
    dirtied_when: int = 0
    writecount: int = 0
    flags: int = 0              # S_*
    hashed: bool = False
    is_block_device: bool = False
    charged: int = 0
    count: int = 0


@dataclass(eq=False)
class OpenFile:
    """What a descriptor or a vma holds.  Free: count 0."""

    number: int
    mapping: Mapping | None = None
    mode: int = 0               # FMODE_READ 1, FMODE_WRITE 2
    count: int = 0


@dataclass(eq=False)
class Buffer:
    """A block of a page in memory.  Free: page None.

    flags : set of str    names without BH_: Uptodate Dirty Lock Req Mapped New Async_Write ...
    next : Buffer         this_page: round the page
    end_io : str          "", "async_write" or "write": what ends when its I/O does
    """

    number: int
    flags: set[str] = field(default_factory=set)
    next: Buffer | None = None
    page: Page | None = None
    count: int = 0
    blocknr: int = 0
    end_io: str = ""
    in_transaction: bool = False
    assoc_mapping: Mapping | None = None


@dataclass(eq=False)
class SwapSlot:
    """map : how many ptes and the swap cache lead here.  Slot 0 is no slot."""

    number: int
    map: int = 0
    contents: list[int] = field(default_factory=lambda: [0] * SECTORS)


@dataclass(eq=False)
class World:
    """Everything.  units: names of those that are on."""

    units: set[str] = field(default_factory=lambda: set(UNITS))
    pages: list[Page] = field(default_factory=lambda: [Page(i) for i in range(17)])
    vmas: list[Vma] = field(default_factory=lambda: [Vma(i) for i in range(14)])
    mms: list[Mm] = field(default_factory=lambda: [Mm(i) for i in range(3)])
    tasks: list[Task] = field(default_factory=lambda: [Task(i) for i in range(3)])
    mappings: list[Mapping] = field(default_factory=lambda: [Mapping(i) for i in range(6)])
    inodes: list[Inode] = field(init=False)
    files: list[OpenFile] = field(default_factory=lambda: [OpenFile(i) for i in range(8)])
    anon_vmas: list[AnonVma] = field(default_factory=lambda: [AnonVma(i) for i in range(8)])
    buffers: list[Buffer] = field(default_factory=lambda: [Buffer(i) for i in range(16)])
    swap: list[SwapSlot] = field(default_factory=lambda: [SwapSlot(i) for i in range(4)])
    slots: int = 6              # pages that one mapping can hold, in memory and on disk

    current: Task = field(init=False)
    fail_in: int = 0            # the how-manieth allocation from here fails; 0: none
    page_of_other: Page | None = None
    version: int = 0            # of the last store

    nr_dirty: int = 0
    nr_writeback: int = 0
    nr_mapped: int = 0
    nr_active: int = 0
    nr_inactive: int = 0
    lru_add: list[Page] = field(default_factory=list)           # pagevecs, at most 14 each
    lru_add_active: list[Page] = field(default_factory=list)
    committed: int = 0          # pages
    commit_limit: int = 2**63 - 1
    overcommit: int = 0
    max_map_count: int = 65536
    buffer_heads_over_limit: bool = False
    nr_swap_used: int = 0
    jiffies: int = 0
    clock_stands: bool = False  # all that happens has one time; else each operation its own

    def __post_init__(self) -> None:
        self.inodes = [Inode(i, self.mappings[i]) for i in range(5)]
        self.current = self.tasks[0]

    @property
    def zero_page(self) -> Page:
        return self.pages[-1]

    @property
    def swapper_space(self) -> Mapping:
        return self.mappings[-1]
