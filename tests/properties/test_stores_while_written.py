# SPDX-License-Identifier: GPL-2.0-only
"""What the property promised_writes showed: a store that meets the write of its own page."""

from pykmm import World
from pykmm.engine import core

STORE = [name for name, _ in core.OPERATIONS].index("store")
BEFORE_SUBMITTING = ["set_page_writeback", "page_mapping", "write_lock_irqsave", "interference"]


def store_while_synced(pause):
    """A page of four blocks that is written while its process stores at this pause."""
    w = World(units="all")
    f, p = w.file("block device", pages=1, block=1024), w.process
    at = p.mmap(f)
    p.write(at), w.drain()
    w["world.interference"], w["world.pauses_left"] = STORE, pause
    w.sync()
    return w, f, p, at, [str(event).split()[1].partition("(")[0] for event in w.events]


def test_block_write_full_page_leaves_dirty_what_was_stored_after_it_chose():
    # facts 20.9 (3), (5): only choosing takes Dirty off; submitting does not, but after an error
    w, f, p, at, _ = next(
        met for met in map(store_while_synced, range(1, 40))
        if " ".join(BEFORE_SUBMITTING) in " ".join(met[4]))
    assert [w[f"buffer[{i}].b_state.Dirty"] for i in range(4)] == [1, 1, 1, 1]
    assert w["page[0].flags.dirty"] == 1
    stored = p.write(at)
    w.sync()
    assert f.disk[0] == stored
