# SPDX-License-Identifier: GPL-2.0-only
"""The world that a scenario starts from: files, limits, and fields that are said one by one."""

from .. import pauses
from ..actors import PAGE, SLOTS, mode_of
from ..errors import BadInput
from ..report import bits
from ..report import world as rendering
from ..world import World
from . import model
from .block import Block
from .model import Fact, FileLine, Option, Value
from .words import (
    BIT,
    MODE,
    Flags,
    Form,
    Known,
    Now,
    Number,
    OneOf,
    Place,
    Unmeant,
    address_of_place,
    integer,
)

FILES = 3
_NO_LIMIT = (1 << 64) - 1
_LARGEST = (1 << 63) - 1
_IPC_LOCK, _READ_IMPLIES_EXEC = 1, 0x400000
INODE_FLAGS = {"append": 4, "mandatory": 8, "swapfile": 32}
_SHARED, _MAY, _MAYSHARE, _WRITE, _PFNMAP = 8, 0x70, 0x80, 2, 0x400
_NONLINEAR, _LOCKED, _ACCOUNT = 0x800000, 0x2000, 0x100000
_RW = 2
_U3 = 4
_NO_ACCT_DIRTY = 1
_I_DIRTY_PAGES = 4
_ON_DIRTY = 1           # inode->i_place
_FIRST_FRAME, _PAGE_SHIFT = 0x100, 12

KINDS = {name.replace(" ", "_"): i for i, name in enumerate(rendering.KINDS)}


class Holes(Flags):
    """Numbers of the blocks that are not on disk; 0x... in `mapped` says those that are."""

    def check(self, value: Value, known: Known) -> None:
        if value.kind not in ("number", "numbers"):
            raise Unmeant(f"found {value.text!r}, expected numbers of blocks, as holes=0,2")
        for part in value.text.split(","):
            if not 0 <= integer(part) < SLOTS * 4:
                raise Unmeant(f"found {part!r}, expected a block from 0 to {SLOTS * 4 - 1}")

    def number(self, value: Value, now: Now, process: int) -> int:
        return sum(1 << block for block in {integer(part) for part in value.text.split(",")})

    def said(self, number: int) -> str:
        return ",".join(str(i) for i in range(64) if number >> i & 1)


FILE_OPTIONS: dict[str, Form] = {
    "pages": Number(0, SLOTS), "size": Number(0, SLOTS * PAGE, 1024),
    "block": OneOf({"1024": 10, "2048": 11, "4096": 12}), "holes": Holes({}),
    "mapped": Number(0, _NO_LIMIT), "flags": Flags(INODE_FLAGS), "mode": MODE,
    "congested": BIT,
}

# name -> (form, field, value of one)
_OVERCOMMIT = {"guess": 0, "always": 1, "never": 2}
LIMITS: dict[str, tuple[Form, str, int]] = {
    "memory": (Number(0, 16), "", 1),
    "memlock": (Number(0, 255), "own_signal.memlock", PAGE),
    "as": (Number(0, 255), "own_signal.as", PAGE),
    "data": (Number(0, 255), "own_signal.data", PAGE),
    "fsize": (Number(0, 255), "own_signal.fsize", PAGE),
    "ipc_lock": (BIT, "capabilities", _IPC_LOCK),
    "read_implies_exec": (BIT, "personality", _READ_IMPLIES_EXEC),
    "commit_limit": (Number(0, _LARGEST), "world.commit_limit", 1),
    "overcommit": (OneOf(_OVERCOMMIT), "world.overcommit_memory", 1),
    "max_map_count": (Number(0, 65536), "world.max_map_count", 1),
    "buffer_heads_over_limit": (BIT, "world.buffer_heads_over_limit", 1),
}


def check_options(options: tuple[Option, ...], forms: dict[str, Form], what: str,
                  known: Known) -> None:
    """Raises Unmeant with the column of the option that cannot be meant."""
    seen = set()
    for option in options:
        if option.name not in forms:
            raise _at(option.column, f"{what} has no {option.name}=: it takes "
                      f"{', '.join(f'{name}=' for name in forms)}")
        if option.name in seen:
            raise _at(option.column, f"{option.name} is said twice")
        seen.add(option.name)
        try:
            forms[option.name].check(option.value, known)
        except Unmeant as error:
            raise _at(option.value.column, str(error)) from error


