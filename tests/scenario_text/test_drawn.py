# SPDX-License-Identifier: GPL-2.0-only
"""Every drawn case prints as text and is read back from it, byte for byte, and runs the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_stories import HALVES, read

from pykmm.engine import core
from pykmm.errors import BadInput
from pykmm.report.paths import Map
from pykmm.scenario import drawn, layout, parse, run


@pytest.fixture(scope="module")
def jobs():
    return [core.Job(HALVES.halves, seed=seed, wild=seed == 3) for seed in (1, 2, 3)]


DRAWN = "case sequence\nfile f ext2 pages=4\nfile g ext2 pages=4\nfile h ext2 pages=4\n"


def text_of(case: bytes) -> str:
    return layout.text(drawn.scenario_of(case, "A drawn case."))


def check_round_trip(case: bytes) -> str:
    text = text_of(case)
    scenario = read(text)

    assert drawn.case_of(scenario) == case
    assert layout.text(parse.parse(text, "s.kmm")) == text
    return text


@pytest.mark.parametrize("shard", range(4))
def test_drawn_cases_are_read_back(jobs, shard):
    for index in range(25):
        for job in jobs:
            check_round_trip(job.case(shard, index))
        check_round_trip(jobs[0].case(shard, index, True))


@settings(deadline=None, max_examples=60)
@given(st.binary(min_size=core.CASE_BYTES, max_size=core.CASE_BYTES))
def test_any_direct_case_is_read_back(data):
    check_round_trip(core.decode(data))


@settings(deadline=None, max_examples=150)
@given(st.binary(min_size=core.SEQUENCE_BYTES, max_size=core.SEQUENCE_BYTES))
def test_any_sequence_is_read_back(data):
    check_round_trip(core.decode(data))


@pytest.mark.parametrize("index", range(12))
def test_sequence_runs_as_the_engine_runs_it(jobs, index):
    case = jobs[0].case(9, index, True)
    variant = run.Variant(read(text_of(case)), case[0] & 0x7F, HALVES, detail=False)
    variant.run()

    runner = core.Runner.of(case)
    where = Map(runner)
    outcome, _, _ = runner.run(HALVES.halves[0])
    image = runner.image()
    assert (outcome == "returned") == (variant.ended is None)
    ours = variant.block.where
    for place in where.places:
        if place.path != "world.trace_at":
            there, here = where.read(image, place.path), variant.block.read(place.path)
            # the blocks lie at different addresses, and what leads into one is known by its name
            assert (where.name_of(there) or there) == (ours.name_of(here) or here), place.path


def test_sequence_tells_its_story(jobs):
    case = next(case for case in (jobs[0].case(0, i, True) for i in range(400))
                if len(core.operations_of(case)) > 3)
    text = check_round_trip(case)
    said = [line for line in text.splitlines() if line.startswith("p")]

    assert text.startswith("# A drawn case.\ncase sequence\nunits ")
    assert [line for line in said if not line.startswith("pause")] == said[-len(
        core.operations_of(case)):]
    assert sum(line.startswith("file f") for line in text.splitlines()) == 3


def test_story_of_a_sequence_by_hand_is_some_sequence():
    text = """\
