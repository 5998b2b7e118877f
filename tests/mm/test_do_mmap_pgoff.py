# SPDX-License-Identifier: GPL-2.0-only
"""do_mmap_pgoff: steps MM1-MM26."""

import errno

import pytest
from processes import KINDS, LAST, PAGE, RO_FILE, RW_FILE, SEM, WO_FILE, calm
from worlds import ALL_UNITS, SHARED_RW, address

U3 = 0x04
OTHERS = ALL_UNITS & ~U3
R, W, X, NONE = 1, 2, 4, 0
SHARED, PRIVATE, FIXED, ANONYMOUS = 1, 2, 0x10, 0x20
GROWSDOWN, DENYWRITE, EXECUTABLE, LOCKED = 0x100, 0x800, 0x1000, 0x2000
NORESERVE, POPULATE, NONBLOCK = 0x4000, 0x8000, 0x10000
VM_ACCOUNT, VM_LOCKED, MAY = 0x100000, 0x2000, 0x70
ANON = PRIVATE | ANONYMOUS
NEVER = 2
FREE = 0        # vm_end of a vma that is in no use

every_version = pytest.mark.parametrize("units", [ALL_UNITS, OTHERS, 0],
                                        ids=["v8", "without U3", "before"])


def ok(out):
    """It returned an address; nothing is held but what was held before."""
    calm(out, SEM)
    assert out.ret > 0 and out.ret & 0xFFF == 0
    return out


def refused(out, error: int):
    """An error, and no mapping: neither vma nor charge nor reference is left."""
    calm(out, SEM)
    assert out.ret == -error, errno.errorcode[-out.ret]
    assert [out.read(f"vma[{i}].vm_end") for i in range(12)].count(FREE) == 12
    assert out.read("mm[0].total_vm") == out.read("world.vm_committed_space") == 0
    assert out.read("mm[0].map_count") == 0
    assert out.read("file[0].f_count") in (0, 1)
    return out


# -- which flags and which protection a mapping gets

TABLE = [
    # what             mode     prot   flags            vm_flags    before  v8
    ("ext2",           RW_FILE, R,     SHARED,          0x000000F9, 0x025, 0x025),
    ("ext2",           RW_FILE, R | W, SHARED,          0x000000FB, 0x027, 0x025),
    ("ext2",           RW_FILE, W,     SHARED,          0x000000FA, 0x027, 0x025),
    ("ext2",           RW_FILE, R | W | X, SHARED,      0x000000FF, 0x027, 0x025),
    ("ext2",           RW_FILE, NONE,  SHARED,          0x000000F8, 0x0A0, 0x0A0),
    ("ext2",           RO_FILE, R,     SHARED,          0x000000D1, 0x025, 0x025),
    ("ext2",           RW_FILE, R,     PRIVATE,         0x00000071, 0x025, 0x025),
    ("ext2",           RO_FILE, R | W, PRIVATE,         0x00100073, 0x025, 0x025),
    ("ext2",           RW_FILE, R | W, PRIVATE,         0x00100073, 0x025, 0x025),
    ("ext3",           RW_FILE, R | W, SHARED,          0x000000FB, 0x027, 0x025),
    ("block device",   RW_FILE, R | W, SHARED,          0x000000FB, 0x027, 0x025),
    ("tmpfs",          RW_FILE, R | W, SHARED,          0x000000FB, 0x027, 0x027),
    ("ramfs",          RW_FILE, R | W, SHARED,          0x000000FB, 0x027, 0x027),
    (None,             0,       R | W, ANON,            0x00100073, 0x025, 0x025),
    (None,             0,       R,     ANON,            0x00000071, 0x025, 0x025),
    (None,             0,       R | W, SHARED | ANONYMOUS, 0x000000FB, 0x027, 0x027),
    ("PFNMAP driver",  RW_FILE, R | W, SHARED,          0x000844FB, 0x027, 0x027),
    # a driver that sets PCD and PWT: only the write bit goes
    ("prot driver",    RW_FILE, R | W, SHARED,          0x000000FB, 0x03F, 0x03D),
]


