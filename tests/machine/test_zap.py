# SPDX-License-Identifier: GPL-2.0-only
"""zap_page_range: ptes out of one vma, and what becomes of what they said."""

import pytest
from mapped import AT, HEAP, NONLINEAR, PFNMAP, PRIVATE_RW, SHARED_RW, Scene


@pytest.fixture
def scene(kernel):
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, at=0, pages=12, file=0)
    scene.table(AT(0))
    return scene


def zap(scene, first=0, pages=12, vma=0):
    scene.call("zap_page_range", f"vma[{vma}]", AT(first), AT(first + pages))
    scene.calm()


@pytest.mark.parametrize("bits, dirty, referenced", [
    ("", 0, 0),
    ("rw", 0, 0),
    ("rw dirty", 1, 0),
    ("dirty", 1, 0),                    # RW is not asked
    ("accessed", 0, 1),
    ("rw dirty accessed", 1, 1),
    ("protnone dirty accessed", 1, 1),  # PROT_NONE ptes are present
])
def test_zap_of_a_file_page_hands_its_bits_over(scene, bits, dirty, referenced):
    scene.page(3, inode=0, index=2)
    scene.pte(2, page=3, bits=bits)

    zap(scene)

    assert scene.word_at(2) == 0
    assert scene.get("page[3].flags.dirty") == scene.get("world.page_state.nr_dirty") == dirty
    assert scene.get("page[3].flags.referenced") == referenced
    assert scene.counts(3) == (1, -1)
    assert scene.rss() == (0, 0)
    assert scene.get("world.page_state.nr_mapped") == 0


def test_zap_of_an_anonymous_page_forgets_its_dirty_bit_and_frees_it(scene):
    scene.page(5, anon=0)
    scene.pte(1, page=5, bits="rw dirty accessed")

    zap(scene)

    assert scene.rss() == (0, 0)
    assert scene.get("page[5]._count") == scene.get("page[5].mapping") == 0
    assert scene.named("set_page_dirty", "mark_page_accessed") == []


def test_zap_of_a_page_that_others_have_too_drops_one_reference(scene):
    scene.page(5, anon=0)
    scene.pte(1, page=5)
    scene.pte(1, page=5, mm=1)

    zap(scene)

    assert scene.counts(5) == (1, 0)
    assert scene.rss(0) == (0, 0) and scene.rss(1) == (0, 1)
    assert scene.get("world.page_state.nr_mapped") == 1


def test_zap_of_the_zero_page_counts_it_as_a_file_page(scene):
    scene.pte(0, page=16, bits="accessed")

    zap(scene)

    assert scene.rss() == (0, 0)
    assert scene.counts(16) == (1, -1)


def test_zap_says_what_it_does_in_this_order(scene):
    scene.page(3, inode=0, index=2)
    scene.pte(2, page=3, bits="rw dirty accessed")
    pte, ptl = f"mm[0].pte[{AT(2):#x}]", "mm[0].pmd[0].ptl"

    zap(scene, 2, 1)

    assert scene.named(
        "zap_page_range", "pte_offset_map_lock", "vm_normal_page", "ptep_get_and_clear",
        "set_page_dirty", "mark_page_accessed", "dec_mm_counter", "page_remove_rmap",
        "pte_unmap_unlock", "put_page",
    ) == [
        ("zap_page_range", "vma[0]", AT(2), AT(3)),
        ("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", AT(2), ptl, pte),
        ("vm_normal_page", "vma[0]", AT(2), 0x103067, "page[3]"),
        ("ptep_get_and_clear", "mm[0]", AT(2), pte, 0x103067),
        ("set_page_dirty", "page[3]", 1),
        ("mark_page_accessed", "page[3]"),
        ("dec_mm_counter", "mm[0]", scene.kernel.at("mm[0].file_rss") - scene.kernel.at("mm[0]")),
        ("page_remove_rmap", "page[3]"),
        ("pte_unmap_unlock", pte, ptl),
        ("put_page", "page[3]"),
    ]


