# SPDX-License-Identifier: GPL-2.0-only
"""The text that counts: same counters in both halves, conditions kept, gaps refused."""

import re

import mirrored
import pytest

from pykmm.errors import HarnessError
from pykmm.source import anchors, counting

PATH = "mm/toy.c"
C_TOY = """\
int seal(struct box *box, int how)
{
	if (!box)				/* MK1 */
		goto out;
	if (!(a(box) || (how && b(box))))	/* MK2 E25 */
		goto out;
	if (how)
		twice(box);			/* MK3 */
	while (next(box))			/* MK4 */
		step(box);
	return how > 1;				/* MK5 */
out:
	return 0;				/* MK6 */
}
"""
P_TOY = """\
cdef int seal(box_t *box, int how) noexcept nogil:
    cdef int at = L_top

    while at == L_top:
        if box is NULL:                             # MK1
            at = L_out; continue                    # goto out
        if not (a(box) or (how and b(box))):        # MK2 E25
            at = L_out; continue                    # goto out
        if how:
            twice(box)                              # MK3
        while next(box):                            # MK4
            step(box)
        return how > 1                              # MK5

    # out:
    return 0                                        # MK6
"""


@pytest.fixture
def counters(tmp_path, monkeypatch):
    """Counters of the toy above, as of a whole C half."""
    monkeypatch.setattr(counting, "TWINS", {PATH: "mm/toy.pyx"})
    (tmp_path / "mm").mkdir()
    (tmp_path / PATH).write_text(C_TOY, encoding="utf-8")
    return counting.counters_of(tmp_path)


def numbers(text: str) -> list[int]:
    """Numbers of the counters that a counting text holds, in order."""
    return [int(n) for n in re.findall(r"KMM_(?:STEP|OPERAND)\((\d+)", text)]


def test_counters_of_a_file_are_its_steps_and_operands(counters):
    assert list(counters.steps) == ["MK1", "MK2", "MK3", "MK4", "MK5", "MK6"]
    assert list(counters.branches) == ["MK1/1", "MK2/1", "MK2/2", "MK2/3", "MK2/4", "MK4/1"]
    taken = [*counters.steps.values(), *(n + s for n in counters.branches.values() for s in (0, 1))]
    assert sorted(taken) == list(range(counters.total))


def test_counting_c_wraps_operands_and_keeps_negations_outside(counters):
    text = counting.count_c(counters, PATH, C_TOY)
    n = counters.branches

    assert text.startswith('#include "machine/count.h"\n')
    assert f"if (!KMM_OPERAND({n['MK1/1']}, box))" in text
    assert (f"if (!(KMM_OPERAND({n['MK2/1']}, a(box)) || (KMM_OPERAND({n['MK2/2']}, how)"
            f" && KMM_OPERAND({n['MK2/3']}, b(box)))))") in text
    assert f"while (KMM_OPERAND({n['MK4/1']}, next(box)))" in text


def test_counting_c_step_that_is_the_body_of_a_bare_if_stays_one_statement(counters):
    text = counting.count_c(counters, PATH, C_TOY)
    step, branch = counters.steps["MK3"], counters.branches["MK2/4"]

    assert f"if (KMM_OPERAND({branch}, how))\n\t\tKMM_STEP({step}), twice(box);" in text
    assert text.count("KMM_STEP(") == 6
    # all other counts are statements of their own
    assert text.count(";") == C_TOY.count(";") + 5


def test_counting_cython_counts_a_null_test_as_c_does(counters):
    text = counting.count_cython(counters, PATH, P_TOY)

    assert f"if not KMM_OPERAND({counters.branches['MK1/1']}, box is not NULL):" in text


def test_counting_cython_leaves_ladder_and_foreach_alone(counters):
    foreach = "        while box is not NULL:\n            box = f(box)\n"
    toy = P_TOY.replace("        return how", foreach + "        return how")
    text = counting.count_cython(counters, PATH, toy)

    assert "    while at == L_top:\n" in text
    assert "        while box is not NULL:\n" in text


def test_counting_text_of_twins_has_the_same_counters_in_the_same_order(counters):
    ours = counting.count_c(counters, PATH, C_TOY)
    theirs = counting.count_cython(counters, PATH, P_TOY)

    assert numbers(ours) == numbers(theirs)


C_CHOICES = """\
int choose(struct box *box, int how)
{
	int size = box ? box->size : 0;		/* MK1 */

	switch (how & KIND) {
	case ROUND:
		size = 2;			/* MK2 */
		break;
	default:
		return how ? 1 : 2;
	}
	if (box && (!(how & WET) ||		/* MK3 */
			size == BIG) &&
			fits(box,
				size, NULL))
		return 1;			/* MK4 */
	return 0;
}
"""
P_CHOICES = """\
cdef int choose(box_t *box, int how) noexcept nogil:
    cdef int size
    size = box.size if box is not NULL else 0           # MK1
    if (how & KIND) == ROUND:
        size = 2                                        # MK2
    else:
        return 1 if how else 2
    wet = 1 if (how and size) else 0
    if (box is not NULL and (not (how & WET) or         # MK3
                             size == BIG) and  # so
            fits(box,
                 size, NULL) is not NULL):
        return 1                                        # MK4
    return 0
"""


