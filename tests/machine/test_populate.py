# SPDX-License-Identifier: GPL-2.0-only
"""remap_file_pages, the populate operations, and the ptes that they install."""

import errno

import pytest
from mapped import AT, NONLINEAR, PRIVATE_RW, SHARED_RW, Scene

NONBLOCK = 0x10000
EINVAL, ENOMEM = -errno.EINVAL, -errno.ENOMEM
LINEAR = 0x1000         # anything but a vma of these tests' own pgoff


@pytest.fixture
def scene(kernel):
    scene = Scene(kernel)
    scene.file(0)
    return scene


def file_pte(offset):
    return 0x40 | (offset & 31) << 1 | offset >> 5 << 8


# install_page and install_file_pte

def install(scene, at, page, prot=0x25):
    result = scene.call("install_page", "mm[0]", "vma[0]", AT(at), f"page[{page}]", prot)
    scene.calm()
    return result


def held_page(scene, number, index):
    """A page of the file with a reference to give away."""
    scene.page(number, inode=0, index=index)
    scene.add(f"page[{number}]._count")


@pytest.mark.parametrize("prot", [0x25, 0x27, 0xA0])
def test_install_page_into_nothing(scene, prot):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    held_page(scene, 3, 2)

    assert install(scene, 1, 3, prot) == 0

    # neither dirty nor made writable: what the protection says
    assert scene.word_at(1) == 0x103000 + prot
    assert scene.rss() == (1, 0)
    assert scene.counts(3) == (2, 0)
    assert scene.get("world.page_state.nr_mapped") == 1


def test_install_page_says_what_it_does_in_this_order(scene):
    scene.vma(0, file=0)
    held_page(scene, 3, 2)
    install(scene, 2, 3)
    first = f"mm[0].pte[{AT(2):#x}]"
    assert scene.kernel.events() == [
        ("install_page", "mm[0]", "vma[0]", AT(2), "page[3]", 0x25, 0),
        ("pte_alloc", "mm[0]", AT(2), "mm[0].pmd[0]"),
        ("pte_offset_map_lock", "mm[0]", "mm[0].pmd[0]", AT(2), "mm[0].pmd[0].ptl", first),
        ("inc_mm_counter", "mm[0]", scene.kernel.at("mm[0].file_rss") - scene.kernel.at("mm[0]")),
        ("flush_icache_page", "vma[0]", "page[3]"),
        ("set_pte_at", "mm[0]", AT(2), first, 0x103025),
        ("page_add_file_rmap", "page[3]"),
        ("inc_page_state", 2, 1),
        ("update_mmu_cache", "vma[0]", AT(2), 0x103025),
        ("pte_unmap_unlock", first, "mm[0].pmd[0].ptl"),
    ]


@pytest.mark.parametrize("bits, dirty", [("rw dirty accessed", 1), ("accessed", 0)])
def test_install_page_in_the_place_of_another(scene, bits, dirty):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(4, inode=0, index=1)
    scene.pte(1, page=4, bits=bits)
    held_page(scene, 3, 2)

    assert install(scene, 1, 3) == 0

    assert scene.shown(1) == "page 3 accessed"
    assert scene.rss() == (1, 0)
    assert scene.counts(4) == (1, -1) and scene.counts(3) == (2, 0)
    assert scene.get("page[4].flags.dirty") == dirty
    # a young pte is nothing to it
    assert scene.get("page[4].flags.referenced") == 0


def test_install_page_in_the_place_of_a_private_copy_counts_it_as_a_file_page(scene):
    # the kernel's own mistake: one too many there, one too few here
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0, anon=0)
    scene.page(4, anon=0, index=1)
    scene.pte(1, page=4)
    held_page(scene, 3, 2)
    assert scene.rss() == (0, 1)

    install(scene, 1, 3)

    assert scene.rss() == (0, 1)
    assert scene.get("page[4]._count") == 0


@pytest.mark.parametrize("old", [0x42, 2 << 8, 0xF0000067])
def test_install_page_in_the_place_of_no_page(scene, old):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.raw(1, old)
    scene.set("swap[2].map", 1)
    held_page(scene, 3, 2)

    assert install(scene, 1, 3) == 0

    assert scene.rss() == (1, 0)
    assert scene.get("swap[2].map") == (0 if old == 2 << 8 else 1)


