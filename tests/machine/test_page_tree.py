# SPDX-License-Identifier: GPL-2.0-only
"""The page tree of a mapping and its two tags, against a dict."""

import random

import pytest

DIRTY, WRITEBACK = 0, 1
TREE = "mapping[0].page_tree"
EEXIST, ENOMEM = -17, -12


def test_add_to_page_cache_what_it_does(world):
    before = world.runner.image()
    assert world.call("add_to_page_cache", "page[3]", "mapping[0]", 7) == 0
    # the event comes before those of what it calls
    assert world.events() == [
        ("add_to_page_cache", "page[3]", "mapping[0]", 7, 0),
        ("write_lock_irq", "mapping[0].tree_lock"), ("write_unlock_irq", "mapping[0].tree_lock")]
    assert world.changes(before) == {
        "page[3].flags.locked": "1", "page[3]._count": "1", "page[3].mapping": "mapping[0]",
        "page[3].index": "0x7", "mapping[0].nrpages": "1", "mapping[0].page_tree.nr": "1",
        "mapping[0].slot[0].page": "page[3]", "mapping[0].slot[0].index_and_tags": "index 0x7",
        "world.pages_locked": "1", "world.held_classes": "0x8"}


def test_add_to_page_cache_where_the_index_is_taken(world):
    world.cached(3, index=7)
    before = world.runner.image()
    assert world.call("add_to_page_cache", "page[4]", "mapping[0]", 7) == EEXIST
    assert world.events()[0] == ("add_to_page_cache", "page[4]", "mapping[0]", 7, EEXIST)
    # nothing happened to either page: no reference, no lock
    assert world.changes(before) == {}
    # another mapping has indices of its own
    assert world.call("add_to_page_cache", "page[4]", "mapping[1]", 7) == 0


def test_add_to_page_cache_of_a_full_mapping(world):
    for i in range(8):
        world.cached(i, index=2 * i)
    before = world.runner.image()
    assert world.call("add_to_page_cache", "page[0]", "mapping[0]", 1) == ENOMEM
    assert world.events()[0] == ("add_to_page_cache", "page[0]", "mapping[0]", 1, ENOMEM)
    assert world.changes(before) == {}
    # a taken index is that, even when it is full
    assert world.call("add_to_page_cache", "page[0]", "mapping[0]", 4) == EEXIST


def test_remove_from_page_cache_what_it_does(world):
    world.cached(3, index=7)
    world.call("radix_tree_tag_set", TREE, 7, DIRTY)
    world.set("page[3].flags.dirty", 1)
    world.set("page[3].flags.locked", 1)
    world.set("world.page_state.nr_dirty", 1)
    before = world.runner.image()
    world.call("remove_from_page_cache", "page[3]")
    assert world.events() == [
        ("remove_from_page_cache", "page[3]"), ("PageLocked", "page[3]", 1),
        ("write_lock_irq", "mapping[0].tree_lock"), ("write_unlock_irq", "mapping[0].tree_lock")]
    # PG_dirty, nr_dirty, the index and the cache's reference stay
    assert world.changes(before) == {
        "page[3].mapping": "NULL", "mapping[0].nrpages": "0", "mapping[0].page_tree.nr": "0",
        "mapping[0].slot[0].page": "NULL", "mapping[0].slot[0].index_and_tags": "index 0x0"}
    assert world.get("page[3].index") == 7


def test_remove_from_page_cache_of_an_unlocked_page_is_a_bug(world):
    world.cached(3, index=7)
    before = world.runner.image()
    assert world.end("remove_from_page_cache", "page[3]") == "BUG"
    assert world.events() == [("remove_from_page_cache", "page[3]"), ("PageLocked", "page[3]", 0),
                              ("BUG",)]
    assert world.changes(before) == {}


def test_remove_from_page_cache_takes_the_tags_along(world):
    world.cached(3, index=7)
    world.call("radix_tree_tag_set", TREE, 7, DIRTY)
    world.call("radix_tree_tag_set", TREE, 7, WRITEBACK)
    world.set("page[3].flags.locked", 1)
    world.call("remove_from_page_cache", "page[3]")
    world.cached(4, index=7)
    assert world.slots() == [(7, "page[4]", set())]


