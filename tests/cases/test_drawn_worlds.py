# SPDX-License-Identifier: GPL-2.0-only
"""Every kind of thing that a function can meet occurs in the first 20,000 drawn cases."""

import pytest

from pykmm.engine import core

CASES = 20_000
WRITE, SHARED, MAYWRITE, PFNMAP, LOCKED, NONLINEAR = 0x2, 0x8, 0x20, 0x400, 0x2000, 0x800000
LOCKED_MAP, POPULATE, FIXED, NORESERVE = 0x2000, 0x8000, 0x10, 0x4000
TMPFS, PFNMAP_DRIVER, PROT_DRIVER, HUGETLBFS, NO_MMAP, FAILING = 3, 5, 6, 7, 8, 9
NO_LIMIT = (1 << 64) - 1
CHOICE = {name: offset for name, offset, _, _ in core.CHOICES}
PAGES = [f"page[{i}]" for i in range(8)]


def vma_flags(state):
    return [state[f"{vma}.vm_flags"] for vma in state.vmas]


def some_vma(wanted, of):
    """Is there a vma with exactly the flags `wanted` among the flags `of`?"""
    return lambda s, case, call: any(flags & of == wanted for flags in vma_flags(s))


def some_page(test):
    return lambda s, case, call: any(test(s, page) for page in PAGES)


def some_pte(test):
    return lambda s, case, call: any(test(s, word, vma) for _, _, word, vma in s.ptes)


def call_page(test):
    return lambda s, case, call: call["page"] is not None and test(s, call["page"])


def is_anon(s, page):
    return s[f"{page}.mapping"] & 1


def flag(s, page, bit):
    return s[f"{page}.flags"] >> bit & 1


def page_under(word):
    number = (word >> 12) - 0x100
    return f"page[{number}]" if word & 0x81 and number < 18 else None


def mms_of(s, page):
    return {mm for mm, _, word, _ in s.present if page_under(word) == page}


def tags_of(s, page):
    for path in s:
        if path.endswith("].page") and s.name(path) == page:
            return s[path.removesuffix("page") + "index_and_tags"] & 3
    return 0


def file_of(s, page):
    """Number of the file that the page belongs to, or None."""
    name = s.name(f"{page}.mapping")
    return int(name[8]) if name and name.startswith("mapping[") else None


def of_file(test):
    """The call is about a page of a file of which this holds."""
    return call_page(lambda s, page: file_of(s, page) is not None and test(s, file_of(s, page)))


def in_call(function, test):
    """A call of this function of which this holds."""
    return lambda s, case, call: call.function == function and bool(test(s, call))


def faulting(test):
    """A call of do_wp_page of whose pte and vma this holds."""
    return in_call("do_wp_page", lambda s, call: test(s, s[call["page_table"]], call["vma"]))


def mapping_kind(test):
    """A call of do_mmap_pgoff with a file of whose kind, by number, this holds."""
    return in_call("do_mmap_pgoff", lambda s, call: call["file"] and test(
        s[f"inode[{s.name(call['file'] + '.f_mapping')[8]}].i_kind"]))


def next_to(s, call, of_vma):
    """Is what do_mmap_pgoff maps next to a vma of the same file, or of none as it is?"""
    return any(s.name(f"{v}.vm_file") == call["file"] and s.name(f"{v}.vm_mm") == call["mm"]
               and call["address"] == s[f"{v}.vm_end"]
               and (call["file"] is None or call["pgoff"] == s[f"{v}.vm_pgoff"]
                    + (s[f"{v}.vm_end"] - s[f"{v}.vm_start"] >> 12)) for v in of_vma)


def pte_of_call(test):
    """A pte that maps the call's page, in a linear file vma."""
    return lambda s, case, call: any(
        page_under(word) == call["page"] and test(s, word, vma) for _, _, word, vma in s.present)


def vma_end_crosses(s, case, call):
    return any(s[f"{v}.vm_start"] < 0x40008000 < s[f"{v}.vm_end"] for v in s.vmas)


def table_is_missing(s, case, call):
    for vma in s.vmas:
        mm, at = s.name(f"{vma}.vm_mm"), (s[f"{vma}.vm_start"] - 0x40000000) >> 15
        if not s[f"{mm}.pmd[{at}].table"]:
            return True
    return False


