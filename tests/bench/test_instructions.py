# SPDX-License-Identifier: GPL-2.0-only
"""P takes as many instructions as C, both as many as are recorded, and what says so can say no.

Here because it is valgrind that counts: pykmm/bench/callgrind.py says how.
"""

import json
import platform
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pykmm import World, paths
from pykmm.bench import callgrind, instructions
from pykmm.bench.callgrind import Counted
from pykmm.bench.known import KNOWN
from pykmm.bench.moving import core_library, movable
from pykmm.bench.row import AFTER, Call, Operation, Row, Start
from pykmm.engine import core, halves
from pykmm.engine.halves import NamedHalf
from pykmm.errors import BadInput, HarnessError, Lacking

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "bench/instructions.py"
RECORD = ROOT / "bench/instructions.json"

needs_valgrind = pytest.mark.skipif(not shutil.which("valgrind"),
                                    reason="valgrind is not installed: no instructions are counted")


def _shared_mapping(units: int) -> Start:
    world = World(units=units)
    file = world.file(pages=2)
    world.process.mmap(file, 2, shared=True)
    runner, _ = World.block()
    return Start(runner, world.image, (Operation("store", 0, (0, 0)), Operation("sync", 0)))


def _flags(flags: int) -> Start:
    runner = core.Runner()
    return Start(runner, runner.empty(), (Call("is_shared_writable", {"flags": flags}),))


def _compiled(library: Path, text: str) -> Path:
    """A half made of these lines."""
    source = library.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", *paths.c_flags(), f"-I{paths.cref()}/include",
                    f"-I{paths.cref()}", "-o", library, source], check=True)
    return library


LIFE_CYCLE = Row("life cycle/store, sync", "life cycle", _shared_mapping)
SMALL = Row("is_shared_writable/0", "is_shared_writable", lambda units: _flags(0))


