# SPDX-License-Identifier: GPL-2.0-only
"""What a function leaves of a legal world still adds up, before the patch and after it."""

import adding_up
import pytest

from pykmm.engine import core

CASES = 100     # of each function
PAUSE = next(offset for name, offset, _, _ in core.CHOICES if name == "pause")


def alone(case: bytes) -> bytes:
    """The case without another actor: what he leaves (pins, writes under way) is his."""
    return case[:PAUSE] + b"\x3f" + case[PAUSE + 1:]


@pytest.fixture(scope="module", params=[0x00, 0x7F], ids=["before", "after"])
def left(request, builder, halves):
    """[(state, case, call, what it returned)] of drawn cases that returned."""
    found = []
    job = core.Job(halves[:1], seed=9, units=request.param)
    for i in range(CASES * len(core.FUNCTIONS)):
        case = alone(job.case(0, i))
        builder.build(case)
        call = builder.call()
        outcome, ret, _ = builder.runner.run(halves[0])
        if outcome == "returned":
            found.append((builder.state(), case, call, ret))
    return found


@pytest.mark.parametrize("holds", adding_up.CHECKS, ids=lambda check: check.__name__)
def test_left_world_adds_up(left, holds):
    for i, (state, case, call, ret) in enumerate(left):
        adding_up.check(holds, i, case, state, call, ret)


def test_calls_give_back_what_they_took(left):
    for state, _, call, _ in left:
        expected = 1 if call.function in {"follow_page", "do_wp_page", "do_no_page", "do_brk",
                                          "do_mmap_pgoff", "mprotect_fixup"} else 0
        held = [state.map.name_of(state[f"world.held[{i}]"]) for i in range(state["world.nr_held"])]
        if call.function == "page_mkclean_one":
            assert all(lock.endswith(".i_mmap_lock") for lock in held)
        else:
            assert len(held) == expected and all(lock.endswith(".mmap_sem") for lock in held)
        assert state["world.kmaps"] == state["world.irqs_disabled"] == 0


def test_calls_take_locks_in_order_and_sleep_under_none(left):
    for state, case, call, _ in left:
        assert state["world.order_fault"] == state["world.sleep_fault"] == 0, (call, case.hex())


def test_enough_calls_returned(left):
    functions = {call.function for _, _, call, _ in left}
    assert functions == set(core.FUNCTIONS)
    assert len(left) > 0.85 * CASES * len(core.FUNCTIONS)
