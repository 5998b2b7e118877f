# SPDX-License-Identifier: GPL-2.0-only
"""mapping->i_mmap against brute force: which vmas a walk visits, and the tree that it walks."""

import itertools
import random

import pytest

EVERY = range(5)
# (first page, pages) of the five vmas in the file
SHAPES = {
    "apart": [(0, 1), (2, 1), (4, 1), (6, 1), (8, 1)],
    "apart, slots backwards": [(8, 1), (6, 1), (4, 1), (2, 1), (0, 1)],
    "all the same": [(3, 2), (3, 2), (3, 2), (3, 2), (3, 2)],
    "same start": [(2, 1), (2, 5), (2, 2), (2, 4), (2, 3)],
    "same end": [(5, 1), (1, 5), (4, 2), (2, 4), (3, 3)],
    "nested": [(0, 9), (4, 1), (1, 7), (3, 3), (2, 5)],
    "long one first": [(0, 9), (1, 1), (3, 1), (5, 1), (7, 1)],
    "long one in the middle": [(1, 1), (8, 1), (2, 6), (5, 1), (3, 1)],
    "steps": [(6, 3), (0, 3), (4, 3), (2, 3), (8, 3)],
    "by the end of the file": [(2**64 - 2, 2), (2**64 - 4, 2), (2**64 - 3, 1), (0, 1),
                               (2**64 - 4, 4)],
}


def place(world, shape):
    for i, (pgoff, pages) in enumerate(shape):
        world.vma(i, pgoff=pgoff, pages=pages)


def insert(world, i):
    world.call("vma_prio_tree_insert", f"vma[{i}]", "mapping[0]")


def remove(world, i):
    world.call("vma_prio_tree_remove", f"vma[{i}]", "mapping[0]")


def last(shape, i):
    pgoff, pages = shape[i]
    return pgoff + pages - 1


def expected_walk(shape, members, begin, end):
    """Who maps a page of [begin, end], in the order (first page, slot)."""
    return sorted((i for i in members if shape[i][0] <= end and last(shape, i) >= begin),
                  key=lambda i: (shape[i][0], i))


def walk(world, begin, end):
    """The slots that a walk visits, after a look at the form of its events."""
    world.call("vma_prio_tree_foreach", "mapping[0]", begin, end)
    first, *more = world.events()

    def back(word):
        return word - (word >> 63 << 64)
    assert first[:-1] == ("vma_prio_tree_first", "mapping[0].i_mmap", back(begin), back(end))
    assert all(e[:-1] == ("vma_prio_tree_next", back(begin), back(end)) for e in more)
    visited = [e[-1] for e in (first, *more)]
    # it ends at the first NULL, and only there
    assert visited[-1] == 0 and 0 not in visited[:-1]
    return [int(v[4]) for v in visited[:-1]]


def check_tree(world, shape):
    """Order, parents, priorities and the last page of every subtree; gives the members in order."""
    seen = []

    def visit(path, parent):
        node = world.name(path)
        if node is None:
            return -1
        i = int(node[4])
        assert world.name(f"{node}.i_mmap_parent") == parent
        left = visit(f"{node}.i_mmap_left", node)
        seen.append(i)
        right = visit(f"{node}.i_mmap_right", node)
        for child in (f"{node}.i_mmap_left", f"{node}.i_mmap_right"):
            if world.get(child):
                assert world.get(f"{world.name(child)}.i_mmap_priority") \
                    < world.get(f"{node}.i_mmap_priority")
        subtree_last = max(left, right, last(shape, i))
        assert world.get(f"{node}.i_mmap_last") == subtree_last
        return subtree_last

    visit("mapping[0].i_mmap", None)
    assert seen == sorted(seen, key=lambda i: (shape[i][0], i))
    return seen


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_vma_prio_tree_foreach_every_subset_and_range(world, shape):
    edges = sorted({edge for i in EVERY for edge in
                    (shape[i][0], shape[i][0] - 1, last(shape, i), last(shape, i) + 1)
                    if 0 <= edge < 2**64})
    place(world, shape)
    bare = world.runner.image()
    rng = random.Random(1)
    for mask in range(32):
        world.runner.restore(bare)
        members = [i for i in EVERY if mask >> i & 1]
        rng.shuffle(members)
        for i in members:
            insert(world, i)
        # inserting records nothing
        assert world.events() == []
        assert sorted(check_tree(world, shape)) == sorted(members)
        for begin, end in itertools.combinations_with_replacement(edges, 2):
            assert walk(world, begin, end) == expected_walk(shape, members, begin, end)