def _at(column: int, what: str) -> Unmeant:
    return Unmeant(what, column)


def check_file(line: FileLine, known: Known) -> None:
    """Raises Unmeant if there can be no such file."""
    if line.name in known.files or line.name in ("anon", "heap", "none", "all"):
        raise _at(line.column, f"{line.name!r} cannot name a file: it has a meaning already")
    if len(known.files) == FILES:
        raise _at(line.column, f"a world has at most {FILES} files")
    if line.kind.replace(" ", "_") not in KINDS:
        raise _at(line.kind_column, f"found {line.kind!r}, expected a kind of file: "
                  f"{', '.join(rendering.KINDS)}")
    check_options(line.options, FILE_OPTIONS, "a file", known)
    names = [option.name for option in line.options]
    for a, b in (("pages", "size"), ("holes", "mapped")):
        if a in names and b in names:
            raise _at(line.column, f"a file has {a}= or {b}=, not both")
    if "holes" in names and line.kind.replace("_", " ") == "block device":
        raise _at(line.column, "a block device has no holes")


def start(files: list[FileLine], mask: int) -> Block:
    """A world with these files and nothing else yet.

    mask : int    units that are on
    """
    world = World()
    for line in files:
        _add_file(world, line)
    block = Block(world.image)
    for i, line in enumerate(files):
        _force_file(block, i, line)
    # half X's own bit: the text after the patch wherever any of it is on
    block.write("world.units", mask | (0x80 if mask else 0))
    return block


def _values(line: FileLine) -> dict[str, int]:
    return {option.name: FILE_OPTIONS[option.name].number(option.value, None, 0)
            for option in line.options}


