# SPDX-License-Identifier: GPL-2.0-only
"""What an operation can call is what the sources say, and what it does call."""

import pytest
from calls import Calls

from pykmm.engine import alphabet, core, explorer

# of each operation the function that does it (machine/operation.c)
DOES = {"open": "do_open", "close": "do_close", "mmap": "do_mmap", "munmap": "sys_munmap",
        "brk": "sys_brk", "mprotect": "sys_mprotect", "msync": "sys_msync",
        "remap_file_pages": "sys_remap_file_pages", "fork": "sys_fork", "exit": "sys_exit",
        "load": "access", "store": "access", "poke": "do_poke", "pin": "kmm_pin",
        "unpin": "do_unpin", "write": "do_write", "fsync": "do_fsync", "truncate": "kmm_truncate",
        "invalidate": "do_invalidate", "writeback": "kmm_sync_inode", "sync": "kmm_sync_all",
        "complete": "do_complete", "flush_buffers": "do_flush_buffers", "commit": "do_commit",
        "release_page": "do_release_page", "reclaim": "kmm_shrink_page",
        "strip": "kmm_strip_page", "drain": "lru_add_drain", "lock_page": "do_lock_page"}
# another actor at a pause, and the end of a file that only its descriptors hold: where either may
# be, nothing is spared
BUT = {("kmm_pause_counted", "interfere"), ("put_inode", "destroy_inode")}
# small, called in many places, and no kernel differs in them
SMALL = {"is_shared_writable", "page_mkclean_one", "page_mkclean_file", "page_mkclean"}


@pytest.fixture(scope="module")
def calls() -> Calls:
    return Calls()


def test_each_operation_is_done_by_a_function_of_its_own() -> None:
    assert set(DOES) == set(alphabet.OPERATIONS)


@pytest.mark.parametrize("operation", DOES)
def test_operation_may_call_what_the_sources_lead_to(calls: Calls, operation: str) -> None:
    can = calls.reached(DOES[operation], BUT) & set(core.FUNCTIONS)
    assert can - SMALL <= set(explorer.may_call(operation))


def test_sources_lead_everywhere_where_another_actor_acts(calls: Calls) -> None:
    """The cuts are what keeps them apart: a test that would always hold is none."""
    for cut in BUT:
        assert calls.reached("sys_munmap", BUT - {cut}) & {"try_to_free_buffers",
                                                           "test_clear_page_dirty"}
    assert {"clear_page_dirty_for_io", "page_mkclean"} <= calls.reached("do_fsync", BUT)
