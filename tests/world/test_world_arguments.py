# SPDX-License-Identifier: GPL-2.0-only
"""What a world is made with: results, units, files, mappings; and what is refused."""

import errno

import pytest

import pykmm
from pykmm import World
from pykmm.actors import Result
from pykmm.engine import halves
from pykmm.errors import BadInput

AT = 0x40000000
HEAP = 0x08050000


# Results.

@pytest.mark.parametrize(("value", "text", "name"), [
    (0, "0", ""), (9, "9", ""), (-errno.EACCES, "-EACCES", "EACCES"),
    (-errno.ENOMEM, "-ENOMEM", "ENOMEM"), (-1011, "SIGSEGV", "SIGSEGV"),
    (-1007, "SIGBUS", "SIGBUS"), (-1009, "SIGKILL", "SIGKILL"), (-4000, "-4000", "-4000"),
])
def test_result_is_a_number_with_a_name(value, text, name):
    result = Result(value)

    assert (result, repr(result), str(result), result.name) == (value, text, text, name)
    assert result.ok is (value >= 0)


def test_result_that_is_an_address_is_hexadecimal():
    assert repr(Result(AT, is_address=True)) == "0x40000000"
    assert repr(Result(-errno.EINVAL, is_address=True)) == "-EINVAL"


# A world, and what it starts with.

def test_world_is_there_without_asking_for_it():
    assert pykmm.World is World
    with pytest.raises(AttributeError, match="no attribute 'Word'"):
        pykmm.Word  # noqa: B018


def test_new_world_is_empty(w):
    assert str(w) == """\
units  all
process 0  0 pages mapped  rss 0 file + 0 anon
pages  0 used, 16 free
counters  nr_dirty 0, nr_writeback 0, nr_mapped 0, nr_active 0, nr_inactive 0, committed 0"""
    assert repr(w) == "<World: half C, units all, processes 0, 0 files, 0 operations>"
    assert (w.files, w.history, w.events, w.steps, w.changed, w.ended, w.diff()) == (
        [], [], [], [], [], None, "")
    assert w.properties() is None


@pytest.mark.parametrize("memory", [1, 5, 16])
def test_memory_is_how_many_pages_can_be_had(memory):
    w = World(memory=memory)
    at = w.process.mmap(pages=16, shared=False)

    stored = [w.process.write(at + (i << 12)).ok for i in range(memory)]
    assert stored == [True] * memory
    # the kernel is out of memory, and the process with it
    if memory < 16:
        assert repr(w.process.write(at + (memory << 12))) == "SIGKILL"
    assert w.properties() is None


@pytest.mark.parametrize(("said", "units"), [
    ("all", "all"), ("none", "none"), ("U5", "U5"), ("U7,U1", "U1,U7"),
    ("-U6", "U1,U2,U3,U4,U5,U7"), ("-U1,-U7", "U2,U3,U4,U5,U6"), (0x7F, "all"), (0, "none"),
    (0x03, "U1,U2"),
])
def test_units_of_a_world(w, said, units):
    w.units = said

    assert w.units == units
    assert World(units=said).units == units


@pytest.mark.parametrize("said", ["U8", "", "all,U1", "U1,-U2", "--U1", -1, 0x80, None, 1.5])
def test_units_that_are_none_are_refused(w, said):
    with pytest.raises(BadInput, match="^units is .*: say 'all', 'none', 'U3,U7'"):
        w.units = said
    assert w.units == "all"


def test_half_can_be_changed_and_loaded(w):
    assert w.half == "C"
    w.half = "P"
    assert w.half == "P"
    w.half = halves.c_half()
    assert w.half == "C"
    with pytest.raises(BadInput, match="half is 'X': say 'C', 'P'"):
        w.half = "X"


@pytest.mark.parametrize("memory", [0, 17, "many"])
def test_memory_that_cannot_be_is_refused(memory):
    with pytest.raises(BadInput, match="memory is .*: it must be a number from 1 to 16"):
        World(memory=memory)


# Files.

def test_files_have_versions_of_their_own(w):
    a, b = w.file("ext2", pages=2), w.file("block device", pages=1)

    assert a.disk == [1, 2, 3, 4, 5, 6, 7, 8]
    assert b.disk == [9, 10, 11, 12]
    assert w.files == [a, b]
    assert repr(b) == "<file 1: block device, 4096 bytes>"


