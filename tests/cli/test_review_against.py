# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --against`: copies of the mail, altered, against the mail."""

from pathlib import Path

import pytest
from cli_command import Done, Pykmm

PATCH = ("review", "--patch")
WAIT = 300      # seconds; some compile a half for each edit, which a busy machine is slow at


@pytest.fixture
def revised(pykmm: Pykmm, mail: Path):
    """Compare the mail with a copy in which lines (from 1) have another text."""
    def revise(*changes: tuple[int, str, str], seconds: float = 6) -> Done:
        lines = mail.read_text().split("\n")
        for number, old, new in changes:
            assert lines[number - 1].count(old) == 1, lines[number - 1]
            lines[number - 1] = lines[number - 1].replace(old, new)
        (pykmm.cwd / "other.txt").write_text("\n".join(lines))
        return pykmm(*PATCH, mail, "--against", "other.txt", "--seconds", seconds, "--json", "-",
                     timeout=WAIT)
    return revise


def found(done: Done, *ids: str) -> dict:
    """What was found, where these edits changed; more than a difference of bits."""
    report = done.was_silent(1).json
    assert report["schema"] == "pykmm.review/1"
    assert [one["what"] for one in report["against"]["changed"]] == list(ids)
    assert report["against"]["cases"] is None
    one = report["against"]["found"]
    assert one["visible"] and len(one["operations"]) == one["length"] == len(one["results"])
    return one


def kinds(one: dict) -> list[str]:
    return [text.split()[1] for text in one["operations"]]


def test_page_left_writable_loses_the_next_store(revised, pykmm: Pykmm) -> None:
    # store, clean: X protects the pte; Y leaves it writable, and nobody hears of a second store
    done = revised((415, "pte_wrprotect", "pte_mkclean"))
    one = found(done, "E25")

    assert [side["number"] for side in done.json["against"]["changed"][0]["lines"][1]] == [415]
    # with mmap:locked the page is dirty from the start: cleaned, stored to, and asked for
    assert kinds(one) in [["mmap", first, "store", "fsync"] for first in ("msync", "fsync")]
    assert (one["length"], one["bits"]["length"], one["worse"]) == (4, 2, "Y")
    assert one["bits"]["field"]["path"].endswith(".rw")
    assert one["bits"]["field"]["values"] == ["0", "1"]
    assert [state["disks"][0]["pages"] for state in one["states"]] == [[[5, 2, 3, 4]],
                                                                      [[1, 2, 3, 4]]]
    broken, = done.json["against"]["breaks"]
    assert (broken["property"], broken["by"], broken["length"]) == ("tracked_writes", "Y", 2)
    saved = done.json["against"]["saved"]
    assert saved == "findings/against-E25.kmm"
    assert (pykmm.cwd / saved).read_text() == one["scenario"]
    pykmm("fmt", "--check", saved).was_silent(0)
    pykmm("run", saved).was_silent(0)


def test_test_without_vm_write_lets_stores_go_unseen(revised) -> None:
    # nothing is shared and writable then, so a page that was read first is stored to unseen
    one = found(revised((96, "VM_SHARED|VM_WRITE|", "VM_SHARED|")), "E01")
    assert kinds(one) == ["mmap", "store", "fsync"]
    assert kinds(one["bits"]) == ["mmap"]


def test_write_fault_that_dirties_no_page_loses_the_store(revised) -> None:
    one = found(revised((175, "set_page_dirty(dirty_page)", "(void)0")), "E06")
    bits = one["bits"]
    assert bits["event"][0]["text"].startswith("set_page_dirty(page[0])")
    assert (bits["event"][0]["step"], bits["event"][0]["place"].split(":")[1]) == ("E06", "175")
    # 3 with mmap:populate, if the time was enough for that scope
    assert kinds(one)[-1] == "fsync" and one["length"] in (3, 4)


