# SPDX-License-Identifier: GPL-2.0-only
"""A case is the same case wherever it is met: alone, in a shard, after others."""

import re
import struct

import pytest

from pykmm.engine import core

SHARD = 3
GROUP = len(core.FUNCTIONS)
FOCUS = next(offset for name, offset, _, _ in core.CHOICES if name == "focus")


def test_case_reached_inside_a_shard_is_the_one_drawn_alone(job, run_shard):
    # the watch shows what the shard ran last; worlds are shared by a call of each function
    for cases in (1, 2, GROUP, GROUP + 1, 2 * GROUP, 2 * GROUP + 1, 100):
        result, (beats, busy, running) = run_shard(job, cases)
        assert result["done"] == beats == cases and not busy
        assert running == job.case(SHARD, cases - 1)


def test_cases_in_a_row_share_their_world_and_nothing_else(job):
    cases = [job.case(SHARD, i) for i in range(3 * GROUP)]
    assert [case[0] for case in cases] == list(range(GROUP)) * 3
    for first in (0, GROUP, 2 * GROUP):
        assert len({case[FOCUS:] for case in cases[first:first + GROUP]}) == 1
    assert len({case[FOCUS:] for case in cases}) == 3
    assert len({case[1:FOCUS] for case in cases}) == 3 * GROUP


def test_cases_of_other_shards_and_seeds_are_other_cases(halves):
    drawn = {core.Job(halves, seed=seed).case(shard, index)
             for seed in (0, 1, 2**64 - 1) for shard in (0, 1, 1000) for index in range(50)}
    assert len(drawn) == 3 * 3 * 50


def test_job_decides_function_units_and_wildness(halves):
    job = core.Job(halves, seed=1, functions=[5, 2], units=0x15, wild=True)
    cases = [job.case(0, i) for i in range(40)]
    assert [case[0] for case in cases] == [5, 2] * 20
    # the bit above the units is half X's own
    assert {case[1] for case in cases} == {0x15, 0x80 | 0x15}
    assert {case[2] for case in cases} == {1}
    mixed = [core.Job(halves, seed=1).case(0, i) for i in range(2000)]
    assert {case[2] for case in mixed} == {0}
    # all on in half of the cases, none in an eighth: four standard deviations either way
    assert 900 < sum(case[1] & 0x7F == 0x7F for case in mixed) < 1100
    assert 190 < sum(case[1] & 0x7F == 0 for case in mixed) < 310
    assert len({case[1] for case in mixed}) > 100


@pytest.mark.parametrize("wild", [False, True])
def test_world_does_not_depend_on_what_was_built_and_run_before(halves, wild):
    job = core.Job(halves, seed=5, wild=wild)
    fresh = core.Runner()
    first = {}
    for i in range(30):
        fresh.build(job.case(0, i))
        first[i] = fresh.image(), fresh.call()
    # backwards, with the remains of a run of the case before
    for i in reversed(range(30)):
        fresh.build(job.case(0, i))
        assert (fresh.image(), fresh.call()) == first[i]
        fresh.run(halves[0])


def relative(runner):
    """The image with pointers as offsets: what two blocks can be compared by."""
    words = struct.unpack(f"<{runner.state_bytes // 8}Q", runner.image())
    base = runner.base
    # and no further: the library with the tables of operations may lie close behind
    end = next(field[3] for field in core.FIELDS if field[:2] == ("world", "trace_end"))
    return [(word - base) | 1 << 63 if base <= word <= words[end // 8] else word for word in words]


@pytest.mark.parametrize("wild", [False, True])
def test_world_is_the_same_in_another_block(halves, wild):
    job = core.Job(halves, seed=6, wild=wild)
    used = core.Runner()
    for i in range(30):
        used.build(job.case(0, i))
        fresh = core.Runner()
        fresh.build(job.case(0, i))
        assert relative(used) == relative(fresh)
        used.run(halves[1])


# what calls that do not change the world itself decide: units, locks, the page's lock bit
OF_EVERY_CALL = re.compile(
    r"world\.(units|nr_held|held\[.*|held_classes|pages_locked|fail_in|pauses_left(\[1\])?"
    r"|interference(\[1\])?|trace_at)"
    r"|.*\.i_mmap_lock\.held|.*\.mmap_sem\.held")
PAGE_CALLS = [i for i, name in enumerate(core.FUNCTIONS)
              if not name.startswith("do_") and name != "mprotect_fixup"]


def test_call_choices_do_not_change_the_world(builder, make_case):
    # which is why several calls can share one; later functions also find limits near, a page
    # table allocated, a file opened: the call's as well, but not told apart here
    for seed in range(200):
        one, other = make_case(seed), make_case(seed + 1000)
        one = bytes([PAGE_CALLS[seed % len(PAGE_CALLS)], one[1], 0]) + one[3:]
        other = bytes([PAGE_CALLS[seed // 3 % len(PAGE_CALLS)], other[1], 0]) + other[3:FOCUS] \
            + one[FOCUS:]
        a, b = builder.build(one), builder.build(other)
        for path in a:
            if OF_EVERY_CALL.fullmatch(path):
                continue
            if path.startswith("page[") and path.endswith("].flags"):
                assert (a[path] ^ b[path]) & ~1 == 0
            else:
                assert a[path] == b[path], path