def test_zap_frees_swap_but_only_clears_a_file_pte(scene):
    scene.raw(0, 1 << 8)                    # swap slot 1
    scene.raw(1, 0x40 | 3 << 1)             # page 3 of the file
    scene.set("swap[1].map", 2)

    zap(scene)

    assert scene.word_at(0) == scene.word_at(1) == 0
    assert scene.get("swap[1].map") == 1
    assert [event[0] for event in scene.named("free_swap_and_cache", "pte_clear")] == [
        "free_swap_and_cache", "pte_clear", "pte_clear"]
    assert scene.rss() == (0, 0)


def test_zap_of_a_frame_without_a_page_counts_nothing(scene):
    scene.vma(1, at=13, pages=1, pgoff=0x300, flags=SHARED_RW | PFNMAP)
    scene.raw(13, 0x300067)

    zap(scene, 13, 1, vma=1)

    assert scene.word_at(13) == 0
    assert scene.named("dec_mm_counter", "set_page_dirty", "page_remove_rmap", "put_page") == []


def test_zap_stays_inside_its_range(scene):
    # |  8 ptes of one table  |  8 of the next  |
    #  1 . . . . . 2 [ 3 . 4 ] 5
    scene.page(3, inode=0)
    for at in (0, 6, 7, 9, 10):
        scene.pte(at, page=3)

    zap(scene, 7, 3)

    assert [at for at in range(12) if scene.word_at(at)] == [0, 6, 10]
    assert scene.counts(3) == (4, 2)
    assert [event[3] for event in scene.named("pte_offset_map_lock")] == [AT(7), AT(8)]


def test_zap_goes_past_tables_that_are_not_there(scene):
    scene.set("mm[0].pmd[0].table", 0)
    scene.page(3, inode=0)
    scene.pte(11, page=3)

    zap(scene)

    assert scene.word_at(11) == 0
    assert [event[3] for event in scene.named("pte_offset_map_lock")] == [AT(8)]


def test_zap_of_more_pages_than_it_gathers_frees_them_all(kernel):
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, start=HEAP, pages=(AT(16) - HEAP) >> 12, file=0)
    scene.page(3, inode=0)
    for i in range(8):
        scene.pte(0, page=3, address=HEAP + (i << 12))
    for i in range(16):
        scene.pte(i, page=3)

    scene.call("zap_page_range", "vma[0]", HEAP, AT(16))

    scene.calm()
    assert scene.counts(3) == (1, -1)
    assert [event[3] for event in scene.named("pte_offset_map_lock")] == [HEAP, AT(0), AT(8)]
    assert len(scene.named("put_page")) == 24
    # lowest address first, whatever the order of the directory
    order = [event[0] for event in scene.named("page_remove_rmap", "put_page")]
    assert order == ["page_remove_rmap"] * 17 + ["put_page"] * 16 + \
        ["page_remove_rmap"] * 7 + ["put_page"] * 8


@pytest.mark.parametrize("locked, count", [(0, 0), (1, 1)])
def test_zap_takes_a_page_out_of_the_swap_cache_if_it_gets_the_lock(scene, locked, count):
    scene.page(5, anon=0)
    scene.pte(1, page=5)
    scene.set("page[5].flags.locked", 1)
    assert scene.call("add_to_swap", "page[5]") == 1
    scene.set("page[5].flags.locked", locked)

    zap(scene)

    assert scene.get("page[5]._count") == count
    assert scene.get("swap[1].map") == count
    assert scene.get("page[5].flags.swapcache") == count


# unmap_mapping_range

def hole(scene, first, pages, even_cows=1):
    scene.call("unmap_mapping_range", "mapping[0]", first << 12, pages << 12, even_cows)
    scene.calm()


@pytest.mark.parametrize("first, pages, left", [
    # the vma maps pages 2 to 5 of the file at 0 to 3
    (0, 0, []),
    (0, 1, [0, 1, 2, 3]),
    (0, 3, [1, 2, 3]),
    (2, 1, [1, 2, 3]),
    (3, 2, [0, 3]),
    (4, 0, [0, 1]),                 # no length: to the end
    (5, 100, [0, 1, 2]),
    (6, 0, [0, 1, 2, 3]),
])
def test_unmap_mapping_range_clips_each_vma_to_the_pages_asked_for(kernel, first, pages, left):
    scene = Scene(kernel)
    scene.file(0, size=8 << 12)
    scene.vma(0, pgoff=2, file=0)
    for i in range(4):
        scene.page(i, inode=0, index=2 + i)
        scene.pte(i, page=i)

    hole(scene, first, pages)

    assert [at for at in range(4) if scene.word_at(at)] == left


