# SPDX-License-Identifier: GPL-2.0-only
"""Sequences of operations as the command draws, tells, saves and runs them."""

import json
import re
import shlex
import signal
from pathlib import Path

import pytest
from cli_command import Done, Pykmm, descendants
from cli_halves import LATE, Workshop
from interrupting import ended, interrupt_until_it_ends

from pykmm.engine import casefile, core, halves
from pykmm.engine.fuzz import SHARD_CASES, SHARD_SEQUENCES
from pykmm.report.paths import Map

SEQUENCES = ["fuzz", "--kind", "sequences", "--seed", "1"]
PARTED = "   <- here they part"


# -- what is drawn


@pytest.mark.parametrize(("kind", "cases", "sequences"), [
    ("direct", SHARD_CASES + 7, 0),
    ("sequences", 2 * SHARD_SEQUENCES + 7, 2 * SHARD_SEQUENCES + 7),
    ("both", SHARD_CASES, 0),
    ("both", SHARD_CASES + 7, 7),
    ("both", SHARD_CASES + SHARD_SEQUENCES + 7, SHARD_SEQUENCES),
    ("both", 2 * SHARD_CASES + SHARD_SEQUENCES + 7, SHARD_SEQUENCES + 7),
])
def test_cases_are_of_the_kind_and_number_asked_for(pykmm: Pykmm, kind: str, cases: int,
                                                    sequences: int) -> None:
    result = pykmm("fuzz", "--kind", kind, "--cases", cases, "--json", "-").was_silent(0).json
    assert (result["kind"], result["cases"], result["sequences"]) == (kind, cases, sequences)
    direct = cases - sequences
    assert sum(row["calls"] for row in result["functions"].values()) == direct
    assert sum(result["outcomes"].values()) == cases
    # 1 to 32 operations
    assert sequences <= result["operations"] - direct <= 32 * sequences
    assert result["interfered"] <= sequences and result["disordered"] == 0


def test_both_kinds_are_drawn_unless_something_says_otherwise(pykmm: Pykmm) -> None:
    def kind(*more: str) -> str:
        return pykmm("fuzz", "--cases", "10", "--json", "-", *more).was_silent(0).json["kind"]

    assert kind() == kind("--units", "all") == "both"
    assert kind("--functions", "page_mkclean") == kind("--wild") == "direct"


def test_actors_of_sequences_reach_the_functions(pykmm: Pykmm) -> None:
    result = pykmm(*SEQUENCES, "--cases", "30k", "--json", "-").was_silent(0).json
    assert result["interfered"] > 0
    for name, row in result["functions"].items():
        assert row["calls"] == 0
        assert row["steps_hit"] > 0, name
    # nothing that processes do ends the kernel
    assert {name: n for name, n in result["outcomes"].items() if n} == {"returned": 30_000}


def test_what_was_run_is_summed_up(pykmm: Pykmm) -> None:
    shown = pykmm("fuzz", "--cases", SHARD_CASES + 100, "--seed", "7").was_silent(0).out
    assert re.search(r"^function +direct calls +steps +branches +divergences$", shown, re.M)
    assert re.search(r"^65,636 cases in .*, 0 divergences\n"
                     r"65,536 direct calls; 100 sequences of [\d,]+ operations "
                     r"\(\d+ with another actor in between\)$", shown, re.M), shown
    shown = pykmm(*SEQUENCES, "--cases", "1").was_silent(0).out
    assert "; sequences only\n" in shown
    assert re.search(r"^function +steps +branches$", shown, re.M)
    assert re.search(r"^1 case in .*\n1 sequence of \d+ operations? \(", shown, re.M), shown
    shown = pykmm("fuzz", "--kind", "direct", "--cases", "10").was_silent(0).out
    assert "sequence" not in shown and "10 cases in" in shown


# -- a half that differs only there


def told_operations(text: str) -> list[str]:
    """The lines of a finding that tell its operations."""
    return re.findall(r"^  #\d+ +\d: .*$", text, re.MULTILINE)


def test_half_that_differs_only_in_sequences_is_found_there(pykmm: Pykmm,
                                                            workshop: Workshop) -> None:
    half = workshop.late()
    pykmm("fuzz", "--kind", "direct", "--cases", "500k", "--seed", "1", "--half", half
          ).was_silent(0)
    result = pykmm("fuzz", "--cases", "300k", "--seed", "1", "--half", half, "--json", "-"
                   ).was_silent(1).json
    found, = result["divergences"]
    assert (found["function"], found["half"], result["divergences"]) == ("sequence", "late",
                                                                         [found])
    assert all(row["divergences"] == 0 for row in result["functions"].values())
    case = casefile.load(pykmm.cwd / found["saved"])
    assert case == bytes.fromhex(found["case"]) and core.is_sequence(case)
    assert len(found["operations"]) == len(core.operations_of(case))


