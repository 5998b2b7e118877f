# SPDX-License-Identifier: GPL-2.0-only
"""Halves against each other on drawn cases, from several sides at once."""

import array
import os
import subprocess
import threading
from pathlib import Path

import pytest

from pykmm import half as cython_half
from pykmm import paths
from pykmm.engine import core, fuzz, halves

needs_mail = pytest.mark.skipif(not os.environ.get("PYKMM_PATCH"),
                                reason="half X needs the patch mail: set PYKMM_PATCH")


def run(*compared, cases, jobs=2, wild=False, units=None, keep_going=True, seed=2006):
    plan = fuzz.Plan(list(compared), [], seed=seed, jobs=jobs, cases=cases, wild=wild, units=units,
                     keep_going=keep_going)
    return fuzz.Fuzzer(plan).run()


@pytest.fixture(scope="module")
def c():
    return halves.c_half()


@pytest.fixture(scope="module")
def p():
    return halves.p_half()


@pytest.mark.parametrize("wild", [False, True], ids=["legal", "wild"])
def test_identity_c_against_itself_ten_million_cases(c, wild):
    # a harness that finds C different from C is broken
    outcome = run(c, c, cases=5_000_000, wild=wild)

    assert outcome.cases == 5_000_000
    assert outcome.divergences == 0
    assert outcome.outcomes["stray access"] == 0
    assert outcome.outcomes["hang"] <= (outcome.cases // 500 if wild else 0)


@pytest.mark.parametrize("units", [None, 0, 0x7F, 0x7F & ~0x10, 0x7F & ~0x20],
                         ids=["mixed", "none", "all", "U5 off", "U6 off"])
@pytest.mark.parametrize("wild", [False, True], ids=["legal", "wild"])
def test_c_and_p_are_equal(c, p, wild, units):
    outcome = run(c, p, cases=600_000, wild=wild, units=units)

    assert outcome.cases == 600_000
    assert outcome.divergences == 0
    assert all(calls > 0 for calls in outcome.calls)


def test_units_matter(c, p):
    # the switches must do something: the same cases end otherwise when U5 and U6 are off
    on = run(c, p, cases=60_000, units=0x7F)
    off = run(c, p, cases=60_000, units=0)

    assert on.outcomes["BUG"] > off.outcomes["BUG"]


@pytest.fixture(scope="module")
def x(tmp_path_factory):
    from pykmm.patch.half_x import build_x

    built = build_x(Path(os.environ["PYKMM_PATCH"]), cache=tmp_path_factory.mktemp("cache"))
    return core.Half.load(built.path, "X")


@needs_mail
@pytest.mark.parametrize("wild", [False, True], ids=["legal", "wild"])
def test_c_p_and_x_are_equal(c, p, x, wild):
    outcome = run(c, p, x, cases=600_000, wild=wild)

    assert outcome.cases == 600_000
    assert outcome.divergences == 0


# what an altered copy of the mail must not go unnoticed as
ALTERED = {
    "E25 pte_wrprotect": ("entry = pte_wrprotect(entry)", "entry = pte_mkclean(entry)", "E25"),
    "E01 VM_PFNMAP": ("(VM_SHARED|VM_WRITE|VM_PFNMAP)) ==", "(VM_SHARED|VM_WRITE)) ==", "E01"),
    "E25 ret +=": ("ret += page_mkclean_one", "ret = page_mkclean_one", "E25"),
    "E23 call made a comment": ("+ page_mkclean(page);\nif (mapping_cap",
                                "+ /* page_mkclean(page); */\nif (mapping_cap", "E23"),
}


@needs_mail
@pytest.mark.parametrize("name", ALTERED)
def test_altered_mail_is_accepted_named_and_diverges(c, p, name, tmp_path):
    from pykmm.patch.half_x import build_x

    old, new, edit = ALTERED[name]
    text = Path(os.environ["PYKMM_PATCH"]).read_text(encoding="utf-8", errors="surrogateescape")
    before, found, after = text.rpartition(old)      # E22 has the same call before E23
    assert found, f"the mail does not hold {old!r} as this test expects it"
    altered = tmp_path / "altered.txt"
    altered.write_text(before + new + after, encoding="utf-8", errors="surrogateescape")

    built = build_x(altered, cache=tmp_path)
    outcome = run(c, p, core.Half.load(built.path, "X"), cases=200_000, keep_going=False)

    assert built.verdict.kind == "altered"
    assert edit in str(built.verdict)
    assert outcome.divergences == 1
    assert outcome.found[0].half == "X"


SMALL_HALF = """
#include "half.h"
#include "machine/enter.h"
static int flip(unsigned int flags)
{
	((unsigned char *)kmm_world)[flags] ^= 1;
	return 0;
}
static int keep(unsigned int flags) { (void)flags; return 0; }
static int walk(unsigned int flags)
{
	static unsigned int calls;
	(void)flags;
	((unsigned char *)kmm_world)[calls++ % kmm_world->used] ^= 1;
	return 0;
}
static int low(unsigned int flags) { (void)flags; return *(volatile int *)8; }
static int high(unsigned int flags) { (void)flags; return *(volatile int *)16; }
__attribute__((visibility("default"))) const struct kmm_half kmm_half = {
	KMM_HALF_ABI, sizeof(struct kmm_half), "flip", kmm_enter, .is_shared_writable = FUNCTION };
"""


def small_half(folder, name):
    source, library = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(SMALL_HALF, encoding="utf-8")
    subprocess.run(["cc", "-fPIC", "-shared", *paths.c_flags(), "-w", f"-DFUNCTION={name}",
                    f"-I{paths.cref()}", str(source), str(paths.cref() / "machine/enter.c"),
                    "-o", str(library)], check=True)
    return core.Half.load(library, name)


@pytest.fixture
def small_halves(tmp_path):
    """A maker of halves that have one of the functions in SMALL_HALF, by their names."""
    return lambda *names: [small_half(tmp_path, name) for name in names]


@pytest.fixture
def flipping_halves(small_halves):
    """Two halves: one returns 0 and does nothing, the other flips the byte that it is given."""
    return small_halves("keep", "flip")


def test_replay_compares_that_there_was_an_oops_and_not_where(small_halves):
    # gcc and clang follow another of two NULL pointers first, or test another byte of a word
    runner = core.Runner()
    low, high, keep = small_halves("low", "high", "keep")
    runner.build(core.Job([low], seed=3, functions=[0]).case(0, 0))

    assert [runner.run(half) for half in (low, high)] == [("oops", 0, 8), ("oops", 0, 16)]
    assert runner.first_differing([low, high]) == 0
    assert runner.first_differing([low, keep]) == 1


def test_replay_compares_every_byte_of_the_state(flipping_halves):
    runner = core.Runner()
    case = bytearray(core.Job(flipping_halves, seed=3, functions=[0]).case(0, 0))
    flags = next(offset for name, offset, _, _ in core.CHOICES if name == "flags")
    # each half writes a trace of its own: where that ends is the one thing that may differ
    ends = next(set(range(offset, offset + size)) for structure, name, _, offset, size
                in core.FIELDS if (structure, name) == ("world", "trace_end"))
    for at in sorted(set(range(runner.state_bytes)) - ends):
        # flags[3] a multiple of 4: the flags are what the four choices say, to the letter
        case[flags:flags + 4] = at.to_bytes(4, "little")
        runner.build(bytes(case))
        assert runner.first_differing(flipping_halves) == 1, f"byte {at} is not compared"


def test_cases_in_a_row_are_compared_in_every_byte_of_the_state(small_halves):
    # a shard compares while it puts the world back for the next case
    runner, counters = core.Runner(), array.array("Q", [0])
    job = core.Job(small_halves("keep", "walk"), seed=3, functions=[0], keep_going=True)
    core.guard_process()
    try:
        done = job.run_shard(runner, 0, runner.state_bytes, core.Stop(),
                             bytearray(core.WATCH_BYTES), counters)
    finally:
        core.unguard_process()

    # each byte once; where a half's own trace ends may differ
    assert done["divergences"] == runner.state_bytes - 8


def test_threads_do_not_share_worlds(p, c):
    # each thread its own seed, all at once, and every count as it is alone
    def counted(seed):
        job = core.Job([c, p], seed=seed, keep_going=True)
        counters = array.array("Q", [0])
        return job.run_shard(core.Runner(), 0, 60_000, core.Stop(),
                             bytearray(core.WATCH_BYTES), counters)

    core.guard_process()
    try:
        alone = [counted(seed) for seed in range(4)]
        together = [None] * 4

        def work(seed):
            together[seed] = counted(seed)
            core.unguard_thread()

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        core.unguard_process()
    assert together == alone


def test_cython_half_has_its_own_table(c):
    # equal by comparison, not by being the same code
    mine = core.Half.at(cython_half.ADDRESS, "P")

    assert mine.has(0)
    assert (paths.lib() / "c.so").is_file()
    assert c.origin.endswith("c.so")
