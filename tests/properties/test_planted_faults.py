# SPDX-License-Identifier: GPL-2.0-only
"""A fault in one function of the patch is told by the property that it breaks: in half C.

tests/quality/test_planted_properties.py has the same faults in half P.
"""

import shutil
import subprocess

import planted_faults
import pytest

from pykmm import paths
from pykmm.engine import core, halves, properties

# what the machine keeps by itself, or breaks by another way: where they are seen to break
ELSEWHERE = set(core.PROPERTIES) - {
    "write_permission", "dirty_inodes", "synced_writes", "msynced_writes", "dirtied_pages",
    "anonymous_pages", "tracked_protection", "driver_bits"}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A maker of half C with a fault."""
    if not shutil.which("gcc"):
        pytest.skip("there is no gcc to build a half with")
    folder, cref, lib = tmp_path_factory.mktemp("faulty"), paths.cref(), paths.lib()
    files = [p.relative_to(cref) for d in ("mm", "fs") for p in sorted((cref / d).glob("*.c"))]
    words = ["gcc", "-fPIC", "-w", "-O0", *[f for f in paths.c_flags() if not f.startswith("-O")],
             f"-I{cref}/include", f"-I{cref}"]

    def make(fault):
        number = planted_faults.FAULTS.index(fault)
        source, library = folder / f"{number}.c", folder / f"{number}.so"
        source.write_text(fault.in_c((cref / fault.c_file).read_text(encoding="utf-8")),
                          encoding="utf-8")
        others = [cref / file for file in files if str(file) != fault.c_file]
        subprocess.run([*map(str, words), "-shared", "-o", library, source, *others,
                        cref / "half.c", cref / "machine/enter.c", f"-L{lib}", "-lkmm",
                        f"-Wl,-rpath,{lib}"], check=True)
        return core.Half.load(library, f"F{number}")

    return make


@pytest.mark.parametrize("fault", planted_faults.FAULTS, ids=lambda fault: fault.name)
def test_a_fault_in_half_c_is_told(faulty, fault):
    assert fault.world(halves.c_half()).broken(fault.breaks) == []
    assert fault.world(faulty(fault)).broken(fault.breaks) == [fault.breaks]


def test_each_new_property_has_a_fault():
    assert {fault.breaks for fault in planted_faults.FAULTS} == set(core.PROPERTIES) - ELSEWHERE
    assert len(properties.names(properties.ALL)) == len(core.PROPERTIES)
