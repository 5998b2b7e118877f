# SPDX-License-Identifier: GPL-2.0-only
"""Verdicts of one result against an earlier one, on planted numbers."""

import json
import math

import pytest

from pykmm.bench import compare, results, rows
from pykmm.bench.compare import FASTER, SAME, SLOWER
from pykmm.bench.measuring import Samples
from pykmm.errors import BadInput

ROW = rows.find("page_mkclean/4 mappings")


def result(name: str = "a row", ratio: list[float] | None = None,
           instructions: dict[str, int] | None = None, **yardsticks: list[float]) -> dict:
    """A document with one row: columns in yardsticks, P/C as [value, low, high]."""
    row = results.untimed(ROW) | {"name": name, "yardsticks": yardsticks}
    row["instructions"] = row["instructions"] | (instructions or {})
    if ratio:
        row["ratio_p_c"] = ratio[0]
        row["intervals"] = row["intervals"] | {"ratio_p_c": ratio[1:]}
    return {"schema": results.SCHEMA, "events": False, "machine": {}, "rows": [row]}


def one(old: dict, new: dict) -> compare.Change:
    (change,) = compare.changes(old, new)
    return change


@pytest.mark.parametrize(("times", "verdict"), [
    (1.0, SAME), (1.029, SAME), (1.05, SLOWER), (0.95, FASTER), (0.98, SAME)])
def test_verdict_by_time(times: float, verdict: str):
    old = result(C=[2.0, 1.99, 2.01])
    new = result(C=[2.0 * times, 1.99 * times, 2.01 * times])
    change = one(old, new)
    assert change.verdict == verdict
    assert change.ratio[0] == pytest.approx(times)


def test_wide_interval_is_no_verdict():
    old, new = result(C=[2.0, 1.99, 2.01]), result(C=[2.2, 1.9, 2.6])
    assert one(old, new).verdict == SAME
    # the old one's alone is enough
    assert one(result(C=[2.0, 1.7, 2.4]), result(C=[2.2, 2.19, 2.21])).verdict == SAME


def test_intervals_add_up_as_independent_ones():
    value, low, high = compare.quotient([3.0, 3 / math.exp(.03), 3 * math.exp(.03)],
                                        [1.0, 1 / math.exp(.04), math.exp(.04)])
    assert (value, low, high) == pytest.approx((3, 3 * math.exp(-.05), 3 * math.exp(.05)))


def test_less_than_nothing_tells_nothing():
    assert compare.quotient([1.0, -0.1, 2.0], [1.0, 1.0, 1.0]) == (1.0, 0.0, math.inf)


@pytest.mark.parametrize(("old", "new", "verdict"), [
    (1000, 1000, SAME), (1000, 1001, SLOWER), (1000, 999, FASTER)])
def test_instructions_are_compared_exactly(old: int, new: int, verdict: str):
    change = one(result(instructions={"P": old}), result(instructions={"P": new}))
    assert (change.column, change.ratio, change.verdict) == ("P", None, verdict)


def test_instructions_say_more_than_time():
    steady = {"P": [2.0, 1.99, 2.01]}
    change = one(result(instructions={"P": 100}, **steady),
                 result(instructions={"P": 105}, **steady))
    assert (change.verdict, change.time_verdict) == (SLOWER, SAME)


@pytest.mark.parametrize(("percent", "fails"), [(4.0, True), (6.0, False)])
def test_failure_is_above_the_percentage(percent: float, fails: bool):
    by_time = one(result(C=[1.0, 0.999, 1.001]), result(C=[1.05, 1.049, 1.051]))
    by_count = one(result(instructions={"C": 100}), result(instructions={"C": 105}))
    assert by_time.slower_than(percent) is by_count.slower_than(percent) is fails


def test_what_is_not_surely_slower_does_not_fail():
    assert not one(result(C=[1.0, 0.999, 1.001]), result(C=[1.2, 0.9, 1.6])).slower_than(0)