@pytest.mark.parametrize("units", [ALL_UNITS, U3, OTHERS, 0])
@pytest.mark.parametrize("kind, mode, prot, flags, vm_flags, before, v8", TABLE)
def test_do_mmap_pgoff_flags_and_protection(process, kind, mode, prot, flags, vm_flags, before, v8,
                                            units):
    if kind:
        process.file(0, kind, mode=mode)
    process.table(0)
    process.units(units)

    out = ok(process.mmap(file=0 if kind else None, prot=prot, flags=flags))

    assert out.ret == address(0)
    assert out.read("vma[0].vm_flags") == vm_flags
    assert out.read("vma[0].vm_page_prot") == (v8 if units & U3 else before)
    assert process.vmas(out) == [(0, 2)]
    assert out.read("mm[0].total_vm") == 2
    charged = 2 if vm_flags & VM_ACCOUNT or flags == SHARED | ANONYMOUS else 0
    assert out.read("world.vm_committed_space") == charged
    assert out.read("mm[0].shared_vm") == (2 if kind or flags & SHARED else 0)
    if kind:
        assert process.named(out, "vma[0].vm_file") == "file[0]"
        assert out.read("file[0].f_count") == 2


# E14 asks the file's mapping about what may be written now (VM_WRITE), by others (VM_SHARED), and
# has pages.  That it may become writable (VM_MAYWRITE, VM_MAYSHARE) is not enough, and of those it
# changes no bit: only the event tells.
@pytest.mark.parametrize("units", [ALL_UNITS, U3, OTHERS, 0])
@pytest.mark.parametrize("kind, mode, prot, flags, asked", [
    ("ext2",          RW_FILE, R | W, SHARED, 1),
    ("ext2",          RW_FILE, W,     SHARED, 1),
    ("ext2",          RW_FILE, R,     SHARED, 0),       # VM_MAYWRITE alone
    ("ext2",          RW_FILE, NONE,  SHARED, 0),
    ("ext2",          RO_FILE, R,     SHARED, 0),       # VM_MAYSHARE alone
    ("ext2",          RW_FILE, R | W, PRIVATE, 0),
    ("ext2",          RO_FILE, R | W, PRIVATE, 0),
    ("block device",  RW_FILE, R | W, SHARED, 1),
    ("tmpfs",         RW_FILE, R | W, SHARED, 1),       # it says that it does not account
    ("tmpfs",         RW_FILE, R,     SHARED, 0),
    ("PFNMAP driver", RW_FILE, R | W, SHARED, 0),       # VM_PFNMAP, which the hook sets
    ("prot driver",   RW_FILE, R | W, SHARED, 1),
    (None,            0,       R | W, SHARED | ANONYMOUS, 1),   # a file of tmpfs without a name
    (None,            0,       R | W, ANON, 0),
])
def test_do_mmap_pgoff_asks_the_mapping_only_for_a_shared_writable_file(
        process, kind, mode, prot, flags, asked, units):
    if kind:
        process.file(0, kind, mode=mode)
    process.units(units)

    out = ok(process.mmap(file=0 if kind else None, prot=prot, flags=flags))

    assert out.events.count("mapping_cap_account_dirty") == (asked if units & U3 else 0)


# -- errors before anything is changed


@every_version
@pytest.mark.parametrize("kind, mode, prot, flags, error", [
    ("no mmap", RW_FILE, R, SHARED, errno.ENODEV),
    ("ext2", RO_FILE, R | W, SHARED, errno.EACCES),
    ("ext2", WO_FILE, R, SHARED, errno.EACCES),
    ("ext2", WO_FILE, W, SHARED, errno.EACCES),
    ("ext2", WO_FILE, R, PRIVATE, errno.EACCES),
    ("ext2", RW_FILE, R, 0, errno.EINVAL),
    ("ext2", RW_FILE, R, 3, errno.EINVAL),
    (None, 0, R, ANONYMOUS, errno.EINVAL),
    (None, 0, R, 3 | ANONYMOUS, errno.EINVAL),
    ("failing driver", RW_FILE, R | W, PRIVATE, errno.EIO),
    # a file does not grow
    ("ext2", RW_FILE, R, SHARED | GROWSDOWN, errno.EINVAL),
    ("ext2", RW_FILE, R | W, PRIVATE | GROWSDOWN, errno.EINVAL),
])
def test_do_mmap_pgoff_file_or_kind_is_refused(process, kind, mode, prot, flags, error, units):
    if kind:
        process.file(0, kind, mode=mode)
    process.units(units)

    refused(process.mmap(file=0 if kind else None, prot=prot, flags=flags), error)


