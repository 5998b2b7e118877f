# SPDX-License-Identifier: GPL-2.0-only
"""Files that are missing, unreadable, of the wrong kind or damaged: exit code 2, and named."""

import json
import os
from pathlib import Path

import pytest
from cli_command import Done, Pykmm
from cli_halves import Workshop

from pykmm import paths
from pykmm.engine import core

LONG = "n" * 5000
OTHER_LENGTH = {core.CASE_BYTES: core.SEQUENCE_BYTES, core.SEQUENCE_BYTES: core.CASE_BYTES}


def fuzz(pykmm: Pykmm, *arguments: object) -> Done:
    return pykmm("fuzz", "--cases", "1k", "--seed", "1", *arguments)


def make(kind: str, path: Path) -> Path:
    """Something in the place of a file."""
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 40)
    elif kind == "text":
        path.write_text("neither a mail nor a case nor a library\n")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "unreadable":
        if os.geteuid() == 0:
            pytest.skip("root can read every file")
        path.write_text("kept from us\n")
        path.chmod(0)
    elif kind == "long name":
        return path.with_name(LONG)
    return path


KINDS = ["missing", "folder", "empty", "text", "loop", "long name", "unreadable"]


@pytest.mark.parametrize("what", ["run", "extract", "--patch", "PYKMM_PATCH", "--half"])
@pytest.mark.parametrize("kind", KINDS)
def test_wrong_kind_of_file_is_refused(pykmm: Pykmm, kind: str, what: str) -> None:
    path = make(kind, pykmm.cwd / "given")
    if what == "run":
        done = pykmm("run", path)
    elif what == "extract":
        done = pykmm("extract", path, "-o", "out")
    elif what == "--half":
        done = fuzz(pykmm, "--half", f"mine={path}")
    elif what == "--patch":
        done = fuzz(pykmm, "--patch", path)
    else:
        pykmm.env["PYKMM_PATCH"] = str(path)
        done = fuzz(pykmm)
    # of a name that is too long a message has the first part
    done.complained(2, str(path)[:200])
    assert done.out == ""
    assert not (pykmm.cwd / "out").exists()


def test_file_whose_name_is_no_text_is_named_on_one_line(pykmm: Pykmm) -> None:
    name = os.fsdecode(b"a\nb\x1b[1m\xff.case")
    pykmm("run", name).complained(2, "cannot read it")
    (pykmm.cwd / name).write_text("text")
    pykmm("run", name).complained(2, "not a case")
    pykmm("extract", name, "-o", "out").complained(2, "no patch in it")


# -- mails: each verdict of refusal


