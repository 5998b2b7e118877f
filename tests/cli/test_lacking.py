# SPDX-License-Identifier: GPL-2.0-only
"""What the environment may lack, exit code 3, and `pykmm doctor`, which says so beforehand."""

import resource
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from cli_command import Pykmm

from pykmm import paths


@pytest.fixture
def other_tree(pykmm: Pykmm, tmp_path: Path) -> Callable[..., None]:
    """The package copied without something, and the command running from there."""
    def copy(*without: str) -> None:
        tree = tmp_path / "tree"
        shutil.copytree(paths.package(), tree / "pykmm",
                        ignore=shutil.ignore_patterns("__pycache__", *without))
        (tree / "cref").symlink_to(paths.cref())
        pykmm.env["PYTHONPATH"] = str(tree)
        (tmp_path / "cwd").mkdir()
        pykmm.cwd = tmp_path / "cwd"

    return copy


def without_module(pykmm: Pykmm, name: str) -> None:
    """Import of a module fails as if it were not installed."""
    shadow = pykmm.cwd / "shadow"
    shadow.mkdir()
    (shadow / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\")\n")
    pykmm.env["PYTHONPATH"] = f"{shadow}:{pykmm.env.get('PYTHONPATH', '')}"


# -- doctor


def test_doctor_lists_what_is_here(pykmm: Pykmm) -> None:
    done = pykmm("doctor").was_silent(0)
    lines = done.out.splitlines()
    assert lines[0].startswith("pykmm ")
    for part in ("core library", "C half", "Cython half", "click", "rich", "C compiler",
                 "patch mail"):
        line, = (line for line in lines if line.startswith(part))
        assert line.split("  ")[1:], line


def test_doctor_as_json(pykmm: Pykmm, mail: Path) -> None:
    parts = {part["name"]: part for part in pykmm("doctor", "--json", "-").was_silent(0
                                                  ).json["parts"]}
    assert parts["core library"]["needed"] and parts["core library"]["found"]
    assert parts["patch mail"]["found"] == "" and "PYKMM_PATCH" in parts["patch mail"]["get"]
    pykmm.env["PYKMM_PATCH"] = str(mail)
    parts = {part["name"]: part for part in pykmm("doctor", "--json", "-").json["parts"]}
    assert parts["patch mail"]["found"] == str(mail)


@pytest.mark.parametrize("compiler", ["", "nonexistent-cc", "false", "gcc -m64", "'"])
def test_doctor_looks_for_the_compiler_that_will_be_used(pykmm: Pykmm, compiler: str) -> None:
    pykmm.env["CC"] = compiler
    parts = {part["name"]: part for part in pykmm("doctor", "--json", "-").was_silent(0
                                                  ).json["parts"]}
    assert bool(parts["C compiler"]["found"]) == (compiler not in ("nonexistent-cc", "'"))


TOOLS = ("valgrind", "clang", "chromium", "git", "patch")


def only_these_tools(pykmm: Pykmm, tools: dict[str, str]) -> None:
    """A PATH on which there are these programs, each a line of shell, and a C compiler."""
    folder = pykmm.cwd / "bin"
    folder.mkdir()
    for name in ("cc", "gcc", "sh"):
        (folder / name).symlink_to(shutil.which(name) or "/nowhere")
    for name, line in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    pykmm.env["PATH"] = str(folder)


def test_doctor_without_any_optional_tool(pykmm: Pykmm) -> None:
    only_these_tools(pykmm, {})
    parts = {part["name"]: part for part in pykmm("doctor", "--json", "-").was_silent(0
                                                  ).json["parts"]}
    assert [parts[name]["found"] for name in TOOLS] == [""] * len(TOOLS)
    # names that Debian has, so that the line can be typed as it stands
    assert [parts[name]["get"] for name in TOOLS] == [f"apt-get install {name}" for name in TOOLS]


def test_doctor_tells_versions_and_no_colours(pykmm: Pykmm) -> None:
    coloured = r"printf '\033[1;34mcolour \033[0mof \033(B\007%s\n' version"
    only_these_tools(pykmm, {name: coloured for name in TOOLS})
    done = pykmm("doctor").was_silent(0)
    assert done.out.isprintable() or set(done.out) - {"\n"} == {
        c for c in done.out if c.isprintable()}
    assert done.out.count("colour of ") == len(TOOLS)


@pytest.mark.parametrize("mail", ["", "/nowhere/" + "long/" * 30 + "mail"])
def test_doctor_in_a_pipe_is_as_wide_as_a_terminal(pykmm: Pykmm, mail: str) -> None:
    pykmm.env["PYKMM_PATCH"] = mail
    lines = pykmm("doctor").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line for line in lines if line != line.rstrip()] == []


