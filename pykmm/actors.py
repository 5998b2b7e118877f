# SPDX-License-Identifier: GPL-2.0-only
"""Files and processes of a World, what one can ask of them, and what they answer."""

from typing import TYPE_CHECKING

from .errors import BadInput
from .report import world as rendering
from .report.operations import error_name
from .report.paths import PAGE_SHIFT, SECTORS

if TYPE_CHECKING:
    from .world import World

PAGE = 1 << PAGE_SHIFT
SECTOR = PAGE // SECTORS
SLOTS = 6           # pages that a file can have
FIRST, HEAP = 0x40000000, 0x08050000        # TASK_UNMAPPED_BASE, KMM_HEAP_START
_PLACES, _HEAP_PLACES = 16, 8               # pages of each that a process has page tables for
_FDS = 4
_NO_FD, _MOST_PAGES = 255, 255
_SHARED, _PRIVATE, _ANYWHERE = 1, 2, 4
_MAP_FLAGS = {"locked": 0x08, "populate": 0x10, "noreserve": 0x20, "growsdown": 0x40,
              "nonblock": 0x80}
_MS_FLAGS = {"async": 1, "invalidate": 2, "sync": 4}


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
            result.name = error_name(value)
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


def number(what: str, value: int, low: int, high: int) -> int:
    if not isinstance(value, int) or not low <= value <= high:
        raise BadInput(f"{what} is {value!r}: it must be a number from {low} to {high}")
    return int(value)


def place_of(address: int) -> int:
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
    place = place_of(address)
    if address % PAGE:
        raise BadInput(f"address {address:#x} is not the start of a page ({PAGE} bytes)")
    return place


def _byte(address: int) -> tuple[int, int]:
    return place_of(address), address % PAGE // SECTOR


def _letters(what: str, value: str | int, known: dict[str, int], most: int) -> int:
    """A mask from letters, or from itself."""
    if isinstance(value, str) and all(letter in known for letter in value):
        return sum(known[letter] for letter in set(value))
    if isinstance(value, int) and 0 <= value <= most:
        return int(value)
    raise BadInput(f"{what} is {value!r}: say letters of {''.join(known)!r}, or a number up to "
                   f"{most}")


def prot_of(value: str | int) -> int:
    return 0 if value == "none" else _letters("prot", value, {"r": 1, "w": 2, "x": 4}, 15)


def mode_of(value: str | int) -> int:
    return _letters("mode", value, {"r": 1, "w": 2}, 3)


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
        sectors = min((self.size + SECTOR - 1) // SECTOR, SLOTS * SECTORS)
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
        number("index", index, 0, 255)
        number("sector", sector, 0, SECTORS - 1)
        number("sectors", sectors, 0, SECTORS)
        return self.world._by_descriptor("write", self, process, index, sector, sectors)

    def truncate(self, size: int) -> Result:
        """Set the size, a multiple of a sector, in bytes."""
        if not isinstance(size, int) or size % SECTOR or not 0 <= size <= SLOTS * PAGE:
            raise BadInput(f"size is {size!r}: it must be a multiple of {SECTOR} up to "
                           f"{SLOTS * PAGE}")
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
            raise BadInput(f"process {self.number} has {_FDS} files open, as many as it can: close "
                           "one")
        result = self.world._operate("open", self.number, free[0], file.number,
                                     mode_of(file.mode if mode is None else mode))
        return result if result < 0 else Result(free[0])

    def _descriptor(self, file: File | int) -> int:
        """That of a file, which is opened if need be; below zero: that failed."""
        if isinstance(file, int):
            return number("file", file, 0, _FDS - 1)
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
        return self.world._do("close", self.number, number("file", file, 0, _FDS - 1))

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
        arguments = (0 if at is None else _page_place(at), number("pages", pages, 0, _MOST_PAGES),
                     prot_of(prot), flags, number("pgoff", pgoff, 0, 255))
        self.world._start()
        fd = _NO_FD if file is None else self._descriptor(file)
        if fd < 0:
            return Result(fd)
        return self.world._operate("mmap", self.number, fd, *arguments, is_address=True)

    def munmap(self, at: int, pages: int = 1) -> Result:
        return self.world._do("munmap", self.number, _page_place(at),
                              number("pages", pages, 0, _MOST_PAGES))

    def mprotect(self, at: int, pages: int = 1, prot: str | int = "rw") -> Result:
        return self.world._do("mprotect", self.number, _page_place(at),
                              number("pages", pages, 0, _MOST_PAGES), prot_of(prot))

    def msync(self, at: int, pages: int = 1, flags: str | int = "sync") -> Result:
        """flags: sync, async, invalidate, several with commas, or the kernel's number."""
        names = flags.split(",") if isinstance(flags, str) else []
        if isinstance(flags, str) and all(name in _MS_FLAGS for name in names):
            flags = sum(_MS_FLAGS[name] for name in set(names))
        if isinstance(flags, str):
            raise BadInput(f"flags is {flags!r}: say {', '.join(_MS_FLAGS)}, or a number")
        return self.world._do("msync", self.number, _page_place(at),
                              number("pages", pages, 0, _MOST_PAGES),
                              number("flags", flags, 0, 255))

    def brk(self, pages: int) -> Result:
        """Let the heap be so many pages long: where it ends now."""
        return self.world._do("brk", self.number, number("pages", pages, 0, _HEAP_PLACES),
                              is_address=True)

    def remap_file_pages(self, at: int, pages: int = 1, pgoff: int = 0,
                         nonblock: bool = False) -> Result:
        return self.world._do("remap_file_pages", self.number, _page_place(at),
                              number("pages", pages, 0, _MOST_PAGES),
                              number("pgoff", pgoff, 0, 255), int(nonblock))

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
        actor = self.number if by is None else self.world._own_process(by).number
        return self.world._do("poke", actor, self.number, *_byte(at), write)

    def pin(self, at: int, write: bool = True, force: bool = False) -> Result:
        """get_user_pages of one page, as a device does before it writes into it."""
        return self.world._do("pin", self.number, _page_place(at), int(write), int(force))

    def fork(self) -> "Process | Result":
        """The child, or what the kernel says instead."""
        result = self.world._do("fork", self.number)
        return self.world._process(int(result)) if result.ok else result

    def exit(self) -> Result:
        return self.world._do("exit", self.number)

    def pte(self, at: int) -> str:
        """The page table entry of an address: `page 3 RW D A`, `none`, `swap 2`, `file pte 5`."""
        place_of(at)
        words = self.world._words()
        return rendering.pte_text(rendering.pte_word(words, self.number, at - at % PAGE),
                                  words.pages)

    def page(self, at: int) -> int | None:
        """Number of the page that an address is mapped to, or None."""
        name, _, number = self.pte(at).partition(" ")
        return int(number.split()[0]) if name == "page" else None

    def __repr__(self) -> str:
        if not self.alive:
            return f"<process {self.number}: has ended>"
        mm = f"mm[{self.number}]"
        vmas, pages = self.world[f"{mm}.map_count"], self.world[f"{mm}.total_vm"]
        return (f"<process {self.number}: {rendering.many(pages, 'page')} mapped, "
                f"{rendering.many(vmas, 'vma')}>")