@every_version
@pytest.mark.parametrize("arguments, error", [
    (dict(len=0), errno.EINVAL),
    (dict(len=LAST - 1), errno.ENOMEM),                 # rounds up to 0
    (dict(len=0xC0000001), errno.ENOMEM),               # longer than user space
    (dict(len=0xC0000000), errno.ENOMEM),               # as long, and no place for it
    (dict(pgoff=LAST - 1), errno.EOVERFLOW),
    (dict(pgoff=LAST - 2), errno.EOVERFLOW),            # the end is page 2**64
    (dict(flags=ANON | FIXED, addr=0x40000800), errno.EINVAL),
    (dict(flags=ANON | FIXED, addr=0xBFFFF000), errno.ENOMEM),
])
def test_do_mmap_pgoff_length_offset_or_place_is_refused(process, arguments, error, units):
    process.units(units)

    refused(process.mmap(**{"prot": R | W, "flags": ANON, **arguments}), error)


def test_do_mmap_pgoff_last_page_that_has_a_number(process):
    # the offset is counted in pages: as bytes the length would go beyond the end
    ok(process.mmap(prot=R, flags=ANON, pgoff=LAST - 2, len=PAGE))


@pytest.mark.parametrize("i_flags, error", [
    (4, errno.EACCES),          # append-only
    (8, errno.EAGAIN),          # mandatory locks
])
def test_do_mmap_pgoff_inode_forbids_a_shared_mapping(process, i_flags, error):
    process.file(0)
    process.set("inode[0].i_flags", i_flags)

    refused(process.mmap(file=0, prot=R, flags=SHARED), error)
    assert process.mmap(file=0, prot=R, flags=PRIVATE).ret == address(0)


def test_do_mmap_pgoff_append_only_file_that_is_open_for_reading_is_shared(process):
    process.file(0, mode=RO_FILE)
    process.set("inode[0].i_flags", 4)

    assert ok(process.mmap(file=0, prot=R, flags=SHARED)).read("vma[0].vm_flags") == 0xD1


@pytest.mark.parametrize("length, pages", [(1, 1), (PAGE, 1), (PAGE + 1, 2)])
def test_do_mmap_pgoff_length_is_rounded_up(process, length, pages):
    out = ok(process.mmap(len=length, prot=R, flags=ANON))

    assert process.vmas(out) == [(0, pages)]


@pytest.mark.parametrize("maximum, ret", [(2, address(2)), (1, -errno.ENOMEM)])
def test_do_mmap_pgoff_number_of_vmas_is_limited(process, maximum, ret):
    # the limit may be passed by one: it is asked before the new vma counts
    process.vma(0, at=0, flags=0x71)
    process.vma(1, at=1, flags=0x73)
    process.set("world.max_map_count", maximum)

    assert process.mmap(prot=R | W, flags=ANON).ret == ret


@pytest.mark.parametrize("prot, personality, mount, ret, vm_flags", [
    (R | X, 0, 4, -errno.EPERM, None),                  # a mount without code
    (R, 0, 4, address(0), 0xF9),
    (R, 0x400000, 0, address(0), 0xFD),                 # loads imply execution
    (R, 0x400000, 4, address(0), 0xF9),                 # but not from there
    (W, 0x400000, 0, address(0), 0xFA),
    (NONE, 0x400000, 0, address(0), 0xF8),
])
def test_do_mmap_pgoff_code(process, prot, personality, mount, ret, vm_flags):
    process.file(0)
    process.set("file[0].own_mount", mount)
    process.set("task[0].personality", personality)

    out = process.mmap(file=0, prot=prot, flags=SHARED)

    assert out.ret == ret
    if vm_flags:
        assert out.read("vma[0].vm_flags") == vm_flags


def test_do_mmap_pgoff_memory_of_a_process_whose_loads_imply_execution(process):
    process.set("task[0].personality", 0x400000)

    assert ok(process.mmap(prot=R | W, flags=ANON)).read("vma[0].vm_flags") == 0x100077


@pytest.mark.parametrize("prot, flags, vm_flags", [
    (R | 8, ANON, 0x71),                                # PROT_SEM is VM_SHARED's bit
    (R | 0x01000000, ANON, 0x71),
    (R, ANON | GROWSDOWN, 0x171),
    (R, ANON | DENYWRITE | EXECUTABLE, 0x1871),
    (R, ANON | 0x40, 0x71),                             # a bit that is no flag
])
def test_do_mmap_pgoff_only_some_bits_become_flags_of_the_vma(process, prot, flags, vm_flags):
    assert ok(process.mmap(prot=prot, flags=flags)).read("vma[0].vm_flags") == vm_flags


