# SPDX-License-Identifier: GPL-2.0-only
"""Do named cases see a fault that both halves have alike?  tools/both_halves.py plants them.

Outside of deep runs (PYKMM_DEEP=1) only a few are tried.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from both import changes, equivalent, run  # noqa: E402

DEEP = os.environ.get("PYKMM_DEEP") == "1"
needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc to build halves with")

# one of each kind: a condition that only an event tells, another operand, a call less, another
# argument, two calls the other way round
SAMPLE = [
    "MM19: is_shared_writable(vm_flags) -> (((vm_flags) & (VM_SHARED | VM_MAYWRITE | VM_PFNMAP)) "
    "== (VM_SHARED | VM_MAYWRITE))",
    "MFI4: && -> ||",
    "WP3: lazy_mmu_prot_update(entry); -> ;",
    "FP10: ZERO_PAGE(address) -> ZERO_PAGE(0)",
]


def tool(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(ROOT / "tools/both_halves.py"), *arguments],
                          capture_output=True, text=True, check=False, cwd=ROOT)


def test_changes_are_of_every_function_and_have_names_of_their_own():
    every = run.all_changes()
    names = [one.name for one in every]
    assert len(set(names)) == len(names) > 1500
    assert {one.function for one in every} == changes.FUNCTIONS
    for one in every[::50]:
        text = (run.paths.cref() / one.file).read_text(encoding="utf-8")
        changed = one.applied_to(text)
        # lines behind it stay where they are
        assert changed != text and changed.count("\n") == text.count("\n")


def test_table_of_what_nobody_could_see_names_changes_that_there_are():
    names = {one.name for one in run.all_changes()}
    assert set(equivalent.proofs()) <= names
    assert all(len(why.split()) > 4 for why in equivalent.proofs().values())


@needs_gcc
@pytest.mark.parametrize("name", SAMPLE)
def test_change_in_both_halves_is_seen(name):
    done = tool("--change", name)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "1 changes"), done
    assert "1 seen, 0 survived" in done.stdout


@needs_gcc
@pytest.mark.skipif(not DEEP, reason="takes a quarter of an hour: PYKMM_DEEP=1")
def test_no_change_in_both_halves_survives_without_a_reason():
    done = tool()
    assert done.returncode == 0, done.stdout
