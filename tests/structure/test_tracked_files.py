# SPDX-License-Identifier: GPL-2.0-only
"""Rules for every file that git tracks: licence, length, nothing generated, nothing private."""

import re
import subprocess
from pathlib import Path

import mirrored
import pytest

from pykmm.source import anchors

ROOT = mirrored.ROOT
MAX_LINES = 600

# Path -> why it may be longer.
LONGER: dict[str, str] = {"DECISIONS.md": "a record, newest first: nothing of it goes"}

# Files of these names and kinds are sources; the rest is prose, lists, and the licence itself.
SOURCE = re.compile(r"\.(?:c|h|def|py|pyx|pxd|sh|ya?ml|css|js|j2)$|(?:^|/)Makefile$")
TOML_WITHOUT_LICENCE = {"pyproject.toml"}    # it has a field for it
GENERATED = re.compile(r"\.(?:so|o|a|pyc|html|egg-info)$|^build/|^dist/|^pykmm/.*\.c$"
                       r"|(?:^|/)(?:__pycache__|\.benchmarks|\.pytest_cache|\.hypothesis)/")

# Where flags of the compiler would be a second list; tests give toys lists of their own.
BUILDS = re.compile(r"^(?:setup\.py|Makefile|pyproject\.toml|\.ci/.*"
                    r"|(?:pykmm|tools|bench)/.*\.py)$")
CODE_FLAGS = re.compile(r"(?<![\w-])(?:-O[0-3sg]|-fwrapv|-fno-[a-z][\w-]*|-fvisibility=\w+|-std=\w+"
                        r"|-march=\w+)")
OTHER_FLAGS = {"tools/both/run.py": "compiles what cases run and nobody times, without optimizing",
               "tools/sanitize.py": "adds the sanitizers' own flags to a copy of cref/CFLAGS",
               "tools/compilers.py": "adds a level to a copy of cref/CFLAGS"}

# In parts, or this file would break its own rule.
_HOSTS = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io",
          "ana" + "conda.org", "proxy." + "golang.org"]
_FOLDERS = ["wo" + "rk", "ro" + "ot", "ho" + "me"]
_WORDS = ["assis" + "tant", "clau" + "de", "anthro" + "pic", "open" + "ai", "chat" + "gpt",
          "co" + "pilot", r"language " + "model", r"(?-i:\bLL" + r"Ms?\b)",
          r"(?-i:\bA" + r"I\b)",
          r"(?:this|previous|last|next|earlier|another|my) " + "session", r"\bsub" + "agent"]
PRIVATE = {
    "the host of a package registry": re.compile("|".join(map(re.escape, _HOSTS)), re.I),
    "a path of one machine": re.compile(
        rf"(?<![\w.$}})*-])/(?:{'|'.join(_FOLDERS)})(?=/|[^\w.-]|$)"),
    "who wrote it": re.compile("|".join(_WORDS), re.I),
}