@needs_valgrind
def test_every_row_is_within_bounds_and_as_recorded(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    done = subprocess.run([sys.executable, TOOL, "--json", path], capture_output=True, text=True,
                          check=False)
    table = json.loads(path.read_text(encoding="utf-8"))
    rows = table["rows"]

    assert done.returncode == 0, done.stdout + done.stderr
    assert not instructions.outside(rows)
    assert {name.partition("/")[0] for name in rows} >= set(core.FUNCTIONS)
    assert all(count > 0 for row in rows.values() for count in row.values())
    assert set(KNOWN) <= set(rows)
    if instructions.read_record(RECORD)[1] == instructions.toolchain():
        assert [name for name in KNOWN
                if instructions.within(rows[name]["C"], rows[name]["P"])] == []
    else:
        # or a run in which nothing is held against the record would look like one in which it is
        assert "not held against" in done.stdout


@needs_valgrind
def test_rows_are_counted_by_every_half_whatever_is_counted_beside_them() -> None:
    start = LIFE_CYCLE.make(AFTER)
    first = callgrind.Task("first", replace(start, steps=start.steps[:1]), ("C",))
    given = [NamedHalf("again", str(paths.lib() / "c.so"))]
    counts = instructions.count([replace(SMALL, has_before=False), LIFE_CYCLE], given)
    both, alone = callgrind.count_each([first, *instructions.tasks_of([LIFE_CYCLE])])[:2]
    life = counts[LIFE_CYCLE.name]

    assert life["C"] == life["again"] > life["before"] > 1000
    assert life["C"] < life["P"] * 1.02 < life["C"] * 1.04
    assert set(counts[SMALL.name]) == {"C", "P", "again"}
    assert (life["C"], life["P"]) == (alone["C"].total, alone["P"].total)
    assert "do_writepages" in alone["C"].own and "do_writepages" not in both["C"].own
    assert alone["C"].own["kmm_operate"] > both["C"].own["kmm_operate"]


@pytest.fixture
def no_callgrind(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child as it is, with nothing that counts around it."""
    run = subprocess.run

    def run_plainly(command, **options):
        if command[0] != "no valgrind":
            return run(command, **options)
        out = next(word for word in command if word.startswith("--callgrind-out-file="))
        Path(out.partition("=")[2]).write_text("part: 1\n", encoding="utf-8")
        return run(command[command.index(sys.executable):], **options)

    monkeypatch.setattr(subprocess, "run", run_plainly)
    monkeypatch.setattr(callgrind, "valgrind", lambda: "no valgrind")


@pytest.mark.usefixtures("no_callgrind")
def test_step_that_does_not_return_is_refused() -> None:
    runner = core.Runner()
    row = Row("page_mkclean/of no page", "page_mkclean", lambda units: Start(
        runner, runner.empty(), (Call("page_mkclean", {"page": 0}), Call("is_shared_writable"))))

    with pytest.raises(BadInput, match="of no page, half C: ended with oops"):
        instructions.count([row])


@pytest.mark.usefixtures("no_callgrind")
def test_output_with_a_part_missing_is_refused() -> None:
    with pytest.raises(HarnessError, match="callgrind wrote 1 parts instead of 7"):
        instructions.count([SMALL])


@pytest.mark.usefixtures("no_callgrind")
@pytest.mark.parametrize(("function", "why"), [
    ("0", "half mine has no function at all: nothing of it would run"),
    ("ends", "counting with half mine ended with exit code 9: pykmm fuzz"),
])
def test_half_that_cannot_be_counted_is_refused(tmp_path: Path, function: str, why: str) -> None:
    library = _compiled(tmp_path / "mine.so", f"""
        #include "half.h"
        extern void _exit(int status);
        static void enter(struct world *world) {{ (void)world; }}
        int ends(unsigned int flags) {{ (void)flags; _exit(9); return 0; }}
        __attribute__((visibility("default"))) const struct kmm_half kmm_half = {{
            KMM_HALF_ABI, sizeof(kmm_half), "mine", enter,
            .is_shared_writable = {function}
        }};
    """)

    with pytest.raises(BadInput, match=why):
        instructions.count([SMALL], [NamedHalf("mine", str(library))])


@pytest.mark.usefixtures("no_callgrind")
def test_half_that_does_not_come_back_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callgrind, "START_SECONDS", 0)
    monkeypatch.setattr(callgrind, "WORLD_SECONDS", 0)

    with pytest.raises(HarnessError, match="did not come back within 0 s"):
        instructions.count([SMALL])


def test_without_valgrind_nothing_is_counted_and_it_says_so(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(Lacking, match=r"valgrind, which was not found: install it \(Debian: "):
        instructions.count([SMALL])


def test_tool_without_valgrind_says_so_in_a_line(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, TOOL], capture_output=True, text=True, check=False,
                          env={"PATH": str(tmp_path)})

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "valgrind" in done.stderr


def test_half_that_returns_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def count_each(tasks, given):
        return [{half: Counted(Counter(f=9), int(half == "P")) for half in task.halves}
                for task in tasks]

    monkeypatch.setattr(callgrind, "count_each", count_each)

    with pytest.raises(BadInput, match="half P returned 1 and C 0"):
        instructions.count([SMALL])


def test_two_takes_that_differ_are_refused() -> None:
    with pytest.raises(HarnessError, match="toy: two counts differ: 5, 6"):
        callgrind.agreed("toy", [Counter(f=5), Counter(f=6)])
    with pytest.raises(HarnessError, match="toy: nothing was counted"):
        callgrind.agreed("toy", [Counter(), Counter()])
    assert callgrind.agreed("toy", [Counter(f=5), Counter(f=5)]) == Counter(f=5)


def test_image_in_another_block_is_the_same_world() -> None:
    image = _shared_mapping(AFTER).image
    runner, _ = World.block()
    moved = movable(runner, image)
    other = core.Runner(**moved.size)
    there = moved.at(other.base, core_library().start)
    back = replace(moved, image=there, base=other.base).at(runner.base, moved.library)

    assert other.base != runner.base
    assert back == image != there
    for half in (halves.c_half(), halves.p_half()):
        runner.restore(image)
        other.restore(there)
        for step in _shared_mapping(AFTER).steps:
            assert (runner.operate(half, step.name, step.actor, *step.arguments)
                    == other.operate(half, step.name, step.actor, *step.arguments))
        words = [word + runner.base - other.base if 0 <= word - other.base < 1 << 20 else word
                 for word in other.trace()[0]]
        assert words == runner.trace()[0]


def test_image_for_another_core_library_has_its_tables_moved() -> None:
    runner, where = World.block()
    moved = movable(runner, _shared_mapping(AFTER).image)
    there = moved.at(moved.base, moved.library + 0x1000)
    changed = {path for path, _, _ in where.differences(moved.image, there)}

    assert {path.rpartition(".")[2] for path in changed} == {"a_ops", "f_op", "vm_ops"}


@pytest.mark.parametrize(("c", "p", "is_within"), [
    (5, 7, True), (5, 3, True), (5, 8, False), (5, 2, False),
    (100, 102, True), (100, 103, False), (200, 204, True), (200, 205, False), (200, 195, False),
])
def test_within_is_two_percent_or_two_instructions(c: int, p: int, is_within: bool) -> None:
    assert instructions.within(c, p) is is_within


def test_row_out_of_bounds_is_named() -> None:
    known = next(iter(KNOWN))
    more = KNOWN[known][0]
    rows = {"f/a": {"C": 100, "P": 102}, "f/b": {"C": 100, "P": 103, "before": 100},
            known: {"C": 30, "P": 30 + more}}

    assert instructions.outside(rows) == ["f/b"]
    assert instructions.outside({known: {"C": 30, "P": 31 + more}}) == [known]


def test_breakdown_names_functions_that_differ_as_c_does() -> None:
    c = Counter({"page_mkclean": 40, "kmm_put_page": 7, "do_brk.cold": 3})
    p = Counter({"__pyx_f_5pykmm_2mm_4rmap_page_mkclean": 43, "kmm_put_page": 7, "do_brk": 3})

    assert list(instructions.breakdown(c, p)) == ["page_mkclean: 40 in C, 43 in P"]


def test_record_reads_back_with_a_row_a_line(tmp_path: Path) -> None:
    rows, tools = {"f/a": {"C": 1, "P": 2}, "f/b": {"C": 3, "P": 4, "before": 5}}, {
        "compiler": "gcc 12.2.0", "cython": "3.3.1"}
    path = tmp_path / "record.json"
    path.write_text(instructions.record_text(rows, tools), encoding="utf-8")

    assert instructions.read_record(path) == (rows, tools)
    assert '  "f/b": {"C": 3, "P": 4, "before": 5}\n' in path.read_text(encoding="utf-8")


def test_record_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    with pytest.raises(BadInput, match="No such file.*--record"):
        instructions.read_record(path)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(BadInput, match="not JSON"):
        instructions.read_record(path)
    path.write_text("[]", encoding="utf-8")
    with pytest.raises(BadInput, match="schema is not pykmm.instructions/1"):
        instructions.read_record(path)


def test_changes_name_each_number_that_is_not_as_recorded() -> None:
    recorded = {"f/a": {"C": 10, "P": 11}, "f/b": {"C": 7, "P": 7, "before": 6}, "f/c": {"C": 1}}
    counted = {"f/a": {"C": 10, "P": 11}, "f/b": {"C": 7, "P": 8}, "f/d": {"C": 1}}

    assert instructions.changes(recorded, counted) == [
        "f/c: recorded, and no such row any more",
        "f/b: P 8, recorded 7",
        "f/b: before none, recorded 6",
        "f/d: not recorded",
    ]
    assert instructions.changes(recorded, recorded) == []


def test_toolchain_is_what_the_libraries_say() -> None:
    tools = instructions.toolchain()

    assert tools["compiler"].split()[0] in ("gcc", "clang")
    assert tools["compiler"].endswith(f" for {platform.machine()}")
    assert tools["cython"][0].isdigit()


@pytest.mark.parametrize(("library", "compiler"), [
    (b"\0GCC: (Debian 12.2.0-14) 12.2.0\0", "gcc 12.2.0 (Debian)"),
    (b"\0GCC: (GNU) 14.1.0\0Debian clang version 14.0.6\0", "clang 14.0.6 (Debian)"),
    (b"\0clang version 17.0.1\0", "clang 17.0.1 (no vendor)"),
    (b"GCC: (GNU) 9.1\0GCC: (GNU) 8.2\0GCC: (GNU) 8.2", "gcc 8.2 (GNU) and gcc 9.1 (GNU)"),
    (b"", "unknown"),
])
def test_compiler_is_read_from_what_it_left(library: bytes, compiler: str) -> None:
    assert instructions.compiler_named_in(library) == compiler


def test_costs_of_calls_are_counted_where_they_ran() -> None:
    text = ("part: 1\nfn=(1) outer\n10 3\ncfn=(2) inner\ncalls=1 20\n11 4\n+1 2\n"
            "fn=(2)\n20 4\npart: 2\nfn=(2)\n* 5\n")
    assert list(callgrind.parts_of(text.splitlines())) == [
        Counter(outer=5, inner=4), Counter(inner=5)]