# -- locked memory


@pytest.mark.parametrize("limit, locked, capable, ret", [
    (2 * PAGE, 0, 0, address(0)),
    (3 * PAGE - 1, 0, 0, address(0)),
    (2 * PAGE, 1, 0, -errno.EAGAIN),
    (2 * PAGE, 1, 1, address(0)),
    (PAGE, 0, 0, -errno.EAGAIN),
    (0, 0, 0, -errno.EPERM),
    (0, 0, 1, address(0)),
])
def test_do_mmap_pgoff_locked_memory_is_limited(process, limit, locked, capable, ret):
    process.table(0)
    process.set("task[0].own_signal.memlock", limit)
    process.set("task[0].capabilities", capable)
    process.set("mm[0].locked_vm", locked)

    out = process.mmap(prot=R, flags=ANON | LOCKED)

    calm(out, SEM)
    assert out.ret == ret
    if ret > 0:
        assert out.read("vma[0].vm_flags") == 0x2071
        assert out.read("mm[0].locked_vm") == locked + 2


@pytest.mark.parametrize("limit, ret", [(2 * PAGE, address(0)), (0, -errno.EAGAIN)])
def test_do_mmap_pgoff_process_that_locks_all_is_limited_too(process, limit, ret):
    process.table(0)
    process.set("task[0].own_signal.memlock", limit)
    process.set("mm[0].def_flags", VM_LOCKED)

    assert process.mmap(prot=R, flags=ANON).ret == ret


@pytest.mark.parametrize("units, dirty", [(ALL_UNITS, 1), (ALL_UNITS & ~0x02, 0), (0, 0)])
def test_do_mmap_pgoff_locked_shared_mapping_is_present_and_dirty(process, units, dirty):
    process.file(0)
    process.page(0, file=0, index=0)
    process.page(1, file=0, index=1)
    process.table(0)
    process.units(units)

    out = ok(process.mmap(file=0, prot=R | W, flags=SHARED | LOCKED))

    assert [out.pte(0, at) for at in (0, 1)] == ["page 0 rw,accessed,dirty",
                                                "page 1 rw,accessed,dirty"]
    assert [out.read(f"page[{n}].flags.dirty") for n in (0, 1)] == [dirty] * 2


def test_do_mmap_pgoff_populate_runs_without_the_semaphore(process):
    process.file(0)
    process.page(0, file=0, index=0)
    process.page(1, file=0, index=1)
    process.table(0)

    out = ok(process.mmap(file=0, prot=R | W, flags=SHARED | POPULATE | NONBLOCK))

    # with v8's protection: the first store to each will fault
    assert [out.pte(0, at) for at in (0, 1)] == ["page 0 accessed", "page 1 accessed"]
    populate = out.events.index("remap_file_pages")
    assert out.events[populate - 1] == "up_write"
    assert out.events[-1] == "down_write"


def test_do_mmap_pgoff_populate_that_is_refused_does_not_matter(process):
    # remap_file_pages wants a shared mapping
    out = ok(process.mmap(prot=R, flags=ANON | POPULATE))

    assert "remap_file_pages" in out.events
    assert process.vmas(out) == [(0, 2)]


# -- MM9-MM12: what is there already, and what it costs


def test_do_mmap_pgoff_fixed_address_takes_the_place_of_what_is_there(process):
    #   aaaa  ->  aNNa
    process.vma(0, at=0, pages=4, flags=0x71)

    out = ok(process.mmap(addr=address(1), prot=R | W, flags=ANON | FIXED))

    assert out.ret == address(1)
    assert process.vmas(out) == [(0, 1), (1, 2), (3, 1)]
    assert out.events.count("find_vma_prepare") == 2
    assert out.read("mm[0].total_vm") == 4


def test_do_mmap_pgoff_old_mapping_that_cannot_be_split_fails(process):
    process.vma(0, at=0, pages=4, flags=0x71)
    process.set("world.fail_in", 1)

    out = process.mmap(addr=address(1), prot=R | W, flags=ANON | FIXED)

    calm(out, SEM)
    assert out.ret == -errno.ENOMEM
    assert process.vmas(out) == [(0, 4)]


def test_do_mmap_pgoff_limit_of_the_address_space(process):
    process.set("task[0].own_signal.as", 2 * PAGE)

    assert process.mmap(pages=2, prot=R, flags=ANON).ret == address(0)
    refused(process.mmap(pages=3, prot=R, flags=ANON), errno.ENOMEM)