case sequence
file f ext2 pages=4
file g ext3 pages=2 block=1024
file h ext2 pages=4
p0: mmap fd=0 at=0 pages=2
p0: mmap fd=1 at=2
p0: store 0 = 73
"""
    scenario = read(text)
    case = drawn.case_of(scenario)

    assert [name for name, _, _ in core.operations_of(case)] == ["mmap", "mmap", "store"]
    assert "spare" not in text_of(case)
    assert run.run(scenario, HALVES)["ok"]
    assert not run.run(read(text.replace("= 73", "= 72")), HALVES)["ok"]


@pytest.mark.parametrize("pauses", [
    ["pause 3 every=5 more=3: p1: truncate 0 sectors=4"],
    ["pause 3 every=5 more=1: p1: truncate 0 sectors=4", "pause 9 every=11 more=1: drain"],
    ["pause 32 every=4 more=1: p0: store 0", "pause 1 every=4 more=1: p2: store 1 sector=2"],
])
def test_others_at_pauses_of_a_sequence_by_hand_are_those_that_were_said(pauses):
    written = [line.replace("truncate 0", "truncate f") for line in pauses]
    case = drawn.case_of(read(DRAWN + "\n".join(written) + "\np0: mmap fd=0\n"))

    printed = [line for line in text_of(case).splitlines() if line.startswith("pause")]
    plain = [line.replace("truncate f0", "truncate 0").replace("p0: drain", "drain")
             for line in printed]
    assert plain == pauses
    runner = core.Runner.of(case)
    where, image = Map(runner), runner.image()
    left = [where.read(image, f"world.pauses_left{which}") for which in ("", "[1]")]
    assert [number for number in left if number] == [int(line.split()[1]) for line in pauses]


def test_direct_case_by_hand_takes_expectations():
    text = "case direct\nchoice function = is_shared_writable\n"
    text += "choice flags = {}\nexpect result {}\n"

    assert run.run(read(text.format("10 0 0 0", 1)), HALVES)["ok"]
    assert not run.run(read(text.format("10 0 0 0", 0)), HALVES)["ok"]
    assert run.run(read(text.format("10 4 0 0", 0)), HALVES)["ok"]


@pytest.mark.parametrize(("text", "message"), [
    ("case direct\n", "which function"),
    ("case direct\nchoice function = fork\n", "s.kmm:2:8: found 'fork'"),
    ("case direct\nchoice function = 99\n", "s.kmm:2:8: found '99'"),
    ("case direct\nchoice colour = 1\n", "s.kmm:2:8: found 'colour'"),
    ("case direct\nchoice pte = 256\n", "s.kmm:2:8: found 256, expected a number below 256"),
    ("case direct\nchoice vma = 1 2\n", "vma has 1 values"),
    ("case direct\nchoice vma = 1\nchoice vma = 2\n", "s.kmm:3:8: vma is said twice"),
    ("case direct\np0: fork\n", "s.kmm:2:5: a drawn direct case has choices"),
    ("case sequence\np0: fork\n", "3 files"),
    ("case sequence\nunits all, none\n", "s.kmm:2:12: a drawn case has one set of units"),
    ("case sequence\npage 0: uptodate\n", "s.kmm:2:6: a drawn sequence has"),
    ("case sequence\nfile f ext2\np0: store a\n", "s.kmm:3:11: found 'a'"),
    ("case sequence\nfile f ext2\np0: mmap f\n", "s.kmm:3:5: in a drawn sequence say numbers"),
    ("case sequence\nfile f tmpfs pages=4\nfile g ext2 pages=4\nfile h ext2 pages=4\n"
     "p0: mmap fd=0\n", "no drawn sequence has this inode_kind of f0"),
    (DRAWN + "pause 1: drain\npause 2: drain\npause 3: drain\n", "s.kmm:7:7: at most 2 others"),
    (DRAWN + "pause 1: drain\npause 1: drain\n", "s.kmm:6:7: line 5 says who acts at pause 1"),
    (DRAWN + "pause 1 more=1: drain\np0: mmap fd=0\n", "s.kmm:5:14: found '1', expected 3"),
    (DRAWN + "pause 1: drain\npause 2 more=3: drain\np0: mmap fd=0\n",
     "s.kmm:6:14: found '3', expected 1"),
    (DRAWN + "pause 1: drain\npause 33: drain\np0: mmap fd=0\n",
     "no drawn sequence has this second_at"),
    (DRAWN + "p0: mmap fd=0\nfail allocation 1\n", "s.kmm:6:17: in a drawn sequence this comes"),
    (DRAWN + "p0: mmap fd=0\nlimit memory=1\n", "s.kmm:6:1: in a drawn sequence this comes"),
    (DRAWN + "fail allocation 1\nfail allocation 2\n", "s.kmm:6:17: an allocation that fails"),
    ("case sequence\nfile f ext2 congested=1\nfile g ext2 congested=1\n",
     "s.kmm:3:6: f is congested already"),
    ("case sequence\nfile f ext2 pages=4\nfile g ext2 pages=4\nfile h ext2 pages=4\n"
     "p0: store 0\n", "no drawn sequence has this kind of operation #0"),
    ("case sequence\nfile f ext2 pages=4\nfile g ext2 pages=4\nfile h ext2 pages=4\n"
     f"p0: mmap fd=0\nspare 0x{'f' * 900}\n", "spare is too large"),
])
def test_drawn_case_that_is_none_is_refused(text, message):
    with pytest.raises(BadInput, match="s.kmm") as refused:
        read(text)
    assert message in str(refused.value)
