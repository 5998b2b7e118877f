# SPDX-License-Identifier: GPL-2.0-only
"""Other actors at pauses of a direct call: which case has them, and that two act in one call."""

import pytest

from pykmm.engine import core

AT = {name: offset for name, offset, _, _ in core.CHOICES}
PAUSES = 8              # KMM_CASE_PAUSES: of a first actor, and of both together


def with_choices(case: bytes, **choices: int) -> bytes:
    changed = bytearray(case)
    for name, value in choices.items():
        changed[AT[name]] = value
    return bytes(changed)


@pytest.fixture
def numbers(builder):
    """Of a case the numbers of the pauses at which others act, 0 for one who does not."""
    def numbers(**choices):
        state = builder.build(with_choices(bytes(core.CASE_BYTES), **choices))
        return state["world.pauses_left"], state["world.pauses_left[1]"]
    return numbers


@pytest.mark.parametrize(("pause", "second", "wanted"), [
    (0, 0, (1, 0)), (7, 0, (8, 0)), (3, 8, (4, 0)), (3, 31, (4, 0)), (8, 3, (0, 0)),
    (63, 1, (0, 0)), (0, 1, (1, 2)), (7, 7, (8, 7)), (3, 3, (4, 3)), (3, 4, (4, 5)),
    (3, 7, (4, 8)),
])
def test_numbers_of_pauses_are_as_chosen(numbers, pause, second, wanted):
    assert numbers(pause=pause, second=second) == wanted


def test_two_others_never_have_one_pause_and_all_others_can_be_had(numbers):
    for pause in range(PAUSES):
        seconds = [numbers(pause=pause, second=second)[1] for second in range(1, PAUSES)]
        assert sorted(seconds) == [n for n in range(1, PAUSES + 1) if n != pause + 1]


def test_in_wild_worlds_nobody_else_acts(numbers):
    assert numbers(pause=0, second=1, wild=1) == (0, 0)


def test_what_the_second_does_is_chosen_as_for_the_first(builder):
    for kind in range(128):
        of = {f"{other}_{name}": value for other in ("pause", "second")
              for name, value in (("kind", kind), ("actor", kind % 8))}
        state = builder.build(with_choices(bytes(core.CASE_BYTES), pause=0, second=1, **of))
        assert state["world.interference[1]"] == state["world.interference"]


def test_two_act_in_one_call_of_both_halves_alike(halves, job):
    """A first actor and a second one, each at a pause of its own, in calls that drawn cases make."""
    acted = {0: 0, 1: 0, 2: 0, 3: 0}
    runner = core.Runner()
    for index in range(3000):
        case = with_choices(job.case(0, index), pause=index % 4, second=1 + index // 4 % 4)
        left = []
        for half in halves:
            runner.build(case)
            ended = runner.run(half)
            words, _ = runner.trace()
            left.append((ended, words, runner.image()))
            runner.forget_trace()
        assert left[0] == left[1], case.hex()
        from_world = int.from_bytes(left[0][2][INTERFERED:INTERFERED + 4], "little")
        acted[from_world] += 1
    # only one of them, in either order, and both
    assert min(acted.values()) > 20, acted


INTERFERED = next(offset for structure, name, _, offset, _ in core.FIELDS
                  if (structure, name) == ("world", "interfered"))