@pytest.fixture
def choices(tmp_path, monkeypatch):
    """Counters of a function with ?:, a switch, and a condition of several lines."""
    monkeypatch.setattr(counting, "TWINS", {PATH: "mm/toy.pyx"})
    (tmp_path / "mm").mkdir()
    (tmp_path / PATH).write_text(C_CHOICES, encoding="utf-8")
    return counting.counters_of(tmp_path)


def test_counters_of_a_choice_a_switch_and_a_long_condition(choices):
    assert list(choices.branches) == ["MK1/1", "MK2/1", "MK3/1", "MK3/2", "MK3/3", "MK3/4"]


def test_counting_c_wraps_a_condition_of_several_lines(choices):
    text = counting.count_c(choices, PATH, C_CHOICES)
    n = choices.branches

    assert f"int size = KMM_OPERAND({n['MK1/1']}, box) ? box->size : 0;" in text
    assert f"return KMM_OPERAND({n['MK2/1']}, how) ? 1 : 2;" in text
    assert "switch (how & KIND) {" in text
    assert f"!(KMM_OPERAND({n['MK3/2']}, how & WET))" in text
    # what several lines were is one condition, closed where it was
    assert re.search(rf"KMM_OPERAND\({n['MK3/4']}, fits\(box,\s+size, NULL\)\)\)$", text,
                     re.MULTILINE)
    # the step that is its body stays one statement
    assert f"{{ KMM_STEP({choices.steps['MK4']}); return 1; }}" in text


def test_counting_cython_counts_the_same_choices(choices):
    text = counting.count_cython(choices, PATH, P_CHOICES)

    assert numbers(text) == numbers(counting.count_c(choices, PATH, C_CHOICES))
    assert "    if (how & KIND) == ROUND:\n" in text
    assert "wet = 1 if (how and size) else 0\n" in text
    # joined, without the comments that stood between
    assert re.search(r"^    if \(KMM_OPERAND\(\d+, box is not NULL\) and \(not "
                     r".*fits\(box, size, NULL\) is not NULL\)\):$", text, re.MULTILINE)


def test_counting_step_inside_a_condition_is_refused(choices):
    torn = C_CHOICES.replace("size == BIG) &&", "size == BIG) &&	/* MK4 */")

    with pytest.raises(HarnessError, match="mm/toy.c:12: .* hold no step"):
        counting.count_c(choices, PATH, torn)


@pytest.mark.parametrize(("old", "new", "why"), [
    ("# MK3", "#", "MK3 of C are not here"),
    ("# MK3", "# MK9", "step MK9 is not in C"),
    ("(how and b(box))", "b(box)", "MK2/4 of C are not here"),
    ("if how:", "if how and box:", "condition MK2/5 .* has no twin in C"),
    ("        while next(box):                            # MK4\n            step(box)\n", "",
     "MK4, MK4/1 of C are not here"),
])
def test_counting_cython_without_a_twin_is_refused(counters, old, new, why):
    assert old in P_TOY

    with pytest.raises(HarnessError, match=why):
        counting.count_cython(counters, PATH, P_TOY.replace(old, new))


def test_counting_cython_takes_either_spelling_of_no_pointer(counters):
    other = P_TOY.replace("if box is NULL:", "if box == NULL:")

    assert other != P_TOY
    assert counting.count_cython(counters, PATH, other) == counting.count_cython(
        counters, PATH, P_TOY)


def test_counting_cython_of_a_mirror_under_work_counts_what_both_halves_have(counters):
    differences = []
    changed = P_TOY.replace("if how:", "if how and box:").replace("# MK3", "# MK9")

    text = counting.count_cython(counters, PATH, changed, differences)

    whole = set(numbers(counting.count_cython(counters, PATH, P_TOY)))
    assert set(numbers(text)) < whole
    assert "and box:" in text
    assert [line.partition(": ")[0] for line in differences] == [PATH] * len(differences)
    assert any("step MK9 is not in C" in line for line in differences)


def test_counters_of_a_step_that_stands_twice_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(counting, "TWINS", {PATH: "mm/toy.pyx"})
    (tmp_path / "mm").mkdir()
    (tmp_path / PATH).write_text(C_TOY.replace("MK4", "MK3"), encoding="utf-8")

    with pytest.raises(HarnessError, match="step MK3 stands twice"):
        counting.counters_of(tmp_path)


@pytest.mark.parametrize(("path", "c", "p"), mirrored.pairs(), ids=list(anchors.TWINS))
def test_counters_of_the_halves_have_the_same_names(path, c, p):
    counters = counting.counters_of(mirrored.ROOT / "cref")
    ours = numbers(counting.count_c(counters, path, c))
    theirs = numbers(counting.count_cython(counters, path, p))

    assert ours == theirs
    assert len(ours) == len(set(ours)) > 0


def test_counters_of_the_halves_are_known_by_function():
    counters = counting.counters_of(mirrored.ROOT / "cref")
    functions = set(anchors.FUNCTION_OF.values())

    assert sum(len(counters.steps_of(f)) for f in functions) == len(counters.steps)
    assert sum(len(counters.branches_of(f)) for f in functions) == len(counters.branches)


def test_counting_text_leads_into_its_own_package():
    text = ("from pykmm.mm cimport rmap\nfrom pykmm.machine cimport unit\n"
            "from pykmm.linux.mm cimport a\n")

    assert counting.in_counted_package(text) == (
        "from pykmm.counted.mm cimport rmap\nfrom pykmm.machine cimport unit\n"
        "from pykmm.counted.linux.mm cimport a\n")