def test_file_with_holes_has_nothing_there(w):
    f = w.file("ext3", pages=2, block=2048, holes=[1, 3])

    assert f.disk == [1, 2, 0, 0, 3, 4, 0, 0]
    assert "blocks of 2048  disk [1 2 - -] [3 4 - -]" in str(w)


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_file_in_memory_has_no_disk(w, kind):
    f = w.file(kind, pages=1)

    assert f.disk == [0, 0, 0, 0]
    assert w.process.read(w.process.mmap(f)) == 0


@pytest.mark.parametrize("kind", ["prot_driver", "PFNMAP driver", "hugetlbfs", "no mmap",
                                  "failing_driver"])
def test_file_of_any_kind_can_be_made(w, kind):
    assert w.file(kind).kind == kind.replace("_", " ")


@pytest.mark.parametrize(("given", "said"), [
    ({"kind": "ext4"}, "no kind of file 'ext4': there are ext2, ext3"),
    ({"block": 512}, "block is 512: it must be 1024, 2048 or 4096"),
    ({"pages": 7}, "pages is 7: it must be a number from 0 to 6"),
    ({"pages": 1.5}, "pages is 1.5"),
    ({"kind": "block device", "holes": [0]}, "a block device has no holes: all of it is on disk"),
    ({"holes": [6]}, "a hole is 6: it must be a number from 0 to 5"),
    ({"mode": "rwx"}, "mode is 'rwx': say letters of 'rw'"),
])
def test_file_that_cannot_be_is_refused(w, given, said):
    with pytest.raises(BadInput, match=f"^{said}"):
        w.file(**given)
    assert w.files == []


def test_fourth_file_is_refused(w):
    for _ in range(3):
        w.file()
    with pytest.raises(BadInput, match="at most 3 files"):
        w.file()


def test_file_of_another_world_is_refused(w):
    other = World().file()
    for call in (w.process.open, w.process.mmap, w.writeback, w.fsync, w.commit):
        with pytest.raises(BadInput, match="is of another world: take that of w.files"):
            call(other)
    with pytest.raises(BadInput, match="'f' is no file: w.file"):
        w.writeback("f")


# Mapping.

def test_mmap_opens_the_file_once(w, f, p):
    first, second = p.mmap(f), p.mmap(f, pgoff=1)

    assert (first, second) == (AT, AT + 0x1000)
    assert p.files == {0: f}
    assert w.history == ["0: open fd=0 inode=0 mode=READ|WRITE -> 0",
                         "0: mmap fd=0 place=0 pages=1 prot=READ|WRITE flags=SHARED|ANYWHERE "
                         "pgoff=0 -> 0x40000000",
                         "0: mmap fd=0 place=0 pages=1 prot=READ|WRITE flags=SHARED|ANYWHERE "
                         "pgoff=1 -> 0x40001000"]


def test_mmap_by_the_mode_of_the_file(w):
    f = w.file(mode="r")

    assert repr(w.process.mmap(f)) == "-EACCES"
    assert w.process.mmap(f, prot="r") == AT


def test_mmap_by_a_descriptor(f, p):
    assert p.open(f, "r") == 0
    assert p.open(f, "rw") == 1
    assert repr(p.mmap(0)) == "-EACCES"
    assert p.mmap(1) == AT
    assert repr(p.mmap(3)) == "-EBADF"


@pytest.mark.parametrize(("given", "line"), [
    ({}, "rw-s  file 0 at 0  prot RO"),
    ({"prot": "rx"}, "r-xs  file 0 at 0  prot RO"),
    ({"prot": "none"}, "---s  file 0 at 0  prot NONE"),
    ({"prot": "", "shared": False}, "---p  file 0 at 0  prot NONE"),
    ({"prot": 7, "shared": False}, "rwxp  file 0 at 0  prot RO  ACCOUNT"),
    ({"pgoff": 1}, "rw-s  file 0 at 1  prot RO"),
    ({"locked": True}, "rw-s  file 0 at 0  prot RO  LOCKED"),
])
def test_mmap_makes_such_a_vma(w, f, p, given, line):
    assert p.mmap(f, at=AT + 0x5000, **given) == AT + 0x5000
    assert f"vma 0  0x40005000-0x40006000  {line}\n" in str(w)


def test_mmap_without_a_file_is_private_or_of_an_unnamed_one(w, p):
    p.mmap(pages=2, shared=False)
    p.mmap(pages=1)

    assert "0x40000000-0x40002000  rw-p  anon         prot RO  ACCOUNT" in str(w)
    assert "0x40002000-0x40003000  rw-s  file 3 at 0  prot RW" in str(w)


def test_mmap_populate_brings_pages_in(f, p):
    at = p.mmap(f, pages=2, populate=True)

    assert [p.page(at), p.page(at + 0x1000)] == [0, 1]
    assert f.cache == {0: 0, 1: 1}
    assert (f.page(1), f.page(2)) == (1, None)


