# SPDX-License-Identifier: GPL-2.0-only
"""A world as text, written out for worlds that are put together by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import Picture

from pykmm.report import world as rendering

EMPTY = """\
units  none
process 0  0 pages mapped  rss 0 file + 0 anon
pages  0 used, 16 free
counters  nr_dirty 0, nr_writeback 0, nr_mapped 0, nr_active 0, nr_inactive 0, committed 0
"""

FULL = """\
units  U1,U6
process 0  3 pages mapped  rss 1 file + 0 anon  1 locked, brk 0x8051000
  open  0: file 0 rw, 2: file 0 r
  vma 3  0x40000000-0x40002000  rw-s  file 0 at 1  prot RO
    0x40000000  page 3 RW D A
    0x40001000  none
  vma 1  0x40004000-0x40005000  r-xp  anon         prot NONE  LOCKED anon_vma 2
    0x40004000  swap 2
process 2  0 pages mapped  rss 0 file + 0 anon
pages  2 used, 13 free, 1 taken
  page 3  count 4  mapped 1  file 0 at 1          [73 2 ? 0]  uptodate dirty private pagevec,
        tag DW, pinned 1, writing [73 - - 0] as a page
    buffer 1  block 7   Uptodate Dirty Mapped  count 2, in a transaction, ends a write
    buffer 0  no block  -
  page 5  count 1  mapped 0  anon 0x8050, swap 2  [5 5 5 5]   swapcache
