# SPDX-License-Identifier: GPL-2.0-only
"""Sequences as bytes: any bytes are one, and every one has bytes."""

import pytest
from by_hand import CHOICES, USUAL, case_of, kinds, values
from hypothesis import given
from hypothesis import strategies as st

from pykmm.engine import core
from pykmm.errors import BadInput, HarnessError

LENGTH = core.SEQUENCE_BYTES
any_bytes = st.binary(min_size=LENGTH, max_size=LENGTH)


@st.composite
def sequences(draw):
    case = bytearray(LENGTH)
    for offset, count, limit in CHOICES.values():
        case[offset:offset + count] = bytes(draw(st.lists(
            st.integers(0, limit - 1), min_size=count, max_size=count)))
    return bytes(case)


def test_choices_cover_every_byte_once_and_bytes_hold_them():
    covered = sorted(at for offset, count, _ in CHOICES.values()
                     for at in range(offset, offset + count))
    assert covered == list(range(LENGTH))
    assert all(1 <= limit <= 256 for _, _, limit in CHOICES.values())


def test_what_a_sequence_is_made_of():
    assert {name: (count, limit) for name, (_, count, limit) in CHOICES.items()} == {
        "units": (1, 256), "operations": (1, 32),
        "inode_kind": (3, 16), "inode_blocks": (3, 4), "inode_holes": (3, 8),
        "inode_size": (3, 8), "inode_flags": (3, 32),
        "memory": (1, 8), "limits": (1, 16), "many_buffers": (1, 8), "congested": (1, 16),
        "clock": (1, 4),
        "fail": (1, 8), "fail_at": (1, 256), "pause": (1, 2), "pause_at": (1, 256),
        "pause_kind": (1, 128), "pause_actor": (1, 8), "pause_argument": (6, 16),
        "kind": (32, 128), "actor": (32, 8), "argument": (192, 16),
        "second": (1, 2), "second_at": (1, 248), "second_kind": (1, 128), "second_actor": (1, 8),
        "second_argument": (6, 16),
    }


@given(any_bytes)
def test_any_bytes_are_some_sequence(data):
    case = core.decode(data)

    assert len(case) == LENGTH
    for offset, count, limit in CHOICES.values():
        assert all(value < limit for value in case[offset:offset + count])


@given(sequences())
def test_every_sequence_has_bytes_that_are_it(case):
    assert core.decode(core.encode(case)) == case


@given(any_bytes)
def test_bytes_and_the_bytes_of_their_sequence_are_the_same_sequence(data):
    case = core.decode(data)

    assert core.decode(core.encode(case)) == case


def test_extreme_bytes_are_the_first_and_the_last_choices():
    first, last = core.decode(bytes(LENGTH)), core.decode(b"\xff" * LENGTH)

    assert first == bytes(LENGTH)
    assert all(set(last[offset:offset + count]) == {limit - 1}
               for offset, count, limit in CHOICES.values())


@given(sequences())
def test_operations_are_as_many_as_chosen_and_begin_with_two_mappings(case):
    found = core.operations_of(case)

    assert len(found) == case[CHOICES["operations"][0]] + 1
    assert [(name, actor) for name, actor, _ in found[:2]] == [("mmap", 0)] * len(found[:2])
    known = dict(core.OPERATIONS)
    for name, actor, arguments in found:
        assert len(arguments) == len(known[name])
        assert actor in (0, 1, 2)


def test_operations_written_by_hand_come_back():
    written = [("mmap", 0, 0, 0, 2, 3, 1, 0), ("mmap", 0, 255, 4, 3, 3, 2, 0), ("fork", 0),
               ("store", 1, 0, 3), ("poke", 0, 1, 4, 2, 1), ("writeback", 2, 0, 1, 32)]

    found = core.operations_of(case_of(written))

    assert [(name, actor, *arguments) for name, actor, arguments in found] == written


def test_first_two_operations_are_mappings_by_process_0_whatever_is_chosen():
    case = bytearray(case_of([("mmap", 0, 1, 2, 1, 1, 2, 1), ("mmap", 0, 2, 0, 1, 1, 1, 0)]))
    kind, actor = CHOICES["kind"][0], CHOICES["actor"][0]
    case[kind:kind + 2] = bytes([kinds()["sync"]] * 2)
    case[actor:actor + 2] = b"\x07\x07"

    assert core.operations_of(bytes(case)) == [("mmap", 0, (1, 2, 1, 1, 2, 1)),
                                               ("mmap", 0, (2, 0, 1, 1, 1, 0))]


def test_every_operation_can_be_drawn_but_the_empty_one():
    assert set(kinds()) == {name for name, _ in core.OPERATIONS} - {"nothing"}


@pytest.mark.parametrize("kind, argument, expected", [
    ("mmap", "fd", {0, 1, 2, 3, 255}),
    ("mmap", "place", {0, 1, 2, 3, 4, 7, 16}),
    ("mmap", "pages", {0, 1, 2, 3, 4, 8}),
    ("mmap", "prot", {0, 1, 2, 3, 5, 6, 7, 9}),
    ("mmap", "pgoff", {0, 1, 2, 3, 5}),
    ("msync", "flags", {0, 1, 2, 4, 5, 6, 8}),
    ("poke", "process", {0, 1, 2}),
    ("store", "sector", {0, 1, 2, 3}),
    ("truncate", "inode", {0, 1, 2}),
    ("writeback", "mode", {0, 1}),
    ("open", "mode", {0, 1, 2, 3}),
])
def test_arguments_take_these_values(kind, argument, expected):
    names = dict(core.OPERATIONS)[kind]

    assert set(values(kind)[names.index(argument)]) == expected