@pytest.mark.parametrize("mapcount, result", [(0x3FFFFFFE, 0), (0x3FFFFFFF, ENOMEM)])
def test_install_page_of_a_page_that_is_mapped_too_often(scene, mapcount, result):
    scene.vma(0, file=0)
    held_page(scene, 3, 2)
    scene.set("page[3]._mapcount", mapcount)
    assert install(scene, 1, 3) == result
    assert scene.get("page[3]._mapcount") == mapcount + (not result)
    assert bool(scene.word_at(1)) == (not result)


@pytest.mark.parametrize("flags, data, result", [
    (SHARED_RW, 0, 0), (SHARED_RW, 0x20000, EINVAL), (SHARED_RW | NONLINEAR, 0x20000, 0),
])
def test_remap_file_pages_wants_no_private_data(scene, flags, data, result):
    scene.vma(0, at=0, pages=4, flags=flags, file=0)
    scene.set("vma[0].vm_private_data", data)
    assert scene.call("remap_file_pages", AT(0), 0x1000, 0, 0, 0) == result


@pytest.mark.parametrize("index, mapping, result", [
    (3, 1, 0), (4, 1, EINVAL), (3, 0, EINVAL),
])
def test_install_page_of_a_page_truncated_meanwhile(scene, index, mapping, result):
    scene.vma(0, file=0)
    held_page(scene, 3, index)
    if not mapping:
        scene.set("page[3].mapping", 0)
    scene.raw(1, 0x42)

    assert install(scene, 1, 3) == result

    if result:
        assert scene.word_at(1) == 0x42
        assert scene.counts(3) == (2, -1) and scene.rss() == (0, 0)


@pytest.mark.parametrize("size, result", [(0x3000, EINVAL), (0x3001, 0), (0x4000, 0)])
def test_install_page_counts_a_page_that_the_file_ends_in(kernel, size, result):
    scene = Scene(kernel)
    scene.file(0, size=size)
    scene.vma(0, file=0)
    held_page(scene, 3, 3)
    assert install(scene, 1, 3) == result


def test_install_page_without_a_page_table(scene):
    scene.vma(0, file=0)
    held_page(scene, 3, 2)
    scene.set("world.fail_in", 1)
    assert install(scene, 1, 3) == ENOMEM
    assert scene.counts(3) == (2, -1)


@pytest.mark.parametrize("offset", [0, 2, 33, (1 << 29) - 1])
def test_install_file_pte_into_nothing(scene, offset):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    assert scene.call("install_file_pte", "mm[0]", "vma[0]", AT(1), offset, 0x25) == 0
    scene.calm()
    assert scene.word_at(1) == file_pte(offset) & 0xFFFFFFFF
    assert scene.rss() == (0, 0)
    assert scene.kernel.events()[0] == (
        "install_file_pte", "mm[0]", "vma[0]", AT(1), offset, 0x25, 0)
    assert scene.kernel.events()[-2][0] == "update_mmu_cache"


def test_install_file_pte_takes_a_page_out(scene):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(4, inode=0, index=1)
    scene.pte(1, page=4, bits="rw dirty")

    assert scene.call("install_file_pte", "mm[0]", "vma[0]", AT(1), 2, 0x25) == 0

    assert scene.word_at(1) == file_pte(2)
    assert scene.rss() == (0, 0) and scene.counts(4) == (1, -1)
    assert scene.get("page[4].flags.dirty") == 1


def test_install_file_pte_without_a_page_table(scene):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.set("world.fail_in", 1)
    assert scene.call("install_file_pte", "mm[0]", "vma[0]", AT(1), 2, 0x25) == ENOMEM


@pytest.mark.parametrize("kind, operation", [("ext2", "readpage"), ("tmpfs", None)])
def test_a_fault_on_a_file_pte_populates_as_the_file_does(kernel, kind, operation):
    scene = Scene(kernel)
    scene.file(0, kind=kind)
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    assert scene.call("use_file_vm_ops", "vma[0]") == 0
    scene.raw(1, file_pte(3))

    assert scene.call("handle_mm_fault", "mm[0]", "vma[0]", AT(1), 0) == 3     # MAJOR

    assert scene.shown(1) == "page 0 rw,accessed"
    assert scene.get("page[0].index") == 3
    assert [event[0] for event in scene.named("readpage")] == ([operation] if operation else [])


# remap_file_pages

def remap(scene, at=0, pages=1, pgoff=0, flags=0, prot=0):
    result = scene.call("remap_file_pages", AT(at), pages << 12, prot, pgoff, flags)
    scene.calm()
    return result


