# SPDX-License-Identifier: GPL-2.0-only
"""Half C by other compilers and at other levels, and what all of them are held to.

tools/compilers.py does this for every half, the engine and the other tests; here is as much of
it as fits into each run.
"""

import json
import re
import shutil
import subprocess
import sys

import compilers
import pytest

from pykmm import paths
from pykmm.engine import core, halves

SEED = 2006
# what is told of them, and the cases of each kind
CASES = {"direct": 200_000, "wild": 50_000, "sequences": 20_000}

needs_clang = pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """A maker of half C by a compiler at a level, out of these sources or others."""
    folder = tmp_path_factory.mktemp("halves")

    def compile_half(compiler, level, cref=None):
        cref = cref or paths.cref()
        build = compilers.Build(compiler, level)
        output = folder / f"{build.name}.so"
        subprocess.run(compilers.half_command(build, cref, paths.c_flags(), paths.lib(), output),
                       check=True)
        return core.Half.load(output, build.name)

    return compile_half


@pytest.fixture(scope="module")
def others(compiled):
    """Half C by every compiler that is here, at levels that this build does not have."""
    return [compiled("gcc", "-O0"), compiled("gcc", "-O3"),
            *([compiled("clang", "-O2")] if shutil.which("clang") else [])]


@pytest.mark.parametrize("kind", CASES)
def test_halves_by_other_compilers_are_equal(others, kind):
    compared = [halves.c_half(), halves.p_half(), *others]

    compilers.share_one_core_library()
    result = compilers.fuzz(compared, kind, CASES[kind], SEED)

    assert result["divergences"] == 0, result["found"]
    assert result["ended"][0] == CASES[kind]


@needs_clang
def test_clang_is_among_the_compilers(others):
    assert "clang_O2" in [half.name for half in others]


def test_half_of_other_sources_is_not_equal(compiled, tmp_path):
    # what the tests above are worth: one bit that another build gets wrong is found
    cref = shutil.copytree(paths.cref(), tmp_path / "cref")
    rmap = cref / "mm/rmap.c"
    text = rmap.read_text(encoding="utf-8")
    rmap.write_text(text.replace("pte_wrprotect(entry)", "pte_mkold(entry)"), encoding="utf-8")
    assert "pte_wrprotect(entry)" in text

    c, other = halves.c_half(), compiled("gcc", "-O1", cref)
    result = compilers.fuzz([c, other], "direct", 50_000, SEED)

    assert result["divergences"] > 0
    core.guard_process()
    try:
        assert len({compilers.digest(half, "direct", 1000, SEED) for half in (c, other)}) == 2
    finally:
        core.unguard_process()


def test_two_core_libraries_in_one_process_are_refused(monkeypatch, tmp_path):
    maps = tmp_path / "maps"
    line = "7f00-7f01 r-xp 00000000 fe:01 17    {}/pykmm/lib/libkmm.so\n"
    monkeypatch.setattr(compilers, "MAPS", maps)

    maps.write_text(line.format("/one") * 2, encoding="ascii")
    compilers.share_one_core_library()
    maps.write_text(line.format("/one") + line.format("/another"), encoding="ascii")
    with pytest.raises(compilers.Failed, match="/another/pykmm/lib/libkmm.so, /one/pykmm"):
        compilers.share_one_core_library()


def test_digest_is_of_what_cases_leave_and_not_of_where():
    c, p = halves.c_half(), halves.p_half()
    core.guard_process()
    try:
        for kind in CASES:
            first = compilers.digest(c, kind, 200, SEED)
            blocks = core.Runner()      # the next block lies elsewhere
            assert compilers.digest(p, kind, 200, SEED) == first, kind
            assert compilers.digest(c, kind, 200, SEED + 1) != first, kind
            assert compilers.digest(c, kind, 199, SEED) != first, kind
            del blocks
    finally:
        core.unguard_process()


def test_package_of_another_copy_leaves_ours_as_it_was():
    before = {name: module for name, module in sys.modules.items() if name.startswith("pykmm")}
    with compilers.package_of(paths.package().parent):
        assert "pykmm.engine.core" not in sys.modules
    after = {name: module for name, module in sys.modules.items() if name.startswith("pykmm")}

    assert after == before


def test_missing_compiler_is_one_line_and_left_out(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "clang" else f"/bin/{name}")

    found = compilers.installed({"gcc_O3", "clang_O0", "clang_O2"})

    assert [build.name for build in found] == ["gcc_O3"]
    assert re.fullmatch(r"no clang: it is not installed \(.*\)\n", capsys.readouterr().out)
    with pytest.raises(compilers.Missing, match="no compiler that was asked for"):
        compilers.installed({"clang_O2"})


@pytest.mark.parametrize(("arguments", "message"), [
    (["--only", "gcc_O2,icc"], "--only icc: no such build; there are gcc_O0, "),
    (["--cases", "0"], "--cases and --sequences must be at least 1"),
    (["--seed", "-1"], "--seed must be at least 0"),
])
def test_bad_arguments_end_with_one_line(monkeypatch, capsys, arguments, message):
    monkeypatch.setattr("sys.argv", ["compilers.py", *arguments])

    with pytest.raises(SystemExit) as ended:
        compilers.main()

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"compilers: {message}")


# what a compiler must not be, and what it then says
REFUSED = {
    "32-bit": (["gcc", "-m32"], "a long is 64 bits"),
    "big-endian by name": (["gcc", "-U__BYTE_ORDER__", "-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__"],
                           "the lowest byte comes first"),
    "big-endian": (["clang", "--target=aarch64_be-linux-gnu", "-nostdlibinc"],
                   "the lowest byte comes first"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_host_that_is_otherwise_is_refused(name):
    (compiler, *flags), message = REFUSED[name]
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    header = paths.cref() / "machine/assumptions.h"

    def compiled(*more):
        return subprocess.run([compiler, "-ffreestanding", "-fsyntax-only", "-w", *more, "-x", "c",
                               str(header)], capture_output=True, text=True, check=False)

    assert compiled().returncode == 0
    refused = compiled(*flags)
    assert refused.returncode
    assert message in refused.stderr


# casts to what asks for more alignment, each looked at: from a tree's node to the vma around it,
# between events of whole words and beside them, and into blocks whose parts all start at multiples
# of 8, or the whole of a block as words
REVIEWED = {"machine/vma.c", "engine/build_vmas.c", "machine/event.h", "engine/behaviour.c",
            "engine/replay.c", "engine/replay.h", "engine/lend.c", "engine/shard.c", "engine/timing.c",
            "engine/transition.c", "machine/world.c"}


def test_casts_to_stricter_alignment_are_those_reviewed():
    cref = paths.cref()
    sources = sorted(str(path) for folder in ("machine", "engine", "mm", "fs")
                     for path in (cref / folder).glob("*.c"))
    done = subprocess.run(["gcc", *paths.c_flags(), "-Wcast-align=strict", "-fsyntax-only",
                           f"-I{cref}/include", f"-I{cref}", *sources],
                          capture_output=True, text=True, check=True)
    found = re.findall(rf"^{re.escape(str(cref))}/(\S+?):\d+:.*cast increases", done.stderr, re.M)

    assert set(found) == REVIEWED


def test_result_of_a_child_is_json():
    result = compilers.group_by_group([halves.c_half(), *[halves.p_half()] * 8], "direct", 1400,
                                      SEED)

    assert json.loads(json.dumps(result)) == result
    # eight others take two runs
    assert (result["cases"], result["divergences"]) == (2800, 0)
