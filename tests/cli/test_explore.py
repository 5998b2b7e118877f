# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm explore`: what it says was covered, what it finds and saves, and how it is stopped."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

FEW = ("--ops", "mmap,load,store,writeback,complete", "--jobs", "2")


def test_scope_that_is_closed_is_told_as_a_bound(pykmm):
    done = pykmm("explore", *FEW).was_silent(0)
    assert "halves C, P; units all; 2 threads" in done.out
    assert "closed: every world of this scope" in done.out
    assert "taken for another one, by its hash, with a chance below" in done.out
    assert "this is a bound, and no proof" in done.out


def test_json_has_what_was_covered(pykmm):
    one = pykmm("explore", *FEW, "--json", "-").was_silent(0).json
    other = pykmm("explore", *FEW[:2], "--jobs", "1", "--json", "-").was_silent(0).json
    assert one["schema"] == "pykmm.explore/1"
    assert one["closed"] and not one["interrupted"] and one["found"] == []
    assert one["worlds"] > 50
    assert one["transitions"] == one["worlds"] * 10
    assert one["collision_bound"] == pytest.approx(
        one["worlds"] ** 2 / 2**129 + one["transitions"] / 2**64)
    assert one["scope"]["ops"] == ["mmap", "load", "store", "writeback", "complete"]
    times = {"seconds", "transitions_per_second", "jobs"}
    assert {k: v for k, v in one.items() if k not in times} == {
        k: v for k, v in other.items() if k not in times}


def test_depth_and_time_end_it_early(pykmm):
    shallow = pykmm("explore", *FEW, "--depth", "2", "--json", "-").was_silent(0).json
    assert (shallow["depth"], shallow["closed"], shallow["interrupted"]) == (2, False, False)
    done = pykmm("explore", *FEW, "--depth", "2").was_silent(0)
    assert "every world within 2 operations\n" in done.out
    wide = ("--pages", "4", "--file-pages", "2", "--vmas", "4", "--jobs", "2")
    done = pykmm("explore", *wide, "--seconds", "0.5").was_silent(0)
    assert "and some of those one further, when it was stopped" in done.out


def test_property_that_breaks_is_a_scenario_that_replays(pykmm):
    done = pykmm("explore", *FEW, "--units", "none", "--properties", "tracked_writes",
                 "--findings", "saved").was_silent(1)
    assert "tracked_writes breaks: where writes are tracked" in done.out
    assert "first after 2 operations" in done.out
    path = pykmm.cwd / "saved" / "explore-tracked_writes.kmm"
    assert f"again with: pykmm run {path.relative_to(pykmm.cwd)}" in done.out
    assert "expect property tracked_writes broken" in path.read_text()
    again = pykmm("run", str(path)).was_silent(0)
    assert "all hold" in again.out
    # of those that the kernel before the patch is meant for, none breaks there
    pykmm("explore", *FEW, "--units", "none").was_silent(0)


@pytest.mark.parametrize("kind, ops", [
    ("ext3", "mmap,store,write,flush_buffers,fsync,complete"),
    ("ext2", "mmap,store,write,writeback,complete,fail"),
])
def test_what_breaks_first_is_confirmed_by_its_scenario(pykmm, kind, ops):
    found = pykmm("explore", "--files", kind, "--ops", ops, "--depth", "7", "--keep-going",
                  "--units", "none", "--properties", "tracked_writes,promised_writes,kept_writes",
                  "--json", "-").was_silent(1).json["found"]
    assert found
    for one in found:
        assert one["length"] == len(one["operations"])
        pykmm("run", one["saved"]).was_silent(0)


def test_known_race_is_found_with_another_actor_at_a_pause(pykmm):
    """docs/findings/truncated-while-dirtied.md: v8 has it, the kernel before it has not."""
    scope = ("--ops", "mmap,store,truncate,pause", "--properties", "nr_dirty", "--depth", "4")
    one, = pykmm("explore", *scope, "--json", "-").was_silent(1).json["found"]
    assert (one["name"], one["length"]) == ("nr_dirty", 3)
    assert "p0: truncate f0 sectors=0" in one["scenario"]
    pykmm("run", one["saved"]).was_silent(0)
    pykmm("explore", *scope, "--units", "none").was_silent(0)


def test_half_that_differs_is_found_and_its_scenario_shows_it(pykmm, workshop):
    half = ("--half", workshop.wrong())
    done = pykmm("explore", *FEW, *half).was_silent(1)
    assert "C and wrong differ, first after 3 operations" in done.out
    pykmm("run", "findings/explore-wrong.kmm", *half).was_silent(1)
    pykmm("explore", *FEW, *half, "--halves-only").was_silent(1)


def test_halves_only_asks_nothing_else(pykmm):
    done = pykmm("explore", *FEW, "--units", "none", "--halves-only", "--json", "-").was_silent(0)
    assert done.json["properties"] == []


def test_mail_joins_as_half_x(pykmm, mail):
    done = pykmm("explore", *FEW, "--patch", str(mail), "--json", "-").was_silent(0)
    assert done.json["halves"] == ["C", "P", "X"]


