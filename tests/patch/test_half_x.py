# SPDX-License-Identifier: GPL-2.0-only
"""The half X as a library: built, cached, loaded, and refused where the mail does not compile."""

import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from changed_mails import Copy, with_context
from patch_toy import LoadedToy, Toy

from pykmm import paths
from pykmm.errors import BadInput, HarnessError, Lacking
from pykmm.patch import half_x, table
from pykmm.patch.half_x import BuiltX, DoesNotBuild, DoesNotCompile, build_x
from pykmm.patch.mail import read_mail

U1, U2, UX = 0x01, 0x02, 0x80
TOY, MAIL = 1, 2  # the files of the toy's events


@pytest.fixture
def half(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], BuiltX]]:
    """Builds the toy's X with the toy in the place of the project."""
    figures = toy.table
    toy.build_core()
    monkeypatch.setattr(paths, "cref", lambda: toy.cref)
    monkeypatch.setattr(paths, "lib", lambda: toy.lib)
    monkeypatch.setattr(table, "load", lambda: figures)
    monkeypatch.delenv("CC", raising=False)
    yield lambda: build_x(toy.path, cache=toy.folder / "cache")


def refusal(build: Callable[[], BuiltX]) -> DoesNotCompile:
    with pytest.raises(DoesNotCompile) as caught:
        build()
    assert "\n" not in str(caught.value)
    return caught.value


# -- what it does


def test_x_runs_before_or_after_by_the_bit_of_each_unit(
    toy: Toy, half: Callable[[], BuiltX]
) -> None:
    x = LoadedToy(toy, half().path)
    for units in (0, U2, UX, U2 | UX):  # without U1 the fault is as before
        value, notes = x.run(units, "toy_fault", 2, 1)
        assert value == 2
        assert [note[0] for note in notes] == [1, 2, 4]
        value, notes = x.run(units, "toy_fault", 1, 1)
        assert (value, [note[0] for note in notes]) == (0, [1, 4])
    for units in (U1, U1 | U2 | UX):
        value, notes = x.run(units, "toy_fault", 1, 0)
        assert value == 3
        assert [note[0] for note in notes] == [1, 3, 4, 5]

    assert x.run(0, "toy_call", 1, 1)[0] == 11
    assert x.run(UX, "toy_call", 1, 1)[0] == 21
    assert x.run(0, "toy_call", 5, 0)[0] == 5
    for units, expected in ((0, 1), (U1 | UX, 1), (U2, 7)):
        assert x.run(units, "toy_void", [7])[0] == expected


def test_events_of_x_name_the_line_of_the_mail_or_of_c(
    toy: Toy, half: Callable[[], BuiltX]
) -> None:
    x = LoadedToy(toy, half().path)
    source = (toy.cref / "mm/toy.c").read_text().split("\n")
    _, notes = x.run(U1, "toy_fault", 1, 0)
    assert notes == [
        (1, MAIL, toy.line(" \tNOTE(1);")),
        (3, MAIL, toy.line("+\t\tret = NOTE(3)")),
        (4, TOY, source.index("\tNOTE(4);") + 1),
        (5, MAIL, toy.line("+\t\tNOTE(5);")),
    ]
    _, notes = x.run(0, "toy_call", 5, 0)
    assert notes == [
        (9, TOY, source.index("\tNOTE(9);") + 1),
        (7, MAIL, toy.line("+\tNOTE(7);")),
    ]
    _, notes = x.run(UX, "toy_call", 5, 1)
    assert notes[1:] == [
        (8, TOY, source.index("\tNOTE(8);") + 1),
        (6, MAIL, toy.line("+\treturn a + NOTE(6)")),
    ]


def test_x_is_named_and_says_what_it_carries(toy: Toy, half: Callable[[], BuiltX]) -> None:
    built = half()
    assert LoadedToy(toy, built.path).run(0, "toy_name", 0) == (ord("X"), [])
    assert built.verdict.kind == "v8"
    assert built.carried == tuple(f"E{n:02}" for n in range(1, 10))
    assert built.not_carried == ()
    assert built.note == ""
    assert f"{built.path.parent}/gen/mm/toy.c" in built.command
    assert str(toy.cref / "half.c") in built.command
    assert str(toy.cref / "mm/toy.c") not in built.command


def test_altered_mail_gives_its_own_x(toy: Toy, half: Callable[[], BuiltX]) -> None:
    toy.change("toy.mail", "NOTE(6) + 20", "NOTE(6) + 30")
    built = half()
    assert [a.what for a in built.verdict.altered] == ["E07"]
    assert LoadedToy(toy, built.path).run(UX, "toy_call", 1, 1)[0] == 31


