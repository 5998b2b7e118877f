# SPDX-License-Identifier: GPL-2.0-only
"""The canonical form: the same for worlds that differ in names alone, and for no others."""

import re
from collections import Counter
from random import Random

import pytest
from images import Moved, images, machine

from pykmm import World
from pykmm.engine import core, explorer, halves

# what is not in the form, and why no operation can tell; docs/explorer.md has the same list
LEFT_OUT = [(re.compile(pattern), why) for pattern, why in (
    (r"world\.(used|size\..*|pages|vmas|mms|pmds|ptes|mappings|swapper_space|zero_page|inodes|bdis"
     r"|slots|files|anon_vmas|buffers|tasks|swap|disks|pmd_shift)", "where the arrays lie"),
    (r"spare\[\d+\]", "up to a whole line of the cache, and nobody's"),
    (r"world\.(trace|trace_at|trace_end|place_distance)", "the trace is of one run"),
    (r"mm\[\d+\]\.(pgd|nr_pmds|pmd\[\d+\]\.index)|task\[\d+\]\.(mm|signal)"
     r"|mapping\[\d+\]\.(page_tree\.(slots|capacity)|backing_dev_info)"
     r"|inode\[\d+\]\.(i_mapping|i_disk|i_unwritten)|inode\[5\]\..*|.*\.class|.*\.reserved",
     "fixed when the world is made"),
    (r"vma\[\d+\]\.(vm_rb\..*|i_mmap_(priority|parent|last))|mm\[\d+\]\.mm_rb",
     "the shape of a tree; what is in it, and in which order, is in the form"),
    (r"world\.(held\[\d+\]|held_from|wbc\[\d+\]\..*|pprev)", "beyond its count nobody's"),
    (r"world\.(current_task|paused_task|interfering|interfered|interference(\[1\])?|pauses?_\w+(\[1\])?)"
     r"", "of one run: set before each"),
    (r"world\.store_faults", "of one run, and asked before it is forgotten: machine/watch.h"),
    (r"world\.(operating|began|paused_began)|inode\[\d+\]\.i_(asked|failed)",
     "0 between operations: machine/watch.h"),
    (r"world\.version", "the next store has a number that nothing has, whatever it is"),
    (r"world\.jiffies|inode\[\d+\]\.dirtied_when", "time does not pass"),
    (r"inode\[\d+\]\.i_committing", "a commit ends with its operation"),
    (r"mapping\[\d+\]\.i_mmap_writable", "nothing asks, and fork forgets to raise it"),
    (r"mapping\[\d+\]\.truncate_count|vma\[\d+\]\.vm_truncate_count",
     "compared within one truncation, which begins with a number that no vma has"),
)]

# in the form only while something else says that it means anything
CONDITIONAL = [(re.compile(pattern), why) for pattern, why in (
    (r"page\[\d+\]\.\w+(\[\d\]|\.\w+)?", "the page is in use"),
    (r"vma\[\d+\]\..*", "the vma is in use, or for a link: in that list"),
    (r"buffer\[\d+\]\..*|anon_vma\[\d+\]\..*|file\[\d+\]\..*", "it is in use"),
    (r"(mm|task)\[\d+\]\..*", "the process is there"),
    (r"swap\[\d+\]\.contents.*", "the slot is in use"),
    (r"mapping\[\d+\]\.slot\[\d+\]\..*", "the slot is below the tree's count"),
    (r"world\.lru_add(_active)?\[\d+\]", "the place is below the pagevec's count"),
)]


def _class(path):
    return re.sub(r"\[[^]]*\]", "", path)


def _left_out(path):
    return any(pattern.fullmatch(path) for pattern, _ in LEFT_OUT)


@pytest.fixture(scope="module")
def form():
    return explorer.Canonical(machine()[0], vma_slots=True, unwritten=True)


@pytest.fixture(scope="module")
def loose():
    return explorer.Canonical(machine()[0])


# what is looked at in the state where most of this is in use
FULLEST = {
    r"buffer\[\d+\]\.b_page": "", r"page\[\d+\]\.io": "page", r"page\[\d+\]\.pins": "page",
    r"mapping\[\d+\]\.nrpages": "mapping", r"mapping\[5\]\.slot\[\d\]\.page": "mapping",
    r"world\.lru_add\.nr": "world", r"world\.lru_add_active\.nr": "world",
    r"swap\[\d+\]\.map": "swap", r"mm\[\d+\]\.mm_users": "mm", r"anon_vma\[\d\]\.head": "anon_vma",
    r"mapping\[\d\]\.i_mmap_nonlinear": "vma", r"vma\[\d+\]\.anon_vma": "vma",
}


def _fullest():
    """(what to look at, an image) for each of these."""
    _, where = machine()
    found = list(images(700, seed=4))      # among these some are in swap
    for used, what in FULLEST.items():
        at = [place for place in where.places if re.fullmatch(used, place.path)]
        yield what, max(found, key=lambda image: (sum(
            any(image[place.offset:place.offset + place.size]) for place in at),
            -image.count(0)))