@pytest.mark.parametrize("tag, name", [(DIRTY, "DIRTY"), (WRITEBACK, "WRITEBACK")])
def test_radix_tree_tag_set_and_clear_of_one_tag(world, tag, name):
    for page, index in ((1, 5), (2, 6), (3, 8)):
        world.cached(page, index=index)
    assert world.call("radix_tree_tag_set", TREE, 6, tag) == world.at("page[2]")
    assert world.events() == [("radix_tree_tag_set", TREE, 6, tag, "page[2]")]
    # only this item, only this tag
    assert world.slots() == [(5, "page[1]", set()), (6, "page[2]", {name}), (8, "page[3]", set())]
    assert world.call("radix_tree_tagged", TREE, tag) == 1
    assert world.call("radix_tree_tagged", TREE, 1 - tag) == 0
    assert world.call("radix_tree_tagged", "mapping[1].page_tree", tag) == 0
    # once more changes nothing
    assert world.call("radix_tree_tag_set", TREE, 6, tag) == world.at("page[2]")
    # clearing the other tag does not touch this one
    assert world.call("radix_tree_tag_clear", TREE, 6, 1 - tag) == world.at("page[2]")
    assert world.call("radix_tree_tagged", TREE, tag) == 1
    assert world.call("radix_tree_tag_clear", TREE, 6, tag) == world.at("page[2]")
    assert world.events() == [("radix_tree_tag_clear", TREE, 6, tag, "page[2]")]
    assert world.call("radix_tree_tagged", TREE, tag) == 0


@pytest.mark.parametrize("index", [0, 4, 6, 9, 2**32 + 5])
def test_radix_tree_tag_set_of_an_absent_item_is_a_bug(world, index):
    world.cached(1, index=5)
    world.cached(2, index=8)
    before = world.runner.image()
    assert world.end("radix_tree_tag_set", TREE, index, DIRTY) == "BUG"
    assert world.events() == [("radix_tree_tag_set", TREE, index, DIRTY, 0)]
    assert world.changes(before) == {}


@pytest.mark.parametrize("index", [0, 4, 6, 9, 2**32 + 5])
def test_radix_tree_tag_clear_of_an_absent_item_finds_nothing(world, index):
    world.cached(1, index=5)
    world.cached(2, index=8)
    world.call("radix_tree_tag_set", TREE, 5, DIRTY)
    before = world.runner.image()
    assert world.call("radix_tree_tag_clear", TREE, index, DIRTY) == 0
    assert world.events() == [("radix_tree_tag_clear", TREE, index, DIRTY, 0)]
    assert world.changes(before) == {}


def test_page_tree_against_a_dict(world):
    """400 random operations: after each, the tree holds what the dict does, in ascending order."""
    rng = random.Random(5)
    model = {}      # index -> [page, tags]
    for _ in range(400):
        index = rng.choice((0, 1, 2, 3, 5, 8, 0xFFFFF, 2**32, 2**52 - 1))
        page = rng.randrange(8)
        free = all(page != p for p, _ in model.values())
        op = rng.choice(("add", "add", "remove", "set", "clear"))
        tag = rng.randrange(2)
        if op == "add" and free:
            error = world.call("add_to_page_cache", f"page[{page}]", "mapping[0]", index)
            expected = EEXIST if index in model else 0
            assert error == expected
            if not error:
                model[index] = [page, set()]
        elif op == "remove" and index in model:
            world.set(f"page[{model[index][0]}].flags.locked", 1)
            world.call("remove_from_page_cache", f"page[{model[index][0]}]")
            del model[index]
        elif op == "set" and index in model:
            world.call("radix_tree_tag_set", TREE, index, tag)
            model[index][1].add(("DIRTY", "WRITEBACK")[tag])
        elif op == "clear":
            given = world.call("radix_tree_tag_clear", TREE, index, tag)
            assert given == (world.at(f"page[{model[index][0]}]") if index in model else 0)
            if index in model:
                model[index][1].discard(("DIRTY", "WRITEBACK")[tag])
        assert world.slots() == [(i, f"page[{p}]", tags) for i, (p, tags) in sorted(model.items())]
        assert world.get("mapping[0].nrpages") == len(model)
        for t, name in enumerate(("DIRTY", "WRITEBACK")):
            tagged = any(name in tags for _, tags in model.values())
            assert world.call("radix_tree_tagged", TREE, t) == tagged