def test_munmap_mprotect_and_brk(w, f, p):
    at = p.mmap(f, pages=2)

    assert p.munmap(at) == 0
    assert p.mprotect(at + 0x1000, prot="r") == 0
    assert "vma 0  0x40001000-0x40002000  r--s  file 0 at 1  prot RO" in str(w)
    assert repr(p.brk(2)) == "0x8052000"
    assert p.write(HEAP + 0x1000) == 9
    assert repr(p) == "<process 0: 3 pages mapped, 2 vmas>"


def test_remap_file_pages_leaves_a_file_pte_where_the_page_is_taken(f, p):
    at = p.mmap(f, pages=2)
    assert p.remap_file_pages(at, 1, pgoff=1) == 0
    assert p.page(at) == f.page(1)
    assert f.truncate(4096) == 0

    assert p.pte(at) == "file pte 1"


@pytest.mark.parametrize(("call", "said"), [
    (lambda p: p.read(0), "address 0x0: processes here live in 0x40000000 to 0x40010000, and "
                          "their heap in 0x8050000 to 0x8058000"),
    (lambda p: p.write(0x40010000), "address 0x40010000: processes"),
    (lambda p: p.read("at"), "address at: processes"),
    (lambda p: p.read(None), "address None: processes"),
    (lambda p: p.pte(0x08058000), "address 0x8058000"),
    (lambda p: p.munmap(AT + 1), "address 0x40000001 is not the start of a page"),
    (lambda p: p.mmap(at=AT + 1024), "address 0x40000400 is not the start of a page"),
    (lambda p: p.mmap(pages=-1), "pages is -1: it must be a number from 0 to 255"),
    (lambda p: p.mmap(prot="rwz"), "prot is 'rwz': say letters of 'rwx', or a number up to 15"),
    (lambda p: p.mmap(prot=16), "prot is 16"),
    (lambda p: p.mmap(pgoff=256), "pgoff is 256"),
    (lambda p: p.mmap(4), "file is 4: it must be a number from 0 to 3"),
    (lambda p: p.mprotect(AT, prot=None), "prot is None"),
    (lambda p: p.msync(AT, flags="soon"), "flags is 'soon': say async, invalidate, sync"),
    (lambda p: p.msync(AT, flags=256), "flags is 256"),
    (lambda p: p.brk(9), "pages is 9: it must be a number from 0 to 8"),
    (lambda p: p.pin(AT + 5), "address 0x40000005 is not the start of a page"),
    (lambda p: p.peek(AT, by=World().process), "is no process of this world"),
    (lambda p: p.close(4), "file is 4"),
])
def test_bad_argument_of_a_process_is_refused(w, p, call, said):
    before = w.image
    with pytest.raises(BadInput) as raised:
        call(p)
    assert said in str(raised.value)
    assert (w.image, w.history) == (before, [])


@pytest.mark.parametrize(("call", "said"), [
    (lambda w, f: f.truncate(1000), "size is 1000: it must be a multiple of 1024 up to 24576"),
    (lambda w, f: f.truncate(25600), "size is 25600"),
    (lambda w, f: f.write(0, 4), "sector is 4: it must be a number from 0 to 3"),
    (lambda w, f: f.write(0, 0, 5), "sectors is 5"),
    (lambda w, f: f.write(256), "index is 256"),
    (lambda w, f: f.write(0, process=World().process), "is no process of this world"),
    (lambda w, f: w.reclaim(17), "page is 17: it must be a number from 0 to 16"),
    (lambda w, f: w.complete(-1), "page is -1"),
    (lambda w, f: w.flush(f, 256), "index is 256"),
    (lambda w, f: w.writeback(f, pages=256), "pages is 256"),
    (lambda w, f: w["page[0].nothing"], r"no field page[0].nothing in a world"),
])
def test_bad_argument_of_a_world_is_refused(w, f, call, said):
    with pytest.raises(BadInput) as raised:
        call(w, f)
    assert said in str(raised.value)


def test_fifth_descriptor_is_refused(f, p):
    assert [p.open(f) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(BadInput, match="process 0 has 4 files open, as many as it can: close one"):
        p.open(f)
    assert p.close(2) == 0
    assert p.open(f, "r") == 2
    assert p.close(f) == 0
    assert sorted(p.files) == [1, 2, 3]


def test_close_of_what_is_not_open(f, p):
    with pytest.raises(BadInput, match="process 0 has not opened <file 0"):
        p.close(f)
    assert repr(p.close(1)) == "-EBADF"
