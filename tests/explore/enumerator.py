# SPDX-License-Identifier: GPL-2.0-only
"""The explorer once more, slow and independent: the plain-Python model, nearest first.

Nothing here is of the engine but the scope's list of operations, and what another actor does at a
pause, of which the model has none: there half C takes the step.  A world is its rows
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
from pykmm.engine import core, halves
from pykmm.engine.scope import Scope

GARBAGE = 0xFFFF
ZERO_PAGE = 16
UNNAMED = (3, 4)        # inodes for anonymous memory that is shared
PFN_BASE = 0x100
ENDINGS = (Bug, CountBelowZero, Hang, Oops)
# what no operation can see, as in test_canonical_form.py
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
        # at a pause another actor sees in which order things are visited
        self.pauses = "pause" in scope.alphabet.extras
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
                number if self.pauses else None, self._rest("buffer", buffer, "page", "next"))

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
        if self.pauses:
            found += [[self.thing("page", page) for page in world[name]]
                      for name in ("lru_add", "lru_add_active")]
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


class ByC:
    """Steps of half C, for what the model has not: images, and actors at pauses."""

    def __init__(self, scope: Scope):
        from model.image import Image

        self.runner, self.where = World.block()
        self.image_of = Image(self.runner)
        self.scope, self.c = scope, halves.c_half()

    def step(self, image: bytes, action) -> tuple[bytes, str, int]:
        """What an action leaves, how it ends, and the other actors that acted, one bit each."""
        operation, fail, others = action
        kinds = [name for name, _ in core.OPERATIONS]
        said = {"world.fail_in": fail}
        for which, (number, other) in enumerate(others):
            name, actor, arguments = _here(other, self.scope)
            packed = bytes([kinds.index(name), actor, *arguments]).ljust(8, b"\0")
            of = f"[{which}]" if which else ""
            said |= {f"world.pauses_left{of}": number,
                     f"world.interference{of}": int.from_bytes(packed, "little")}
        name, actor, arguments = _here(operation, self.scope)
        self.runner.restore(self._with(image, said))
        outcome, _, _ = self.runner.operate(self.c, name, actor, *arguments)
        self.runner.forget_trace()
        left = self.runner.image()
        acted = self.where.read(left, "world.interfered")
        return self._with(left, dict.fromkeys((*said, "world.interfered"), 0)), outcome, acted

    def _with(self, image: bytes, words: dict[str, int]) -> bytes:
        for path, value in words.items():
            image = self.where.write(image, path, value)
        return image

    def rows(self, image: bytes) -> Rows:
        return self.image_of.rows(image)


class Enumerated:
    """Every world within so many operations, those of all actors.

    worlds : list       (parent, number of the action) of each, in the order they were found
    lengths : list      operations that lead there
    forms : list        their canonical forms
    rows : list         their rows
    """

    def __init__(self, scope: Scope, depth: int):
        self.scope = scope
        self.actions = scope.actions()
        self.operations = [_here(operation, scope) for operation, _, _ in scope.actions()]
        self.failing = [number for _, number, _ in scope.actions()]
        self.worlds: list[tuple[int | None, int]] = [(None, 0)]
        first, rows = start(scope)
        self.rows, self.lengths = [rows], [0]
        self.by_c = ByC(scope) if any(others for _, _, others in self.actions) else None
        self.images = [first.image]
        self.forms = [canonical(rows, scope)]
        self.transitions = self.outside = 0
        self.ended: list[tuple[int, int, str]] = []
        self.known = set(self.forms)
        self.told: dict[bytes, str] = {}    # forms of images, as many actions leave the same
        # one for who performs it, and one for each other actor
        costs = [1 + len(others) for _, _, others in self.actions]
        for length in range(1, depth + 1):
            tried = [(cost, number, i) for number, so_far in enumerate(self.lengths)
                     for i, cost in enumerate(costs) if so_far + cost == length]
            for _, number, i in sorted(tried):
                self._try(number, i, length)

    def _try(self, number: int, i: int, length: int) -> None:
        others = self.actions[i][2]
        took_place, ended, rows, image = (self._by_half if others else self._by_model)(number, i)
        if not took_place:
            return
        self.transitions += 1
        if ended:
            self.ended.append((number, i, ended))
            return
        if not in_scope(rows, self.scope):
            self.outside += 1
            return
        form = canonical(rows, self.scope) if image not in self.told else self.told[image]
        if image:
            self.told[image] = form
        if form not in self.known:
            self.known.add(form)
            self.worlds.append((number, i))
            self.lengths.append(length)
            self.rows.append(rows)
            self.forms.append(form)
            if self.by_c:
                self.images.append(self.by_c.step(self.images[number], self.actions[i])[0])

    def _by_model(self, number: int, i: int) -> tuple[bool, str, Rows, bytes]:
        name, actor, arguments = self.operations[i]
        world = world_of(self.rows[number])
        world.fail_in = self.failing[i]
        ended = ""
        try:
            operations.operate(world, name, actor, *arguments)
        except ENDINGS as ending:
            ended = type(ending).__name__
        # fail_in: there was no such allocation
        return not world.fail_in, ended, fields(world), b""

    def _by_half(self, number: int, i: int) -> tuple[bool, str, Rows, bytes]:
        image, outcome, acted = self.by_c.step(self.images[number], self.actions[i])
        everybody = (1 << len(self.actions[i][2])) - 1
        if acted != everybody:
            return False, "", {}, image
        return True, "" if outcome == "returned" else outcome, self.by_c.rows(image), image
