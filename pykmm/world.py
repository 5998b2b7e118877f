# SPDX-License-Identifier: GPL-2.0-only
"""A world to explore by hand: files, processes, one operation at a time, with either half.

    >>> from pykmm import World
    >>> w = World()
    >>> f, p = w.file("ext2", pages=2), w.process
    >>> at = p.mmap(f, pages=2)
    >>> p.write(at)
    9
    >>> print(w)

What the kernel refuses is a Result below zero (`-EACCES`, `SIGSEGV`) and no
exception.  A BUG or an oops ends the world; `w.ended` says how.
"""

import errno
import threading
from collections.abc import Iterable
from functools import cache

from .engine import core, finding, halves
from .errors import BadInput
from .report import bits
from .report import world as rendering
from .report.paths import PAGE_SHIFT, SECTORS, Map

PAGE = 1 << PAGE_SHIFT
SECTOR = PAGE // SECTORS
FIRST, HEAP = 0x40000000, 0x08050000        # TASK_UNMAPPED_BASE, KMM_HEAP_START
_PLACES, _HEAP_PLACES = 16, 8               # pages of each that a process has page tables for
_FILES, _FDS, _PROCESSES, _SLOTS = 3, 4, 3, 6
_NO_FD, _MOST_PAGES = 255, 255
_SIGNALS = {-1007: "SIGBUS", -1009: "SIGKILL", -1011: "SIGSEGV"}
_ENOFILE = "process {} has {} files open, as many as it can: close one"
_SHARED, _PRIVATE, _ANYWHERE = 1, 2, 4
_MAP_FLAGS = {"locked": 0x08, "populate": 0x10, "noreserve": 0x20, "growsdown": 0x40,
              "nonblock": 0x80}
_MS_FLAGS = {"async": 1, "invalidate": 2, "sync": 4}
_ALL_UNITS = 0x7F
_CAP_IPC_LOCK = 1
_PG_RESERVED = 1 << 10


class Result(int):
    """What an operation gave: a number, and below zero the name of the error or signal.

    name : str      EACCES, SIGSEGV, BUG...; "" if it is no error
    ok : bool       is it none?
    """

    name: str

    def __new__(cls, value: int, name: str = "", *, is_address: bool = False) -> "Result":
        result = super().__new__(cls, value)
        result.name = name
        if value < 0 and not name:
            result.name = _SIGNALS.get(value) or errno.errorcode.get(-value, str(value))
        result._is_address = is_address
        return result

    @property
    def ok(self) -> bool:
        return not self.name

    def __repr__(self) -> str:
        if self.name:
            return f"-{self.name}" if self.name.startswith("E") else self.name
        return hex(self) if self._is_address else int.__repr__(self)

    __str__ = __repr__