def _changes(place, image, other):
    """Images with one place changed: each byte by itself; of versions, which have no number of
    their own, what they are equal to.

    other : int   a version that is somewhere else
    """
    data = image[place.offset:place.offset + place.size]
    if re.search(r"(contents|in_flight|disk|unwritten)\[", place.path):
        version = int.from_bytes(data, "little")
        words = {0 if version else 7777, other if version not in (0, other) else 0xFFFF}
        found = [word.to_bytes(2, "little") for word in words]
    else:
        found = [data[:at] + bytes([data[at] ^ 1]) + data[at + 1:] for at in range(place.size)]
    for word in found:
        yield image[:place.offset] + word + image[place.offset + place.size:]


def _shown(form, image, what):
    """(paths of which every change changes the form, paths of which one does not).

    what : str   they begin with this
    """
    where = machine()[1]
    words = form.words(image)
    disk = [where.read(image, f"inode[0].disk[{i}]") for i in range(24)]
    other = next((version for version in disk if version not in (0, 0xFFFF)), 1)
    shown, hidden = [], []
    for place in where.places:
        if _left_out(place.path) or not place.path.startswith(what):
            continue
        same = any(form.words(changed) == words for changed in _changes(place, image, other))
        (hidden if same else shown).append(place.path)
    return shown, hidden


def test_every_byte_that_an_operation_can_see_is_in_the_form(form):
    shown, hidden = set(), set()
    for what, image in _fullest():
        seen, unseen = _shown(form, image, what)
        assert [path for path in unseen
                if not any(pattern.fullmatch(path) for pattern, _ in CONDITIONAL)] == []
        shown |= set(map(_class, seen))
        hidden |= set(map(_class, unseen))
    # what means something only at times shows where it does
    assert hidden <= shown


def test_what_is_left_out_is_there():
    paths = [place.path for place in machine()[1].places]
    for pattern, why in LEFT_OUT + CONDITIONAL:
        assert any(map(pattern.fullmatch, paths)), f"nothing is {pattern.pattern}: {why}"


def test_other_names_make_no_difference(form, loose):
    random = Random(7)
    found = random.sample(list(images(60)), 250)
    for image in found:
        assert form.words(Moved(random, vmas=False).image(image)) == form.words(image)
        assert loose.words(Moved(random, vmas=True).image(image)) == loose.words(image)


def test_slots_of_vmas_show_where_they_are_kept(form, loose):
    random = Random(3)
    differ = 0
    for image in random.sample(list(images(30)), 60):
        moved = Moved(random, vmas=True).image(image)
        assert loose.words(moved) == loose.words(image)
        differ += form.words(moved) != form.words(image)
    assert differ > 30


def test_two_processes_that_change_places_are_the_same():
    runner, _ = World.block()
    form, loose = explorer.Canonical(runner, vma_slots=True), explorer.Canonical(runner)

    def after(storing):
        world = World()
        parent = world.process
        at = parent.mmap(world.file("ext2", pages=1))
        both = parent, parent.fork()
        both[storing].write(at)
        alone = world.image
        both[1 - storing].read(at)
        return alone, world.image

    (alone, one), (_, other) = after(0), after(1)
    assert loose.words(one) == loose.words(other)
    # which vma of the file comes first differs, and reclaim could tell
    assert form.words(one) != form.words(other)
    assert loose.words(alone) != loose.words(one)


def _moved(moved, name, actor, arguments):
    """The same operation where things have moved."""
    arguments = list(arguments)
    for i, argument in enumerate(dict(core.OPERATIONS)[name]):
        order = moved.orders[{"page": "page", "process": "mm"}[argument]] if argument in (
            "page", "process") else None
        if order and arguments[i] < len(order):
            arguments[i] = order[arguments[i]]
    return name, moved.orders["mm"][actor], arguments


@pytest.mark.parametrize("vmas", [False, True], ids=["vmas stay", "vmas move"])
def test_operations_lead_from_equal_forms_to_equal_forms(form, loose, vmas):
    """So a form stands for all its worlds: it does not matter which of them is tried."""
    random, (runner, _) = Random(11), machine()
    of, c = loose if vmas else form, halves.c_half()
    cases = [core.operations_of(core.Job([c], seed=9).case(0, i, True)) for i in range(80)]
    operations = [one for case in cases for one in case
                  if not (vmas and one[0] == "reclaim")]
    changed = 0
    for image in random.sample(list(images(80, seed=8)), 300):
        moved = Moved(random, vmas=vmas)
        other = moved.image(image)
        for operation in random.sample(operations, 6):
            ends = []
            for start, (name, actor, arguments) in ((image, operation),
                                                    (other, _moved(moved, *operation))):
                runner.restore(start)
                ended, result, _ = runner.operate(c, name, actor, *arguments)
                runner.forget_trace()
                ends.append((ended, result < 0 and result, of.words(runner.image())))
            assert ends[0][:2] == ends[1][:2], operation
            if ends[0][0] == "returned":
                assert ends[0][2] == ends[1][2], operation
                changed += ends[0][2] != of.words(image)
    assert changed > 200


def test_hashes_are_equal_where_forms_are_and_nowhere_else(form):
    hashes, words = {}, Counter()
    for image in images(500, seed=6):
        hashes.setdefault(form.hash(image), set()).add(form.words(image))
        words[form.words(image)] += 1
    assert all(len(forms) == 1 for forms in hashes.values())
    assert len(hashes) == len(words) > 1500
    # of so many, all halves of words differ too: a mixing that is weak somewhere would show
    for part in range(4):
        parts = {found[part // 2] >> 32 * (part % 2) & 0xFFFFFFFF for found in hashes}
        assert len(parts) > len(hashes) - 5
