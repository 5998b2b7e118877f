# SPDX-License-Identifier: GPL-2.0-only
"""The comparison itself: it reads every byte of C's world, and both forms of a state agree."""

import re
from collections import Counter

import pytest

from pykmm.engine import core

from . import compare, neutral
from .image import CONDITIONAL, LAYOUT, LEFT_OUT, left_out
from .load import world_of

SEED = 20


@pytest.fixture(scope="module")
def both():
    return compare.Both()


def _run(both, shard, index):
    """(operation, its result) of C, one by one."""
    case = compare.draw(SEED, shard, index)
    both.begin(case.choices)
    choose = case.chooser()
    at = 0
    while operation := choose(at, both.image.rows(both.runner.image())):
        name, actor, arguments = operation
        at += 1
        if name in compare.GIVEN:
            continue
        both.runner.forget_trace()
        _, result, _ = both.runner.operate(compare.half_c(), name, actor, *arguments)
        yield name, result


def _images(both, cases):
    """C's images after each operation of some cases."""
    for index in range(cases):
        for _ in _run(both, 0, index):
            yield both.runner.image()


def test_rows_make_a_world_with_the_same_rows(both):
    states = 0
    for image in _images(both, 60):
        rows = both.image.rows(image)
        assert neutral.differences(neutral.fields(world_of(rows)), rows) == []
        states += 1
    assert states > 500


def _conditional(path):
    return any(pattern.fullmatch(path) for pattern, _ in CONDITIONAL)


def _class(path):
    """A path without its numbers."""
    return re.sub(r"\[[^]]*\]", "", path)


def _unseen(both, image):
    """(places of which a changed byte changes no row, those of which each does)."""
    rows = both.image.rows(image)
    unseen, seen = [], []
    for place in both.image.where.places:
        if left_out(place.path):
            continue
        shows = True
        for at in range(place.offset, place.offset + place.size):
            if place.path == "world.units" and at > place.offset:
                continue        # no units have these bits
            changed = image[:at] + bytes([image[at] ^ 1]) + image[at + 1:]
            shows &= bool(neutral.differences(rows, both.image.rows(changed)))
        (seen if shows else unseen).append(place.path)
    return unseen, seen


def _fullest(both):
    """For each of these the state where most of it is in use, and much else."""
    images = list(_images(both, 80))
    places = both.image.where.places
    for used in (r"page\[\d+\]\.io", r"buffer\[\d+\]\.b_page", r"mapping\[\d+\]\.nrpages",
                 r"world\.lru_add\.nr", r"world\.lru_add_active\.nr"):
        at = [place for place in places if re.fullmatch(used, place.path)]
        yield max(images, key=lambda image: (sum(
            image[place.offset] for place in at), sum(map(bool, image))))


def test_every_byte_of_a_world_shows_in_a_row(both):
    seen, unseen = set(), set()
    for image in _fullest(both):
        paths, shown = _unseen(both, image)
        assert [path for path in paths if not _conditional(path)] == []
        seen |= set(map(_class, shown))
        unseen |= set(map(_class, paths))
    # what means something only at times shows where it does
    assert unseen <= seen


def test_what_is_left_out_is_there(both):
    paths = [place.path for place in both.image.where.places]
    for pattern, why in LEFT_OUT + CONDITIONAL:
        assert any(map(pattern.fullmatch, paths)), f"nothing is {pattern.pattern}: {why}"
    assert [path for path in paths if left_out(path) and LAYOUT.fullmatch(path)] == []


def test_a_byte_of_the_layout_that_changes_is_named(both):
    both.begin(compare.draw(SEED, 0, 0).choices)
    image = both.image.where.write(both.runner.image(), "mapping[1].tree_lock.held", 1)
    found = neutral.differences(both.image.rows(both.runner.image()), both.image.rows(image))
    assert found == [("world.layout", "as at the start", "mapping[1].tree_lock.held")]


def test_fields_are_named_in_the_order_of_the_rows(both):
    both.begin(compare.draw(SEED, 0, 0).choices)
    before = world_of(both.image.rows(both.runner.image()))     # rows share what a world holds
    rows = neutral.fields(before)
    assert {what for what, _ in rows} == set(neutral.FIELDS)
    for (what, _), row in rows.items():
        assert len(row) == len(neutral.FIELDS[what])
    both.world.pages[3].pins += 1
    both.world.mms[0].ptes[0x40001000] = 0x65
    both.world.mappings[2].tags[1] = {"dirty"}
    assert neutral.differences(neutral.fields(both.world), rows) == [
        ("page[3].pins", "1", "0"),
        ("mm[0].ptes[0x40001000]", "0x65", "None"),
        ("mapping[2].tags[1]", "dirty", "None")]


def test_every_choice_of_the_start_is_shown(both):
    names = {name for name, *_ in core.SEQUENCE_CHOICES}
    rest = {"operations", "fail_at", "kind", "actor", "argument"}
    assert names - rest - {n for n in names if n.startswith(("pause", "second"))} == set(compare.START)


def test_cases_do_every_operation_often_with_success(both):
    done = Counter(name for index in range(300) for name, result in _run(both, 1, index)
                   if result >= 0)
    assert set(done) == {name for name, _ in core.OPERATIONS} - {"nothing"}
    assert min(done.values()) >= 5, done