def test_p_is_compared_through_c():
    steady = {"C": [1.0, 0.9, 1.1]}
    old = result(ratio=[1.0, 0.999, 1.001], **steady)
    new = result(ratio=[1.04, 1.039, 1.041], **steady)
    of_c, against_c = compare.changes(old, new)
    assert (of_c.verdict, against_c.column, against_c.verdict) == (SAME, "P/C", SLOWER)
    assert compare.verdicts([of_c, against_c]) == {"a row": SLOWER}


def test_p_is_not_blamed_for_a_faster_c():
    old = result(ratio=[1.0, 0.999, 1.001], C=[1.0, 0.999, 1.001])
    new = result(ratio=[1.25, 1.249, 1.251], C=[0.8, 0.799, 0.801])
    assert compare.verdicts(compare.changes(old, new)) == {"a row": FASTER}


def test_a_row_is_slower_if_any_column_is():
    old = result(C=[1.0, 0.999, 1.001], P=[1.0, 0.999, 1.001])
    new = result(C=[0.8, 0.799, 0.801], P=[1.2, 1.199, 1.201])
    assert compare.verdicts(compare.changes(old, new)) == {"a row": SLOWER}


def test_only_what_both_have_is_compared():
    old = result(C=[1.0, 1.0, 1.0], mine=[1.0, 1.0, 1.0])
    assert compare.changes(old, result(name="another", C=[9.0, 9.0, 9.0])) == []
    assert one(old, result(C=[1.0, 1.0, 1.0], P=[5.0, 5.0, 5.0])).column == "C"


def test_planted_five_percent_in_rounds_are_slower():
    """From rounds to verdict: P's are 5 % longer in the new one, everything 30 % by the clock."""
    def measured(clock: float, p: float) -> dict:
        columns = {"C": [100.0, 101.0, 99.0] * 20, "P": [100.0 * p, 101.0 * p, 99.0 * p] * 20}
        samples = Samples({name: [clock * ns for ns in rounds] for name, rounds in columns.items()},
                          {name: [3.0] * 60 for name in columns}, {"C": 9, "P": 9},
                          [clock * 40.0] * 60)
        return {"rows": [results.row_of(ROW, [samples] * 5)]}

    same = compare.changes(measured(1.0, 1.0), measured(1.3, 1.0))
    assert [change.verdict for change in same] == [SAME] * 3
    slower = compare.changes(measured(1.0, 1.0), measured(1.3, 1.05))
    assert {c.column: c.verdict for c in slower} == {"C": SAME, "P": SLOWER, "P/C": SLOWER}


@pytest.mark.parametrize(("text", "said"), [
    ("{", "not JSON"),
    ("[]", "schema is None"),
    ('{"schema": "pykmm.fuzz/1"}', "schema is 'pykmm.fuzz/1'"),
    ('{"schema": "pykmm.bench/1"}', "no rows"),
    ('{"schema": "pykmm.bench/1", "rows": [], "machine": {}}', "with events"),
    ('{"schema": "pykmm.bench/1", "rows": [1], "events": false, "machine": {}}', "row 1"),
])
def test_a_file_that_is_no_result_is_refused(tmp_path, text: str, said: str):
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=said) as caught:
        compare.read(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("broken", [
    {"yardsticks": {"C": [1.0, 2.0]}}, {"yardsticks": {"C": "abc"}}, {"yardsticks": 5},
    {"instructions": None}, {"name": 3}, {"intervals": None}])
def test_a_row_that_is_none_is_refused(tmp_path, broken: dict):
    document = result(C=[1.0, 1.0, 1.0])
    document["rows"][0] |= broken
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    with pytest.raises(BadInput, match="row 1 is not as"):
        compare.read(str(path))


def test_what_was_written_is_read(tmp_path):
    document = result(C=[1.0, 1.0, 1.0], ratio=[1.0, 0.9, 1.1])
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document))
    assert compare.read(str(path)) == document


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="No such file"):
        compare.read(str(tmp_path / "none.json"))
