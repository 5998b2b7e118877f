# SPDX-License-Identifier: GPL-2.0-only
"""The explorer once more, slow and independent: the plain-Python model, breadth first.

Nothing here is of the engine but the scope's list of operations.  A world is its rows
(tests/model/neutral.py), and its canonical form is written anew: every reference is replaced by
what it leads to or by the number of the visit before, for every order of the processes, and of
the pages that nothing leads to; the lowest text of all wins.
"""

from itertools import permutations

from model import operations
from model.load import world_of
from model.neutral import FIELDS, Rows, fields
from model.state import Bug, CountBelowZero, Hang, Oops

from pykmm import World
from pykmm.engine.scope import Scope

GARBAGE = 0xFFFF
ZERO_PAGE = 16
UNNAMED = (3, 4)        # inodes for anonymous memory that is shared
PFN_BASE = 0x100
ENDINGS = (Bug, CountBelowZero, Hang, Oops)
# what no operation can see, as in test_canonical.py
INVISIBLE = {
    "vma": {"truncate_count", "mm"}, "mapping": {"truncate_count", "i_mmap_writable"},
    "inode": {"dirtied_when"},
    "world": {"current", "version", "jiffies", "strays", "layout", "page_of_other"},
}


def start(scope: Scope) -> tuple[World, Rows]:
    """The start by hand: the world of `pykmm.World`, and its rows."""
    from model.image import Image

    world = World(memory=scope.pages, units=scope.units)
    for kind in scope.kinds:
        file = world.file(kind.replace("_", " "), pages=scope.file_pages, block=scope.blocks)
        world.process.open(file)
    runner, _ = World.block()
    return world, Image(runner).rows(world.image)


class Form:
    """One text of a world, with processes and left pages in a given order."""

    def __init__(self, rows: Rows, scope: Scope, order: tuple[int, ...]):
        self.rows = rows
        self.scope = scope
        self.order = order
        self.seen: dict[tuple[str, int], int] = {}
        self.versions: dict[int, int] = {0: 0, GARBAGE: GARBAGE}
        self.vmas = {number: at for at, number in enumerate(
            vma for mm in order for vma in self.of("mm", mm)["vmas"])}

    def of(self, what: str, number: int) -> dict:
        return dict(zip(FIELDS[what], self.rows[what, number], strict=True))

    def version(self, version):
        if version is None:
            return None
        return self.versions.setdefault(version, len(self.versions))

    def thing(self, what: str, number):
        """What a reference leads to: the thing itself at the first visit, then when that was."""
        if number is None:
            return None
        if (what, number) in self.seen:
            return what, self.seen[what, number]
        self.seen[what, number] = len(self.seen)
        return what, getattr(self, f"_{what}")(number)

    def vma(self, number):
        """Those of processes have names at once, by where they are."""
        return self.vmas.get(number, ("stray vma", number))

    def _rest(self, what: str, values: dict, *told: str):
        left = values.keys() - set(told) - INVISIBLE.get(what, set())
        return [(name, _plain(values[name])) for name in sorted(left)]

    def _page(self, number):
        page = self.of("page", number)
        mapping = page["mapping"]
        if mapping and mapping[0] == "anon_vma":
            mapping = self.thing("anon_vma", mapping[1]) if page["mapcount"] >= 0 else "anon"
        private = page["private"]
        if "swapcache" in page["flags"]:
            private = self.thing("swap", private)
        elif isinstance(private, tuple):
            private = self.thing("buffer", private[1])
        world = self.of("world", 0)
        return (mapping, private, [self.version(v) for v in page["contents"]],
                [self.version(v) for v in page["in_flight"]],
                world["lru_add"].count(number), world["lru_add_active"].count(number),
                world["page_of_other"] == number,
                self._rest("page", page, "mapping", "private", "contents", "in_flight"))

    def _anon_vma(self, number):
        return [self.vma(vma) for vma in self.of("anon_vma", number)["vmas"]]

    def _buffer(self, number):
        buffer = self.of("buffer", number)
        return (self.thing("page", buffer["page"]), self.thing("buffer", buffer["next"]),
                self._rest("buffer", buffer, "page", "next"))

    def _file(self, number):
        return self._rest("file", self.of("file", number))

    def _swap(self, number):
        slot = self.of("swap", number)
        cache = self.of("mapping", 5)
        page = cache["pages"].get(number)
        return (slot["map"], [self.version(v) for v in slot["contents"]] if slot["map"] else None,
                self.thing("page", page), _plain(cache["tags"].get(number, set())))

    def _pte(self, pte: int):
        if pte & 0x81:
            frame = (pte >> 12) - PFN_BASE
            if 0 <= frame <= ZERO_PAGE:
                return self.thing("page", frame), pte & 0xFFF
        elif pte and not pte & 0x40:
            return self.thing("swap", pte >> 8), pte & 0xFF
        return pte

    def _mm(self, number):
        mm, task = self.of("mm", number), self.of("task", number)
        vmas = []
        for at in mm["vmas"]:
            vma = self.of("vma", at)
            vmas.append((self.thing("file", vma["file"]), self.thing("anon_vma", vma["anon_vma"]),
                         at if self.scope.vma_slots else None,
                         self._rest("vma", vma, "file", "anon_vma")))
        return (vmas, [(at, self._pte(pte)) for at, pte in sorted(mm["ptes"].items())],
                [self.thing("file", fd) for fd in task["fd"]],
                self._rest("mm", mm, "vmas", "ptes"), self._rest("task", task, "fd"))

    def _mapping(self, number):
        mapping = self.of("mapping", number)
        told = [(i, self.thing("page", mapping["pages"][i]), _plain(mapping["tags"].get(i, set())))
                for i in sorted(mapping["pages"])] if number != 5 else ()
        lists = [[self.vma(vma) for vma in mapping[name]] for name in ("i_mmap", "nonlinear")]
        if not self.scope.vma_slots:
            lists = [sorted(one) for one in lists]
        return told, lists, self._rest("mapping", mapping, "pages", "tags", "i_mmap", "nonlinear")

    def _inode(self, number):
        inode = self.of("inode", number)
        return [self.version(v) for v in inode["disk"]], self._rest("inode", inode, "disk")

    def begin(self) -> list:
        world = self.of("world", 0)
        found = [self.thing("page", ZERO_PAGE), len(world["lru_add"]),
                 len(world["lru_add_active"]), world["page_of_other"] is not None,
                 self._rest("world", world, "lru_add", "lru_add_active")]
        for number in (*range(len(self.scope.kinds)), *UNNAMED):
            found += [self._mapping(number), self._inode(number)]
        found.append(self._mapping(5))
        return found + [self._mm(number) for number in self.order]

    def left(self) -> list[int]:
        """Pages in use that nothing has led to."""
        return [i for i in range(self.scope.pages) if ("page", i) not in self.seen
                and (self.of("page", i)["count"] or "lru" in self.of("page", i)["flags"])]

    def end(self) -> list:
        """Slots of swap in use that nothing has led to."""
        return [self.thing("swap", i) for i in range(4)
                if ("swap", i) not in self.seen and self.of("swap", i)["map"]]


