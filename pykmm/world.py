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

import threading
from collections.abc import Callable, Iterable
from functools import cache

from . import pauses
from .actors import PAGE, SECTOR, SLOTS, File, Process, Result, mode_of, number
from .engine import core, finding, halves, properties
from .errors import BadInput
from .report import bits, operations
from .report import world as rendering
from .report.paths import SECTORS, Map, Place

_FILES, _FDS, _PROCESSES = 3, 4, 3
_ALL_UNITS = 0x7F
_CAP_IPC_LOCK = 1
_PG_RESERVED = 1 << 10


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
            for j in range(SLOTS * SECTORS):
                image = write(image, f"inode[{i}].disk[{j}]", 0)
        image = write(image, "task[0].capabilities", _CAP_IPC_LOCK)
        return write(image, "world.version", 0)


@cache
def _machine() -> _Machine:
    return _Machine()


@cache
def _built_in(name: str) -> core.Half:
    return halves.c_half() if name == "C" else halves.p_half()


def _units(value: str | int) -> int:
    """The mask of units: all, none, U3,U7 (only these), -U6 (all but this), or a mask."""
    if isinstance(value, int) and 0 <= value <= _ALL_UNITS:
        return int(value)
    if value in ("all", "none"):
        return _ALL_UNITS if value == "all" else 0
    names = value.split(",") if isinstance(value, str) else []
    without = [name.startswith("-") for name in names]
    if names and len(set(without)) == 1 and all(n.removeprefix("-") in bits.UNITS
                                                  for n in names):
        mask = sum(1 << bits.UNITS.index(n) for n in {n.removeprefix("-") for n in names})
        return _ALL_UNITS & ~mask if without[0] else mask
    raise BadInput(f"units is {value!r}: say 'all', 'none', 'U3,U7' (only these), '-U6' (all but "
                   "this one), or a mask up to 0x7f")