@pytest.mark.parametrize("length, left", [(1, [1]), (0x1000, [1]), (0x1001, [])])
def test_unmap_mapping_range_rounds_its_length_up(kernel, length, left):
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, file=0)
    for i in range(2):
        scene.page(i, inode=0, index=i)
        scene.pte(i, page=i)

    scene.call("unmap_mapping_range", "mapping[0]", 0, length, 1)

    assert [at for at in range(2) if scene.word_at(at)] == left


@pytest.fixture
def cows(kernel):
    """A private vma: 0 the file's page, 1 a copy, 2 in swap, 3 a file pte, 4 a page truncated."""
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, pages=5, flags=PRIVATE_RW, file=0, anon=0)
    scene.page(3, inode=0)
    scene.pte(0, page=3)
    scene.page(4, anon=0, index=1)
    scene.pte(1, page=4, bits="rw dirty")
    scene.raw(2, 2 << 8)
    scene.set("swap[2].map", 1)
    scene.raw(3, 0x40)
    scene.page(5, index=4)
    scene.pte(4, page=5)
    return scene


@pytest.mark.parametrize("even_cows, left, rss", [(0, [1, 2, 3, 4], (1, 1)), (1, [], (0, 0))])
def test_unmap_mapping_range_takes_copies_only_if_told_to(cows, even_cows, left, rss):
    hole(cows, 0, 0, even_cows)

    assert [at for at in range(5) if cows.word_at(at)] == left
    assert cows.rss() == rss
    assert cows.get("swap[2].map") == (0 if even_cows else 1)


def test_unmap_mapping_range_finds_every_process_and_counts_itself(kernel):
    scene = Scene(kernel)
    scene.file(0)
    scene.page(3, inode=0, index=1)
    scene.vma(0, pgoff=0, file=0)
    scene.vma(1, at=4, pgoff=1, file=0, mm=1)
    scene.pte(1, page=3, bits="rw dirty")
    scene.pte(4, page=3, mm=1, bits="accessed")

    hole(scene, 1, 1)

    assert scene.counts(3) == (1, -1)
    assert scene.get("page[3].flags.dirty") == 1
    assert scene.get("mapping[0].truncate_count") == 1
    events = scene.kernel.events()
    assert events[0] == ("unmap_mapping_range", "mapping[0]", 1, 1, 1)
    assert events[1] == ("spin_lock", "mapping[0].i_mmap_lock")
    assert events[-1] == ("spin_unlock", "mapping[0].i_mmap_lock")
    assert [event[1:] for event in scene.named("zap_page_range")] == [
        ("vma[0]", AT(1), AT(2)), ("vma[1]", AT(4), AT(5))]


def test_unmap_mapping_range_of_an_unmapped_file_only_counts(kernel):
    scene = Scene(kernel)
    scene.file(0)
    before = kernel.runner.image()
    hole(scene, 0, 0)
    assert kernel.changes(before) == {"mapping[0].truncate_count": "1"}


@pytest.mark.parametrize("first, pages, words", [
    # page 3 at its own place 3, page 1 at 0: what is taken from elsewhere leaves its offset
    (0, 0, {0: 0x40 | 1 << 1, 3: 0}),
    (1, 1, {0: 0x40 | 1 << 1, 3: 0x103025}),
    (3, 1, {0: 0x101025, 3: 0}),
    (2, 1, {0: 0x101025, 3: 0x103025}),
])
def test_unmap_mapping_range_knows_nonlinear_pages_by_their_index(kernel, first, pages, words):
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(1, inode=0, index=1)
    scene.page(3, inode=0, index=3)
    scene.pte(0, page=1, bits="accessed")
    scene.pte(3, page=3, bits="accessed")

    hole(scene, first, pages, even_cows=0)

    assert {at: scene.word_at(at) for at in words} == words


def test_unmap_mapping_range_leaves_file_ptes_of_nonlinear_vmas(kernel):
    scene = Scene(kernel)
    scene.file(0)
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.raw(2, 0x42)

    hole(scene, 0, 0, even_cows=1)

    assert scene.word_at(2) == 0x42