def _plain(value):
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else value


def canonical(rows: Rows, scope: Scope) -> str:
    """The lowest text of all orders."""
    alive = [i for i in range(3) if rows["mm", i][FIELDS["mm"].index("users")]]
    texts = []
    for order in permutations(alive):
        plain = Form(rows, scope, order)
        plain.begin()
        for left in permutations(plain.left()):
            form = Form(rows, scope, order)
            words = form.begin()
            words += [form.thing("page", page) for page in left]
            texts.append(repr(words + form.end()))
    return min(texts)


def in_scope(rows: Rows, scope: Scope) -> bool:
    used = {what: sum(1 for (kind, _), row in rows.items()
                      if kind == what and row[FIELDS[what].index(name)])
            for what, name in (("vma", "end"), ("mm", "users"))}
    return used["vma"] <= scope.vmas and used["mm"] <= scope.processes


def _here(operation, scope: Scope):
    """The zero page is the last, and the model has more pages than the scope."""
    name, actor, arguments = operation
    if name == "unpin" and arguments[0] == scope.pages:
        arguments = (ZERO_PAGE, *arguments[1:])
    return name, actor, arguments


class Enumerated:
    """Every world within so many operations.

    worlds : list       (parent, number of the operation) of each, in the order they were found
    forms : list        their canonical forms
    rows : list         their rows
    """

    def __init__(self, scope: Scope, depth: int):
        self.scope = scope
        self.operations = [_here(operation, scope) for operation, _, _ in scope.actions()]
        self.failing = [number for _, number, _ in scope.actions()]
        self.worlds: list[tuple[int | None, int]] = [(None, 0)]
        _, rows = start(scope)
        self.rows = [rows]
        self.forms = [canonical(rows, scope)]
        self.transitions = self.outside = 0
        self.ended: list[tuple[int, int, str]] = []
        known = set(self.forms)
        level = [0]
        for _ in range(depth):
            before = len(self.worlds)
            for number in level:
                self._try_all(number, known)
            level = list(range(before, len(self.worlds)))

    def _try_all(self, number: int, known: set[str]) -> None:
        for i, (name, actor, arguments) in enumerate(self.operations):
            world = world_of(self.rows[number])
            world.fail_in = self.failing[i]
            ended = None
            try:
                operations.operate(world, name, actor, *arguments)
            except ENDINGS as ending:
                ended = (number, i, type(ending).__name__)
            if world.fail_in:
                continue        # there was no such allocation
            self.transitions += 1
            if ended:
                self.ended.append(ended)
                continue
            rows = fields(world)
            if not in_scope(rows, self.scope):
                self.outside += 1
                continue
            form = canonical(rows, self.scope)
            if form not in known:
                known.add(form)
                self.worlds.append((number, i))
                self.rows.append(rows)
                self.forms.append(form)
