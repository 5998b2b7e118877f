# SPDX-License-Identifier: GPL-2.0-only
"""The native loop: what it does again and again is the same, or it is refused."""

import shutil

import pytest
from cli.cli_halves import Workshop

from pykmm.bench import measuring, rows
from pykmm.bench.measuring import LEAST_ROUNDS, Refused, measure
from pykmm.bench.row import AFTER, Call, Operation, Row, Start
from pykmm.engine import core, halves, timing
from pykmm.errors import BadInput

CLEANED = rows.find("page_mkclean_one/tracked, dirty, writable")
FIRST_STORE = rows.find("life cycle/first store")
C, P = halves.c_half(), halves.p_half()


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    return Workshop(tmp_path_factory.mktemp("halves"))


def loaded(half: str) -> core.Half:
    name, _, path = half.partition("=")
    return core.Half.load(path, name)


def words_of(image: bytes) -> list[int]:
    return list(memoryview(image).cast("Q"))


@pytest.mark.parametrize("name", [CLEANED.name, "do_mmap_pgoff/memory, merged",
                                  "mprotect_fixup/split in 3", FIRST_STORE.name])
def test_rounds_end_in_the_world_that_they_begin_in(name: str):
    start = rows.find(name).make(AFTER)
    timed = timing.Timed(start)
    timed.run(C)
    after = timed.left()[0]
    timed.learn()
    differing = sum(a != b for a, b in zip(words_of(start.image), words_of(after), strict=True))
    assert timed.changed == differing > 0
    for half in (C, P):
        timed.start()
        timed.steps(half, 100)
        assert timed.is_back()
        assert timed.run(half) and timed.left()[0] == after


def test_a_round_does_every_step():
    """Two stores to one page are two versions: the second step sees what the first one left."""
    start = FIRST_STORE.make(AFTER)
    twice = timing.Timed(Start(start.runner, start.image, start.steps * 2))
    outcome, returns, _ = twice.run(C)
    assert outcome == "returned" and len(returns) == 2
    once = timing.Timed(start)
    once.run(C)
    assert once.left() != (twice.run(C), twice.left())[1]


def test_idle_rounds_change_nothing():
    timed = timing.Timed(CLEANED.make(AFTER))
    timed.run(C)
    timed.learn()
    timed.start()
    timed.idle(1000)
    assert timed.is_back()


def test_lists_are_laid_aside_once_or_twice_alike():
    timed = timing.Timed(CLEANED.make(AFTER))
    first = timed.run(C)
    timed.learn()
    changed_words = timed.changed
    assert timed.run(C) == first
    timed.learn()
    assert (timed.changed, timed.run(P)) == (changed_words, first)


@pytest.mark.parametrize("row", [CLEANED, FIRST_STORE], ids=lambda row: row.name)
def test_every_column_is_in_every_round(row: Row):
    samples = measure(row, [C, P], 0.0)
    wanted = ["C", "P", *(["before"] if row.has_before else [])]
    assert list(samples.columns) == wanted
    assert len(samples.yardstick) == LEAST_ROUNDS
    assert all(len(rounds) == LEAST_ROUNDS
               for rounds in [*samples.columns.values(), *samples.around.values()])


def test_both_kernels_are_measured_in_one_block():
    after = FIRST_STORE.make(AFTER)
    before = measuring._at_one_place(FIRST_STORE.make(0), after)
    assert before.runner is after.runner and before.image != after.image
    results = []
    for start in (after, before):
        timed = timing.Timed(start)
        results.append(timed.run(C))
        assert results[-1][0] == "returned"
    # what is called lies in the block, and so do its arguments
    moved = measuring._at_one_place(CLEANED.make(AFTER), CLEANED.make(AFTER))
    assert timing.Timed(moved).run(C)[0] == "returned"


def test_who_waits_hears_of_each_half_first():
    told = []
    measure(CLEANED, [C, P], 0.0, tell=told.append)
    assert list(dict.fromkeys(told)) == ["C", "P"]


def test_a_row_that_p_does_not_do_alike_is_refused(workshop):
    with pytest.raises(Refused, match="wrong and C differ"):
        measure(CLEANED, [C, loaded(workshop.wrong())], 0.0)


def test_a_row_that_does_not_return_is_refused():
    start = CLEANED.make(AFTER)
    held = Start(start.runner, start.image, (
        Call("page_mkclean", {"page": start.steps[0].arguments["page"]}),))
    with pytest.raises(Refused, match="C ends with lock taken twice"):
        measure(Row("page_mkclean/held", "page_mkclean", lambda units: held, False), [C, P], 0.0)


def test_a_half_that_differs_is_no_column_and_the_others_are(workshop):
    samples = measure(CLEANED, [C, P, loaded(workshop.wrong()), loaded(workshop.partly())], 0.0)
    assert list(samples.columns) == ["C", "P"]
    assert samples.refused == {"wrong": "wrong and C differ"}
    assert samples.lent == {"partly": ["page_mkclean_one"]}


def test_rounds_that_do_not_come_back_are_refused(monkeypatch):
    class Forgetful(timing.Timed):
        def learn(self):
            """Put back nothing."""

    monkeypatch.setattr(measuring.timing, "Timed", Forgetful)
    with pytest.raises(Refused, match="do not end in the world that they begin in"):
        measure(CLEANED, [C, P], 0.0)


def test_rounds_that_leave_a_world_are_refused_whenever_they_do(monkeypatch):
    """The first round is right, and later ones are not."""
    class Forgetful(timing.Timed):
        def steps(self, half, rounds):
            spent = super().steps(half, rounds)
            if rounds > 1:
                self.run(half)
            return spent

    monkeypatch.setattr(measuring.timing, "Timed", Forgetful)
    for row in (CLEANED, FIRST_STORE):
        with pytest.raises(Refused, match="do not end in the world that they begin in"):
            measure(row, [C, P], 0.0)


@pytest.mark.parametrize(("step", "said"), [
    (Call("no_such"), "no function no_such"),
    (Call("page_mkclean", {"pages": 1}), "pages is no argument"),
    (Operation("no_such", 0), "no operation no_such"),
    (Operation("sync", 0, (1,)), "it takes 0 arguments"),
])
def test_a_step_that_cannot_be_is_refused(step, said: str):
    start = CLEANED.make(AFTER)
    with pytest.raises(BadInput, match=said):
        timing.Timed(Start(start.runner, start.image, (step,)))