def test_do_mmap_pgoff_old_mappings_are_gone_even_if_the_limit_refuses(process):
    process.vma(0, at=0, pages=4, flags=0x71)
    process.set("task[0].own_signal.as", 5 * PAGE)

    out = process.mmap(addr=address(2), pages=4, prot=R, flags=ANON | FIXED)

    assert out.ret == -errno.ENOMEM
    assert process.vmas(out) == [(0, 2)]


@pytest.mark.parametrize("prot, flags, mode, vm_flags, charged", [
    (R | W, ANON, 0, 0x100073, 2),
    (R | W, ANON, NEVER, 0x100073, 2),
    (R | W, ANON | NORESERVE, 0, 0x73, 0),
    (R | W, ANON | NORESERVE, NEVER, 0x100073, 2),      # no promises then
    (R, ANON, 0, 0x71, 0),
    (R | W, SHARED | ANONYMOUS, 0, 0xFB, 2),            # the object is charged
    (R | W, SHARED | ANONYMOUS | NORESERVE, 0, 0xFB, 0),
])
def test_do_mmap_pgoff_what_is_charged(process, prot, flags, mode, vm_flags, charged):
    process.set("world.overcommit_memory", mode)

    out = ok(process.mmap(prot=prot, flags=flags))

    assert out.read("vma[0].vm_flags") == vm_flags
    assert out.read("world.vm_committed_space") == charged


def test_do_mmap_pgoff_file_of_hugetlbfs_is_not_charged(process):
    process.file(0, "hugetlbfs")
    process.set("inode[0].i_flags", 16)

    out = ok(process.mmap(file=0, prot=R | W, flags=PRIVATE))

    assert out.read("world.vm_committed_space") == 0
    assert out.read("vma[0].vm_flags") & VM_ACCOUNT == 0


@pytest.mark.parametrize("flags", [ANON, SHARED | ANONYMOUS])
def test_do_mmap_pgoff_memory_that_cannot_be_promised(process, flags):
    process.set("world.commit_limit", 1)

    refused(process.mmap(prot=R | W, flags=flags), errno.ENOMEM)


def test_do_mmap_pgoff_memory_extends_its_neighbour(process):
    #   aa  ->  aaaa     and no new vma
    process.vma(0, at=0, pages=2, flags=0x100073)

    out = ok(process.mmap(addr=address(2), prot=R | W, flags=ANON | FIXED))

    assert out.ret == address(2)
    assert process.vmas(out) == [(0, 4)]
    assert "kmem_cache_zalloc" not in out.events
    assert out.read("mm[0].total_vm") == 4
    assert out.read("world.vm_committed_space") == 2


# -- MM13-MM21: a new vma, and its file


@pytest.mark.parametrize("flags, fail_in", [
    (ANON, 1),                          # no vma
    (SHARED | ANONYMOUS, 1),
    (SHARED | ANONYMOUS, 2),            # no file for it
])
def test_do_mmap_pgoff_without_memory_the_charge_is_given_back(process, flags, fail_in):
    process.set("world.fail_in", fail_in)

    out = process.mmap(prot=R | W, flags=flags)

    assert out.ret in (-errno.ENOMEM, -errno.ENFILE)
    refused(out, -out.ret)


@pytest.mark.parametrize("writers, ret, after", [
    (0, address(0), -1),                # a linked vma denies once
    (-1, address(0), -2),
    (1, -errno.ETXTBSY, 1),
])
def test_do_mmap_pgoff_denied_writers(process, writers, ret, after):
    process.file(0, mode=RO_FILE)
    process.set("inode[0].i_writecount", writers & 0xFFFFFFFF)

    out = process.mmap(file=0, prot=R | X, flags=PRIVATE | DENYWRITE)

    calm(out, SEM)
    assert out.ret == ret
    assert out.read("inode[0].i_writecount") == after & 0xFFFFFFFF
    if ret < 0:
        refused(out, -ret)


def test_do_mmap_pgoff_failed_hook_denies_nobody(process):
    process.file(0, "failing driver", mode=RO_FILE)

    out = process.mmap(file=0, prot=R, flags=PRIVATE | DENYWRITE)

    refused(out, errno.EIO)
    assert out.read("inode[0].i_writecount") == 0
    assert out.read("file[0].f_count") == 1
    assert out.steps[-2:] == ["MM24", "MM25"]