def test_altered_header_of_the_mail_goes_before_that_of_c(
    toy: Toy, half: Callable[[], BuiltX]
) -> None:
    toy.change("toy.mail", "return a == TOY;", "return a == TOY + 5;")
    x = LoadedToy(toy, half().path)
    assert x.run(U1, "toy_fault", 1, 0)[0] == 0
    assert x.run(U1, "toy_fault", 6, 0)[0] == 3


@pytest.mark.parametrize("lines", [0, 1, 5])
def test_x_of_a_patch_with_other_context_is_the_same(
    toy: Toy, half: Callable[[], BuiltX], lines: int
) -> None:
    # lines between the edits of a hunk that the patch has not are C's
    changed = with_context(Copy.of(read_mail(toy.path, toy.table)), lines)
    text = changed.text(prefix="toy")
    assert ("NOTE(1);" in text) == ("NOTE(2);" in text) == bool(lines)
    toy.put("toy.mail", text)
    built = half()
    assert built.verdict.kind == "v8"
    x = LoadedToy(toy, built.path)
    for units, a, b, value, noted in ((U1, 1, 0, 3, [1, 3, 4, 5]), (0, 2, 1, 2, [1, 2, 4]),
                                      (U1, 2, 1, 3, [1, 2, 3, 4])):
        got, notes = x.run(units, "toy_fault", a, b)
        assert (got, [note[0] for note in notes]) == (value, noted)
    assert x.run(UX, "toy_call", 1, 1)[0] == 21


def test_line_that_neither_the_mail_nor_c_has_is_refused(
    toy: Toy, half: Callable[[], BuiltX]
) -> None:
    toy.put("toy.mail", with_context(Copy.of(read_mail(toy.path, toy.table)), 0).text("toy"))
    toy.change("cref/mm/toy.c", "\t\tNOTE(2);\n\t}\n\tif (reuse)", "\t\tNOTE(22);\n\t}\n\tif (reuse)")
    with pytest.raises(BadInput, match=r"does not have all lines of the kernel between.*\(-U3\)"):
        half()


# -- the cache


def test_x_is_built_once(half: Callable[[], BuiltX]) -> None:
    first = half()
    before = first.path.stat()
    second = half()
    after = second.path.stat()
    assert second.path == first.path
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert re.fullmatch(r"[0-9a-f]{64}", first.path.parent.name)
    assert [p.name for p in first.path.parent.parent.iterdir()] == [first.path.parent.name]