# Runner.of and errors


def test_runner_of_a_sequence_has_it_built(halves):
    case = case_of([("mmap", 0, 0, 0, 2, 3, 1, 0), ("store", 0, 0, 0)])

    runner = core.Runner.of(case)

    assert runner.sequences
    assert runner.run(halves[0]) == ("returned", 2, 0)
    assert runner.first_differing(halves) == 0


def test_runner_of_a_direct_case_is_another(halves):
    case = core.decode(bytes(core.CASE_BYTES))

    runner = core.Runner.of(case)

    assert not runner.sequences
    assert not core.is_sequence(case)
    assert runner.first_differing(halves) == 0


def test_world_of_a_sequence_is_as_chosen():
    from pykmm.report.paths import Map

    case = case_of([("mmap", 0, 0, 0, 1, 1, 1, 0)], units=0x15, memory=7, inode_kind=[0, 9, 12],
                   inode_size=[0, 7, 5], inode_blocks=[0, 2, 3], fail=0, fail_at=200, pause=1,
                   pause_at=9, pause_kind=127, pause_actor=7, pause_argument=[14])
    runner = core.Runner.of(case)
    where, image = Map(runner), runner.image()

    def get(path):
        return where.read(image, path)

    assert get("world.units") == 0x15
    # ten of sixteen are somebody's for good, and so is the zero page
    assert [get(f"page[{i}]._count") for i in range(17)] == [0] * 6 + [1] * 11
    assert [get(f"inode[{i}].i_kind") for i in range(3)] == [0, 3, 5]      # ext2 tmpfs PFNMAP
    assert [get(f"inode[{i}].i_size") for i in range(3)] == [16 << 10, 1 << 10, 13 << 10]
    assert [get(f"inode[{i}].i_blkbits") for i in range(3)] == [12, 10, 11]
    assert get("world.fail_in") == 51
    # at the second pause first, and then at each fifth
    assert (get("world.pauses_left"), get("world.pause_every"), get("world.pauses_more")) == \
        (2, 5, 3)
    name, actor = core.OPERATIONS[get("world.interference") & 0xFF], \
        get("world.interference") >> 8 & 0xFF
    assert (name, actor) == (("lock_page", ["page"]), 2)
    assert get("world.interference") >> 16 == 8


def test_usual_choices_disturb_nothing():
    from pykmm.report.paths import Map

    runner = core.Runner.of(case_of([("mmap", 0, 0, 0, 1, 1, 1, 0)]))
    where, image = Map(runner), runner.image()

    assert set(USUAL) == {"units", "fail", "many_buffers", "congested"}
    for path in ("world.fail_in", "world.pauses_left", "world.buffer_heads_over_limit",
                 "bdi[0].congested", "bdi[1].congested", "bdi[2].congested"):
        assert where.read(image, path) == 0, path


@pytest.mark.parametrize("name", [name for name, (_, _, limit) in CHOICES.items() if limit < 256])
def test_choice_past_its_limit_is_refused(name):
    offset, count, limit = CHOICES[name]
    case = bytearray(LENGTH)
    case[offset + count - 1] = limit

    with pytest.raises(BadInput) as error:
        core.encode(bytes(case))
    assert str(error.value) == f"choice {name} is {limit}: it must be below {limit}"


@pytest.mark.parametrize("length", [0, 1, LENGTH - 1, LENGTH + 1])
def test_bytes_of_another_length_are_no_case(length):
    for function, what in ((core.decode, "bytes"), (core.encode, "choices"),
                           (core.Runner(sequences=True).build, "choices")):
        with pytest.raises(BadInput) as error:
            function(bytes(length))
        assert str(error.value) == \
            f"a case has {core.CASE_BYTES} {what}, or {LENGTH} if it is a sequence, not {length}"


def test_direct_case_has_no_operations():
    with pytest.raises(BadInput) as error:
        core.operations_of(bytes(core.CASE_BYTES))
    assert str(error.value) == "a direct case has no operations"


def test_runners_do_not_build_the_other_kind():
    for runner, case in ((core.Runner(), bytes(LENGTH)),
                         (core.Runner(sequences=True), bytes(core.CASE_BYTES))):
        with pytest.raises(BadInput) as error:
            runner.build(case)
        assert str(error.value) == \
            "direct cases and sequences have runners of their own: Runner.of(case)"


def test_operate_says_what_it_takes(halves):
    runner = core.Runner.of(case_of([("mmap", 0, 0, 0, 1, 1, 1, 0)]))

    with pytest.raises(BadInput) as error:
        runner.operate(halves[0], "stoer", 0, 0, 0)
    assert str(error.value).startswith("no operation stoer: there are nothing, open, close, mmap")
    with pytest.raises(BadInput) as error:
        runner.operate(halves[0], "store", 0, 0)
    assert str(error.value) == "store takes 2 arguments (place sector), not 1"
    for value in (-1, 256):
        with pytest.raises(BadInput) as error:
            runner.operate(halves[0], "store", 0, value, 0)
        assert str(error.value) == f"store: place is {value}: it must be from 0 to 255"


def test_image_of_another_block_is_refused():
    runner = core.Runner(sequences=True)

    with pytest.raises(HarnessError) as error:
        runner.restore(runner.image() + b"\0")
    assert str(error.value) == "an image belongs to the block that it was taken from"
