# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --against`: copies of the mail, altered, against the mail."""

from pathlib import Path

import pytest
from cli_command import Done, Pykmm

PATCH = ("review", "--patch")


@pytest.fixture
def revised(pykmm: Pykmm, mail: Path):
    """Compare the mail with a copy in which lines (from 1) have another text."""
    def revise(*changes: tuple[int, str, str], seconds: float = 6) -> Done:
        lines = mail.read_text().split("\n")
        for number, old, new in changes:
            assert lines[number - 1].count(old) == 1, lines[number - 1]
            lines[number - 1] = lines[number - 1].replace(old, new)
        (pykmm.cwd / "other.txt").write_text("\n".join(lines))
        return pykmm(*PATCH, mail, "--against", "other.txt", "--seconds", seconds, "--json", "-")
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
    assert kinds(one)[:2] == ["mmap", "store"] and kinds(one)[3] == "store"
    assert (one["length"], one["bits"]["length"]) == (4, 3)
    assert one["bits"]["field"]["path"].endswith(".rw")
    assert one["bits"]["field"]["values"] == ["0", "1"]
    assert [state["disks"][0]["pages"] for state in one["rest"]] == [[[6, 2, 3, 4]],
                                                                    [[5, 2, 3, 4]]]
    saved = done.json["against"]["saved"]
    assert saved == "findings/against-E25.kmm"
    assert (pykmm.cwd / saved).read_text() == one["scenario"]
    pykmm("fmt", "--check", saved).was_silent(0)
    pykmm("run", saved).was_silent(0)


def test_test_without_vm_write_lets_stores_go_unseen(revised) -> None:
    # nothing is shared and writable then, so a page that was read first is stored to unseen
    one = found(revised((96, "VM_SHARED|VM_WRITE|", "VM_SHARED|")), "E01")
    assert kinds(one) == ["mmap", "load", "store"]
    assert kinds(one["bits"]) == ["mmap"]


def test_write_fault_that_dirties_no_page_loses_the_store(revised) -> None:
    one = found(revised((175, "set_page_dirty(dirty_page)", "(void)0")), "E06")
    assert kinds(one) == ["mmap", "load", "store"]
    assert one["bits"] is None
    assert one["event"][0]["text"].startswith("set_page_dirty(page[0])")
    assert (one["event"][0]["step"], one["event"][0]["place"].split(":")[1]) == ("E06", "175")


def test_edit_of_no_unit_is_run_as_patched(revised) -> None:
    one = found(revised((353, "mapping->a_ops->writepages(mapping, wbc)", "0")), "E21")
    assert one["length"] == 2


def test_line_taken_out_is_compared_without_the_patch(revised) -> None:
    one = found(revised((235, "0x0f", "0x07"), seconds=2), "E12")
    assert one["units"] == "none"
    assert one["bits"]["operations"][0].split()[1] == "mmap" and one["bits"]["length"] == 1


def test_difference_of_bits_that_no_user_sees(revised) -> None:
    # of read-only mappings Y asks in vain whether dirty pages are counted
    done = revised((96, "VM_SHARED|VM_WRITE|VM_PFNMAP", "VM_SHARED|VM_PFNMAP"),
                   (97, "VM_SHARED|VM_WRITE", "VM_SHARED")).was_silent(1)
    one = done.json["against"]["found"]
    assert (one["visible"], one["length"], one["field"]) == (False, 1, None)
    assert one["searched"]["depth"] >= 3 and one["searched"]["pairs"] > 100


def test_comment_changed_differs_in_nothing(revised) -> None:
    report = revised((112, "fully", "quite"), seconds=1).was_silent(0).json["against"]
    assert [(one["what"], one["inert"]) for one in report["changed"]] == [
        ("E02", "comments and white space only")]
    assert report["found"] is None and report["saved"] is None
    assert report["scopes"][0]["transitions"] > 1000 and report["cases"]["cases"] > 1000


def test_difference_beyond_all_scopes_is_drawn(revised, pykmm: Pykmm) -> None:
    report = revised((402, "-EFAULT", "0"), seconds=2).was_silent(1).json["against"]
    assert len(report["scopes"]) == 13 and not any(row["found"] for row in report["scopes"])
    event = report["found"]["difference"]["event"]["other"]
    assert event["text"].startswith("page_check_address(")
    assert event["place"] == "other.txt:405"
    pykmm("fmt", "--check", report["saved"]).was_silent(0)


def test_both_outcomes_stand_side_by_side(pykmm: Pykmm, mail: Path) -> None:
    text = mail.read_text().replace("+ entry = pte_wrprotect(entry);",
                                    "+ entry = pte_mkclean(entry);")
    (pykmm.cwd / "first.txt").write_text(text)
    lines = pykmm(*PATCH, "first.txt", "--against", mail).was_silent(1).out.splitlines()
    for line in ("    X   415 +entry = pte_mkclean(entry);",
                 "    Y   415 +entry = pte_wrprotect(entry);",
                 "they behave differently after 4 operations: once everything is synced, the disk "
                 "of f0 is not the same",
                 "    * disk of f0    [5 2 3 4]              [6 2 3 4]",
                 "  after any fewer operations of this scope they are equal, or no user sees it"):
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
