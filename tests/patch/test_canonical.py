# SPDX-License-Identifier: GPL-2.0-only
"""The canonical patch as standard tools read it, and the two files of `extract`."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import unidiff
from patch_toy import Toy

from pykmm.errors import BadInput
from pykmm.patch.canonical import canonical_patch, edit_list, extract
from pykmm.patch.mail import read_mail
from pykmm.patch.table import load


def test_canonical_patch_is_parsed_by_unidiff(mail_path: Path) -> None:
    patch = unidiff.PatchSet(canonical_patch(read_mail(mail_path)))
    assert [file.path for file in patch] == list(load().files)
    assert sum(len(file) for file in patch) == 26
    assert (patch.added, patch.removed) == (177, 19)


def test_canonical_patch_is_counted_by_git(mail_path: Path, tmp_path: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    path = tmp_path / "canonical.patch"
    path.write_text(canonical_patch(read_mail(mail_path)))
    done = subprocess.run(
        ["git", "apply", "--numstat", str(path)], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    counts = [line.split("\t") for line in done.stdout.splitlines()]
    assert [file for _, _, file in counts] == list(load().files)
    assert sum(int(plus) for plus, _, _ in counts) == 177
    assert sum(int(minus) for _, minus, _ in counts) == 19


def test_canonical_patch_applies_where_its_white_space_is_whole(toy: Toy) -> None:
    if not shutil.which("patch"):
        pytest.skip("patch is not installed")
    mail, _ = toy.read()
    patch = toy.put("canonical.patch", canonical_patch(mail))
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for hunk in mail.hunks:
        for lines, start, ops in (
            (before.setdefault(hunk.file, []), hunk.old_start, " -"),
            (after.setdefault(hunk.file, []), hunk.new_start, " +"),
        ):
            lines += [f"/* line {n} */" for n in range(len(lines) + 1, start)]
            lines += [line.text for line in hunk.lines if line.op in ops]
    for file, lines in before.items():
        toy.put(f"tree/{file}", "\n".join(lines) + "\n")
    subprocess.run(
        ["patch", "-p1", "--fuzz=0", "-i", str(patch)], cwd=toy.folder / "tree", check=True,
        capture_output=True,
    )  # fmt: skip
    for file, lines in after.items():
        found = (toy.folder / "tree" / file).read_text().splitlines()
        kept = [s for s in lines if not s.startswith("/* line")]
        assert [s for s in found if not s.startswith("/* line")] == kept


def test_extract_writes_patch_and_edits(mail_path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    verdict = extract(mail_path, folder)
    assert verdict.kind == "v8"
    assert sorted(p.name for p in folder.iterdir()) == ["canonical.patch", "edits.json"]
    assert (folder / "canonical.patch").read_text() == canonical_patch(read_mail(mail_path))
    facts = json.loads((folder / "edits.json").read_text())
    assert facts == edit_list(read_mail(mail_path), verdict)
    assert facts["schema"] == "pykmm.extract/1"
    assert (facts["verdict"], facts["altered"]) == ("v8", [])
    assert [e["id"] for e in facts["edits"]] == [f"E{n:02}" for n in range(1, 29)]
    assert facts["edits"][21] == {
        "id": "E22", "file": "mm/page-writeback.c", "function": "test_clear_page_dirty",
        "unit": "U5", "plus": 5, "minus": 0, "hunk": 3, "lines": [361, 365], "note": "",
    }  # fmt: skip
    assert "white space only" in facts["edits"][20]["note"]


def test_extract_again_replaces_both_files(mail_path: Path, tmp_path: Path) -> None:
    for name in ("canonical.patch", "edits.json"):
        (tmp_path / name).write_text("old")
    extract(mail_path, tmp_path)
    assert (tmp_path / "canonical.patch").read_text().startswith("--- a/include/linux/mm.h\n")
    assert (tmp_path / "edits.json").read_text().startswith("{")


def test_extract_to_a_place_that_cannot_be_written_is_refused(
    mail_path: Path, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for folder in (file, file / "below", "/proc/pykmm", "a\0b"):
        with pytest.raises(BadInput, match="cannot be written: .*; name another folder"):
            extract(mail_path, folder)


def test_extract_that_fails_leaves_what_was_there(mail_path: Path, tmp_path: Path) -> None:
    (tmp_path / "canonical.patch").write_text("old")
    (tmp_path / "edits.json").mkdir()
    with pytest.raises(BadInput, match="edits.json is a folder|cannot be written"):
        extract(mail_path, tmp_path)
    assert (tmp_path / "canonical.patch").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["canonical.patch", "edits.json"]


def test_extract_of_a_refused_mail_writes_nothing(toy: Toy, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="hunk 1 of include/linux/toy.h"):
        extract(toy.path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