def test_mail_that_is_cut_off_is_refused(pykmm: Pykmm, mail: Path) -> None:
    whole = mail.read_bytes()
    cut = pykmm.cwd / "cut.txt"
    cut.write_bytes(whole[:len(whole) * 2 // 3])
    for done in (pykmm("extract", cut, "-o", "out"), fuzz(pykmm, "--patch", cut)):
        done.complained(2, f"{cut}:", "hunk ")


def test_mail_with_another_shape_is_refused_by_hunk_and_line(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if line.endswith("page_mkclean(page);"))
    other = pykmm.cwd / "other.txt"

    def refused(changed: list[str], *parts: str) -> None:
        other.write_text("\n".join(changed))
        for done in (pykmm("extract", other, "-o", "out"), fuzz(pykmm, "--patch", other)):
            done.complained(2, f"{other}:", *parts)

    refused(lines[:at] + lines[at + 1:], "hunk ", "mm/page-writeback.c")       # a line is missing
    refused(lines[:at] + [lines[at]] + lines[at:], "hunk ", "mm/page-writeback.c")  # one too many
    refused(lines[:at] + [" " + lines[at][1:]] + lines[at + 1:], "hunk ")      # + became context


def test_patch_of_something_else_is_refused(pykmm: Pykmm) -> None:
    other = pykmm.cwd / "other.txt"
    other.write_text("--- a/mm/slab.c\n+++ b/mm/slab.c\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
    for done in (pykmm("extract", other, "-o", "out"), fuzz(pykmm, "--patch", other)):
        done.complained(2, f"{other}:")


def test_mail_too_large_is_refused(pykmm: Pykmm) -> None:
    large = pykmm.cwd / "large.txt"
    large.write_bytes(b"x" * (1 << 20))
    pykmm("extract", large, "-o", "out").complained(2, str(large), "more than")
    fuzz(pykmm, "--patch", "/dev/zero").complained(2, "/dev/zero")


def test_mail_whose_lines_do_not_compile_is_refused_by_line(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if line.endswith("page_mkclean(page);"))
    lines[at] = "+\t\t\tunknown_function_of_nobody(page;"
    other = pykmm.cwd / "other.txt"
    other.write_text("\n".join(lines))
    fuzz(pykmm, "--patch", other).complained(2, f"{other}:{at + 1}: ")


# -- extract


@pytest.mark.parametrize("place", ["a file", "below a file", "long name"])
def test_extract_into_what_is_no_folder(pykmm: Pykmm, mail: Path, place: str) -> None:
    (pykmm.cwd / "file").write_text("kept")
    target = {"a file": "file", "below a file": "file/deeper", "long name": LONG}[place]
    pykmm("extract", mail, "-o", target).complained(2, target)
    assert (pykmm.cwd / "file").read_text() == "kept"


# -- cases


@pytest.fixture
def saved(saved_case: Path, saved_sequence: Path) -> dict[str, Path]:
    return {"case": saved_case, "sequence": saved_sequence}


@pytest.mark.parametrize("kind", ["case", "sequence"])
@pytest.mark.parametrize(("damage", "what"), [
    (lambda data, head: data[:-1], "cut off"),
    (lambda data, head: data + b"\0", "more than"),
    (lambda data, head: data[:head], "only 0"),
    (lambda data, head: data[:head + 1], "only 1:"),
    # as long as a case of the other kind is
    (lambda data, head: data[:head] + bytes(OTHER_LENGTH[len(data) - head]), "bytes after its"),
    (lambda data, head: data[:head - 1], "not a case"),
    (lambda data, head: b"x" + data[1:], "not a case"),
    (lambda data, head: data[:10], "not a case"),
    (lambda data, head: b"", "not a case"),
    (lambda data, head: data.replace(b"form", b"form 3"), "not a case"),
    (lambda data, head: bytes(range(256)) * 2, "not a case"),
])
def test_damaged_case_is_refused(pykmm: Pykmm, saved: dict[str, Path], kind: str, damage,
                                 what: str) -> None:
    data = saved[kind].read_bytes()
    saved[kind].write_bytes(damage(data, data.index(b"\n") + 1))
    assert pykmm("run", saved[kind]).complained(2, str(saved[kind]), what).out == ""


def test_a_sequence_of_an_older_form_is_refused(pykmm: Pykmm, saved: dict[str, Path]) -> None:
    data = saved["sequence"].read_bytes()
    assert data.startswith(b"pykmm sequence, form 2\n")
    saved["sequence"].write_bytes(data.replace(b"form 2", b"form 1"))
    assert pykmm("run", saved["sequence"]).complained(
        2, str(saved["sequence"]), "'pykmm sequence, form 1' is of an older pykmm").out == ""


@pytest.mark.parametrize("kind", ["case", "sequence"])
def test_any_bytes_of_the_right_length_are_a_case(pykmm: Pykmm, saved: dict[str, Path],
                                                  kind: str) -> None:
    data = saved[kind].read_bytes()
    head = data.index(b"\n") + 1
    for byte in (b"\0", b"\xff", b"\x80"):
        saved[kind].write_bytes(data[:head] + byte * (len(data) - head))
        assert "no difference" in pykmm("run", saved[kind]).was_silent(0).out


def test_case_that_can_be_read_only_once(pykmm: Pykmm, saved_case: Path) -> None:
    assert pykmm.shell(f"$pykmm run <(cat {saved_case})").was_silent(0).out


def test_endless_case_is_refused(pykmm: Pykmm) -> None:
    pykmm("run", "/dev/zero").complained(2, "not a case")


# -- halves


SAID_WRONGLY = {
    "mine": "say NAME=FILE",
    "mine=": "say NAME=FILE",
    "=mine.so": "is not a name",
    "my-half=mine.so": "is not a name",
    "2nd=mine.so": "is not a name",
    "C=mine.so": "is the name of a half that pykmm has",
    "P=mine.so": "is the name of a half that pykmm has",
    "X=mine.so": "is the name of a half that pykmm has",
    "mine=gone.so": "no such file",
}


@pytest.mark.parametrize("command", ["fuzz", "run"])
def test_half_that_is_said_wrongly(pykmm: Pykmm, saved_case: Path, command: str) -> None:
    (pykmm.cwd / "mine.so").write_bytes(b"")
    first = ["fuzz", "--cases", "1"] if command == "fuzz" else ["run", saved_case]
    ended = pykmm.each([[*first, "--half", text] for text in SAID_WRONGLY])
    for done, what in zip(ended, SAID_WRONGLY.values(), strict=True):
        done.complained(2, "--half", what)


@pytest.mark.parametrize("command", ["fuzz", "run"])
def test_two_halves_of_one_name(pykmm: Pykmm, workshop: Workshop, saved_case: Path,
                                command: str) -> None:
    first = ["fuzz", "--cases", "1"] if command == "fuzz" else ["run", saved_case]
    half = workshop.wrong()
    pykmm(*first, "--half", half, "--half", half).complained(2, "--half", "wrong")


@pytest.mark.parametrize("command", ["fuzz", "run"])
def test_more_halves_than_there_is_room_for(pykmm: Pykmm, workshop: Workshop, saved_case: Path,
                                            command: str) -> None:
    first = ["fuzz", "--cases", "20k"] if command == "fuzz" else ["run", saved_case]
    file = workshop.wrong().partition("=")[2]
    options = [word for i in range(7) for word in ("--half", f"h{i}={file}")]
    pykmm(*first, *options).complained(2, "7 halves", "room for 6")
    pykmm(*first, *options[2:]).was_silent(1)


@pytest.mark.parametrize(("source", "what"), [
    ("int nothing;", "kmm_half"),
    ("const unsigned kmm_half[64] = { 99 };", "form 0x63, and here it is"),
    # as halves were numbered before the number was made of what they are built against
    ("const unsigned kmm_half[64] = { 4, 232 };", "built against another cref (form 0x4,"),
    (f"const unsigned kmm_half[64] = {{ {core.ABI ^ 1}, 8 }};", "built without events"),
    (f"const unsigned kmm_half[64] = {{ {core.ABI}, 8 }};", "a table of 8 bytes"),
    ("extern int nobody_has_this(void); int kmm_half(void) { return nobody_has_this(); }",
     "nobody_has_this"),
])
def test_library_that_is_no_half(pykmm: Pykmm, workshop: Workshop, saved_case: Path, source: str,
                                 what: str) -> None:
    file = pykmm.cwd / "own.c"
    file.write_text(source)
    library = workshop.compile(pykmm.cwd / "own.so", "-shared", file)
    fuzz(pykmm, "--half", f"mine={library}").complained(2, "half mine", what)
    pykmm("run", saved_case, "--half", f"mine={library}").complained(2, "half mine", what)


@pytest.mark.parametrize("option", ["--patch", "--half"])
def test_what_is_no_file_is_told_as_what_it_is(pykmm: Pykmm, option: str) -> None:
    name = "mine=" if option == "--half" else ""
    os.mkfifo(pykmm.cwd / "pipe")
    wrong = [(".", "this is a folder; name"), ("gone", "no such file")]
    # a mail may come by a pipe
    wrong += [("pipe", "it is a device or a pipe"), ("/dev/null", "it is a device or a pipe")
              ] if option == "--half" else [("/dev/null", "/dev/null")]
    for path, what in wrong:
        fuzz(pykmm, option, f"{name}{path}").complained(2, f"{name}{path}", what)


@pytest.mark.parametrize("command", ["fuzz", "explore"])
def test_findings_that_cannot_be_saved_are_refused_at_the_start(pykmm: Pykmm, command: str
                                                                ) -> None:
    (pykmm.cwd / "file").write_text("kept")
    for place in ("file", "file/below", ""):
        pykmm(command, "--findings", place).complained(2, "--findings")
    assert (pykmm.cwd / "file").read_text() == "kept"


LENT = "half partly has no page_mkclean_one: C's own is called in its place"


def test_half_without_one_of_the_functions_has_c_s_called(
        pykmm: Pykmm, workshop: Workshop, saved_case: Path, saved_sequence: Path) -> None:
    half = ("--half", workshop.partly())
    for kind in ([], ["--kind", "both"], ["--kind", "direct"], ["--kind", "sequences"]):
        assert LENT in fuzz(pykmm, *half, *kind).was_silent(0).out
    done = fuzz(pykmm, *half, "--json", "-").was_silent(0)
    assert done.json["lent"] == {"partly": ["page_mkclean_one"]}
    for words in (["run", saved_case], ["run", saved_sequence],
                  ["explore", "--ops", "mmap,store,writeback"]):
        assert LENT in pykmm(*words, *half).was_silent(0).out
        done = pykmm(*words, *half, "--json", "-").was_silent(0)
        assert done.json["lent"] == {"partly": ["page_mkclean_one"]}
    # what it has is its own, and what differs there is found
    wrong = ("--half", workshop.half("other", workshop.partly_text().replace(
        "if (protect)\n", "if (!protect)\n")))
    assert "C and other differ" in fuzz(pykmm, *wrong, "--functions", "page_mkclean"
                                        ).was_silent(1).out


def test_half_of_which_nothing_would_run_is_refused(
        pykmm: Pykmm, workshop: Workshop, saved_case: Path, saved_sequence: Path) -> None:
    fuzz(pykmm, "--half", workshop.partly(), "--functions", "page_mkclean_one").complained(
        2, "half partly has no page_mkclean_one, and nothing else is called here")
    none = ("--half", workshop.table("none", ""))
    one = ("--half", workshop.table("one", ".is_shared_writable = one,"))
    for words in (["fuzz", "--cases", "1k"], ["run", saved_case], ["run", saved_sequence],
                  ["explore", "--ops", "mmap,store"]):
        pykmm(*words, *none).complained(2, "half none has no function at all")
        if words[0] != "fuzz":
            pykmm(*words, *one).complained(2, "half one has no ", "and nothing of it")
    fuzz(pykmm, *one, "--functions", "is_shared_writable").was_silent(1)
    fuzz(pykmm, *one, "--kind", "sequences").complained(2, "half one has no ")


def test_half_without_events_is_refused(pykmm: Pykmm, saved_case: Path) -> None:
    quiet = f"quiet={paths.lib() / 'quiet/c.so'}"
    for words in (["fuzz", "--cases", "1k"], ["run", saved_case],
                  ["explore", "--ops", "mmap,store"], ["bench", "do_brk", "--events"]):
        pykmm(*words, "--half", quiet).complained(2, "half quiet was built without events")


# -- where results go


@pytest.mark.parametrize(("place", "what"), [
    ("gone/out.json", "no such folder"), ("folder", "it is a folder"), ("file/out.json", ""),
    (LONG, ""), ("/dev/full", "No space left"),
])
@pytest.mark.parametrize("command", ["fuzz", "run", "extract", "doctor"])
def test_json_that_cannot_be_written(pykmm: Pykmm, request: pytest.FixtureRequest, command: str,
                                     place: str, what: str) -> None:
    (pykmm.cwd / "folder").mkdir()
    (pykmm.cwd / "file").write_text("kept")
    words = {"fuzz": ["fuzz", "--cases", "1k"], "doctor": ["doctor"]}.get(command)
    if command == "run":
        words = ["run", request.getfixturevalue("saved_case")]
    elif command == "extract":
        words = ["extract", request.getfixturevalue("mail"), "-o", "out"]
    done = pykmm(*words, "--json", place).complained(2, f"--json {place}", what)
    assert (done.out == "") == (place not in ("/dev/full", LONG)), done.out
    assert not list(pykmm.cwd.glob("*.part"))


def test_json_replaces_a_file_as_a_whole(pykmm: Pykmm) -> None:
    (pykmm.cwd / "out.json").write_text("x" * 100_000)
    fuzz(pykmm, "--json", "out.json").was_silent(0)
    assert (pykmm.cwd / "out.json").read_text().endswith("}\n")
    assert sorted(p.name for p in pykmm.cwd.iterdir()) == ["out.json"]


def test_json_into_a_device(pykmm: Pykmm) -> None:
    fuzz(pykmm, "--json", "/dev/null").was_silent(0)
    assert '"schema": "pykmm.fuzz/1"' in fuzz(pykmm, "--json", "/dev/stdout").was_silent(0).out


@pytest.mark.parametrize("target", ["file", "file/deeper"])
def test_folder_of_findings_that_cannot_be_is_refused_at_the_start(
    pykmm: Pykmm, workshop: Workshop, target: str
) -> None:
    (pykmm.cwd / "file").write_text("kept")
    pykmm("fuzz", "--cases", "20k", "--half", workshop.wrong(), "--findings", target
          ).complained(2, f"--findings {target}", "no folder")
    assert (pykmm.cwd / "file").read_text() == "kept"


@pytest.mark.parametrize("keep_going", [[], ["--keep-going"]])
def test_finding_that_cannot_be_saved_is_still_told(
    pykmm: Pykmm, workshop: Workshop, keep_going: list[str]
) -> None:
    (pykmm.cwd / "file").write_text("kept")
    done = pykmm("fuzz", "--cases", "20k", "--seed", "1", "--half", workshop.wrong(),
                 "--findings", LONG, "--json", "out.json", *keep_going)
    assert done.code == 1
    assert set(line.partition(":")[0] for line in done.err.splitlines()) == {"pykmm"}
    assert "cannot save a case" in done.err
    assert "C and wrong differ" in done.out and "first differing event" in done.out
    assert "--seed 1 finds it again" in done.out
    assert (pykmm.cwd / "file").read_text() == "kept"
    found = json.loads((pykmm.cwd / "out.json").read_text())["divergences"]
    assert found and all(f["saved"] is None and bytes.fromhex(f["case"]) for f in found)


def test_case_of_an_earlier_finding_is_kept(pykmm: Pykmm, saved_case: Path,
                                            workshop: Workshop) -> None:
    again = ["fuzz", "--cases", "20k", "--seed", "1", "--half", workshop.wrong(), "--findings",
             "saved", "--functions", "page_mkclean"]
    before = saved_case.read_bytes()
    pykmm(*again).was_silent(1)
    assert list(saved_case.parent.iterdir()) == [saved_case]
    saved_case.write_bytes(b"another case")
    assert f"{saved_case.stem}-2.case" in pykmm(*again).was_silent(1).out
    assert saved_case.read_bytes() == b"another case"
    assert saved_case.with_name(f"{saved_case.stem}-2.case").read_bytes() == before