def same_range_twice(s, case, call):
    ranges = [(s.mapping_of_vma(v), s[f"{v}.vm_pgoff"], s[f"{v}.vm_end"] - s[f"{v}.vm_start"])
              for v in s.vmas if s[f"{v}.vm_file"]]
    return len(set(ranges)) < len(ranges)


FEATURES = {
    # vmas
    "shared writable vma": some_vma(SHARED | WRITE, SHARED | WRITE | PFNMAP | NONLINEAR),
    "shared vma, not writable yet": some_vma(SHARED | MAYWRITE, SHARED | WRITE | MAYWRITE),
    "shared vma of a file opened read-only": some_vma(0x80, SHARED | MAYWRITE | 0x80),
    "private writable vma": some_vma(WRITE | MAYWRITE, SHARED | WRITE | MAYWRITE),
    "private read-only vma": some_vma(MAYWRITE, SHARED | WRITE | MAYWRITE),
    "PFNMAP vma": some_vma(PFNMAP, PFNMAP),
    "nonlinear vma": some_vma(NONLINEAR, NONLINEAR),
    "locked vma": some_vma(LOCKED, LOCKED),
    "anonymous vma": lambda s, case, call: any(not s[f"{v}.vm_file"] for v in s.vmas),
    "vma with anon_vma and file": lambda s, case, call: any(
        s[f"{v}.anon_vma"] and s[f"{v}.vm_file"] for v in s.vmas),
    "writable vma whose protection lacks RW": lambda s, case, call: any(
        s[f"{v}.vm_flags"] & (SHARED | WRITE) == SHARED | WRITE
        and not s[f"{v}.vm_page_prot"] & 2 for v in s.vmas),
    "writable vma whose protection has RW": lambda s, case, call: any(
        s[f"{v}.vm_page_prot"] & 2 for v in s.vmas),
    "two vmas of the same range": same_range_twice,
    "vma across the end of a page table": vma_end_crosses,
    "vma without its page table": table_is_missing,
    "three vmas of one file": lambda s, case, call: max(
        [s.mapping_of_vma(v) for v in s.vmas].count(f"mapping[{i}]") for i in range(3)) >= 3,
    "vma that continues another": lambda s, case, call: any(
        s[f"{a}.vm_end"] == s[f"{b}.vm_start"] and s[f"{a}.vm_mm"] == s[f"{b}.vm_mm"]
        and s[f"{a}.vm_file"] == s[f"{b}.vm_file"] for a in s.vmas for b in s.vmas),
    "vma of a file that is open for reading only": lambda s, case, call: any(
        s.name(f"{v}.vm_file") in ("file[3]", "file[4]", "file[5]") for v in s.vmas),
    "vmas in three processes": lambda s, case, call: len(
        {s[f"{v}.vm_mm"] for v in s.vmas}) == 3,
    # ptes
    "clean read-only pte": some_pte(lambda s, w, v: w & 0x043 == 0x001),
    "writable clean pte": some_pte(lambda s, w, v: w & 0x043 == 0x003),
    "dirty read-only pte": some_pte(lambda s, w, v: w & 0x043 == 0x041),
    "writable dirty pte": some_pte(lambda s, w, v: w & 0x043 == 0x043),
    "old pte": some_pte(lambda s, w, v: w & 0x021 == 0x001),
    "uncached pte": some_pte(lambda s, w, v: w & 0x011 == 0x011),
    "PROT_NONE pte": some_pte(lambda s, w, v: w & 0x081 == 0x080),
    "dirty PROT_NONE pte": some_pte(lambda s, w, v: w & 0x0C1 == 0x0C0),
    "file pte": some_pte(lambda s, w, v: w & 0x0C1 == 0x040),
    "swap pte": some_pte(lambda s, w, v: not w & 0x0C1),
    "copy of a file page in a private vma": some_pte(
        lambda s, w, v: page_under(w) and is_anon(s, page_under(w)) and s[f"{v}.vm_file"]
        and not s[f"{v}.vm_flags"] & SHARED),
    "anonymous page in a shared vma": some_pte(
        lambda s, w, v: page_under(w) and is_anon(s, page_under(w))
        and s[f"{v}.vm_flags"] & SHARED),
    "zero page": some_pte(lambda s, w, v: page_under(w) == "page[17]"),
    "frame without a page": some_pte(lambda s, w, v: w & 0x81 and not page_under(w)),
    # pages
    "page mapped by two processes": some_page(lambda s, p: len(mms_of(s, p)) >= 2),
    "page mapped by three ptes": some_page(lambda s, p: s[f"{p}._mapcount"] == 2),
    "anonymous page, mapped": some_page(
        lambda s, p: is_anon(s, p) and not flag(s, p, 15) and s[f"{p}._mapcount"] == 0),
    "anonymous page, not mapped": some_page(
        lambda s, p: is_anon(s, p) and s[f"{p}._mapcount"] == 0xFFFFFFFF),
    "swap cache page, mapped": some_page(
        lambda s, p: flag(s, p, 15) and s[f"{p}._mapcount"] < 8),
    "truncated dirty page": some_page(lambda s, p: not s[f"{p}.mapping"] and flag(s, p, 4)),
    "page under writeback": some_page(lambda s, p: flag(s, p, 12)),
    "clean page with a leftover tag": some_page(
        lambda s, p: not flag(s, p, 4) and tags_of(s, p) & 1),
    "index near the end of 32 bits": some_page(lambda s, p: s[f"{p}.index"] >> 31 == 1),
    "index near the end of 52 bits": some_page(lambda s, p: s[f"{p}.index"] >> 51 == 1),
    # the call
    "call: locked page": call_page(lambda s, p: flag(s, p, 0)),
    "call: unlocked page": call_page(lambda s, p: not flag(s, p, 0)),
    "call: dirty page": call_page(lambda s, p: flag(s, p, 4)),
    "call: anonymous page": call_page(lambda s, p: is_anon(s, p) and not flag(s, p, 15)),
    "call: swap cache page": call_page(lambda s, p: flag(s, p, 15)),
    "call: truncated page": call_page(lambda s, p: not s[f"{p}.mapping"]),
    "call: file that accounts": of_file(lambda s, f: not s[f"bdi[{f}].capabilities"] & 1),
    "call: file that does not account": of_file(lambda s, f: s[f"bdi[{f}].capabilities"] & 1),
    "call: file without buffers": of_file(
        lambda s, f: s[f"inode[{f}].i_kind"] == TMPFS),
    "call: file with buffers": of_file(
        lambda s, f: s[f"inode[{f}].i_kind"] != TMPFS),
    "call: block device": of_file(lambda s, f: s[f"inode[{f}].i_is"] & 2),
    "call: inode that is dirty already": of_file(lambda s, f: s[f"inode[{f}].i_state"] & 4),
    "call: inode with I_LOCK": of_file(lambda s, f: s[f"inode[{f}].i_state"] & 8),
    "call: writable clean pte to protect": pte_of_call(
        lambda s, w, v: w & 0x043 == 0x003 and s[f"{v}.vm_flags"] & SHARED),
    "call: dirty pte in a PFNMAP vma": pte_of_call(
        lambda s, w, v: w & 0x041 == 0x041 and s[f"{v}.vm_flags"] & PFNMAP),
    "call: dirty pte in a nonlinear vma": pte_of_call(
        lambda s, w, v: w & 0x041 == 0x041 and s[f"{v}.vm_flags"] & NONLINEAR),
    "call: dirty PROT_NONE pte": pte_of_call(lambda s, w, v: w & 0x0C1 == 0x0C0),
    "call: all units": lambda s, case, call: s["world.units"] == 0x7F,
    "call: no unit": lambda s, case, call: s["world.units"] == 0,
    "call: some units": lambda s, case, call: 0 < s["world.units"] < 0x7F,
    "call: protect": lambda s, case, call: case[CHOICE["protect"]] == 1,
    "call: not protect": lambda s, case, call: case[CHOICE["protect"]] == 0,
    "call: fails the first allocation": lambda s, case, call: s["world.fail_in"] == 1,
    "call: no allocation fails": lambda s, case, call: s["world.fail_in"] == 0,
    "call: full pagevec": lambda s, case, call: s["world.lru_add_active.nr"] == 13,
    "call: page locked by another": lambda s, case, call: s["world.page_of_other"] != 0,
    "call: another process runs": in_call(
        "do_no_page", lambda s, c: s.name(f"{s.name('world.current_task')}.mm") != c["mm"]),
    # do_wp_page
    "wp: shared writable vma, page of a file": faulting(
        lambda s, w, v: s[f"{v}.vm_flags"] & (SHARED | WRITE | PFNMAP) == SHARED | WRITE
        and page_under(w) and not is_anon(s, page_under(w))),
    "wp: shared writable vma, anonymous page": faulting(
        lambda s, w, v: s[f"{v}.vm_flags"] & (SHARED | WRITE | PFNMAP) == SHARED | WRITE
        and page_under(w) and is_anon(s, page_under(w))),
    "wp: anonymous page, its only pte": faulting(
        lambda s, w, v: page_under(w) and is_anon(s, page_under(w))
        and s[f"{page_under(w)}._mapcount"] == 0),
    "wp: anonymous page, two ptes": faulting(
        lambda s, w, v: page_under(w) and is_anon(s, page_under(w))
        and s[f"{page_under(w)}._mapcount"] == 1),
    "wp: anonymous page, locked": faulting(
        lambda s, w, v: page_under(w) and is_anon(s, page_under(w)) and flag(s, page_under(w), 0)),
    "wp: swap cache page that a swap pte shares": faulting(
        lambda s, w, v: page_under(w) and flag(s, page_under(w), 15)
        and s[f"swap[{s[page_under(w) + '.private']}].map"] > 1),
    "wp: private vma, page of a file": faulting(
        lambda s, w, v: page_under(w) and not s[f"{v}.vm_flags"] & SHARED
        and not is_anon(s, page_under(w))),
    "wp: zero page": faulting(lambda s, w, v: page_under(w) == "page[17]"),
    "wp: frame without a page": faulting(lambda s, w, v: not page_under(w)),
    "wp: PROT_NONE pte": faulting(lambda s, w, v: w & 0x081 == 0x080),
    "wp: pte that can be written to": faulting(lambda s, w, v: w & 2),
    "wp: pte changed meanwhile": in_call(
        "do_wp_page", lambda s, c: s[c["page_table"]] != c["orig_pte"]),
    "wp: vma without an anon_vma": in_call(
        "do_wp_page", lambda s, c: not s[f"{c['vma']}.anon_vma"]),
    "wp: vma with one": in_call("do_wp_page", lambda s, c: s[f"{c['vma']}.anon_vma"]),
    # do_no_page
    "np: writes to a shared vma": in_call(
        "do_no_page", lambda s, c: c["write_access"] and s[f"{c['vma']}.vm_flags"] & SHARED),
    "np: writes to a private vma": in_call(
        "do_no_page", lambda s, c: c["write_access"] and not s[f"{c['vma']}.vm_flags"] & SHARED),
    "np: vma without a file": in_call("do_no_page", lambda s, c: not s[f"{c['vma']}.vm_file"]),
    "np: reads": in_call("do_no_page", lambda s, c: not c["write_access"]),
    # do_mmap_pgoff
    "mmap: no file": in_call("do_mmap_pgoff", lambda s, c: c["file"] is None),
    "mmap: file opened for it": in_call("do_mmap_pgoff", lambda s, c: c["file"] == "file[6]"),
    "mmap: tmpfs file": mapping_kind(lambda kind: kind == TMPFS),
    "mmap: file of a driver's frames": mapping_kind(lambda kind: kind == PFNMAP_DRIVER),
    "mmap: file of a driver with a protection": mapping_kind(lambda kind: kind == PROT_DRIVER),
    "mmap: hugetlbfs file": mapping_kind(lambda kind: kind == HUGETLBFS),
    "mmap: file that cannot be": mapping_kind(lambda kind: kind == NO_MMAP),
    "mmap: file without operations": in_call(
        "do_mmap_pgoff", lambda s, c: c["file"] and not s[f"{c['file']}.f_op"]),
    "mmap: file whose hook fails": mapping_kind(lambda kind: kind == FAILING),
    "mmap: file opened for writing only": in_call(
        "do_mmap_pgoff", lambda s, c: c["file"] and s[f"{c['file']}.f_mode"] == 2),
    "mmap: file of a mount without programs": in_call(
        "do_mmap_pgoff", lambda s, c: c["file"] and s[f"{c['file']}.own_mount"] & 4),
    "mmap: over a vma": in_call(
        "do_mmap_pgoff", lambda s, c: c["map_flags"] & FIXED and s.covering(c["mm"], c["address"])),
    "mmap: next to a vma like it": in_call(
        "do_mmap_pgoff", lambda s, c: next_to(s, c, s.vmas)),
    "mmap: locked": in_call("do_mmap_pgoff", lambda s, c: c["map_flags"] & LOCKED_MAP),
    "mmap: populated": in_call("do_mmap_pgoff", lambda s, c: c["map_flags"] & POPULATE),
    "mmap: not reserved": in_call("do_mmap_pgoff", lambda s, c: c["map_flags"] & NORESERVE),
    "mmap: nothing": in_call("do_mmap_pgoff", lambda s, c: c["len"] == 0),
    "mmap: too much": in_call("do_mmap_pgoff", lambda s, c: c["len"] > 0xC0000000),
    "mmap: address space is limited": in_call(
        "do_mmap_pgoff",
        lambda s, c: s[f"{s.name('world.current_task')}.own_signal.as"] != NO_LIMIT),
    "mmap: number of vmas is limited": in_call(
        "do_mmap_pgoff", lambda s, c: s["world.max_map_count"] < 10),
    "mmap: memory is promised once only": in_call(
        "do_mmap_pgoff", lambda s, c: s["world.overcommit_memory"] == 2),
    "mmap: what is read can be executed": in_call(
        "do_mmap_pgoff", lambda s, c: s[f"{s.name('world.current_task')}.personality"]),
    # do_brk, mprotect_fixup
    "brk: over a vma": in_call("do_brk", lambda s, c: s.covering(c["mm"], c["address"])),
    "brk: all memory is locked": in_call("do_brk", lambda s, c: s[f"{c['mm']}.def_flags"]),
    "mprotect: a whole vma": in_call(
        "mprotect_fixup", lambda s, c: c["address"] == s[f"{c['vma']}.vm_start"]
        and c["end"] == s[f"{c['vma']}.vm_end"]),
    "mprotect: the middle of one": in_call(
        "mprotect_fixup", lambda s, c: c["address"] > s[f"{c['vma']}.vm_start"]
        and c["end"] < s[f"{c['vma']}.vm_end"]),
    "mprotect: no change": in_call(
        "mprotect_fixup", lambda s, c: c["newflags"] == s[f"{c['vma']}.vm_flags"]),
    "mprotect: to be written to": in_call(
        "mprotect_fixup", lambda s, c: c["newflags"] & ~s[f"{c['vma']}.vm_flags"] & WRITE),
    "mprotect: huge pages": in_call("mprotect_fixup", lambda s, c: c["newflags"] & 0x400000),
    # do_writepages
    "writepages: nothing": in_call(
        "do_writepages", lambda s, c: s["world.wbc[0].nr_to_write"] == 0),
    "writepages: a range": in_call("do_writepages", lambda s, c: s["world.wbc[0].end"]),
    "writepages: waits for what is written": in_call(
        "do_writepages", lambda s, c: s["world.wbc[0].sync_mode"] == 1
        and any(tags_of(s, p) == 3 and s.name(f"{p}.mapping") == c["mapping"] for p in PAGES)),
    "writepages: goes on where it stopped": in_call(
        "do_writepages", lambda s, c: s[f"{c['mapping']}.writeback_index"]),
    "call: swapper_space as argument": lambda s, case, call: call["mapping"] == "mapping[4]",
}


@pytest.fixture(scope="module")
def found(builder, job):
    """Names of the features that were met; it stops when there are no more to look for."""
    missing = dict(FEATURES)
    for i in range(CASES):
        case = job.case(11, i)
        state, call = builder.build(case), builder.call()
        for name in [name for name, holds in missing.items() if holds(state, case, call)]:
            del missing[name]
        if not missing:
            break
    return set(FEATURES) - set(missing)


@pytest.mark.parametrize("feature", FEATURES)
def test_drawn_cases_have(found, feature):
    assert feature in found, f"no {feature} in {CASES} cases"


def test_drawn_cases_call_every_function(job):
    functions = len(core.FUNCTIONS)
    assert [job.case(11, i)[0] for i in range(functions)] == list(range(functions))