def test_edit_of_no_unit_is_run_as_patched(revised) -> None:
    one = found(revised((353, "mapping->a_ops->writepages(mapping, wbc)", "0")), "E21")
    assert one["length"] == 2


def test_line_taken_out_is_compared_without_the_patch(revised) -> None:
    one = found(revised((235, "0x0f", "0x07"), seconds=2), "E12")
    assert one["units"] == "none"
    assert one["bits"]["operations"][0].split()[1] == "mmap" and one["bits"]["length"] == 1


def test_difference_of_bits_that_no_user_sees(revised) -> None:
    # Y protects where nobody counts dirty pages: a fault more, and nothing else
    done = revised((271, "mapping && mapping_cap_account_dirty(mapping)", "mapping")).was_silent(1)
    report = done.json["against"]
    one = report["found"]
    assert (one["visible"], one["length"], report["breaks"]) == (False, 1, [])
    # where they part each went on from its own world
    assert all(row["users"] for row in report["scopes"] if row["found"])
    parted = [row for row in report["scopes"] if row["found"]]
    assert {kind for row in parted for kind in row["scope"]["kinds"]} >= {"tmpfs", "ramfs"}
    assert all(row["users"]["closed"] or row["users"]["depth"] >= 1 for row in parted)


def test_forced_write_is_tried_before_it_is_said_that_no_user_sees_it(revised) -> None:
    # bits part at mmap, and in that scope nothing more is to be seen
    one = found(revised((96, "VM_SHARED|VM_WRITE|VM_PFNMAP", "VM_SHARED|VM_PFNMAP"),
                        (97, "VM_SHARED|VM_WRITE", "VM_SHARED"), seconds=12), "E01")
    assert kinds(one) == ["mmap", "poke", "fsync"] and one["worse"] == "X"
    assert one["bits"]["length"] == 1


def test_lock_inversion_of_the_other_version_is_told(revised) -> None:
    done = revised((365, "page_mkclean(page);",
                    "spin_lock(&mapping->private_lock); page_mkclean(page); "
                    "spin_unlock(&mapping->private_lock);"), seconds=20)
    report = done.was_silent(1).json["against"]
    assert [(one["property"], one["by"], one["kept_by"]) for one in report["breaks"]] == [
        ("lock_order", "Y", "X")]
    assert not report["found"]["visible"]


def test_each_changed_edit_is_asked_alone(revised) -> None:
    # nothing of E23 is to be seen behind a BUG; alone it loses a store
    done = revised((449, "BUG_ON(!PageLocked(page))", "BUG_ON(1)"),
                   (373, "page_mkclean(page)", "(void)0"), seconds=16)
    report = done.was_silent(1).json["against"]
    alone = {one["what"]: one for one in report["alone"]}
    assert list(alone) == ["E23", "E25"]
    assert alone["E23"]["user"]["how"].startswith("fsync has returned 0")
    assert "BUG" in alone["E25"]["user"]["how"]
    assert "BUG" in report["found"]["how"]


def test_edit_that_does_not_compile_alone_is_told(revised) -> None:
    # E04 uses what E03 declares
    done = revised((125, "reuse = 0, ret", "again = 0, reuse = 0, ret"),
                   (140, "reuse = 1", "reuse = 1 + again"), seconds=4)
    assert done.code == 0
    alone = {one["what"]: one["refused"] for one in done.json["against"]["alone"]}
    assert alone["E03"] == "" and "other.txt:140: 'again' undeclared" in alone["E04"]