def test_finding_is_told_up_to_the_operation_where_halves_part(pykmm: Pykmm,
                                                               workshop: Workshop) -> None:
    half = workshop.late()
    told = pykmm(*SEQUENCES, "--cases", "20k", "--half", half, "--json", "out.json"
                 ).was_silent(1).out
    found, = json.loads((pykmm.cwd / "out.json").read_text())["divergences"]
    number = found["difference"]["operation"]
    lines = told_operations(told)
    assert [line.split(maxsplit=1)[1].removesuffix(PARTED) for line in lines] == \
        found["operations"][:number + 1]
    assert lines[-1].endswith(PARTED) and told.count(PARTED) == 1
    left = len(found["operations"]) - number - 1
    assert ("more)" in told) == (left > 0)
    assert f"C and late differ in operation #{number}\n" in told
    assert "first differing event" in told and "PM1" in told
    assert re.search(r"saved; again with: pykmm run findings/sequence-seed1-\S+\.case --half", told)


def test_operation_where_halves_part_is_the_first_that_differs(pykmm: Pykmm, workshop: Workshop,
                                                               saved_sequence: Path) -> None:
    """Without it they agree, with it they do not."""
    half = workshop.late()
    number = pykmm("run", saved_sequence, "--half", half, "--json", "-").was_silent(1).json[
        "difference"]["operation"]
    case = casefile.load(saved_sequence)
    for count, code in ((number, 0), (number + 1, 1)):
        path = casefile.save(pykmm.cwd, f"first-{count}", core.first_operations(case, count))
        shown = pykmm("run", path, "--half", half).was_silent(code).out
        assert len(told_operations(shown)) == count


def test_run_shows_operations_events_difference_and_world(pykmm: Pykmm, workshop: Workshop,
                                                          saved_sequence: Path) -> None:
    done = pykmm("run", saved_sequence, "--half", workshop.late()).was_silent(1)
    operations = core.operations_of(casefile.load(saved_sequence))
    lines = told_operations(done.out)
    assert [line.split()[2] for line in lines] == [name for name, _, _ in operations]
    assert sum(line.endswith(PARTED) for line in lines) == 1
    # each operation is an event too, with its number, and stands before what it did
    events = re.findall(r"^ +\d+ +#(\d+) +operation\((\d): (\w+).*\) = \S+$", done.out, re.M)
    parted = next(i for i, line in enumerate(lines) if line.endswith(PARTED))
    assert [(int(number), int(actor), name) for number, actor, name in events[:parted + 1]] == [
        (i, actor, name) for i, (name, actor, _) in enumerate(operations[:parted + 1])]
    assert done.out.count("<- first difference") == 1
    at = [done.out.index(part) for part in (
        "sequence of ", PARTED, "operation(", "<- first difference", "changed by C, P",
        "the world that C left:", "    process 0", "C and late differ")]
    assert at == sorted(at)
    agreed = pykmm("run", saved_sequence).was_silent(0).out
    assert PARTED not in agreed and "no difference: all halves gave the same" in agreed
    assert len(told_operations(agreed)) == len(operations)


def test_the_command_that_is_told_gives_the_same_again(pykmm: Pykmm, workshop: Workshop) -> None:
    told = pykmm(*SEQUENCES, "--cases", "20k", "--half", workshop.late()).was_silent(1).out
    again = shlex.split(told.partition("again with: ")[2].partition("\n")[0])
    difference = told[told.index("C and late differ"):told.index("  saved;")]
    assert difference in pykmm(*again[1:]).was_silent(1).out


def test_run_as_json(pykmm: Pykmm, saved_sequence: Path) -> None:
    result = pykmm("run", saved_sequence, "--json", "-").was_silent(0).json
    assert (result["schema"], result["function"]) == ("pykmm.run/1", "sequence")
    count = len(result["operations"])
    for half in result["halves"]:
        numbered = [event["step"] for event in half["events"] if event["step"].startswith("#")]
        assert numbered == [f"#{i}" for i in range(count)]
        assert half["world"][0].startswith("units ")


def test_sequences_run_with_the_mail(pykmm: Pykmm, saved_sequence: Path, mail: Path) -> None:
    pykmm(*SEQUENCES, "--cases", "20k", "--patch", mail).was_silent(0)
    assert "changed by C, P, X:" in pykmm("run", saved_sequence, "--patch", mail).was_silent(0).out