@pytest.mark.parametrize("shape", ["nested", "steps", "all the same"])
def test_vma_prio_tree_foreach_every_range_of_pages(world, shape):
    shape = SHAPES[shape]
    place(world, shape)
    for i in EVERY:
        insert(world, i)
    for begin in range(13):
        for end in range(begin, 13):
            assert walk(world, begin, end) == expected_walk(shape, EVERY, begin, end)
    assert walk(world, 0, 2**64 - 1) == expected_walk(shape, EVERY, 0, 2**64 - 1)


def test_vma_prio_tree_foreach_changes_nothing(world):
    place(world, SHAPES["nested"])
    for i in EVERY:
        insert(world, i)
    before = world.runner.image()
    walk(world, 4, 4)
    assert world.changes(before) == {}


@pytest.mark.parametrize("shape", ["nested", "same start", "all the same", "steps"])
def test_vma_prio_tree_insert_every_order_gives_the_same_tree(world, shape):
    # worlds that hold the same must have the same bytes, however they came to be
    place(world, SHAPES[shape])
    bare, trees = world.runner.image(), set()
    for order in itertools.permutations(EVERY):
        world.runner.restore(bare)
        for i in order:
            insert(world, i)
        trees.add(world.runner.image())
    assert len(trees) == 1
    assert sorted(check_tree(world, SHAPES[shape])) == list(EVERY)


@pytest.mark.parametrize("shape", ["nested", "same end", "long one in the middle"])
def test_vma_prio_tree_remove_every_order_leaves_what_was_never_inserted(world, shape):
    place(world, SHAPES[shape])
    bare = world.runner.image()

    def tree_of(members):
        world.runner.restore(bare)
        for i in members:
            insert(world, i)
        return world.runner.image()

    trees = {frozenset(i for i in EVERY if mask >> i & 1):
             tree_of([i for i in EVERY if mask >> i & 1]) for mask in range(32)}
    assert trees[frozenset()] == bare
    for order in itertools.permutations(EVERY):
        world.runner.restore(trees[frozenset(EVERY)])
        left = set(EVERY)
        for i in order:
            remove(world, i)
            left.remove(i)
            assert world.runner.image() == trees[frozenset(left)]


def test_vma_prio_tree_random_inserts_removes_and_moves(world):
    rng = random.Random(7)
    shape, members = [(0, 1)] * 5, set()
    place(world, shape)
    for _ in range(300):
        i = rng.randrange(5)
        if i in members:
            remove(world, i)
            members.remove(i)
        else:
            # a vma may have moved while it was in no tree
            shape[i] = (rng.randrange(12), rng.randrange(1, 6))
            world.vma(i, pgoff=shape[i][0], pages=shape[i][1])
            insert(world, i)
            members.add(i)
        assert set(check_tree(world, shape)) == members
        begin = rng.randrange(16)
        end = begin + rng.randrange(6)
        assert walk(world, begin, end) == expected_walk(shape, members, begin, end)


def nonlinear(world, mapping=0):
    found, at = [], f"mapping[{mapping}].i_mmap_nonlinear"
    while world.get(at):
        found.append(world.name(at))
        at = f"{found[-1]}.nonlinear_next"
    return found


def test_vma_nonlinear_insert_is_at_the_head_and_in_no_tree(world):
    place(world, SHAPES["nested"])
    for i in (2, 0, 4):
        world.call("vma_nonlinear_insert", f"vma[{i}]", "mapping[0]")
        assert world.events() == []
    assert nonlinear(world) == ["vma[4]", "vma[0]", "vma[2]"]
    assert nonlinear(world, 1) == []
    # a walk for any page does not see them
    assert walk(world, 0, 2**64 - 1) == []
    insert(world, 1)
    assert walk(world, 4, 4) == [1]


@pytest.mark.parametrize("removed, left", [
    (4, ["vma[0]", "vma[2]"]), (0, ["vma[4]", "vma[2]"]), (2, ["vma[4]", "vma[0]"]),
])
def test_vma_nonlinear_remove_from_any_place(world, removed, left):
    for i in (2, 0, 4):
        world.call("vma_nonlinear_insert", f"vma[{i}]", "mapping[0]")
    world.call("vma_nonlinear_remove", f"vma[{removed}]", "mapping[0]")
    assert nonlinear(world) == left
    assert world.get(f"vma[{removed}].nonlinear_next") == 0