def test_doctor_names_a_mail_that_is_not_there(pykmm: Pykmm) -> None:
    pykmm.env["PYKMM_PATCH"] = "/no/such/mail"
    assert "/no/such/mail" in pykmm("doctor").complained(
        3, "$PYKMM_PATCH /no/such/mail: no such file").out


@pytest.mark.parametrize(("without", "named"), [
    ("libkmm.so", "core library is missing: make build"),
    ("c.so", "C half is missing: make build"),
    ("half.*.so", "Cython half is missing: make build"),
])
def test_doctor_names_what_is_not_built(pykmm: Pykmm, other_tree, without: str,
                                        named: str) -> None:
    other_tree(without)
    done = pykmm("doctor")
    assert done.code == 3 and f"pykmm: {named}\n" in done.err
    assert "MISSING" in done.out
    done = pykmm("doctor", "--json", "-")
    assert done.code == 3 and done.json["schema"] == "pykmm.doctor/1"


# -- other commands where something is missing


@pytest.mark.parametrize("command", [["fuzz", "--cases", "1"], ["run", "x"]])
def test_tree_that_is_not_built(pykmm: Pykmm, other_tree, command: list[str]) -> None:
    other_tree("*.so")
    pykmm(*command).complained(3, "make build")


def test_version_and_extract_need_nothing_built(pykmm: Pykmm, other_tree, mail: Path) -> None:
    other_tree("*.so")
    pykmm("--version").was_silent(0)
    pykmm("extract", mail, "-o", "out").was_silent(0)


@pytest.mark.parametrize("name", ["click", "rich"])
def test_package_that_is_missing_is_named(pykmm: Pykmm, name: str) -> None:
    without_module(pykmm, name)
    pykmm("fuzz", "--cases", "1").complained(3, f"No module named '{name}'")
    pykmm("doctor").complained(3, f"No module named '{name}'")


@pytest.mark.parametrize("missing", ["c.so", "c-counted.so"])
def test_half_that_is_missing_is_named(pykmm: Pykmm, other_tree, missing: str) -> None:
    other_tree(missing)
    pykmm("fuzz", "--cases", "1").complained(3, missing, "make build")


def test_no_compiler_at_all(pykmm: Pykmm, mail: Path) -> None:
    empty = pykmm.cwd / "empty"
    empty.mkdir()
    pykmm.env["PATH"] = str(empty)
    pykmm("fuzz", "--cases", "1k", "--patch", mail).complained(3, "needs a C compiler", "gcc")
    pykmm("fuzz", "--cases", "1k").was_silent(0)


@pytest.mark.parametrize(("compiler", "what"), [
    ("nonexistent-cc", "CC names nonexistent-cc"), ("false", "false fails"), ("'", "CC='"),
])
def test_compiler_that_does_not_work(pykmm: Pykmm, mail: Path, compiler: str, what: str) -> None:
    pykmm.env |= {"CC": compiler, "XDG_CACHE_HOME": str(pykmm.cwd / "cache")}
    pykmm("fuzz", "--cases", "1k", "--patch", mail).complained(3, what)
    pykmm("fuzz", "--cases", "1k").was_silent(0)


@pytest.mark.parametrize(("limit", "value", "what"), [
    (resource.RLIMIT_NOFILE, 8, "Too many open files"),
    (resource.RLIMIT_FSIZE, 0, "No usable temporary directory"),
])
def test_limit_that_leaves_no_room(pykmm: Pykmm, limit: int, value: int, what: str) -> None:
    pykmm("fuzz", "--cases", "1k", preexec_fn=lambda: resource.setrlimit(limit, (value, value))
          ).complained(3, "cannot start a process for the halves", what)


def test_folder_that_was_removed(pykmm: Pykmm, saved_case: Path) -> None:
    pykmm.shell("mkdir gone && cd gone && rmdir ../gone && $pykmm fuzz --cases 1k").was_silent(0)
    pykmm.shell("mkdir gone && cd gone && rmdir ../gone && $pykmm fuzz --cases 1k --json a.json"
                ).complained(2, "--json a.json")
    pykmm.shell("mkdir gone && cd gone && rmdir ../gone && $pykmm fuzz --cases 1k --half a=a.so"
                ).complained(2, "--half a=a.so")


# -- extract, which needs the mail alone


def test_extract_writes_what_tools_can_read(pykmm: Pykmm, mail: Path) -> None:
    done = pykmm("extract", mail, "-o", "new/folder").was_silent(0)
    assert done.out.startswith("v8: 26 hunks, 28 edits, +177 -19 in 8 files\n")
    assert sorted(p.name for p in (pykmm.cwd / "new/folder").iterdir()) == [
        "canonical.patch", "edits.json"]


def test_extract_as_json(pykmm: Pykmm, mail: Path) -> None:
    result = pykmm("extract", mail, "-o", "out", "--json", "-").was_silent(0).json
    assert result["schema"] == "pykmm.extract/1" and len(result["edits"]) == 28