class _Machine:
    """The one block of memory in which all worlds of this process take their steps.

    A world is an image that is put into the block for a step and taken out again, so that
    images of all worlds lie at the same address and can be compared.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runner = core.Runner(sequences=True)
        self.where = Map(self.runner)
        self.empty = self._empty()

    def _empty(self) -> bytes:
        """Three files of no bytes, which a world gives out one by one, and nothing open."""
        image = self.runner.empty()
        write = self.where.write
        for i in range(_FDS):
            image = write(image, f"task[0].fd[{i}]", 0)
            for field in ("f_mapping", "f_op", "f_mode", "f_count", "own_dentry"):
                image = write(image, f"file[{i}].{field}", 0)
        for i in range(_FILES):
            image = write(image, f"inode[{i}].i_writecount", 0)
            for j in range(_SLOTS * SECTORS):
                image = write(image, f"inode[{i}].disk[{j}]", 0)
        image = write(image, "task[0].capabilities", _CAP_IPC_LOCK)
        return write(image, "world.version", 0)


@cache
def _machine() -> _Machine:
    return _Machine()


@cache
def _built_in(name: str) -> core.Half:
    return halves.c_half() if name == "C" else halves.p_half()


def _number(what: str, value: int, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadInput(f"{what} is {value!r}: it must be a number from {low} to {high}")
    return int(value)


def _place(address: int) -> int:
    """The number that operations know a page of a process by."""
    if isinstance(address, int):
        if 0 <= address - FIRST < _PLACES * PAGE:
            return (address - FIRST) // PAGE
        if 0 <= address - HEAP < _HEAP_PLACES * PAGE:
            return _PLACES + (address - HEAP) // PAGE
        address = hex(address)
    raise BadInput(f"address {address}: processes here live in {FIRST:#x} to "
                   f"{FIRST + _PLACES * PAGE:#x}, and their heap in {HEAP:#x} to "
                   f"{HEAP + _HEAP_PLACES * PAGE:#x}")


def _page_place(address: int) -> int:
    place = _place(address)
    if address % PAGE:
        raise BadInput(f"address {address:#x} is not the start of a page ({PAGE} bytes)")
    return place


def _byte(address: int) -> tuple[int, int]:
    return _place(address), address % PAGE // SECTOR


def _letters(what: str, value: str | int, known: dict[str, int], most: int) -> int:
    """A mask from letters, or from itself."""
    if isinstance(value, str) and all(letter in known for letter in value):
        return sum(known[letter] for letter in set(value))
    if isinstance(value, int) and 0 <= value <= most:
        return int(value)
    raise BadInput(f"{what} is {value!r}: say letters of {''.join(known)!r}, or a number up to "
                   f"{most}")


def _prot(value: str | int) -> int:
    return 0 if value == "none" else _letters("prot", value, {"r": 1, "w": 2, "x": 4}, 15)


def _mode(value: str | int) -> int:
    return _letters("mode", value, {"r": 1, "w": 2}, 3)


def _units(value: str | int) -> int:
    """The mask of units: all, none, U3,U7 (only these), -U6 (all but this), or a mask."""
    if isinstance(value, int) and 0 <= value <= _ALL_UNITS:
        return int(value)
    if value in ("all", "none"):
        return _ALL_UNITS if value == "all" else 0
    names = value.split(",") if isinstance(value, str) else []
    without = [name.startswith("-") for name in names]
    if names and len(set(without)) == 1 and all(n.lstrip("-") in bits.UNITS for n in names):
        mask = sum(1 << bits.UNITS.index(n) for n in {n.lstrip("-") for n in names})
        return _ALL_UNITS & ~mask if without[0] else mask
    raise BadInput(f"units is {value!r}: say 'all', 'none', 'U3,U7' (only these), '-U6' (all but "
                   "this one), or a mask up to 0x7f")


class File:
    """A named file of a world.

    number : int    as in texts: `file 0` is inode[0] and mapping[0]
    mode : str      how a process opens it that has to and was not told
    """

    def __init__(self, world: "World", number: int, mode: str):
        self.world, self.number, self.mode = world, number, mode

    @property
    def kind(self) -> str:
        return rendering.KINDS[self.world[f"inode[{self.number}].i_kind"]]

    @property
    def size(self) -> int:
        """Bytes."""
        return self.world[f"inode[{self.number}].i_size"]

    @property
    def disk(self) -> list[int]:
        """Versions of the sectors on disk, up to the end of the file; holes are 0."""
        sectors = min((self.size + SECTOR - 1) // SECTOR, _SLOTS * SECTORS)
        return [self.world[f"inode[{self.number}].disk[{i}]"] for i in range(sectors)]

    @property
    def cache(self) -> dict[int, int]:
        """Pages of the file in memory: index -> number of the page."""
        found = {}
        for i in range(self.world[f"mapping[{self.number}].page_tree.nr"]):
            slot = f"mapping[{self.number}].slot[{i}]"
            found[self.world[f"{slot}.index_and_tags"] >> 2] = self.world._words().number(
                "page", f"{slot}.page")
        return found

    def page(self, index: int) -> int | None:
        """Number of the page in memory, or None."""
        return self.cache.get(index)

    def write(self, index: int, sector: int = 0, sectors: int = 1,
              process: "Process | None" = None) -> Result:
        """write(2) of sectors of one page, by the first process unless one is named."""
        _number("index", index, 0, 255)
        _number("sector", sector, 0, SECTORS - 1)
        _number("sectors", sectors, 0, SECTORS)
        return self.world._by_descriptor("write", self, process, index, sector, sectors)

    def truncate(self, size: int) -> Result:
        """Set the size, a multiple of a sector, in bytes."""
        if not isinstance(size, int) or size % SECTOR or not 0 <= size <= _SLOTS * PAGE:
            raise BadInput(f"size is {size!r}: it must be a multiple of {SECTOR} up to "
                           f"{_SLOTS * PAGE}")
        return self.world._do("truncate", 0, self.number, size // SECTOR)

    def __repr__(self) -> str:
        return f"<file {self.number}: {self.kind}, {self.size} bytes>"


class Process:
    """A process of a world; process 0 is there from the start, others come by fork."""

    def __init__(self, world: "World", number: int):
        self.world, self.number = world, number

    @property
    def alive(self) -> bool:
        return bool(self.world[f"mm[{self.number}].mm_users"])

    @property
    def files(self) -> dict[int, File]:
        """Its open files by descriptor."""
        words = self.world._words()
        found = {}
        for fd in range(_FDS):
            file = words.number("file", f"task[{self.number}].fd[{fd}]")
            if file is not None:
                found[fd] = self.world.files[words.number("mapping", f"file[{file}].f_mapping")]
        return found

    def open(self, file: File, mode: str | int | None = None) -> Result:
        """Open a file: its descriptor."""
        self.world._start()
        return self._open(self.world._own(file), mode)

    def _open(self, file: File, mode: str | int | None = None) -> Result:
        free = [fd for fd in range(_FDS) if fd not in self.files]
        if not free:
            raise BadInput(_ENOFILE.format(self.number, _FDS))
        result = self.world._operate("open", self.number, free[0], file.number,
                                     _mode(file.mode if mode is None else mode))
        return result if result < 0 else Result(free[0])

    def _descriptor(self, file: File | int) -> int:
        """That of a file, which is opened if need be; below zero: that failed."""
        if isinstance(file, int):
            return _number("file", file, 0, _FDS - 1)
        self.world._own(file)
        for fd, opened in self.files.items():
            if opened is file:
                return fd
        return self._open(file)

    def close(self, file: File | int) -> Result:
        """Close a descriptor, or the first one of a file."""
        if isinstance(file, File):
            found = [fd for fd, opened in self.files.items() if opened is file]
            if not found:
                raise BadInput(f"process {self.number} has not opened {file!r}")
            file = found[0]
        return self.world._do("close", self.number, _number("file", file, 0, _FDS - 1))

    def mmap(self, file: File | int | None = None, pages: int = 1, prot: str | int = "rw",
             shared: bool = True, at: int | None = None, pgoff: int = 0, *, locked: bool = False,
             populate: bool = False, noreserve: bool = False, growsdown: bool = False,
             nonblock: bool = False) -> Result:
        """Map a file (a descriptor of it; None: memory of no file): the address.

        at : int | None     with MAP_FIXED, and what is there goes; None: where there is room
        """
        said = {"locked": locked, "populate": populate, "noreserve": noreserve,
                "growsdown": growsdown, "nonblock": nonblock}
        flags = (_SHARED if shared else _PRIVATE) | (_ANYWHERE if at is None else 0) | sum(
            _MAP_FLAGS[name] for name, on in said.items() if on)
        arguments = (0 if at is None else _page_place(at), _number("pages", pages, 0, _MOST_PAGES),
                     _prot(prot), flags, _number("pgoff", pgoff, 0, 255))
        self.world._start()
        fd = _NO_FD if file is None else self._descriptor(file)
        if fd < 0:
            return Result(fd)
        return self.world._operate("mmap", self.number, fd, *arguments, is_address=True)

    def munmap(self, at: int, pages: int = 1) -> Result:
        return self.world._do("munmap", self.number, _page_place(at),
                              _number("pages", pages, 0, _MOST_PAGES))

    def mprotect(self, at: int, pages: int = 1, prot: str | int = "rw") -> Result:
        return self.world._do("mprotect", self.number, _page_place(at),
                              _number("pages", pages, 0, _MOST_PAGES), _prot(prot))

    def msync(self, at: int, pages: int = 1, flags: str | int = "sync") -> Result:
        """flags: sync, async, invalidate, several with commas, or the kernel's number."""
        names = flags.split(",") if isinstance(flags, str) else []
        if isinstance(flags, str) and all(name in _MS_FLAGS for name in names):
            flags = sum(_MS_FLAGS[name] for name in set(names))
        if isinstance(flags, str):
            raise BadInput(f"flags is {flags!r}: say {', '.join(_MS_FLAGS)}, or a number")
        return self.world._do("msync", self.number, _page_place(at),
                              _number("pages", pages, 0, _MOST_PAGES),
                              _number("flags", flags, 0, 255))

    def brk(self, pages: int) -> Result:
        """Let the heap be so many pages long: where it ends now."""
        return self.world._do("brk", self.number, _number("pages", pages, 0, _HEAP_PLACES),
                              is_address=True)

    def remap_file_pages(self, at: int, pages: int = 1, pgoff: int = 0,
                         nonblock: bool = False) -> Result:
        return self.world._do("remap_file_pages", self.number, _page_place(at),
                              _number("pages", pages, 0, _MOST_PAGES),
                              _number("pgoff", pgoff, 0, 255), int(nonblock))

    def read(self, at: int) -> Result:
        """Load a byte: the version that it reads."""
        return self.world._do("load", self.number, *_byte(at))

    def write(self, at: int) -> Result:
        """Store a byte: the version that its sector has now."""
        return self.world._do("store", self.number, *_byte(at))

    def peek(self, at: int, by: "Process | None" = None) -> Result:
        """Let a debugger read a byte of this process."""
        return self._access(at, 0, by)

    def poke(self, at: int, by: "Process | None" = None) -> Result:
        """Let a debugger write a byte of this process, writable or not."""
        return self._access(at, 1, by)

    def _access(self, at: int, write: int, by: "Process | None") -> Result:
        actor = self.number if by is None else by.number
        return self.world._do("poke", actor, self.number, *_byte(at), write)

    def pin(self, at: int, write: bool = True, force: bool = False) -> Result:
        """get_user_pages of one page, as a device does before it writes into it."""
        return self.world._do("pin", self.number, _page_place(at), int(write), int(force))

    def fork(self) -> "Process | Result":
        """The child, or what the kernel says instead."""
        result = self.world._do("fork", self.number)
        return Process(self.world, int(result)) if result.ok else result

    def exit(self) -> Result:
        return self.world._do("exit", self.number)

    def pte(self, at: int) -> str:
        """The page table entry of an address: `page 3 RW D A`, `none`, `swap 2`, `file pte 5`."""
        _place(at)
        words = self.world._words()
        return rendering.pte_text(rendering.pte_word(words, self.number, at - at % PAGE),
                                  words["world.size.pages"])

    def page(self, at: int) -> int | None:
        """Number of the page that an address is mapped to, or None."""
        name, _, number = self.pte(at).partition(" ")
        return int(number.split()[0]) if name == "page" else None

    def __repr__(self) -> str:
        if not self.alive:
            return f"<process {self.number}: has ended>"
        mm = f"mm[{self.number}]"
        return (f"<process {self.number}: {self.world[f'{mm}.map_count']} vmas, "
                f"{self.world[f'{mm}.total_vm']} pages mapped>")


