# SPDX-License-Identifier: GPL-2.0-only
"""Named situations of each function, found among drawn cases.

The case of a situation is the first one of a fixed seed that has its property
and ends without a BUG, so it is the same on every machine.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pykmm.bench.callgrind import Task
from pykmm.bench.row import AFTER, BEFORE, Call, Start
from pykmm.engine import core, halves
from pykmm.errors import HarnessError

SEED = 1
DRAWS = 200_000

PAGE_RW, PAGE_DIRTY = 0x002, 0x040  # machine/constants.h
EFAULT_ADDRESS = 2**64 - 14


@dataclass(frozen=True)
class Run:
    """What C made of a case: how a situation is recognised."""

    ret: int
    protect: int
    events: list[tuple[str, dict[str, int]]]

    def value(self, event: str, word: str) -> int | None:
        """A word of the first event of this name, or None if there is none."""
        return next((words[word] for name, words in self.events if name == event), None)

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)


@dataclass(frozen=True)
class Situation:
    function: str
    name: str
    holds: Callable[[Run], bool]
    units: int = AFTER

    @property
    def row(self) -> str:
        return f"{self.function}/drawn: {self.name}"


def _one(name: str, holds: Callable[[Run], bool]) -> Situation:
    return Situation("page_mkclean_one", name, holds)


def _old(run: Run) -> int:
    """Dirty and writable bits of the pte that was cleaned, 0 if none was."""
    return (run.value("ptep_get_and_clear", "old") or 0) & (PAGE_DIRTY | PAGE_RW)


def _walks(function: str, vmas: int, cleaned: int) -> Situation:
    return Situation(function, f"{vmas} vma{'s' * (vmas != 1)}, {cleaned} cleaned",
                     lambda run: (run.count("vma_address") == vmas
                                  and run.count("ptep_establish") == cleaned
                                  and (function == "page_mkclean_file"
                                       or run.count("vma_prio_tree_first") == 1)))


def _becomes_clean(function: str, page_mkclean_unit: int) -> list[Situation]:
    """The two functions that a page becomes clean by have the same situations."""
    def dirty(run: Run) -> bool:
        return run.value("TestClearPageDirty", "old") == 1

    def mapping(run: Run) -> bool:
        return bool(run.value("page_mapping", "mapping"))

    def mapped(vmas: int, cleaned: int) -> Callable[[Run], bool]:
        return lambda run: (dirty(run) and run.count("vma_address") == vmas
                            and run.count("ptep_establish") == cleaned)

    return [
        Situation(function, "no mapping, clean", lambda run: not mapping(run) and not dirty(run)),
        Situation(function, "no mapping, dirty", lambda run: not mapping(run) and dirty(run)),
        Situation(function, "clean", lambda run: mapping(run) and not dirty(run)),
        Situation(function, "dirty, not mapped",
                  lambda run: mapping(run) and dirty(run)
                  and run.value("page_mapped", "mapped") == 0),
        Situation(function, "dirty, its unit off", lambda run: mapping(run) and dirty(run),
                  AFTER & ~page_mkclean_unit),
        Situation(function, "dirty, not accounted",
                  lambda run: mapping(run) and dirty(run)
                  and run.value("page_mapped", "mapped") == 0
                  and run.count("dec_page_state") == 0),
        Situation(function, "dirty, 1 vma, 0 cleaned", mapped(1, 0)),
        Situation(function, "dirty, 1 vma, 1 cleaned", mapped(1, 1)),
        Situation(function, "dirty, 3 vmas, 2 cleaned", mapped(3, 2)),
    ]


def _error(run: Run) -> bool:
    return run.ret < 0


def _faults() -> Iterator[Situation]:
    """do_wp_page and do_no_page."""
    def wp(name: str, holds: Callable[[Run], bool], units: int = AFTER) -> Situation:
        return Situation("do_wp_page", name, holds, units)

    def no(name: str, holds: Callable[[Run], bool], units: int = AFTER) -> Situation:
        return Situation("do_no_page", name, holds, units)

    yield wp("shared writable, reused and dirtied",
             lambda run: run.count("ptep_set_access_flags") == 1 and run.count("PageAnon") == 0)
    yield wp("anonymous, reused", lambda run: run.count("ptep_set_access_flags") == 1
             and run.count("can_share_swap_page") == 1)
    yield wp("file, copied", lambda run: run.count("cow_user_page") == 1
             and run.count("dec_mm_counter") == 1)
    yield wp("before the patch, file, copied", lambda run: run.count("cow_user_page") == 1
             and run.count("dec_mm_counter") == 1, BEFORE)
    yield wp("zero page, copied", lambda run: run.count("ptep_establish") == 1
             and run.count("alloc_zeroed_user_highpage") == 1)
    yield wp("race lost", lambda run: run.ret == 2 and run.count("alloc_page_vma") == 1)
    yield wp("no memory", lambda run: run.ret == 0)
    yield no("read", lambda run: run.ret in (2, 3) and run.count("page_add_file_rmap") == 1
             and run.count("put_page") == 0)
    yield no("shared store", lambda run: run.ret in (2, 3) and run.count("set_page_dirty") == 1)
    yield no("before the patch, mapped",
             lambda run: run.ret in (2, 3) and run.count("page_add_file_rmap") == 1, BEFORE)
    yield no("private store", lambda run: run.ret in (2, 3)
             and run.count("page_add_new_anon_rmap") == 1)
    yield no("filled meanwhile", lambda run: run.ret in (2, 3)
             and run.count("pte_offset_map_lock") == 1 and not run.count("flush_icache_page"))
    yield no("no memory", lambda run: run.ret == 0)
    yield no("SIGBUS", lambda run: run.ret == 1)


def _merged(run: Run) -> bool:
    return bool(run.value("vma_merge", "vma"))


def _mappings() -> Iterator[Situation]:
    """do_mmap_pgoff, do_brk, mprotect_fixup."""
    def mm(name: str, holds: Callable[[Run], bool]) -> Situation:
        return Situation("do_mmap_pgoff", name, lambda run: not _error(run) and holds(run))

    def fix(name: str, holds: Callable[[Run], bool]) -> Situation:
        return Situation("mprotect_fixup", name, lambda run: not _error(run) and holds(run))

    yield Situation("do_mmap_pgoff", "refused at once", lambda run: _error(run) and not run.events)
    # errors that nothing was undone for
    for name, error in (("EPERM", 1), ("EAGAIN", 11), ("ENOMEM", 12), ("EACCES", 13),
                        ("ENODEV", 19), ("EINVAL", 22), ("EOVERFLOW", 75)):
        yield Situation("do_mmap_pgoff", f"refused, {name}",
                        lambda run, error=error: run.ret == -error
                        and not run.count("find_vma_prepare"))
    yield mm("memory, a vma of its own", lambda run: run.count("kmem_cache_zalloc") == 1
             and not run.count("get_file") and not run.count("shmem_zero_setup")
             and not run.count("do_munmap"))
    yield mm("memory, merged", lambda run: run.count("vma_merge") == 1
             and not run.count("kmem_cache_zalloc"))
    yield mm("memory, shared", lambda run: run.value("shmem_zero_setup", "error") == 0)
    yield mm("file, tracked", lambda run: run.value("mapping_cap_account_dirty", "accounts") == 1
             and run.count("vma_link") == 1)
    yield mm("file, private", lambda run: run.count("get_file") == run.count("vma_link") == 1
             and not run.count("mapping_cap_account_dirty"))
    yield mm("file, merged", lambda run: run.count("mpol_free") == 1)
    yield mm("others unmapped", lambda run: run.count("do_munmap") == 1)
    yield Situation("do_brk", "merged", lambda run: not _error(run) and _merged(run)
                    and not run.count("do_munmap"))
    yield Situation("do_brk", "a vma of its own",
                    lambda run: not _error(run) and run.count("vma_link") == 1)
    yield Situation("do_brk", "others unmapped",
                    lambda run: not _error(run) and run.count("do_munmap") == 1)
    yield Situation("do_brk", "refused", lambda run: run.ret == -22)
    yield fix("nothing to change", lambda run: not run.events)
    yield fix("merged", _merged)
    yield fix("a whole vma", lambda run: not run.count("split_vma") and not _merged(run)
              and run.count("change_protection") == 1)
    yield fix("tracked", lambda run: run.count("split_vma") == 0
              and run.value("mapping_cap_account_dirty", "accounts") == 1)
    yield fix("split in two", lambda run: run.count("split_vma") == 1)
    yield fix("split in three", lambda run: run.count("split_vma") == 2)
    yield Situation("mprotect_fixup", "no vma to split into",
                    lambda run: _error(run) and run.count("split_vma") == 1)


SITUATIONS = [
    Situation("is_shared_writable", "no", lambda run: run.ret == 0),
    Situation("is_shared_writable", "yes", lambda run: run.ret == 1),
    *_becomes_clean("test_clear_page_dirty", 0x10),
    *_becomes_clean("clear_page_dirty_for_io", 0x20),
    _one("vma does not hold it", lambda run: run.value("vma_address", "address") == EFAULT_ADDRESS),
    _one("no pte", lambda run: run.value("page_check_address", "pte") == 0),
    _one("clean, not protected",
         lambda run: bool(run.value("page_check_address", "pte")) and not run.ret
         and not run.protect),
    _one("clean and read-only, protected",
         lambda run: bool(run.value("page_check_address", "pte")) and not run.ret
         and bool(run.protect)),
    _one("clean and writable, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_RW),
    _one("dirty, not protected",
         lambda run: not run.protect and _old(run) == PAGE_DIRTY | PAGE_RW),
    _one("dirty and read-only, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_DIRTY),
    _one("dirty and writable, protected",
         lambda run: bool(run.protect) and _old(run) == PAGE_DIRTY | PAGE_RW),
    *[_walks("page_mkclean_file", vmas, cleaned)
      for vmas, cleaned in [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]],
    Situation("page_mkclean", "not mapped", lambda run: run.value("page_mapped", "mapped") == 0),
    Situation("page_mkclean", "mapped, no mapping",
              lambda run: run.value("page_mapping", "mapping") == 0),
    *[_walks("page_mkclean", vmas, cleaned)
      for vmas, cleaned in [(1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (4, 2)]],
    Situation("follow_page", "no page table, no page",
              lambda run: run.value("pmd_offset", "pmd") == 0 and not run.count("ZERO_PAGE")),
    Situation("follow_page", "no page table, zero page",
              lambda run: run.count("ZERO_PAGE") == run.count("get_page") == 1),
    Situation("follow_page", "no pte or not writable",
              lambda run: run.count("pte_offset_map_lock") == 1
              and not run.count("vm_normal_page")),
    Situation("follow_page", "found",
              lambda run: run.count("vm_normal_page") == 1 and not run.count("get_page")
              and not run.count("mark_page_accessed") and run.ret != 0),
    Situation("follow_page", "found, referenced, touched",
              lambda run: run.count("get_page") == run.count("mark_page_accessed") == 1
              and not run.count("PageDirty")),
    Situation("follow_page", "found, dirtied", lambda run: run.count("set_page_dirty") == 1),
    *_faults(),
    *_mappings(),
    Situation("do_writepages", "nothing left to write", lambda run: not run.events),
    Situation("do_writepages", "the file system's own",
              lambda run: bool(run.events) and run.events[0][0] == "writepages"),
    Situation("do_writepages", "the generic one",
              lambda run: bool(run.events) and run.events[0][0] == "generic_writepages"),
    Situation("try_to_free_buffers", "under writeback",
              lambda run: run.value("PageWriteback", "old") == 1),
    Situation("try_to_free_buffers", "no mapping, freed",
              lambda run: not run.count("spin_lock") and run.ret == 1),
    Situation("try_to_free_buffers", "kept", lambda run: run.count("spin_lock") == 1
              and run.ret == 0),
    Situation("try_to_free_buffers", "clean page, 2 freed",
              lambda run: run.ret == 1 and run.count("free_buffer_head") == 2
              and run.value("TestClearPageDirty", "old") == 0),
    Situation("try_to_free_buffers", "dirty page, 2 freed",
              lambda run: run.ret == 1 and run.count("free_buffer_head") == 2
              and run.value("TestClearPageDirty", "old") == 1),
    Situation("try_to_free_buffers", "before the patch, dirty page",
              lambda run: run.ret == 1 and run.value("TestClearPageDirty", "old") == 1, BEFORE),
]


def _events(words: list[int]) -> Iterator[tuple[str, dict[str, int]]]:
    at = 0
    while at < len(words):
        name, arguments, result, _ = core.EVENTS[words[at] & 0xFFFF]
        length = words[at] >> 16
        values = words[at + 1:at + 1 + length]
        yield name, dict(zip([*arguments, *result.split()], values, strict=True))
        at += 1 + length


def _start(runner: core.Runner, case: bytes, function: str) -> Start:
    runner.build(case)
    return Start(runner, runner.image(), (Call(function, runner.call()),))


def tasks() -> list[Task]:
    """The call of each situation, by C and by P.

    raises HarnessError   no drawn case is this situation any more
    """
    half, runner = halves.c_half(), core.Runner()
    found: dict[Situation, Start] = {}
    for key in dict.fromkeys((s.function, s.units) for s in SITUATIONS):
        function, units = key
        wanted = [s for s in SITUATIONS if (s.function, s.units) == key]
        job = core.Job([half], seed=SEED, functions=[core.FUNCTIONS.index(function)], units=units)
        for index in range(DRAWS):
            case = job.case(0, index)
            runner.build(case)
            outcome, ret, _ = runner.run(half)
            if outcome != "returned":
                continue
            run = Run(ret, runner.call()["protect"], list(_events(runner.trace()[0])))
            for situation in [s for s in wanted if s.holds(run)]:
                found[situation] = _start(runner, case, function)
                wanted.remove(situation)
            if not wanted:
                break
        else:
            raise HarnessError(f"no case among {DRAWS} is {wanted[0].row}")
    return [Task(s.row, found[s], ("C", "P")) for s in SITUATIONS]
