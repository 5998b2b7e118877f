# SPDX-License-Identifier: GPL-2.0-only
"""bench/instructions.py with numbers that were planted: what it shows, and how it ends."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from pykmm.bench import instructions
from pykmm.bench.callgrind import Counted

TOOL = Path(__file__).resolve().parents[2] / "bench/instructions.py"
TOOLS = {"compiler": "gcc 1.2.3", "cython": "4.5.6"}
TWIN = "__pyx_f_5pykmm_2mm_4rmap_"


@pytest.fixture
def tool(monkeypatch, tmp_path):
    """The tool, with two rows to count and a table of its own that has them."""
    spec = importlib.util.spec_from_file_location("instructions_tool", TOOL)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(instructions, "toolchain", lambda: TOOLS)
    plant(monkeypatch, module, p=102)
    run(module, "--record")
    return module


def plant(monkeypatch, module, p: int) -> None:
    """Let this be what P takes for the first row."""
    def counted(function: str, n: int) -> Counted:
        return Counted(Counter({function: n}), 0)

    monkeypatch.setattr(module, "count_all", lambda: {
        "f/a": {"C": counted("f", 100), "P": counted(TWIN + "f", p), "before": counted("f", 90)},
        "f/b": {"C": counted("f", 7), "P": counted(TWIN + "f", 7)}})


def run(module, *words: str) -> int:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["instructions.py", *words])
        with pytest.raises(SystemExit) as ended:
            module.main()
    return ended.value.code


def test_counts_as_recorded_are_good(tool, capsys):
    code = run(tool)
    shown = capsys.readouterr().out

    assert code == 0
    assert ["a", "100", "102", "+2", "1.020", "90"] in [line.split() for line in shown.splitlines()]
    assert shown.endswith("numbers that are not as in record.json: 0\n")
    assert "OUT OF BOUNDS" not in shown and "in C" not in shown


def test_number_that_changed_is_named_and_fails(tool, monkeypatch, capsys):
    plant(monkeypatch, tool, p=101)

    assert run(tool) == 1
    shown = capsys.readouterr().out
    assert "f/a: P 101, recorded 102\n" in shown
    assert "numbers that are not as in record.json: 1; if that is meant, --record them" in shown


def test_row_out_of_bounds_fails_though_it_is_recorded(tool, monkeypatch, capsys):
    plant(monkeypatch, tool, p=103)

    assert run(tool, "--record") == 1
    shown = capsys.readouterr().out
    assert shown.count("OUT OF BOUNDS") == 1
    assert "      f: 100 in C, 103 in P\n" in shown
    assert "2 rows, 1 out of bounds (2 % or 2 instructions)\n" in shown


def test_record_of_another_compiler_is_not_held_against_and_bounds_are(tool, monkeypatch, capsys):
    monkeypatch.setattr(instructions, "toolchain", lambda: {**TOOLS, "compiler": "clang 9"})
    plant(monkeypatch, tool, p=101)

    assert run(tool) == 0
    assert ("not held against record.json: that is by gcc 1.2.3, Cython 4.5.6, this is by clang 9, "
            "Cython 4.5.6\n") in capsys.readouterr().out

    plant(monkeypatch, tool, p=103)

    assert run(tool) == 1


def test_breakdown_and_json_have_every_row(tool, tmp_path, capsys):
    code = run(tool, "--breakdown", "--json", str(tmp_path / "table.json"))

    assert code == 0
    assert "f: 100 in C, 102 in P" in capsys.readouterr().out
    assert json.loads((tmp_path / "table.json").read_text(encoding="utf-8")) == {
        "rows": {"f/a": {"C": 100, "P": 102, "before": 90}, "f/b": {"C": 7, "P": 7}}, **TOOLS}


def test_file_that_cannot_be_read_or_written_is_a_line(tool, tmp_path, capsys):
    assert run(tool, "--json", str(tmp_path)) == 2
    assert capsys.readouterr().err == (
        f"instructions: {tmp_path}: cannot be written: Is a directory\n")

    tool.RECORD.write_text("{}", encoding="utf-8")

    assert run(tool) == 2
    assert capsys.readouterr().err.count("\n") == 1