@pytest.mark.parametrize("start, size, prot, pgoff", [
    (AT(0), 0x1000, 1, 0),                          # a protection
    (AT(0), 0xFFF, 0, 0),                           # less than a page
    (AT(0), -0x1000, 0, 0),                         # wraps
    (AT(0), 0x1000, 0, (1 << 29) - 1),              # one more than a pte can hold
    (AT(0), 0x4000, 0, (1 << 29) - 4),
])
def test_remap_file_pages_refuses_before_it_looks(scene, start, size, prot, pgoff):
    scene.vma(0, file=0)
    assert scene.call("remap_file_pages", start, size, prot, pgoff, 0) == EINVAL
    assert [event[0] for event in scene.kernel.events()] == ["remap_file_pages"]


@pytest.mark.parametrize("at, pages", [(1, 1), (4, 3), (2, 4), (3, 2), (8, 1)])
def test_remap_file_pages_wants_one_vma(scene, at, pages):
    scene.vma(0, at=2, pages=2, file=0)
    scene.vma(1, at=4, pages=2, pgoff=2, file=0)
    assert remap(scene, at, pages) == EINVAL
    assert [event[0] for event in scene.kernel.events()] == [
        "remap_file_pages", "down_read", "find_vma", "up_read"]


@pytest.mark.parametrize("flags, file", [(PRIVATE_RW, 0), (0xD1, 0), (SHARED_RW, None)])
def test_remap_file_pages_wants_a_shared_vma_that_can_be_populated(scene, flags, file):
    scene.vma(0, flags=flags, file=file)
    assert remap(scene) == EINVAL


def test_remap_file_pages_masks_its_start_and_size(scene):
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=1)
    assert scene.call("remap_file_pages", AT(1) + 5, 0x1FFF, 0, 1, NONBLOCK) == 0
    assert scene.shown(1) == "page 3 rw,accessed"


def test_remap_file_pages_at_the_linear_place_only_populates(scene):
    scene.vma(0, pgoff=0, file=0)
    scene.page(3, inode=0, index=1)
    scene.page(4, inode=0, index=2)

    assert remap(scene, at=1, pages=2, pgoff=1, flags=NONBLOCK) == 0

    assert (scene.shown(1), scene.shown(2)) == ("page 3 rw,accessed", "page 4 rw,accessed")
    assert scene.get("vma[0].vm_flags.NONLINEAR") == 0
    assert scene.named("down_write") == []


def test_remap_file_pages_elsewhere_takes_the_vma_out_of_the_tree(scene):
    scene.vma(0, file=0)
    scene.page(3, inode=0, index=2)

    assert remap(scene, at=0, pages=1, pgoff=2, flags=NONBLOCK) == 0

    assert scene.shown(0) == "page 3 rw,accessed"
    assert scene.get("vma[0].vm_flags") == SHARED_RW | NONLINEAR
    assert scene.get("mapping[0].i_mmap") == 0
    assert scene.kernel.name("mapping[0].i_mmap_nonlinear") == "vma[0]"
    assert [event[0] for event in scene.kernel.events()][:9] == [
        "remap_file_pages", "down_read", "find_vma", "up_read", "down_write", "find_vma",
        "spin_lock", "spin_unlock", "get_page"]
    assert scene.kernel.events()[-1] == ("up_write", "mm[0].mmap_sem")


def test_remap_file_pages_of_a_nonlinear_vma_stays_a_reader(scene):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(3, inode=0, index=2)
    assert remap(scene, at=0, pages=1, pgoff=2, flags=NONBLOCK) == 0
    assert scene.named("down_write") == []
    # back to its place: it stays nonlinear
    scene.page(4, inode=0, index=0)
    assert remap(scene, at=0, pages=1, pgoff=0, flags=NONBLOCK) == 0
    assert scene.get("vma[0].vm_flags.NONLINEAR") == 1


def test_remap_file_pages_of_a_read_only_protection_installs_read_only_ptes(scene):
    scene.vma(0, flags=SHARED_RW, file=0)
    scene.set("vma[0].vm_page_prot", 0x25)          # as a mapping that accounts dirty pages has it
    scene.page(3, inode=0, index=2)
    remap(scene, at=0, pgoff=2)
    assert scene.shown(0) == "page 3 accessed"


# populate: what is in memory, what is read, what is left for later

def populate(scene, which, at, pages, pgoff, nonblock):
    result = scene.call(which, "vma[0]", AT(at), pages << 12, 0x25, pgoff, nonblock)
    scene.calm()
    return result


