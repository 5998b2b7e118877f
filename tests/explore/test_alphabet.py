# SPDX-License-Identifier: GPL-2.0-only
"""Every operation with every value of every argument is tried, or the scope says that it is not."""

from itertools import islice, product

import pytest

from pykmm import World
from pykmm.engine import alphabet, core
from pykmm.engine.alphabet import ALL, DEFAULT, OTHERS, Tried
from pykmm.engine.scope import KINDS, Scope
from pykmm.errors import BadInput

PLAIN = tuple(name for name in ALL if name not in alphabet.EXTRAS)
WIDE = Scope(ops=PLAIN, places=2, descriptors=2)
# what machine/operation.c says that arguments are, within that scope
FD, PLACE, PAGES, SECTOR, SECTORS = range(2), range(2), range(3), range(4), range(9)
DOMAIN = {
    "open": (FD, (0,), range(4)),
    "mmap": ((*FD, 255), PLACE, PAGES, range(16), range(256), range(2)),
    "munmap": (PLACE, PAGES), "mprotect": (PLACE, PAGES, range(16)),
    "msync": (PLACE, PAGES, range(9)), "remap_file_pages": (PLACE, PAGES, range(2), range(2)),
    "load": (PLACE, SECTOR), "store": (PLACE, SECTOR), "poke": ((0,), PLACE, SECTOR, range(2)),
    "pin": (PLACE, range(2), range(2)), "unpin": (range(3), range(2), range(2)),
    "write": (FD, range(2), SECTOR, SECTORS), "truncate": ((0,), range(9)),
    "reclaim": (range(2), range(2)), "complete": (range(2), range(2)),
    "release_page": ((0,), range(2)),
}
# their first two arguments are a run of places
OF_PARTS = {"munmap": 0, "mprotect": 0, "msync": 0, "remap_file_pages": 0, "mmap": 1}


def is_within(name: str, values: tuple[int, ...]) -> bool:
    """No run of places goes on behind the last of them."""
    at = OF_PARTS.get(name)
    return at is None or values[at] + values[at + 1] <= WIDE.nr_places


def test_all_operations_are_in_the_alphabet() -> None:
    assert {name for name, _ in core.OPERATIONS} - {"nothing"} == set(alphabet.OPERATIONS)
    wide = Scope(processes=2, kinds=("ext3",), ops=PLAIN)
    assert {name for name, _, _ in wide.operations()} == set(alphabet.OPERATIONS)
    for name, actor, values in wide.operations():
        assert len(values) == len(dict(core.OPERATIONS)[name]) and actor < 2


@pytest.mark.parametrize("name", DOMAIN)
def test_every_value_is_tried_or_does_the_same_as_one_that_is(name: str) -> None:
    tried = Tried(WIDE, WIDE.alphabet)
    listed = [values for one, _, values in WIDE.operations()
              if one == name and values[0] != alphabet.HEAP_PLACE
              and (name not in ("poke",) or values[1] < alphabet.HEAP_PLACE)
              and alphabet.HEAP_PLACE + 1 not in values[:2]]
    assert len(set(listed)) == len(listed)
    plainest = {tried.plainest(name, values) for values in product(*DOMAIN[name])
                if is_within(name, values)}
    assert plainest - {None} == set(listed)


def worlds() -> list[World]:
    """Places that are free, mapped, shared, private, anonymous, locked, not linear; pages that are
    clean, dirty, being written, copied; an open and a closed descriptor."""
    found = []
    for steps in (
            (), (("mmap", 0, 0, 1, 3, 1, 0),),
            (("mmap", 0, 0, 1, 3, 1, 0), ("store", 0, 0)),
            (("mmap", 0, 0, 2, 3, 1, 0), ("store", 0, 0), ("writeback", 0, 0, 32)),
            (("mmap", 0, 0, 1, 3, 2, 0), ("store", 0, 0), ("mmap", 0, 1, 1, 1, 1, 0)),
            (("mmap", 255, 0, 2, 3, 2, 0), ("store", 1, 0)),
            (("mmap", 255, 1, 1, 3, 1, 0), ("load", 1, 0)),
            (("mmap", 0, 0, 2, 3, 1 | 8, 0), ("mprotect", 0, 1, 1)),
            (("mmap", 0, 0, 2, 3, 1, 0), ("remap_file_pages", 0, 1, 1, 0), ("open", 1, 0, 1)),
            (("open", 1, 0, 1), ("mmap", 1, 0, 1, 1, 1, 0), ("load", 0, 0), ("pin", 0, 0, 0)),
            (("mmap", 0, 0, 1, 7, 1 | 16, 0), ("fork",), ("write", 0, 0, 1, 2))):
        for units in (0x7F, 0):
            world = World(units=units, memory=4)
            world.file("ext2", pages=1, block=1024)
            world._do("open", 0, 0, 0, 3)
            for name, *values in steps:
                world._do(name, 0, *values)
            found.append(world)
    return found


def after(world: World, name: str, values: tuple[int, ...] | None) -> bytes:
    copy = world.copy()
    if values is not None:
        copy._do(name, 0, *values)
    return copy.image