file 0  ext3   6000 bytes  blocks of 2048  disk [1 2 - -] [5 6]  dirty_pages, EIO, swap file
file 4  tmpfs  4096 bytes                                        2 pages charged
swap 2  count 2  [5 6 7 8]
counters  nr_dirty 1, nr_writeback 2, nr_mapped 3, nr_active 4, nr_inactive 5, committed 6
locks held  mm[0].mmap_sem, mapping[0].tree_lock
1 page table mapped
interrupts are disabled
page 5 is locked by another task
"""


def full(picture):
    picture.set("world.units", 0x21)
    picture.set_all("mm[0]", total_vm=3, file_rss=1, locked_vm=1, brk=0x08051000)
    picture.set("mm[2].mm_users", 1)
    picture.set("mm[0].pmd[0].table", "mm[0].pte[0x40000000]")
    for number, mode in ((0, 3), (2, 1)):
        picture.set(f"task[0].fd[{number}]", f"file[{number}]")
        picture.set_all(f"file[{number}]", f_mapping="mapping[0]", f_mode=mode)
    picture.set_all("vma[3]", vm_mm="mm[0]", vm_start=0x40000000, vm_end=0x40002000, vm_pgoff=1,
                    vm_flags=0xFB, vm_page_prot=0x25, vm_file="file[0]")
    picture.set_all("vma[1]", vm_mm="mm[0]", vm_start=0x40004000, vm_end=0x40005000,
                    vm_flags=0x2075, vm_page_prot=0xA0, anon_vma="anon_vma[2]")
    picture.set("mm[0].pte[0x40000000]", 0x103067)
    picture.set("mm[0].pte[0x40004000]", 0x200)

    picture.set_all("page[3]", flags=1 << 3 | 1 << 4 | 1 << 11, _count=4, _mapcount=0, pins=1,
                    mapping="mapping[0]", index=1, private="buffer[1]", io=0x19)
    for i, version in enumerate((73, 2, 0xFFFF, 0)):
        picture.set(f"page[3].contents[{i}]", version)
    picture.set("page[3].in_flight[0]", 73)
    picture.set_all("mapping[0]", **{"page_tree.nr": 1, "flags": 1 << 20})
    picture.set_all("mapping[0].slot[0]", page="page[3]", index_and_tags=1 << 2 | 3)
    picture.set_all("world.lru_add", nr=1)
    picture.set("world.lru_add[0]", "page[3]")
    picture.set_all("buffer[1]", b_state=0x23, b_page="page[3]", b_this_page="buffer[0]",
                    b_blocknr=7, b_count=2, b_in_transaction=1, b_end_io=2)
    picture.set_all("buffer[0]", b_page="page[3]", b_this_page="buffer[1]")
    picture.set_all("page[5]", flags=1 << 15, _count=1, index=0x8050, private=2,
                    mapping=picture.where.address("anon_vma[0]") | 1)
    for i in range(4):
        picture.set(f"page[5].contents[{i}]", 5)
    picture.set_all("page[15]", flags=1 << 10, _count=1)

    picture.set_all("inode[0]", i_count=1, i_kind=1, i_size=6000, i_blkbits=11, i_mapped=0b1101,
                    i_state=4, i_flags=32)
    picture.set_all("inode[4]", i_count=1, i_kind=3, i_size=4096, i_charged=2)
    picture.set("swap[2].map", 2)
    for i in range(4):
        picture.set(f"swap[2].contents[{i}]", 5 + i)
    for i, name in enumerate("nr_dirty nr_writeback nr_mapped nr_active nr_inactive".split(), 1):
        picture.set(f"world.page_state.{name}", i)
    picture.set_all("world", vm_committed_space=6, nr_held=2, kmaps=1, irqs_disabled=1,
                    page_of_other="page[5]")
    picture.set("world.held[0]", "mm[0].mmap_sem")
    picture.set("world.held[1]", "mapping[0].tree_lock")


def test_empty_world_says_little(picture):
    assert picture.text == EMPTY


def test_full_world_says_all(picture):
    full(picture)

    assert picture.text == FULL


def test_no_line_is_longer_than_a_hundred(picture):
    full(picture)
    for flags in range(21):
        picture.set("page[3].flags", (1 << flags) - 1 & ~(1 << 10))

        assert max(map(len, picture.text.splitlines())) <= 100


@pytest.mark.parametrize(("word", "text"), [
    (0, "none"),
    (0x103067, "page 3 RW D A"),
    (0x103025, "page 3 RO A"),
    (0x103005, "page 3 RO"),
    (0x103047, "page 3 RW D"),
    (0x1030E0, "page 3 NONE D A"),
    (0x103080, "page 3 NONE"),
    (0x10303F, "page 3 RW PWT PCD A"),
    (0x110025, "zero page RO A"),
    (0x111067, "frame 0x111 RW D A"),
    (0x0FF025, "frame 0xff RO A"),
    (0x40, "file pte 0"),
    (0x4A, "file pte 5"),
    (0x140, "file pte 32"),
    (0x17E, "file pte 63"),
    (0x200, "swap 2"),
    (0x206, "swap 2 type 3"),
])
def test_pte_text_of_every_kind(word, text):
    assert rendering.pte_text(word, 17) == text


def test_pte_text_of_a_driver_names_the_frame():
    assert rendering.pte_text(0x103067, 17, driver=True) == "frame 0x103 RW D A"


PFNMAP, SHARED, MAYWRITE, MAYS = 0x400, 0x8, 0x20, 0x70


@pytest.mark.parametrize(("flags", "frame", "text"), [
    (MAYS, 0x101, "page 1 RO"),
    (PFNMAP | MAYS, 0x101, "frame 0x101 RO"),
    (PFNMAP | MAYS, 0x102, "page 2 RO"),                # a private copy
    (PFNMAP | SHARED | MAYS, 0x102, "frame 0x102 RO"),
    (PFNMAP | MAYS & ~MAYWRITE, 0x102, "frame 0x102 RO"),
])
def test_frames_of_a_driver_are_no_pages(picture, flags, frame, text):
    picture.set("mm[0].pmd[0].table", "mm[0].pte[0x40000000]")
    picture.set_all("vma[0]", vm_mm="mm[0]", vm_start=0x40001000, vm_end=0x40002000,
                    vm_flags=flags, vm_pgoff=0x101)
    picture.set("mm[0].pte[0x40001000]", frame << 12 | 5)

    assert picture.line("0x40001000") == f"0x40001000  {text}"


def test_pte_without_its_page_table_is_none(picture):
    picture.set_all("vma[0]", vm_mm="mm[0]", vm_start=0x40000000, vm_end=0x40001000)
    picture.set("mm[0].pte[0x40000000]", 0x103067)

    assert picture.line("0x40000000") == "0x40000000  none"


@pytest.mark.parametrize(("flags", "letters", "more"), [
    (0x70, "---p", ""),
    (0x71, "r--p", ""),
    (0xFF, "rwxs", ""),
    (0x8000F1, "r--p", "  NONLINEAR MAYSHARE"),
    (0xD1, "r--p", "  MAYSHARE no MAYWRITE"),
    (0x0B, "rw-s", "  no MAYREAD no MAYWRITE no MAYEXEC"),
    (0x84473, "rw-p", "  PFNMAP IO RESERVED"),
    (0x102173, "rw-p", "  GROWSDOWN LOCKED ACCOUNT"),
])
def test_vma_letters_and_flags(picture, flags, letters, more):
    picture.set_all("vma[0]", vm_mm="mm[0]", vm_start=0x40000000, vm_end=0x40001000,
                    vm_flags=flags, vm_page_prot=0x27)

    assert picture.line("vma 0") == f"vma 0  0x40000000-0x40001000  {letters}  anon  prot RW{more}"


def test_vmas_are_in_the_order_of_addresses(picture):
    for number, start in ((0, 0x40003000), (2, 0x40001000)):
        picture.set_all(f"vma[{number}]", vm_mm="mm[0]", vm_start=start, vm_end=start + 0x1000)

    assert picture.text.index("vma 2") < picture.text.index("vma 0")


def test_process_that_ended_with_a_vma_left_is_said(picture):
    picture.set_all("vma[0]", vm_mm="mm[1]", vm_start=0x40000000, vm_end=0x40001000)

    assert picture.line("process 1").endswith("has ended")


@pytest.mark.parametrize(("fields", "text"), [
    ({"mapping": 0}, "no file"),
    ({"mapping": 0, "flags": 1 << 15, "private": 3}, "no file, swap 3"),
    ({"mapping": "mapping[2]", "index": 5}, "file 2 at 5"),
])
def test_page_says_whose_it_is(picture, fields, text):
    picture.set_all("page[0]", _count=1, **fields)

    assert picture.line("page 0").startswith(f"page 0  count 1  mapped 0  {text}  [0 0 0 0]")


def test_zero_page_is_shown_where_it_is_mapped(picture):
    assert "zero page" not in picture.text
    picture.set("page[16]._mapcount", 1)

    assert picture.line("zero page") == \
        "zero page  count 1  mapped 2  no file  [0 0 0 0]  reserved"


def test_buffer_outside_its_ring_is_shown_after_it(picture):
    picture.set_all("page[0]", _count=1, private="buffer[4]")
    picture.set_all("buffer[4]", b_page="page[0]", b_this_page="buffer[4]")
    picture.set_all("buffer[2]", b_page="page[0]")

    assert picture.text.index("buffer 4") < picture.text.index("buffer 2")


@pytest.mark.parametrize(("size", "blkbits", "mapped", "disk"), [
    (0, 12, 1, "[]"),
    (1, 12, 1, "[1]"),
    (1024, 10, 1, "[1]"),
    (1025, 10, 3, "[1 2]"),
    (4096, 10, 0b1010, "[- 2 - 4]"),
    (5000, 12, 0b10, "[- - - -] [5]"),
])
def test_disk_up_to_the_end_with_holes(picture, size, blkbits, mapped, disk):
    picture.set_all("inode[0]", i_count=1, i_kind=2, i_size=size, i_blkbits=blkbits,
                    i_mapped=mapped)

    assert picture.line("file 0").endswith(f"disk {disk}")


def test_disk_ends_where_there_is_no_room_for_more(picture):
    picture.set_all("inode[0]", i_count=1, i_size=1 << 20, i_mapped=0)

    assert picture.text.count("[- - - -]") == 6


@pytest.mark.parametrize(("path", "value", "said"), [
    ("world.order_fault", 12 << 8 | 4, "lock order: i_mmap_lock was taken under tree_lock"),
    ("world.sleep_fault", 1 << 7 | 1 << 12, "slept under ptl, tree_lock"),
    ("world.store_faults", 1, "a sync returned 0, and an earlier store was not on disk"),
    ("world.store_faults", 8, "a page of a file got dirty without a store"),
])
def test_faults_of_a_run_are_said(picture, path, value, said):
    picture.set(path, value)

    assert said in picture.text.splitlines()


def test_hidden_file_is_left_out(picture):
    full(picture)

    assert "file 0  ext3" not in "\n".join(
        rendering.text(picture.where, picture.image, hidden={0}))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_world_can_be_told_whatever_is_in_it(data):
    """An oops leaves what no kernel would: nothing in it may keep a world from being shown."""
    picture = Picture()
    full(picture)
    paths = [place.path for place in picture.where.places if not place.path.startswith("world.")]
    for _ in range(8):
        words = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 0x60), st.sampled_from(
            [picture.where.base + place.offset for place in picture.where.places]))
        picture.set(data.draw(st.sampled_from(paths)), data.draw(words))

    assert picture.text.startswith("units  U1,U6")


DIFFERENCE = """\
  process 0  3 pages mapped  rss 1 file + 0 anon  1 locked, brk 0x8051000
    vma 3  0x40000000-0x40002000  rw-s  file 0 at 1  prot RO
