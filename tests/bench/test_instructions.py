# SPDX-License-Identifier: GPL-2.0-only
"""P takes as many instructions as C, and the counter that says so can say no.

Here because it is valgrind that counts: bench/instructions.py says how.
"""

import importlib.util
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

_TOOL = Path(__file__).resolve().parents[2] / "bench/instructions.py"
_spec = importlib.util.spec_from_file_location("instructions", _TOOL)
assert _spec and _spec.loader
instructions = importlib.util.module_from_spec(_spec)
sys.modules["instructions"] = instructions      # dataclasses look their module up there
_spec.loader.exec_module(instructions)


@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")
def test_every_row_is_within_bounds(tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    done = subprocess.run([sys.executable, _TOOL, "--json", table], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(table.read_text(encoding="utf-8"))
    assert [(r["function"], r["situation"]) for r in rows] == [
        (s.function, s.name) for s in instructions.SITUATIONS]
    assert {r["function"] for r in rows} == {
        "is_shared_writable", "test_clear_page_dirty", "clear_page_dirty_for_io",
        "page_mkclean_one", "page_mkclean_file", "page_mkclean", "follow_page", "do_wp_page",
        "do_no_page", "do_mmap_pgoff", "do_brk", "mprotect_fixup", "do_writepages",
        "try_to_free_buffers"}
    assert all(r["C"] > 0 and r["P"] > 0 for r in rows)


@pytest.mark.parametrize(("c", "p", "is_within"), [
    (5, 7, True), (5, 3, True), (5, 8, False), (5, 2, False),
    (100, 102, True), (100, 103, False), (200, 204, True), (200, 205, False), (200, 195, False),
])
def test_within_is_two_percent_or_two_instructions(c: int, p: int, is_within: bool) -> None:
    assert instructions.within(c, p) is is_within


def test_a_row_out_of_bounds_is_shown_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = [[Counter({"f": 100}), Counter({"__pyx_f_5pykmm_2mm_4rmap_f": 100})]
              for _ in instructions.SITUATIONS]
    counts[-1][1]["__pyx_f_5pykmm_2mm_4rmap_f"] = 103
    monkeypatch.setattr(instructions, "find_cases", list)
    monkeypatch.setattr(instructions, "count", lambda cases: counts)
    monkeypatch.setattr(sys, "argv", ["instructions.py"])
    with pytest.raises(SystemExit) as ended:
        instructions.main()
    assert ended.value.code == 1
    shown = capsys.readouterr().out
    assert shown.count("OUT OF BOUNDS") == 1
    assert "f: 100 in C, 103 in P" in shown


def test_costs_of_calls_are_counted_where_they_ran() -> None:
    text = ("part: 1\nfn=(1) outer\n10 3\ncfn=(2) inner\ncalls=1 20\n11 4\n+1 2\n"
            "fn=(2)\n20 4\npart: 2\nfn=(2)\n* 5\n")
    assert list(instructions.parts_of(text.splitlines())) == [
        Counter(outer=5, inner=4), Counter(inner=5)]


def test_without_valgrind_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        instructions.count([])
    assert ended.value.code == 3
    assert capsys.readouterr().err == ("instructions: valgrind was not found: install it "
                                       "(Debian: apt-get install valgrind)\n")