def test_interrupt_tells_what_was_covered_and_state_goes_on(pykmm):
    wide = ("--pages", "3", "--ops", "mmap,munmap,load,store,write,writeback,complete,reclaim,drain"
            ",truncate,msync,mprotect", "--state", "state", "--jobs", "1", "--json", "at")
    with pykmm.started("explore", *wide) as running:
        assert any("depth 6" in line for line in running.stdout)
        running.send_signal(signal.SIGINT)
        done = pykmm.ended(running).was_silent(130)
    assert "when it was stopped" in done.out
    first = json.loads((pykmm.cwd / "at").read_text())
    assert first["interrupted"]
    with pykmm.started("explore", *wide) as running:
        assert any("depth 7" in line for line in running.stdout)
        running.send_signal(signal.SIGINT)
        pykmm.ended(running).was_silent(130)
    second = json.loads((pykmm.cwd / "at").read_text())
    assert second["transitions_before"] == first["transitions"]
    assert second["depth"] >= 6 and second["worlds"] >= first["worlds"]
    pykmm("explore", *FEW, "--state", "state").complained(2, "--state", "another scope")
    (pykmm.cwd / "state").write_bytes(b"nothing")
    pykmm("explore", *FEW, "--state", "state").complained(2, "no state of an exploration")


def test_state_is_gone_on_with_by_the_halves_that_made_it_only(pykmm, workshop):
    alike = ("--half", workshop.with_lines("alike", ""))
    state = (*FEW, "--state", "state")
    pykmm("explore", *state, *alike).was_silent(0)
    pykmm("explore", *state, *alike).was_silent(0)
    # none less, none more, and none of the same name that is another one
    pykmm("explore", *state).complained(
        2, "--state state: it was made by C, P, alike, and this run has C, P:")
    other = ("--half", workshop.with_lines("alike", "if (!page) return 1;"))
    pykmm("explore", *state, *other).complained(
        2, "what it was made by was built anew since: half alike was ", "name another file")
    os.unlink(pykmm.cwd / "state")
    pykmm("explore", *state).was_silent(0)
    wrong = ("--half", workshop.wrong())
    pykmm("explore", *state, *wrong).complained(
        2, "made by C, P, and this run has C, P, wrong")


def test_run_that_goes_on_counts_what_it_did_itself(pykmm):
    state = (*FEW, "--state", "state", "--json", "at")
    whole = json.loads(pykmm("explore", *FEW, "--json", "-").was_silent(0).out)
    pykmm("explore", *state, "--depth", "3").was_silent(0)
    first = json.loads((pykmm.cwd / "at").read_text())
    assert first["transitions_before"] == 0
    done = pykmm("explore", *state).was_silent(0)
    second = json.loads((pykmm.cwd / "at").read_text())
    assert second["transitions_before"] == first["transitions"]
    here = whole["transitions"] - first["transitions"]
    assert f", {here:,} of them by this run)" in done.out
    assert second["transitions_per_second"] == pytest.approx(here / second["seconds"])
    done = pykmm("explore", *state).was_silent(0)
    assert "by earlier runs; this one had nothing left to do" in done.out and "/s" not in done.out
    third = json.loads((pykmm.cwd / "at").read_text())
    assert third["transitions_per_second"] == 0
    assert third["transitions"] == third["transitions_before"] == whole["transitions"]


def test_half_that_does_not_come_back_ends_it(pykmm, workshop):
    pykmm.env["PYKMM_SILENT_SECONDS"] = "1"
    loop = workshop.with_lines("loop", 'for (;;) __asm__ volatile("");')
    done = pykmm("explore", *FEW, "--half", loop)
    done.complained(1, "a half does not come back while exploring depth 3")


@pytest.mark.parametrize("options, said", [
    (("--processes", "9"), "--processes 9"), (("--files", "ext4"), "ext4"),
    (("--ops", "mmap,fly"), "'fly'"), (("--ops", "mmap,-fly"), "not both"),
    (("--properties", "luck"), "'luck'"), (("--units", "mixed"), "--units mixed"),
    (("--units", "U9"), "U9"), (("--depth", "0"), "--depth 0"), (("--blocks", "17"), "--blocks 17"),
    (("--state", "no/such"), "no such folder"), (("--seconds", "never"), "never"),
])
def test_wrong_use_is_told_in_one_line(pykmm, options, said):
    pykmm("explore", *options).complained(2, said)


def _figures():
    """(options, worlds, transitions, farthest) of the table in docs/explorer.md."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "explorer.md").read_text()
    rows = re.findall(r"^\| (.+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) > 3
    for said, *numbers in rows:
        options = said.strip("`").split() if said.startswith("`") else []
        yield options, [int(number.replace(",", "")) for number in numbers]


@pytest.mark.parametrize("options, figures", list(_figures()))
def test_figures_of_the_documentation_are_exact(pykmm, options, figures):
    if figures[1] > 10**6 and not os.environ.get("PYKMM_DEEP"):
        pytest.skip("takes longer: make deep runs it")
    found = pykmm("explore", *options, "--properties", "all", "--json", "-").was_silent(0).json
    assert [found["worlds"], found["transitions"], found["depth"]] == figures
    assert found["closed"]