def test_operation_of_another_actor_is_not_numbered(pykmm: Pykmm) -> None:
    """It is an event of the operation during which it happened."""
    c = halves.c_half()
    job, runner = core.Job([c], seed=1, units=0x7F), core.Runner(sequences=True)

    def acted(case: bytes) -> bool:
        runner.build(case)
        runner.run(c)
        return Map(runner).read(runner.image(), "world.interfered") == 1

    case = next(case for i in range(1000) if acted(case := job.case(0, i, True)))
    shown = pykmm("run", casefile.save(pykmm.cwd, "one", case)).was_silent(0).out
    told = re.search(r"^ +\d+ - +interference\((\d): (\w+)\) = 1\n +\d+ - +operation\((\d): (\w+)",
                     shown, re.MULTILINE)
    assert told, shown
    assert told[1] == told[3] and told[2] == told[4]
    numbers = re.findall(r"^ +\d+ #(\d+) +operation\(", shown, re.MULTILINE)
    assert list(map(int, numbers)) == list(range(len(core.operations_of(case))))


# -- a half that fails only there

FAILURES = {
    "aborts": ("extern void abort(void); {late} abort();", "ended the engine by SIGABRT"),
    "exits": ("extern void _exit(int); {late} _exit(3);", "ended the engine with exit code 3"),
    "loops": ("{late} for (;;) __asm__ volatile(\"\");", "does not come back"),
}
OUTCOMES = {
    "follows NULL": ("{late} *(volatile int *)8 = 1;", "oops at offset 0x8 from NULL"),
    "follows a stray pointer": ("{late} *(volatile int *)0x7000 = 1;", "stray access"),
    "loops with events": ("{late} for (;;) PageLocked(page);", "hang"),
    "takes a lock twice": ("{late} {{ spin_lock(&page->mapping->tree_lock); "
                           "spin_lock(&page->mapping->tree_lock); }}", "lock taken twice"),
}


def case_told(pykmm: Pykmm, done: Done) -> Path:
    told = re.search(r"in a sequence of \d+ operations?; the case is saved as (\S+)\n", done.err)
    assert told, done.err
    return pykmm.cwd / told[1]


@pytest.mark.parametrize("jobs", [1, 4])
@pytest.mark.parametrize("what", FAILURES)
def test_half_that_fails_in_a_sequence_is_named_with_its_case(
    pykmm: Pykmm, workshop: Workshop, what: str, jobs: int
) -> None:
    lines, how = FAILURES[what]
    half = workshop.with_lines(f"{what}_late", lines.format(late=LATE))
    if what == "loops":
        pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    done = pykmm("fuzz", "--cases", "300k", "--seed", "1", "--half", half, "--jobs", jobs,
                 "--json", "out.json")
    case = case_told(pykmm, done.complained(1, f"half {what}_late {how} in a sequence of "))
    assert core.is_sequence(casefile.load(case))
    failed = json.loads((pykmm.cwd / "out.json").read_text())["failed"]
    assert (failed["half"], failed["function"]) == (f"{what}_late", "sequence")
    assert pykmm.cwd / failed["saved"] == case
    pykmm("run", case, "--half", half).complained(1, f"half {what}_late {how} in a sequence of ",
                                                  case.name)
    pykmm("run", case).was_silent(0)


@pytest.mark.parametrize("what", OUTCOMES)
def test_misbehaviour_on_the_world_of_a_sequence_is_an_outcome(
    pykmm: Pykmm, workshop: Workshop, what: str
) -> None:
    lines, ended = OUTCOMES[what]
    name = f"{what.replace(' ', '_')}_late"
    half = workshop.with_lines(name, lines.format(late=LATE))
    done = pykmm(*SEQUENCES, "--cases", "20k", "--half", half).was_silent(1)
    number = len(told_operations(done.out)) - 1
    assert f"C and {name} differ in operation #{number}\n" in done.out
    assert re.search(rf"outcome:\n    C   returned \d+\n    {name} {ended}\n", done.out), done.out
    again = shlex.split(done.out.partition("again with: ")[2].partition("\n")[0])
    assert ended in pykmm(*again[1:]).was_silent(1).out


# -- Ctrl-C


def test_interrupt_during_sequences_gives_the_result_so_far(pykmm: Pykmm) -> None:
    with pykmm.started(*SEQUENCES, "--seconds", "10m", "--json", "out.json") as process:
        assert process.stdout.readline().startswith("halves ")
        # a line of progress
        assert any("cases/s" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        done = pykmm.ended(process).was_silent(130)
    assert "stopped early" in done.out and " sequences of " in done.out
    result = json.loads((pykmm.cwd / "out.json").read_text())
    assert result["interrupted"] is True and result["cases"] == result["sequences"] > 0


def test_second_interrupt_does_not_wait_for_a_sequence(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("loops_late", FAILURES["loops"][0].format(late=LATE))
    with pykmm.started(*SEQUENCES, "--seconds", "10m", "--half", half) as process:
        assert process.stdout.readline().startswith("halves ")
        children = descendants(process.pid)
        interrupt_until_it_ends(process)
        assert pykmm.ended(process).code == 130
        assert ended(children)