-     0x40000000  page 3 RW D A
+     0x40000000  page 3 RO A
  pages  2 used, 13 free, 1 taken
    page 3  count 4  mapped 1  file 0 at 1          [73 2 ? 0]  uptodate dirty private pagevec,
          tag DW, pinned 1, writing [73 - - 0] as a page
-     buffer 0  no block  -
+     buffer 0  no block  Dirty
-   page 5  count 1  mapped 0  anon 0x8050, swap 2  [5 5 5 5]   swapcache
+   page 5  count 2  mapped 0  anon 0x8050, swap 2  [5 5 5 5]   swapcache
+ page 5 is locked by another task
"""


def test_difference_shows_what_changed_under_what_it_belongs_to(picture):
    full(picture)
    picture.set("world.page_of_other", 0)
    before = picture.image
    picture.set("mm[0].pte[0x40000000]", 0x103025)
    picture.set("buffer[0].b_state", 2)
    picture.set("page[5]._count", 2)
    picture.set("world.page_of_other", "page[5]")

    found = rendering.difference(picture.where, before, picture.image)
    assert "\n".join(found) + "\n" == DIFFERENCE


def test_difference_of_equal_worlds_is_nothing(picture):
    full(picture)

    assert rendering.difference(picture.where, picture.image, picture.image) == []


def test_difference_where_a_process_came_and_another_went(picture):
    before = picture.image
    picture.set("mm[0].mm_users", 0)
    picture.set("mm[1].mm_users", 1)

    assert rendering.difference(picture.where, before, picture.image) == [
        "- process 0  0 pages mapped  rss 0 file + 0 anon",
        "+ process 1  0 pages mapped  rss 0 file + 0 anon"]