def _add_file(world: World, line: FileLine) -> None:
    said = _values(line)
    block = 1 << said.get("block", 12)
    size = said.get("size", said.get("pages", 2) * 4)     # in sectors
    holes = said.get("holes", 0)
    if "mapped" in said:
        holes = _NO_LIMIT & ~said["mapped"]
    kind = line.kind.replace(" ", "_")
    # those of a device are only drawn, in worlds for one call
    of_file = range(SLOTS * PAGE // block if kind != "block_device" else 0)
    world.file(kind, pages=-(-size // 4), block=block, holes=[i for i in of_file if holes >> i & 1])


def _force_file(block: Block, number: int, line: FileLine) -> None:
    """What World.file has no words for."""
    said, inode = _values(line), f"inode[{number}]"
    if "size" in said:
        block.write(f"{inode}.i_size", said["size"] << 10)
        for sector in range(said["size"], SLOTS * 4):
            block.write(f"{inode}.disk[{sector}]", 0)
    if "mapped" in said:
        block.write(f"{inode}.i_mapped", said["mapped"])
    if "flags" in said:
        block.write(f"{inode}.i_flags", block.read(f"{inode}.i_flags") | said["flags"])
    if "congested" in said:
        block.write(f"bdi[{number}].congested", said["congested"])


def mode_of_file(line: FileLine) -> int:
    """How a process opens it that has to and was not told."""
    return _values(line).get("mode", mode_of("rw"))


def set_limits(block: Block, options: tuple[Option, ...]) -> None:
    for option in options:
        form, path, one = LIMITS[option.name]
        value = form.number(option.value, None, 0) * one
        if option.name == "memory":
            _set_memory(block, value)
        elif path.startswith("world."):
            block.write(path, value)
        else:
            for i in range(3):
                block.write(f"task[{i}].{path}", value)


def _set_memory(block: Block, pages: int) -> None:
    """Pages beyond these have somebody who keeps them."""
    for page in range(16):
        reserved = block.read(f"page[{page}].flags.reserved")
        if page >= pages and not reserved and not block.read(f"page[{page}]._count"):
            block.write(f"page[{page}].flags.reserved", 1)
            block.write(f"page[{page}]._count", 1)
        elif page < pages and reserved:
            block.write(f"page[{page}].flags.reserved", 0)
            block.write(f"page[{page}]._count", 0)


def set_pause(block: Block, at: int, operation: tuple[int, int, tuple[int, ...]], every: int,
              more: int) -> None:
    """Let one other actor more perform (kind, process, arguments) at a pause from here."""
    try:
        other = pauses.free(block.read, at)
    except BadInput as error:
        raise Unmeant(str(error)) from error
    for path, value in pauses.words(at, operation, every, more, other).items():
        block.write(path, value)


# Things said one by one.

def set_page(block: Block, number: int, facts: tuple[Fact, ...], now: Now) -> None:
    """A page and what is so about it; what owns it comes first, whatever was said first."""
    page = f"page[{number}]"
    if not block.read(f"{page}._count"):
        block.write(f"{page}._mapcount", (1 << 32) - 1)
    owners = [fact for fact in facts if "at" in fact.words]
    for fact in (*owners, *(fact for fact in facts if fact not in owners)):
        _set_page_fact(block, page, fact, now)


def _set_page_fact(block: Block, page: str, fact: Fact, now: Now) -> None:
    first, *rest = fact.words
    if "at" in fact.words:
        _set_owner(block, page, fact.words, now)
    elif first in ("count", "mapped", "private"):
        path = {"count": "_count", "mapped": "_mapcount", "private": "private"}[first]
        block.write(f"{page}.{path}", integer(rest[0]) - (first == "mapped"))
    elif first == "contents":
        for i, version in enumerate(rest[0].strip("[]").split()):
            block.write(f"{page}.contents[{i}]", integer(version))
    elif first == "tag":
        _set_tag(block, page, rest[0], not fact.negative)
    else:
        for flag in fact.words:
            set_page_flag(block, page, flag, not fact.negative)


def _set_owner(block: Block, page: str, words: tuple[str, ...], now: Now) -> None:
    owner, index = " ".join(words[:words.index("at")]), integer(words[-1])
    swap, anon = owner == "swap", owner.startswith("anon")
    was, place = block.read(f"{page}.mapping"), block.read(f"{page}.index")
    # only an anonymous page has two places: the vmas of its anon_vma, and a slot of swap
    in_swap = anon and block.read(f"{page}.flags.swapcache")
    if was and not (in_swap or (swap and was & 1)):
        raise Unmeant(f"{page} has an owner already")
    if anon:
        anon_vma = int(words[1]) if words[1] != "at" else 0
        block.write(f"{page}.mapping", block.where.address(f"anon_vma[{anon_vma}]") | 1)
        block.write(f"{page}.index", index)
        block.write(f"{page}.flags.uptodate", 1)
        return
    mapping = "mapping[5]" if swap else f"mapping[{now.file(owner)}]"
    block.primitive("add_to_page_cache", page, mapping, index)
    if was:
        block.write(f"{page}.mapping", was)
        block.write(f"{page}.index", place)
    block.primitive("unlock_page", page)
    block.write(f"{page}._count", 1)
    if swap:
        block.write(f"{page}.flags.swapcache", 1)
        block.write(f"{page}.private", index)
        block.add(f"swap[{index}].map", 1)
        block.add("world.nr_swap_used", 1)


def _slot_of(block: Block, page: str) -> str | None:
    """The slot of a page tree that a page is in."""
    address, words = block.where.address(page), block.words()
    for mapping in range(6):
        for i in range(max(0, min(words[f"mapping[{mapping}].page_tree.nr"], words.slots))):
            if block.read(f"mapping[{mapping}].slot[{i}].page") == address:
                return f"mapping[{mapping}].slot[{i}]"
    return None


def _set_tag(block: Block, page: str, letter: str, on: bool) -> None:
    slot = _slot_of(block, page)
    if slot is None:
        raise Unmeant(f"{page} is in no file, so it has no tag {letter}")
    bit = {"D": 1, "W": 2}[letter]
    word = block.read(f"{slot}.index_and_tags")
    block.write(f"{slot}.index_and_tags", word & ~bit | bit * on)


def set_page_flag(block: Block, page: str, flag: str, on: bool = True) -> None:
    """A flag, with the tags and counters that go with it."""
    if bool(block.read(f"{page}.flags.{flag}")) == on:
        return
    if flag == "locked" and on:
        block.primitive("TestSetPageLocked", page)
        return
    block.write(f"{page}.flags.{flag}", on)
    slot, more = _slot_of(block, page), 1 if on else -1
    if flag == "dirty" and slot:
        _set_tag(block, page, "D", on)
        mapping = slot.partition(".")[0].replace("mapping", "bdi")
        if mapping != "bdi[5]" and not block.read(f"{mapping}.capabilities") & _NO_ACCT_DIRTY:
            block.add("world.page_state.nr_dirty", more)
        if mapping != "bdi[5]" and on:
            _set_inode_dirty(block, mapping.replace("bdi", "inode"))
    elif flag == "writeback":
        if slot:
            _set_tag(block, page, "W", on)
        block.add("world.page_state.nr_writeback", more)
    elif flag in ("lru", "active"):
        _count_lru(block)


def _set_inode_dirty(block: Block, inode: str) -> None:
    """Its pages are dirty, and it is on the list that sync visits."""
    block.write(f"{inode}.i_state", block.read(f"{inode}.i_state") | _I_DIRTY_PAGES)
    block.write(f"{inode}.i_place", _ON_DIRTY)


def _count_lru(block: Block) -> None:
    """nr_active and nr_inactive as pages have it."""
    on = [i for i in range(16) if block.read(f"page[{i}].flags.lru")]
    active = sum(block.read(f"page[{i}].flags.active") for i in on)
    block.write("world.page_state.nr_active", active)
    block.write("world.page_state.nr_inactive", len(on) - active)


def add_process(block: Block, number: int) -> None:
    """A process that vmas or ptes are said of."""
    if not block.read(f"mm[{number}].mm_users"):
        block.write(f"mm[{number}].mm_users", 1)


def set_vma(block: Block, number: int, process: int, vma: model.VmaText, file: int | None,
            now: Now) -> None:
    """A vma in list, tree and file.

    file : int | None    number of the struct file that it maps
    """
    add_process(block, process)
    name, mm = f"vma[{number}]", f"mm[{process}]"
    flags, words = _vma_flags(vma), vma.words
    first, last = (address_of_place(Place().number(value, now, 0))
                   for value in (vma.start, vma.end))
    _check_room(block, number, process, first, last)
    block.point(f"{name}.vm_mm", mm)
    block.write(f"{name}.vm_start", first)
    block.write(f"{name}.vm_end", last)
    block.write(f"{name}.vm_flags", flags)
    block.write(f"{name}.vm_pgoff", integer(words[words.index("at") + 1]) if "at" in words
                else first >> _PAGE_SHIFT)
    if file is not None:
        _set_vma_file(block, name, file, flags)
    block.write(f"{name}.vm_page_prot", _prot(block, vma, flags, file))
    if "anon_vma" in words:
        anon_vma = words[words.index("anon_vma") + 1]
        block.point(f"{name}.anon_vma", f"anon_vma[{anon_vma}]")
    block.primitive("vma_link", mm, name)
    pages = (last - first) // PAGE
    block.add(f"{mm}.total_vm", pages)
    block.primitive("vm_stat_account", mm, flags, f"file[{file}]" if file is not None else 0, pages)
    if flags & _LOCKED:
        block.add(f"{mm}.locked_vm", pages)
    if flags & _ACCOUNT:
        block.add("world.vm_committed_space", pages)


def _check_room(block: Block, number: int, process: int, first: int, last: int) -> None:
    """Raises Unmeant: vmas that are not apart make a list that the kernel may walk for ever."""
    words = block.words()
    if words[f"vma[{number}].vm_end"]:
        raise Unmeant(f"there is a vma {number} already")
    if first >= last:
        raise Unmeant("its end must lie after its start")
    for i in range(words.count("vma")):
        start, end = words[f"vma[{i}].vm_start"], words[f"vma[{i}].vm_end"]
        if start < last and first < end and words.number("mm", f"vma[{i}].vm_mm") == process:
            raise Unmeant(f"vma {i} of p{process} lies there already")


def _vma_flags(vma: model.VmaText) -> int:
    letters = sum(1 << i for i, letter in enumerate(vma.permissions[:3]) if letter != "-")
    shared = _SHARED | _MAYSHARE if vma.permissions[3] == "s" else 0
    flags = letters | shared | _MAY
    for before, word in zip(("", *vma.words), vma.words, strict=False):
        if word in bits.VM_FLAGS:
            bit = 1 << bits.VM_FLAGS.index(word)
            flags = flags & ~bit if before == "no" else flags | bit
    return flags


def _set_vma_file(block: Block, name: str, file: int, flags: int) -> None:
    block.point(f"{name}.vm_file", f"file[{file}]")
    block.add(f"file[{file}].f_count", 1)
    inode = block.words().number("mapping", f"file[{file}].f_mapping")
    kind = rendering.KINDS[block.read(f"inode[{inode}].i_kind")]
    if kind == "prot driver":
        block.primitive("use_driver_vm_ops", name)
    elif "driver" not in kind and not flags & _PFNMAP:
        block.primitive("use_file_vm_ops", name)


def _prot(block: Block, vma: model.VmaText, flags: int, file: int | None) -> int:
    """What is said, or what mmap gives such a vma with these units."""
    if "prot" in vma.words:
        said = vma.words[vma.words.index("prot") + 1]
        return {"RW": 0x27, "RO": 0x25, "NONE": 0x80}[said]
    prot = block.primitive("protection_map", flags & 15)
    if file is not None and block.read("world.units") & _U3 and \
            flags & (_SHARED | _WRITE | _PFNMAP) == _SHARED | _WRITE:
        inode = block.words().number("mapping", f"file[{file}].f_mapping")
        if not block.read(f"bdi[{inode}].capabilities") & _NO_ACCT_DIRTY:
            prot &= ~_RW
    return prot


def set_pte(block: Block, process: int, place: int, words: list[str]) -> None:
    """A pte by the words that show it, its page table there, and what it leads to counted."""
    add_process(block, process)
    mm, address = f"mm[{process}]", address_of_place(place)
    block.primitive("pte_alloc", mm, address)
    path = f"{mm}.pte[{address:#x}]"
    if block.read(path):
        raise Unmeant("there is a pte already")
    if words[0] == "none":
        return
    if words[0] == "swap":
        slot = integer(words[1])
        block.write(path, slot << 8)
        block.add("world.nr_swap_used", not block.read(f"swap[{slot}].map"))
        block.add(f"swap[{slot}].map", 1)
        return
    if words[0] == "file":
        block.write(path, block.primitive("pgoff_to_pte", integer(words[1])))
        return
    frame = _frame(words)
    word = frame << _PAGE_SHIFT | (0x80 if "NONE" in words else 0x05)
    for letter, bit in (("RW", _RW), ("PWT", 0x08), ("PCD", 0x10), ("A", 0x20), ("D", 0x40)):
        word |= bit if letter in words else 0
    block.write(path, word)
    if words[0] != "frame":
        _count_pte(block, mm, address, frame - _FIRST_FRAME)


def _frame(words: list[str]) -> int:
    if words[0] == "frame":
        return integer(words[1])
    return _FIRST_FRAME + (16 if words[0] == "zero" else integer(words[1]))


def _count_pte(block: Block, mm: str, address: int, number: int) -> None:
    page = f"page[{number}]"
    anon = block.read(f"{page}.mapping") & 1
    if anon and not block.read(f"{page}.index"):
        block.write(f"{page}.index", address >> _PAGE_SHIFT)
    block.add(f"{mm}.{'anon_rss' if anon else 'file_rss'}", 1)
    block.add(f"{page}._mapcount", 1)
    block.add(f"{page}._count", 1)
    if not block.read(f"{page}._mapcount"):
        block.add("world.page_state.nr_mapped", 1)


def set_buffers(block: Block, page: int, states: tuple[Fact, ...]) -> None:
    """The buffers of a page, by the names of their state bits; blocks are those of its file."""
    if block.read(f"page[{page}].flags.private"):
        raise Unmeant(f"page {page} has buffers already")
    free = [i for i in range(block.words().count("buffer"))
            if not block.read(f"buffer[{i}].b_page")]
    count = len(states)
    first = next((i for i in free if all(i + j in free for j in range(count))), None)
    if first is None:
        raise Unmeant(f"there is no room for {count} buffers more")
    block.primitive("attach_buffers", f"page[{page}]", f"buffer[{first}]", count)
    index = block.read(f"page[{page}].index")
    for i, state in enumerate(states):
        block.write(f"buffer[{first + i}].b_blocknr", index * count + i)
        for name in state.words:
            if name != "-":
                block.write(f"buffer[{first + i}].b_state.{name}", 1)


def hold(block: Block, path: str, write: bool) -> None:
    """Take a lock as who calls has taken it."""
    name = path.rpartition(".")[2]
    if name in ("mmap_sem", "i_mutex"):
        block.primitive("down_write" if write or name == "i_mutex" else "down_read", path)
    elif name == "tree_lock":
        block.primitive("write_lock_irq", path)
    else:
        block.primitive("spin_lock", path)