@pytest.mark.parametrize(
    "what", ["mail", "source", "header", "events.def", "flags", "core", "compiler"]
)
def test_x_is_built_anew_when_anything_that_went_in_differs(
    toy: Toy, half: Callable[[], BuiltX], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = '#!/bin/sh\n[ "$1" = --version ] && echo 8 && exit\nexec cc "$@"\n'
    toy.put("own-cc", compiler).chmod(0o755)
    monkeypatch.setenv("CC", str(toy.folder / "own-cc"))
    first = half()
    if what == "mail":
        toy.change("toy.mail", "NOTE(6) + 20", "NOTE(6) + 21")
    elif what == "source":
        toy.put("cref/mm/more.c", "int more;\n")
    elif what == "header":
        toy.change("cref/machine/machine.h", "#define KMM_UX 0x80", "#define KMM_UX 0x40")
    elif what == "events.def":
        toy.put("cref/machine/events.def", "EVENT(a)\n")
    elif what == "flags":
        toy.put("cref/CFLAGS", "-std=gnu11 -O0 -fvisibility=hidden\n")
    elif what == "core":
        with (toy.lib / "libkmm.so").open("ab") as core:
            core.write(b"more")
    else:
        toy.change("own-cc", "echo 8", "echo 9")
    second = half()
    assert second.path != first.path
    assert first.path.is_file() and second.path.is_file()


def test_x_is_built_in_a_temporary_folder_when_the_cache_cannot_be_written(
    toy: Toy, half: Callable[[], BuiltX]
) -> None:
    toy.put("cache", "a file where the cache should be")
    built = half()
    assert LoadedToy(toy, built.path).run(UX, "toy_call", 1, 1)[0] == 21
    assert str(toy.folder / "cache/x") in built.note
    assert "cannot be written" in built.note and "\n" not in built.note


def test_x_removed_from_its_folder_is_built_again(half: Callable[[], BuiltX]) -> None:
    first = half()
    first.path.unlink()
    assert half().path == first.path
    assert first.path.is_file()


# -- what the mail, the compiler or we may have got wrong


def test_line_that_does_not_compile_is_named(toy: Toy, half: Callable[[], BuiltX]) -> None:
    toy.change("toy.mail", "+\t\treuse = b;", "+\t\treuse = unknown_name;")
    error = refusal(half)
    line = toy.line("+\t\treuse = unknown_name;")
    assert str(error).startswith(f"{toy.path}:{line}: 'unknown_name' undeclared")
    assert "give the mail of v8" in str(error)
    assert "in function" in error.detail.lower()
    assert not list((toy.folder / "cache/x").iterdir())


def test_line_that_does_not_link_is_named(toy: Toy, half: Callable[[], BuiltX]) -> None:
    toy.change("toy.mail", "+\t\treuse = b;", "+\t\treuse = unknown_function();")
    error = refusal(half)
    line = toy.line("+\t\treuse = unknown_function();")
    assert str(error).startswith(f"{toy.path}:{line}: undefined reference to")


def test_header_that_is_missing_is_named(toy: Toy, half: Callable[[], BuiltX]) -> None:
    toy.change("toy.mail", "+#include <linux/toy.h>", "+#include <linux/joy.h>")
    line = toy.line("+#include <linux/joy.h>")
    assert f"{toy.path}:{line}: linux/joy.h: No such file" in str(refusal(half))


def test_lines_that_keep_the_compiler_busy_are_refused(
    toy: Toy, half: Callable[[], BuiltX], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = toy.put(
        "slow-cc", '#!/bin/sh\n[ "$1" = --version ] && exec cc "$@"; tail -f /dev/null & wait\n'
    )
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", str(wrapper))
    monkeypatch.setattr(half_x, "SECONDS", 1)
    with pytest.raises(Lacking, match="took longer than 1 s"):
        half()
    toy.change("toy.mail", "+\t\treuse = b;", "+\t\treuse = b * 2;")
    assert f":{toy.line('+%sreuse = b' % (chr(9) * 2))}: " in str(refusal(half))


def test_compiler_runs_under_limits_of_memory_and_file_size(
    toy: Toy, half: Callable[[], BuiltX], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.put("own-cc", "#!/bin/sh\nulimit -v; ulimit -f; exit 1\n").chmod(0o755)
    monkeypatch.setenv("CC", str(toy.folder / "own-cc"))
    toy.change("toy.mail", "+\t\treuse = b;", "+\t\treuse = b * 2;")
    assert refusal(half).detail == f"{half_x.MEMORY}\n{half_x.FILE_SIZE}\n"


def test_c_half_that_does_not_compile_is_our_fault(toy: Toy, half: Callable[[], BuiltX]) -> None:
    toy.change("cref/mm/toy.c", "\tNOTE(9);", "\tNOTE(nine);")
    with pytest.raises(DoesNotBuild, match=f"{toy.cref}/mm/toy.c:[0-9]+:.*nine") as caught:
        half()
    assert isinstance(caught.value, HarnessError)
    assert "python -m pykmm.patch.half_x" in str(caught.value)
    assert "nine" in caught.value.detail


@pytest.mark.parametrize(
    ("compiler", "what"),
    [("no-such-compiler -m64", "no-such-compiler"), ("'", "quotation"), ("false", "false fails")],
)
def test_compiler_that_does_not_work_is_lacking(
    half: Callable[[], BuiltX], monkeypatch: pytest.MonkeyPatch, compiler: str, what: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    with pytest.raises(Lacking, match=what):
        half()


def test_no_compiler_at_all_is_lacking(
    toy: Toy, half: Callable[[], BuiltX], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(toy.folder))
    with pytest.raises(Lacking, match="neither cc nor gcc; install gcc"):
        half()


def test_missing_core_library_is_lacking(toy: Toy, half: Callable[[], BuiltX]) -> None:
    (toy.lib / "libkmm.so").unlink()
    with pytest.raises(Lacking, match="libkmm.so is not there"):
        half()


# -- the real thing


@pytest.fixture(scope="session")
def real(mail_path: Path) -> Path:
    """The mail, where the half X of the project can be built."""
    if not (paths.lib() / "libkmm.so").is_file():
        pytest.skip("pykmm is not built: no libkmm.so")
    return mail_path


def test_x_of_the_mail_can_be_loaded(real: Path, tmp_path: Path) -> None:
    built = build_x(real, cache=tmp_path)
    assert built.verdict.kind == "v8"
    # In a process of its own, which has loaded no other libkmm.so.
    load = "import ctypes, sys; ctypes.CDLL(sys.argv[1]).kmm_half"
    subprocess.run([sys.executable, "-c", load, str(built.path)], check=True)
    mode = built.path.stat().st_mode
    assert stat.S_ISREG(mode) and mode & stat.S_IRUSR
    assert built.carried == tuple(f"E{n:02}" for n in range(1, 29))
    assert built.not_carried == ()