class World:
    """A small world of the machine, and what one does to it.

    half : str | Half       who runs the functions of the patch: C, P, or a half that was loaded
    units : str | int       edits of the patch that are on: all, none, U5, -U6, a mask
    memory : int            pages to allocate from, 1 to 16
    clock_stands : bool     all operations fall into one second: no time stamp of a file changes

    Both can be set at any time.  A copy is cheap: `before = w.copy()`.
    """

    def __init__(self, half: "str | core.Half" = "C", units: str | int = "all", memory: int = 16,
                 clock_stands: bool = False):
        machine = _machine()
        self._image = machine.empty
        self._before, self._steps = self._image, []
        self._given: list[File] = []
        self._all = [Process(self, i) for i in range(_PROCESSES)]
        self._events: list[dict] | None = None
        self._recorded: list[tuple[str, int, tuple[int, ...]]] | None = None
        self.ended: str | None = None
        self.history: list[str] = []
        self.half, self.units = half, units
        pages = self["world.size.pages"] - 1
        for page in range(number("memory", memory, 1, pages), pages):
            self[f"page[{page}].flags"] = _PG_RESERVED
            self[f"page[{page}]._count"] = 1
        self["world.clock_stands"] = int(clock_stands)
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
        number("pages", pages, 0, SLOTS)
        holes = [number("a hole", hole, 0, SLOTS * PAGE // block - 1) for hole in holes]
        if holes and kind.replace("_", " ") == "block device":
            raise BadInput("a block device has no holes: all of it is on disk")
        mode_of(mode)
        self._make_inode(len(self._given), known.index(kind.replace(" ", "_")), pages * PAGE)
        self._fill_disk(len(self._given), pages, block, holes)
        self._given.append(File(self, len(self._given), mode))
        return self._given[-1]

    def _make_inode(self, inode: int, kind: int, size: int) -> None:
        machine = _machine()
        with machine.lock:
            machine.runner.restore(self._image)
            machine.runner.primitive("make_inode", machine.where.address(f"inode[{inode}]"), kind,
                                     size)
            self._image = machine.runner.image()

    def _fill_disk(self, file: int, pages: int, block: int, holes: list[int]) -> None:
        inode = f"inode[{file}]"
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
        return self._all[0]

    @property
    def processes(self) -> list[Process]:
        """Those that are alive."""
        return [process for process in self._all if process.alive]

    @property
    def half(self) -> str:
        return self._half.name

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
                        number("pages", pages, 0, 255))

    def sync(self) -> Result:
        return self._do("sync", 0)

    def fsync(self, file: File, process: Process | None = None) -> Result:
        return self._by_descriptor("fsync", file, process)

    def complete(self, page: int | None = None, ok: bool = True) -> Result:
        """End the writes of a page, or of all pages, well or with an error: how many pages."""
        last = self["world.size.pages"] - 1
        if page is not None:
            return self._do("complete", 0, number("page", page, 0, last), int(ok))
        self._start()
        flying = [i for i in range(last) if self[f"page[{i}].io"]]
        for i in flying:
            if not self.ended:
                self._operate("complete", 0, i, int(ok))
        return Result(len(flying))

    def flush(self, file: File, index: int) -> Result:
        """Let the file system write a page's dirty buffers and tell the page nothing."""
        return self._do("flush_buffers", 0, self._own(file).number, number("index", index, 0, 255))

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
        return self._do("release_page", 0, self._own(file).number, number("index", index, 0, 255))

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

    def at_pause(self, pause: int, act: Callable[..., Result], *arguments: object,
                 **named: object) -> None:
        """Let another actor act in what comes next: `w.at_pause(3, f.truncate, 0)`.

        A pause is a place where an operation sleeps or is about to take a lock; at the how-manieth
        from here, of one operation or several, act(*arguments, **named) takes place, whole, if it
        need not wait for a lock; `w["world.interfered"]` and events tell.  Two others can be
        waiting so at a time, each for a pause of its own.

        raises BadInput   a third, or the pause of another one, or what is no single operation
        """
        self._check_running()
        number("the number of a pause", pause, 1, 65535)
        other = pauses.free(self.__getitem__, pause)
        name, actor, values = self._what(act, arguments, named)
        kind = [kind for kind, _ in core.OPERATIONS].index(name)
        for path, value in pauses.words(pause, (kind, actor, values), other=other).items():
            self[path] = value

    def _what(self, act: Callable, arguments: tuple, named: dict) -> tuple[str, int, tuple]:
        """The operation that a call would perform: the call is made, and nothing is performed."""
        self._recorded = []
        try:
            act(*arguments, **named)
            found = self._recorded
        finally:
            self._recorded = None
        if len(found) != 1:
            done = " and ".join(name for name, _, _ in found) or "none of this world"
            raise BadInput(f"at a pause there is one operation, and this is {done}: open a file "
                           "before, and say which page is complete")
        return found[0]

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
        """Name of the first property that should hold always and does not, or None."""
        return next(iter(self._broken(properties.ALWAYS)), None)

    def broken(self, *names: str) -> list[str]:
        """Those of these properties that do not hold, the ones that a kernel is judged by included.

        names : str    of core.PROPERTIES; none: all of them
        """
        return self._broken(properties.mask(names) if names else properties.ALL)

    def _broken(self, mask: int) -> list[str]:
        self._check_running()
        machine = _machine()
        with machine.lock:
            machine.runner.restore(self._image)
            return properties.names(machine.runner.broken(mask))

    def copy(self) -> "World":
        """A world in the same state, with processes and files of its own."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__)
        other.history = list(self.history)
        other._all = [Process(other, i) for i in range(_PROCESSES)]
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
    def _place_of(path: str) -> Place | None:
        try:
            return _machine().where.place(path)
        except BadInput:
            return None     # a bit of one

    def __str__(self) -> str:
        ended = [f"ended: {self.ended}"] if self.ended else []
        return "\n".join(ended + rendering.text(_machine().where, self._image, self._hidden()))

    def __repr__(self) -> str:
        said = [f"half {self.half}", f"units {self.units}",
                f"processes {', '.join(str(p.number) for p in self.processes) or 'none'}",
                rendering.many(len(self._given), "file"),
                rendering.many(len(self.history), "operation")]
        return f"<World: {', '.join(said)}{f', ended: {self.ended}' if self.ended else ''}>"

    def _repr_html_(self) -> str:
        return rendering.html(_machine().where, self._image, repr(self)[1:-1], self._hidden())

    @staticmethod
    def block() -> tuple["core.Runner", Map]:
        """The block that images of worlds belong to, and the names of what is in it."""
        machine = _machine()
        return machine.runner, machine.where

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

    def _own_process(self, process: Process) -> Process:
        if not isinstance(process, Process) or process.world is not self:
            raise BadInput(f"{process!r} is no process of this world")
        return process

    def _process(self, number: int) -> Process:
        return self._all[number]

    def _page(self, page: int) -> int:
        return number("page", page, 0, self["world.size.pages"] - 1)

    def _by_descriptor(self, name: str, file: File, process: Process | None,
                       *arguments: int) -> Result:
        """An operation that takes a descriptor, by a process that is told or has the file open."""
        self._own(file)
        if process is not None:
            self._own_process(process)
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
        if self._recorded is None:
            self._before, self._steps, self._events = self._image, [], None

    def _do(self, name: str, actor: int, *arguments: int, is_address: bool = False) -> Result:
        self._start()
        return self._operate(name, actor, *arguments, is_address=is_address)

    def _operate(self, name: str, actor: int, *arguments: int, is_address: bool = False) -> Result:
        if self._recorded is not None:
            self._recorded.append((name, actor, arguments))
            return Result(0)
        machine = _machine()
        with machine.lock:
            runner = machine.runner
            runner.restore(self._image)
            runner.forget_trace()
            outcome, value, fault = runner.operate(self._half, name, actor, *arguments)
            words, places = runner.trace()
            runner.forget_trace()
            self._image = runner.image()
        self._steps.append((words, places, self._half))
        said = operations.text(name, actor, arguments)
        if outcome == "returned":
            result = Result(value, is_address=is_address)
        else:
            result = Result(-1, outcome)
            at = f" at offset {fault:#x} from NULL" if outcome == "oops" else ""
            self.ended = f"{outcome}{at} in {said}"
        self.history.append(f"{said} -> {result}")
        return result