def tracked() -> list[str]:
    """Paths that git tracks; in an unpacked archive, all but what building and testing make."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"], cwd=ROOT,
                                capture_output=True, text=True, check=False)
        if listed.returncode == 0:
            return sorted(p for p in listed.stdout.split("\0") if p and (ROOT / p).is_file())
    found = (p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*") if p.is_file())
    hidden = re.compile(r"^(?:\.venv|\.git|findings|bench/report)/|\.egg-info/")
    return sorted(p for p in found if not GENERATED.search(p) and not hidden.search(p))


def texts() -> dict[str, str]:
    """Path -> text of every tracked text file."""
    found = {}
    for path in tracked():
        content = (ROOT / path).read_bytes()
        try:
            if b"\0" not in content:
                found[path] = content.decode("utf-8")
        except UnicodeDecodeError:
            continue    # a saved case, which is bytes
    return found


def needs_licence(path: str, text: str) -> bool:
    if path.endswith(".toml"):
        return path not in TOML_WITHOUT_LICENCE
    return bool(SOURCE.search(path)) or text.startswith("#!")


def has_licence(text: str) -> bool:
    """Is it said in the first line, or in the one after `#!`?"""
    lines = text.splitlines()
    if lines and lines[0].startswith("#!"):
        lines = lines[1:]
    return bool(lines and re.search(r"^(?:#|//|/\*|\{#|;) ?SPDX-License-Identifier: \S", lines[0]))


def private_in(text: str) -> list[str]:
    """What a text tells of one machine or of how it was written, each with its line."""
    return [f"line {text.count(chr(10), 0, hit.start()) + 1}: {what}: {hit[0]}"
            for what, pattern in PRIVATE.items() for hit in pattern.finditer(text)]


def generated_in(paths: list[str]) -> list[str]:
    return [path for path in paths if GENERATED.search(path)]


def flags_in(path: str, text: str) -> list[str]:
    """Code-generation flags in a file of the build."""
    return CODE_FLAGS.findall(text) if BUILDS.search(path) and path not in OTHER_FLAGS else []


def unreachable(function: str, files: list[str]) -> list[str]:
    """What a function of the kernel does not lead to: C, Cython, steps, a test."""
    stem = f"test_{function}.py"
    tested = f"tests/mm/{stem}" in files or f"tests/fs/{stem}" in files
    missing = [] if tested else [f"tests/*/{stem}"]
    c_path = next((c for c, text, _ in mirrored.pairs()
                   if function in [f.name for f in mirrored.c_functions(text)]), None)
    if c_path is None:
        return ["cref", *missing]
    _, _, p_text = next(pair for pair in mirrored.pairs() if pair[0] == c_path)
    if function not in [f.name for f in mirrored.cython_functions(p_text)]:
        missing.append(f"pykmm/{anchors.TWINS[c_path]}")
    table = ROOT / "cref/steps" / f"{c_path}.toml"
    if not table.exists() or f"\n[{function}]\n" not in table.read_text(encoding="utf-8"):
        missing.append(f"cref/steps/{c_path}.toml")
    return missing


# -- the files as they are


def test_source_files_say_their_licence():
    asked = {p: text for p, text in texts().items() if needs_licence(p, text)}

    assert [p for p, text in asked.items() if not has_licence(text)] == []


def test_tracked_files_are_not_generated():
    assert generated_in(tracked()) == []


def test_tracked_files_are_short():
    long = {p: text.count("\n") for p, text in texts().items() if text.count("\n") > MAX_LINES}

    assert {p: n for p, n in long.items() if p not in LONGER} == {}
    assert set(LONGER) <= set(long), "an exception that is no longer needed"


def test_tracked_files_tell_nothing_private():
    found = {p: private_in(text) for p, text in texts().items() if p != "COPYING"}

    assert {p: hits for p, hits in found.items() if hits} == {}


def test_compiler_flags_are_in_one_list():
    found = {p: flags_in(p, text) for p, text in texts().items()}

    assert {p: flags for p, flags in found.items() if flags} == {}
    assert CODE_FLAGS.findall((ROOT / "cref/CFLAGS").read_text(encoding="ascii"))
    assert [p for p in found if p.endswith("CFLAGS")] == ["cref/CFLAGS"]


@pytest.mark.parametrize("function", list(anchors.FUNCTION_OF.values()))
def test_function_name_leads_to_both_halves_steps_and_tests(function):
    files = [p.relative_to(ROOT).as_posix() for p in (ROOT / "tests").rglob("test_*.py")]

    assert unreachable(function, files) == []


def test_function_names_are_those_of_the_c_half():
    defined = [f.name for _, text, _ in mirrored.pairs() for f in mirrored.c_functions(text)]

    assert sorted(anchors.FUNCTION_OF.values()) == sorted(defined)


def test_mirrored_files_are_all_listed():
    for half, pattern, listed in (("cref", "*.c", anchors.TWINS.keys()),
                                  ("pykmm", "*.pyx", anchors.TWINS.values())):
        there = {p.relative_to(ROOT / half).as_posix() for folder in ("mm", "fs")
                 for p in (ROOT / half / folder).glob(pattern)}
        assert there == {p for p in listed if p.startswith(("mm/", "fs/"))}


# -- the checks themselves


@pytest.mark.parametrize(("text", "said"), [
    ("# SPDX-License-Identifier: GPL-2.0-only\n", True),
    ("/* SPDX-License-Identifier: GPL-2.0-only */\n", True),
    ("#!/bin/sh\n# SPDX-License-Identifier: GPL-2.0-only\n", True),
    ("", False),
    ("import os\n# SPDX-License-Identifier: GPL-2.0-only\n", False),
    ('x = "SPDX-License-Identifier: GPL-2.0-only"\n', False),
])
def test_licence_that_is_not_in_the_first_line_is_refused(text, said):
    assert has_licence(text) is said


@pytest.mark.parametrize(("path", "text", "needed"), [
    ("a/b.pyx", "", True), ("Makefile", "", True), ("tool", "#!/bin/sh\n", True),
    ("a/list.toml", "", True), ("pyproject.toml", "", False), ("README.md", "", False),
])
def test_licence_is_asked_of_sources(path, text, needed):
    assert needs_licence(path, text) is needed


@pytest.mark.parametrize("text", [
    "get it from https://" + _HOSTS[0] + "/simple",
    "see /" + _FOLDERS[0] + "/main",
    "`/" + _FOLDERS[1] + "`",
    "cd /" + _FOLDERS[2] + "/me/pykmm",
    "as the " + "Assis" + "tant said",
    "done in this " + "session",
])
def test_private_text_is_refused(text):
    assert len(private_in(text + "\n")) == 1


@pytest.mark.parametrize("text", [
    'scope="session"', "class Session:", "start_new_session=True", "maintain, tail, said",
    "tests/" + _FOLDERS[0] + "/x", "$HOME/x", "{prefix}/" + _FOLDERS[2] + "/x", "/usr/bin",
    "homework",
])
def test_harmless_text_is_let_through(text):
    assert private_in(text) == []


@pytest.mark.parametrize("path", [
    "pykmm/mm/rmap.c", "pykmm/lib/c.so", "build/cython/a.c", "a/__pycache__/b.pyc",
    "pykmm/mm/rmap.html", ".benchmarks/a.json",
])
def test_generated_file_is_refused(path):
    assert generated_in([path, "cref/mm/rmap.c", "pykmm/mm/rmap.pyx"]) == [path]


def test_second_list_of_flags_is_refused():
    assert flags_in("setup.py", 'flags = ["-O3", "-fno-plt"]') == ["-O3", "-fno-plt"]
    assert flags_in("setup.py", '["-fPIC", "-Wall", "-Wno-sign-compare"]') == []
    assert flags_in("tests/toy.py", '"-O0"') == []


def test_function_that_leads_nowhere_is_refused():
    assert unreachable("do_nothing", []) == ["cref", "tests/*/test_do_nothing.py"]
    assert unreachable("page_mkclean", []) == ["tests/*/test_page_mkclean.py"]
    assert unreachable("page_mkclean", ["tests/fs/test_page_mkclean.py"]) == []


def test_tracked_files_are_found():
    files = tracked()

    assert {"setup.py", "cref/mm/rmap.c", "pykmm/mm/rmap.pyx"} <= set(files)
    assert all(not Path(p).is_absolute() for p in files)
