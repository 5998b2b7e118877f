# SPDX-License-Identifier: GPL-2.0-only
"""Pages of files and ptes that map them, put in place by hand.

    cached(kernel, 4, index=1, dirty=True)      page[4] is page 1 of inode 0
    ring(kernel, 4, 0, "mapped dirty", "")      with buffers 0 and 1
    shared(kernel, 0)                           vma[0]: pages 0 to 2 of inode 0 at 0x40000000
    pte(kernel, 1, 4, DIRTY)                    ... and page[4] mapped as the second of them
"""

READ, WRITE, SHARED, MAYSHARE, LOCKED, NONLINEAR = 1, 2, 8, 0x80, 0x2000, 0x800000
PRESENT, RW, USER, YOUNG, DIRTY = 1, 2, 4, 0x20, 0x40
BH = {name: 1 << i for i, name in enumerate(
    "uptodate dirty lock req uptodate_lock mapped new async_read async_write delay".split())}
DIRTY_TAG, WRITEBACK_TAG = 0, 1
ACTIVATE = 0x80000


def at(page: int) -> int:
    return 0x40000000 + (page << 12)


def cached(kernel, number: int, *, inode: int = 0, index: int = 0, dirty: bool = False,
           contents=(), lru: bool = False):
    page = f"page[{number}]"
    kernel.cached(number, mapping=inode, index=index)
    kernel.set(f"{page}.flags.uptodate", 1)
    for i, version in enumerate(contents):
        kernel.set(f"{page}.contents[{i}]", version)
    if lru:
        kernel.set(f"{page}.flags.lru", 1)
        kernel.set("world.page_state.nr_inactive", kernel.get("world.page_state.nr_inactive") + 1)
    if dirty:
        kernel.call("set_page_dirty", page)
    return page


def ring(kernel, number: int, first: int, *states: str):
    """Attach one buffer for each state, its block number that of its place in the file."""
    kernel.call("attach_buffers", f"page[{number}]", kernel.buffer(first), len(states))
    index = kernel.get(f"page[{number}].index")
    for i, state in enumerate(states):
        kernel.set_buffer(first + i, "b_state", sum(BH[name] for name in state.split()))
        kernel.set_buffer(first + i, "b_blocknr", index * len(states) + i)


def state(kernel, number: int) -> set:
    value = kernel.get_buffer(number, "b_state")
    return {name for name, bit in BH.items() if value & bit}


def shared(kernel, number: int, *, inode: int = 0, pgoff: int = 0, pages: int = 3, start: int = 0,
           flags: int = 0xFB, mm: int = 0):
    kernel.vma(number, start=at(start), pages=pages, pgoff=pgoff, flags=flags, mm=f"mm[{mm}]")
    tree = "vma_nonlinear_insert" if flags & NONLINEAR else "vma_prio_tree_insert"
    kernel.call(tree, f"vma[{number}]", f"mapping[{inode}]")
    table(kernel, mm)


def table(kernel, mm: int = 0):
    for i in (0, 1):
        kernel.set(f"mm[{mm}].pmd[{i}].table", f"mm[{mm}].pte[{at(8 * i):#x}]")


def pte(kernel, where: int, number: int, bits: int = 0, *, mm: int = 0, anon: bool = False):
    """Map page[number] at the page `where` of a process, with all that is counted of it."""
    kernel.set(f"mm[{mm}].pte[{at(where):#x}]", (0x100 + number) << 12 | PRESENT | USER | bits)
    for path in (f"page[{number}]._count", f"page[{number}]._mapcount",
                 f"mm[{mm}].{'anon' if anon else 'file'}_rss"):
        kernel.set(path, kernel.get(path) + 1)
    if kernel.get(f"page[{number}]._mapcount") == 0:
        kernel.set("world.page_state.nr_mapped", kernel.get("world.page_state.nr_mapped") + 1)


def word(kernel, where: int, mm: int = 0) -> int:
    return kernel.get(f"mm[{mm}].pte[{at(where):#x}]")


def anonymous(kernel, number: int, *vmas: int, index: int = 0, anon_vma: int = 0):
    """page[number] of an anon_vma that has these vmas, newest first."""
    page = f"page[{number}]"
    kernel.set(f"{page}.mapping", kernel.at(f"anon_vma[{anon_vma}]") + 1)
    kernel.set(f"{page}.index", index)
    kernel.set(f"{page}.flags.uptodate", 1)
    last = f"anon_vma[{anon_vma}].head"
    for vma in vmas:
        kernel.set(f"vma[{vma}].anon_vma", f"anon_vma[{anon_vma}]")
        kernel.set(last, f"vma[{vma}]")
        last = f"vma[{vma}].anon_vma_next"


def named(kernel, *names: str) -> list[tuple]:
    return [event for event in kernel.events() if event[0] in names]


def tags(kernel, inode: int = 0) -> dict:
    """{page: tags} of a file."""
    return {page: found for _, page, found in kernel.slots(inode)}


def contents(kernel, number: int) -> list[int]:
    return [kernel.get(f"page[{number}].contents[{i}]") & 0xFFFF for i in range(4)]


def disk(kernel, inode: int, index: int) -> list[int]:
    return [kernel.get(f"inode[{inode}].disk[{index * 4 + i}]") for i in range(4)]


def calm(kernel):
    """Nothing is held, no page is locked, no rule of locking was broken."""
    assert kernel.held() == []
    for field in ("held_classes", "pages_locked", "order_fault", "sleep_fault", "kmaps", "nr_wbc",
                  "irqs_disabled"):
        assert kernel.get(f"world.{field}") == 0, field