@pytest.mark.parametrize("pages, pgoff, result", [
    (1, 3, 0), (4, 0, 0), (1, 4, EINVAL), (2, 3, EINVAL), (1, LINEAR, EINVAL),
])
@pytest.mark.parametrize("nonblock", [0, 1])
def test_filemap_populate_stays_inside_the_file(scene, pages, pgoff, result, nonblock):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    assert populate(scene, "filemap_populate", 0, pages, pgoff, nonblock) == result


def test_filemap_populate_reads_what_is_missing(kernel):
    scene = Scene(kernel)
    scene.file(0, disk=[0] * 8 + [5, 6, 7, 8])
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(3, inode=0, index=1)

    assert populate(scene, "filemap_populate", 0, 2, 1, 0) == 0

    assert scene.shown(0) == "page 3 accessed" and scene.shown(1) == "page 0 accessed"
    assert [scene.get(f"page[0].contents[{i}]") for i in range(4)] == [5, 6, 7, 8]
    assert scene.rss() == (2, 0)


@pytest.mark.parametrize("flags, word", [(NONLINEAR, file_pte(1)), (0, 0)])
def test_filemap_populate_that_must_not_block_leaves_a_file_pte_or_nothing(scene, flags, word):
    scene.vma(0, flags=SHARED_RW | flags, file=0)
    scene.page(3, inode=0, index=2)

    assert populate(scene, "filemap_populate", 1, 2, 1, 1) == 0

    assert scene.word_at(1) == word
    assert scene.shown(2) == "page 3 accessed"
    assert scene.named("readpage") == []


def test_filemap_populate_that_must_not_block_passes_a_page_that_was_never_read(scene):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(3, inode=0, index=1)
    scene.set("page[3].flags.uptodate", 0)
    assert populate(scene, "filemap_populate", 1, 1, 1, 1) == 0
    assert scene.word_at(1) == file_pte(1)
    assert scene.counts(3) == (1, -1)


@pytest.mark.parametrize("fail_in, left", [(1, 0), (2, 1)])
def test_filemap_populate_without_memory_for_page_or_table(scene, fail_in, left):
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.set("world.fail_in", fail_in)
    assert populate(scene, "filemap_populate", 0, 1, 1, 0) == ENOMEM
    # a page that was read stays in the cache, and nobody else holds it
    assert scene.get("mapping[0].nrpages") == left
    scene.call("lru_add_drain")
    assert scene.get("page[0]._count") == left


@pytest.mark.parametrize("nonblock, word", [(0, 0x100025), (1, file_pte(1))])
def test_shmem_populate_makes_the_page_unless_it_must_not_block(kernel, nonblock, word):
    scene = Scene(kernel)
    scene.file(0, kind="tmpfs")
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)

    assert populate(scene, "shmem_populate", 0, 1, 1, nonblock) == 0

    assert scene.word_at(0) == word
    assert scene.get("mapping[0].nrpages") == 1 - nonblock


def test_shmem_populate_maps_what_is_there(kernel):
    scene = Scene(kernel)
    scene.file(0, kind="tmpfs")
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(3, inode=0, index=3)
    assert populate(scene, "shmem_populate", 0, 1, 3, 1) == 0
    assert scene.shown(0) == "page 3 accessed"
    assert populate(scene, "shmem_populate", 0, 2, 3, 0) == EINVAL


@pytest.mark.parametrize("nonblock", [0, 1])
@pytest.mark.parametrize("which, kind", [("filemap_populate", "ext2"), ("shmem_populate", "tmpfs")])
def test_populate_marks_a_page_that_it_finds_as_accessed(kernel, which, kind, nonblock):
    scene = Scene(kernel)
    scene.file(0, kind=kind)
    scene.vma(0, flags=SHARED_RW | NONLINEAR, file=0)
    scene.page(3, inode=0, index=3)
    scene.set("page[3].flags.referenced", 0)
    assert populate(scene, which, 0, 1, 3, nonblock) == 0
    assert scene.get("page[3].flags.referenced") == 1


def test_remap_file_pages_of_tmpfs_asks_shmem(kernel):
    scene = Scene(kernel)
    scene.file(0, kind="tmpfs")
    scene.vma(0, file=0)
    assert remap(scene, at=0, pages=2, pgoff=1) == 0
    # tmpfs accounts no dirty pages and keeps RW in its protection
    assert [scene.shown(at) for at in (0, 1)] == ["page 0 rw,accessed", "page 1 rw,accessed"]
    assert scene.get("page[0].flags.dirty") == 0