class World:
    """A small world of the machine, and what one does to it.

    half : str | Half       who runs the functions of the patch: C, P, or a half that was loaded
    units : str | int       edits of the patch that are on: all, none, U5, -U6, a mask
    memory : int            pages to allocate from, 1 to 16

    Both can be set at any time.  A copy is cheap: `before = w.copy()`.
    """

    def __init__(self, half: "str | core.Half" = "C", units: str | int = "all", memory: int = 16):
        machine = _machine()
        self._image = machine.empty
        self._before, self._steps = self._image, []
        self._given: list[File] = []
        self._events: list[dict] | None = None
        self.ended: str | None = None
        self.history: list[str] = []
        self.half, self.units = half, units
        pages = self["world.size.pages"] - 1
        for page in range(_number("memory", memory, 1, pages), pages):
            self[f"page[{page}].flags"] = _PG_RESERVED
            self[f"page[{page}]._count"] = 1
        self._before = self._image

    # What it is made of.

    def file(self, kind: str = "ext2", pages: int = 2, block: int = 4096,
             holes: Iterable[int] = (), mode: str = "rw") -> File:
        """A file more, up to three; its sectors on disk have versions of their own.

        kind : str      ext2, ext3, block device, tmpfs, ramfs, PFNMAP driver, prot driver...
        block : int     bytes of a block: 1024, 2048 or 4096
        holes : ints    numbers of blocks that are not on disk
        mode : str      how processes open it that map or write it without opening it
        raises BadInput   any of these cannot be, or there are three files already
        """
        if len(self._given) == _FILES:
            raise BadInput(f"a world has at most {_FILES} files")
        known = [name.replace(" ", "_") for name in rendering.KINDS]
        if kind not in (*known, *rendering.KINDS):
            raise BadInput(f"no kind of file {kind!r}: there are {', '.join(rendering.KINDS)}")
        if block not in (1024, 2048, 4096):
            raise BadInput(f"block is {block!r}: it must be 1024, 2048 or 4096 bytes")
        _number("pages", pages, 0, _SLOTS)
        holes = [_number("a hole", hole, 0, _SLOTS * PAGE // block - 1) for hole in holes]
        _mode(mode)
        self._make_inode(len(self._given), known.index(kind.replace(" ", "_")), pages * PAGE)
        self._fill_disk(len(self._given), pages, block, holes)
        self._given.append(File(self, len(self._given), mode))
        return self._given[-1]

    def _make_inode(self, number: int, kind: int, size: int) -> None:
        machine = _machine()
        with machine.lock:
            machine.runner.restore(self._image)
            machine.runner.primitive("make_inode", machine.where.address(f"inode[{number}]"), kind,
                                     size)
            self._image = machine.runner.image()

    def _fill_disk(self, number: int, pages: int, block: int, holes: list[int]) -> None:
        inode = f"inode[{number}]"
        self[f"{inode}.i_blkbits"] = block.bit_length() - 1
        self[f"{inode}.i_mapped"] = (1 << 64) - 1 & ~sum(1 << hole for hole in set(holes))
        if self[f"{inode}.i_kind"] < 3:     # the kinds that have a disk
            for i in range(pages * SECTORS):
                if i * SECTOR // block not in holes:
                    self["world.version"] += 1
                    self[f"{inode}.disk[{i}]"] = self["world.version"]

    @property
    def files(self) -> list[File]:
        return list(self._given)

    @property
    def process(self) -> Process:
        """Process 0."""
        return Process(self, 0)

    @property
    def processes(self) -> list[Process]:
        """Those that are alive."""
        return [p for p in (Process(self, i) for i in range(_PROCESSES)) if p.alive]

    @property
    def half(self) -> core.Half:
        return self._half

    @half.setter
    def half(self, half: "str | core.Half") -> None:
        if isinstance(half, core.Half):
            self._half = half
        elif half in halves.BUILT_IN:
            self._half = _built_in(half)
        else:
            raise BadInput(f"half is {half!r}: say 'C', 'P', or give a half that was loaded")

    @property
    def units(self) -> str:
        return bits.units_text(self["world.units"])

    @units.setter
    def units(self, units: str | int) -> None:
        self["world.units"] = _units(units)

    # What the kernel and the disk do.

    def writeback(self, file: File, sync: bool = False, pages: int = 32) -> Result:
        """Write a file's dirty pages: as pdflush does, or as sync does."""
        return self._do("writeback", 0, self._own(file).number, int(sync),
                        _number("pages", pages, 0, 255))

    def sync(self) -> Result:
        return self._do("sync", 0)

    def fsync(self, file: File, process: Process | None = None) -> Result:
        return self._by_descriptor("fsync", file, process)

    def complete(self, page: int | None = None, ok: bool = True) -> Result:
        """End the writes of a page, or of all pages, well or with an error: how many pages."""
        last = self["world.size.pages"] - 1
        if page is not None:
            return self._do("complete", 0, _number("page", page, 0, last), int(ok))
        self._start()
        flying = [i for i in range(last) if self[f"page[{i}].io"]]
        for i in flying:
            if not self.ended:
                self._operate("complete", 0, i, int(ok))
        return Result(len(flying))

    def flush(self, file: File, index: int) -> Result:
        """Let the file system write a page's dirty buffers and tell the page nothing."""
        return self._do("flush_buffers", 0, self._own(file).number, _number("index", index, 0, 255))

    def commit(self, file: File) -> Result:
        """Commit the transaction of an ext3 file."""
        return self._do("commit", 0, self._own(file).number)

    def reclaim(self, page: int, may_write: bool = True) -> Result:
        """Memory is short, and the kernel looks at this page: 1 if it is free now."""
        return self._do("reclaim", 0, self._page(page), int(may_write))

    def strip(self, page: int) -> Result:
        """Buffers are many, and the kernel looks at those of this page."""
        return self._do("strip", 0, self._page(page))

    def release(self, file: File, index: int) -> Result:
        """try_to_release_page of a page of a file."""
        return self._do("release_page", 0, self._own(file).number, _number("index", index, 0, 255))

    def invalidate(self, file: File) -> Result:
        """invalidate_inode_pages2, as direct I/O does."""
        return self._do("invalidate", 0, self._own(file).number)

    def drain(self) -> Result:
        """Put pages that wait for it on the LRU lists."""
        return self._do("drain", 0)

    def unpin(self, page: int, store: bool = True, dirty: bool = True) -> Result:
        """End a pin; the device has written into the page, and set_page_dirty_lock says so."""
        return self._do("unpin", 0, self._page(page), int(store), int(dirty))

    def lock_page(self, page: int) -> Result:
        """Let another task hold the page's lock during the next operation."""
        return self._do("lock_page", 0, self._page(page))

    # What happened, and what there is.

    @property
    def events(self) -> list[str]:
        """Every event of the last call, with the step of the patch's function that it is of."""
        return [f"{e['step'] or '-':<5} {e['text']}" for e in self._all_events()]

    @property
    def steps(self) -> list[str]:
        """The events of the last call that functions of the patch made, and where."""
        return [f"{e['step']:<5} {e['text']}   {e['place']}" for e in self._all_events()
                if e["step"]]

    def _all_events(self) -> list[dict]:
        if self._events is None:
            self._events = [event for words, places, half in self._steps for event in
                            finding.events_of(words, places, half, _machine().where)]
        return self._events

    @property
    def changed(self) -> list[tuple[str, str, str]]:
        """(path, before, after) of every word or bit that the last call changed."""
        return _machine().where.differences(self._before, self._image)

    def diff(self, other: "World | None" = None) -> str:
        """Lines that differ: from this world (-) to another one (+), or by the last call."""
        where = _machine().where
        if other is None:
            found = rendering.difference(where, self._before, self._image, (self._hidden(),) * 2)
        else:
            found = rendering.difference(where, self._image, other._image,
                                         (self._hidden(), other._hidden()))
        return "\n".join(found)

    def properties(self) -> str | None:
        """Name of the first property that does not hold, or None: see core.PROPERTIES."""
        self._check_running()
        machine = _machine()
        with machine.lock:
            machine.runner.restore(self._image)
            return machine.runner.broken_property()

    def copy(self) -> "World":
        """A world in the same state, with processes and files of its own."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__)
        other.history = list(self.history)
        other._given = [File(other, file.number, file.mode) for file in self._given]
        return other

    @property
    def image(self) -> bytes:
        """The state: equal worlds have equal images."""
        return self._image

    def __getitem__(self, path: str) -> int:
        """A word or a bit by its path: w["page[0]._count"], w["page[0].flags.dirty"]."""
        value = _machine().where.read(self._image, path)
        place = self._place_of(path)
        if place and place.form == "int" and place.size > 2 and value >> (8 * place.size - 1):
            value -= 1 << 8 * place.size
        return value

    def __setitem__(self, path: str, value: int) -> None:
        """Force a word or a bit, which may be no state that a kernel gets into."""
        place = self._place_of(path)
        if place and place.form == "ptr":
            raise BadInput(f"{path} is a pointer: it cannot be set by hand")
        self._image = _machine().where.write(self._image, path, value)

    @staticmethod
    def _place_of(path: str):
        try:
            return _machine().where.place(path)
        except BadInput:
            return None     # a bit of one

    def __str__(self) -> str:
        ended = [f"ended: {self.ended}"] if self.ended else []
        return "\n".join(ended + rendering.text(_machine().where, self._image, self._hidden()))

    def __repr__(self) -> str:
        said = [f"half {self.half.name}", f"units {self.units}",
                f"processes {', '.join(str(p.number) for p in self.processes) or 'none'}",
                f"{len(self._given)} files", f"{len(self.history)} operations"]
        return f"<World: {', '.join(said)}{f', ended: {self.ended}' if self.ended else ''}>"

    def _repr_html_(self) -> str:
        return rendering.html(_machine().where, self._image, repr(self)[1:-1], self._hidden())

    # Inside.

    def _hidden(self) -> range:
        """Files that nobody asked for yet."""
        return range(len(self._given), _FILES)

    def _words(self) -> rendering.Words:
        return rendering.Words(_machine().where, self._image)

    def _own(self, file: File) -> File:
        if not isinstance(file, File):
            raise BadInput(f"{file!r} is no file: w.file() makes one")
        if file.world is not self:
            raise BadInput(f"{file!r} is of another world: take that of w.files")
        return file

    def _page(self, page: int) -> int:
        return _number("page", page, 0, self["world.size.pages"] - 1)

    def _by_descriptor(self, name: str, file: File, process: Process | None,
                       *arguments: int) -> Result:
        """An operation that takes a descriptor, by a process that is told or has the file open."""
        self._own(file)
        self._start()
        living = self.processes
        if process is None and not living:
            raise BadInput(f"{name}: no process is alive")
        actor = process or next((p for p in living if file in p.files.values()), living[0])
        fd = actor._descriptor(file)
        return Result(fd) if fd < 0 else self._operate(name, actor.number, fd, *arguments)

    def _check_running(self) -> None:
        if self.ended:
            raise BadInput(f"this world has ended: {self.ended}; go on from a copy made before")

    def _start(self) -> None:
        """A call begins: what events, changed and diff tell about."""
        self._check_running()
        self._before, self._steps, self._events = self._image, [], None

    def _do(self, name: str, actor: int, *arguments: int, is_address: bool = False) -> Result:
        self._start()
        return self._operate(name, actor, *arguments, is_address=is_address)

    def _operate(self, name: str, actor: int, *arguments: int, is_address: bool = False) -> Result:
        machine = _machine()
        with machine.lock:
            runner = machine.runner
            runner.restore(self._image)
            runner.forget_trace()
            outcome, value, fault = runner.operate(self.half, name, actor, *arguments)
            words, places = runner.trace()
            runner.forget_trace()
            self._image = runner.image()
        self._steps.append((words, places, self.half))
        said = finding.operation_text(name, actor, arguments)
        if outcome == "returned":
            result = Result(value, is_address=is_address)
        else:
            result = Result(-1, outcome)
            at = f" at offset {fault:#x} from NULL" if outcome == "oops" else ""
            self.ended = f"{outcome}{at} in {said}"
        self.history.append(f"{said} -> {result}")
        return result