@pytest.mark.parametrize("name, each", [("mmap", 97), ("mprotect", 1), ("write", 1),
                                        ("munmap", 1), ("msync", 1),
                                        ("remap_file_pages", 1)])
def test_what_is_not_tried_does_the_same_as_what_is(name: str, each: int) -> None:
    """each: so many of all that are not tried are looked at in one world, others in the next."""
    tried = Tried(WIDE, WIDE.alphabet)
    beside = [values for values in product(*DOMAIN[name]) if is_within(name, values)
              and tried.plainest(name, values) != values]
    looked = 0
    for i, world in enumerate(worlds()):
        for values in islice(beside, i % each, None, each):
            plain = tried.plainest(name, values)
            assert after(world, name, values) == after(world, name, plain), (i, values, plain)
            looked += 1
    assert looked >= len(beside) // each * len(worlds()) > 0


def test_what_never_does_anything_does_nothing() -> None:
    for world in worlds():
        for name, values in (("flush_buffers", (0, 0)), ("commit", (0,)), ("mmap", (1, 0, 0, 3, 1, 0)),
                             ("write", (0, 0, 0, 0)), ("msync", (0, 0, 4))):
            assert after(world, name, values) == world.image, name


def test_default_is_what_its_figures_are_of() -> None:
    assert len(Scope().actions()) == 24 and Scope().ops == DEFAULT
    assert len(Scope(processes=2).actions()) == 41


def test_values_are_added_one_by_one_and_all_at_once() -> None:
    few = set(Scope(ops=("mmap",)).operations())
    flags = {values[4] for _, _, values in few}
    assert flags == {1, 2}
    more = {values[4] for _, _, values in Scope(ops=("mmap:locked+populate",)).operations()}
    assert more == {1, 2, 1 | 8, 2 | 8, 1 | 16, 1 | 8 | 16}
    all_at_once = set(Scope(ops=("mmap:all",)).operations())
    each = set(Scope(ops=tuple(f"mmap:{name}" for name in OTHERS["mmap"])).operations())
    assert few < all_at_once == each
    assert set(Scope(ops=("all",)).operations()) == set(Scope(ops=ALL).operations())


def test_every_name_of_values_adds_actions() -> None:
    for name, others in OTHERS.items():
        kind = "ext3" if name == "flush_buffers" else "ext2"
        # a descriptor more, and a heap, are there where they can come from
        beside = ("open", "brk") if name != "open" else ("brk",)
        for other in others:
            scope = {"kinds": (kind,), "blocks": 2048, "file_pages": 2}
            few = set(Scope(ops=(name, *beside), **scope).operations())
            more = set(Scope(ops=(f"{name}:{other}", *beside), **scope).operations())
            assert few < more, (name, other)


def test_names_that_mean_nothing_are_refused() -> None:
    for ops, said in ((("mremap",), "no operation 'mremap'"), (("mmap:huge",), "no values 'huge'"),
                      (("fork:all",), "no other values"), (("fail:all",), "no other values")):
        with pytest.raises(BadInput, match=said):
            Scope(ops=ops)


def test_what_is_left_out_is_what_the_whole_alphabet_has_more() -> None:
    for kind in KINDS:
        scope = Scope(kinds=(kind,), blocks=2048, ops=DEFAULT)
        said = {}
        for text in scope.left_out:
            first, _, rest = text.partition(" ")
            said[first] = set(rest.split(", "))
        operations = set(scope.left_out[0].split())
        wide = Tried(scope, alphabet.parse(PLAIN))
        missing = set(wide.operations()) - set(scope.operations())
        for name, _, values in missing:
            if name in operations:
                continue
            own = wide.others(name, values)
            # with open and brk left out there is neither a second descriptor nor a heap
            if "descriptors" in own or alphabet.HEAP_PLACE in values[:2] or (
                    alphabet.HEAP_PLACE + 1 in values[:2]) or (name in ("mmap", "close")
                                                               and values[0] == 1):
                continue
            assert own & said[name], (name, values)
        whole = Scope(kinds=(kind,), ops=("all",))
        assert [text.split()[0] for text in whole.left_out] == ["allocations", "at", "start"]


def test_left_out_says_nothing_of_what_cannot_be() -> None:
    """No commit of ext2, no block of several sectors where there is none."""
    assert not any("commit" in text.split() for text in Scope().left_out)
    assert "commit" in Scope(kinds=("ext3",), ops=("store",)).left_out[0].split()
    sectors = Scope(blocks=1024, ops=("mmap", "store", "write")).left_out
    assert not any(text.startswith("store") for text in sectors)


def test_anonymous_memory_parts_and_errors_have_short_names() -> None:
    for short, name, value in (("anon", "mmap", "anonymous"), ("parts", "write", "blocks"),
                               ("parts", "truncate", "halves"), ("error", "complete", "errors")):
        scope = {"blocks": 2048}
        assert (set(Scope(ops=(name, short), **scope).operations())
                == set(Scope(ops=(f"{name}:{value}",), **scope).operations()))
        assert not list(Scope(ops=(short,)).operations())