def test_lines_moved_across_context_are_refused(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = next(i for i, line in enumerate(lines) if line.startswith("pte_unmap_unlock(page_table"))
    lines[at:at + 5] = [*lines[at + 1:at + 5], lines[at]]
    (pykmm.cwd / "moved.txt").write_text("\n".join(lines))
    for arguments in ((*PATCH, mail, "--against", "moved.txt"),
                      (*PATCH, "moved.txt", "--against", mail)):
        pykmm(*arguments).complained(
            2, "moved.txt:173: hunk 3 of mm/memory.c: these changed lines stand 1 line of the "
            "kernel above E06's place")


def test_comment_changed_differs_in_nothing(revised) -> None:
    report = revised((112, "fully", "quite"), seconds=1).was_silent(0).json["against"]
    assert [(one["what"], one["inert"]) for one in report["changed"]] == [
        ("E02", "comments and white space only")]
    assert report["found"] is None and report["saved"] is None
    assert report["scopes"][0]["transitions"] > 1000 and report["cases"]["cases"] > 1000


def test_difference_beyond_all_scopes_is_drawn(revised, pykmm: Pykmm) -> None:
    report = revised((402, "-EFAULT", "0"), seconds=2).was_silent(1).json["against"]
    assert len(report["scopes"]) == 28 and not any(row["found"] for row in report["scopes"])
    event = report["found"]["difference"]["event"]["other"]
    assert event["text"].startswith("page_check_address(")
    assert event["place"] == "other.txt:405"
    pykmm("fmt", "--check", report["saved"]).was_silent(0)


def test_both_outcomes_stand_side_by_side(pykmm: Pykmm, mail: Path) -> None:
    text = mail.read_text().replace("+ entry = pte_wrprotect(entry);",
                                    "+ entry = pte_mkclean(entry);")
    (pykmm.cwd / "first.txt").write_text(text)
    lines = pykmm(*PATCH, "first.txt", "--against", mail, timeout=WAIT).was_silent(1) \
        .out.splitlines()
    for line in ("    X   415 +entry = pte_mkclean(entry);",
                 "    Y   415 +entry = pte_wrprotect(entry);",
                 "they behave differently after 4 operations: fsync has returned 0, and the disk of "
                 "f0 is not the same",
                 "    * disk of f0    [1 2 3 4]              [5 2 3 4]",
                 "X breaks tracked_writes after 2 operations, and Y does not by the same:"):
        assert line in lines, line


def test_line_that_does_not_compile_is_named(pykmm: Pykmm, revised) -> None:
    revised((415, "(entry)", "(nothing)")).complained(2, "other.txt:415: ", "undeclared")


def test_half_that_does_not_come_back_ends_it(pykmm: Pykmm, revised) -> None:
    pykmm.env["PYKMM_SILENT_SECONDS"] = "1"
    done = revised((414, "if (protect)", "while (1)"))
    assert done.code == 1 and "does not come back" in done.err
    assert done.json["against"]["failed"]["how"] == "does not come back"


def test_same_lines_need_no_run(pykmm: Pykmm, mail: Path) -> None:
    (pykmm.cwd / "same.txt").write_text(mail.read_text().replace("pte_mkclean(entry)",
                                                                 "pte_mkclean( entry )"))
    out = pykmm(*PATCH, mail, "--against", "same.txt").was_silent(0).out
    assert out.endswith("both have the same lines, white space apart: nothing can differ\n")


def test_mail_of_another_shape_is_refused(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    (pykmm.cwd / "other.txt").write_text("\n".join([*lines[:406], *lines[408:]]))
    pykmm(*PATCH, mail, "--against", "other.txt").complained(2, "other.txt:", "hunk 2 of mm/rmap.c")


@pytest.mark.parametrize(("arguments", "what"), [
    (["--against", "gone.txt"], "--against: there is no first mail"),
    (["--patch", "here.txt", "--against", "gone.txt"], "--against gone.txt: no such file"),
    (["--patch", "here.txt", "--against", "here.txt"], "here.txt:1: no patch in it"),
    (["--against", "here.txt", "--claims"], "--against each show that alone"),
    (["E14", "--against", "here.txt"], "--against each show that alone"),
])
def test_bad_use_is_one_line(pykmm: Pykmm, arguments: list[str], what: str) -> None:
    (pykmm.cwd / "here.txt").write_text("It is said.\n")
    done = pykmm("review", *arguments)
    assert done.code == 2 and what in done.err and not done.out