@pytest.mark.parametrize("flags, committed", [(SHARED, -2), (PRIVATE, 0)])
def test_do_mmap_pgoff_failed_hook_gives_back_what_the_vma_says(process, flags, committed):
    # the request was only marked, not charged: unmap_region takes two pages off all the same
    process.file(0, "failing driver")
    process.set("world.vm_committed_space", 100)

    out = process.mmap(file=0, prot=R | W, flags=flags)

    assert out.ret == -errno.EIO
    assert out.read("world.vm_committed_space") == 100 + committed
    assert out.events.count("vm_unacct_memory") == 1


def test_do_mmap_pgoff_file_merges_with_its_neighbour(process):
    #   aa  ->  aaaa     of pages 0-3 of the file
    process.file(0)
    process.vma(0, at=0, pages=2, file=0, pgoff=0, flags=SHARED_RW, prot=0x27)

    out = ok(process.mmap(file=0, addr=address(2), prot=R | W, flags=SHARED | FIXED, pgoff=2))

    assert process.vmas(out) == [(0, 4)]
    # the neighbour's protection stays, tracked or not
    assert out.read("vma[0].vm_page_prot") == 0x27
    assert out.read("file[0].f_count") == 2
    assert out.read("mm[0].total_vm") == out.read("mm[0].shared_vm") + 2 == 4
    assert out.steps[-2:] == ["MM21", "MM22"]


def test_do_mmap_pgoff_merged_vma_denies_nobody_once_more(process):
    process.file(0, mode=RO_FILE)
    process.set("inode[0].i_writecount", 0)
    process.vma(0, at=0, pages=2, file=0, pgoff=0, flags=0x871)
    assert process.get("inode[0].i_writecount") == 0xFFFFFFFF

    out = ok(process.mmap(file=0, addr=address(2), prot=R, flags=PRIVATE | DENYWRITE | FIXED,
                          pgoff=2))

    assert process.vmas(out) == [(0, 4)]
    assert out.read("inode[0].i_writecount") == 0xFFFFFFFF


@every_version
def test_do_mmap_pgoff_neighbours_with_another_offset_stay_apart(process, units):
    process.file(0)
    process.vma(0, at=0, pages=2, file=0, pgoff=0, flags=SHARED_RW, prot=0x27)
    process.units(units)

    out = ok(process.mmap(file=0, addr=address(2), prot=R | W, flags=SHARED | FIXED, pgoff=3))

    assert process.vmas(out) == [(0, 2), (2, 2)]
    assert out.read("vma[1].vm_pgoff") == 3
    assert out.read("vma[1].vm_page_prot") == (0x25 if units & U3 else 0x27)
    assert out.read("mapping[0].i_mmap_writable") == 2


def test_do_mmap_pgoff_hook_may_choose_the_offset(process):
    # a private mapping of frames remembers the first of them in its offset
    process.file(0, "PFNMAP driver")
    process.table(0)

    out = ok(process.mmap(file=0, prot=R | W, flags=PRIVATE, pgoff=3))

    assert out.read("vma[0].vm_flags") == 0x184473
    assert out.read("vma[0].vm_pgoff") == 0xF0003
    assert out.read(f"mm[0].pte[{address(1):#x}]") == 0xF0004025
    assert "vma_merge" in out.events


def test_do_mmap_pgoff_private_memory_has_its_address_as_offset(process):
    out = ok(process.mmap(prot=R, flags=ANON, pgoff=77))

    assert out.read("vma[0].vm_pgoff") == address(0) >> 12


def test_do_mmap_pgoff_shared_memory_gets_a_file_of_tmpfs(process):
    out = ok(process.mmap(prot=R | W, flags=SHARED | ANONYMOUS))

    file = process.named(out, "vma[0].vm_file")
    assert out.read(f"{file}.f_count") == 1
    inode = next(i for i in range(5) if out.read(f"inode[{i}].i_count"))
    assert out.read(f"inode[{inode}].i_kind") == KINDS.index("tmpfs")
    assert out.read("mm[0].shared_vm") == 2


@pytest.mark.parametrize("path", ["file[0].f_op", "file[0].f_dentry", "file[0].f_vfsmnt"])
def test_do_mmap_pgoff_broken_file_both_halves_fall_alike(process, path):
    process.file(0)
    process.set(path, 0)

    out = process.mmap(file=0, prot=R | X, flags=SHARED)

    assert (out.ended, out.ret) == (("returned", -errno.ENODEV) if path.endswith("f_op")
                                    else ("oops", 0))
