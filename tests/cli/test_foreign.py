# SPDX-License-Identifier: GPL-2.0-only
"""Foreign code that misbehaves: lines of an altered mail, and halves of the user's own.

Whatever it does, the command ends with a code of its own, names the half, and
leaves nothing running.
"""

import re
from pathlib import Path

import pytest
from cli_command import Done, Pykmm, running
from cli_halves import Workshop
from interrupting import ended

FUZZ = ["fuzz", "--cases", "20k", "--seed", "1", "--findings", "saved"]

# what a function does -> (lines of C, how the half's runs end then)
OUTCOMES = {
    "follows NULL": ("*(volatile int *)8 = 1;", "oops at offset 0x8 from NULL"),
    "follows a stray pointer": ("*(volatile int *)0x7000 = 1;", "stray access"),
    "writes before the world": ("*((volatile char *)kmm_world - 4096) = 1;", "stray access"),
    "writes behind the world": (
        "*((volatile char *)kmm_world->trace_end + kmm_world->place_distance + 4096) = 1;",
        "stray access"),
    "divides by zero": ("volatile int zero = 0; zero = 7 / zero;", "stray access"),
    "is no instruction": ("__asm__ volatile(\"ud2\");", "stray access"),
    "loops with events": ("for (;;) PageLocked(page);", "hang"),
    "calls itself for ever": ("volatile char much[4096]; much[0] = 1; "
                              "page_mkclean(page); much[1] = much[0];", "stray access"),
    "takes a lock twice": ("spin_lock(&page->mapping->tree_lock); "
                           "spin_lock(&page->mapping->tree_lock);", None),
}

# what ends or stops the process: (lines of C, how that is told)
FAILURES = {
    "aborts": ("extern void abort(void); abort();", "ended the engine by SIGABRT"),
    "exits": ("extern void exit(int); exit(0);", "ended the engine with exit code 0"),
    "leaves": ("extern void _exit(int); _exit(3);", "ended the engine with exit code 3"),
    "kills itself": ("extern int raise(int); raise(9);", "ended the engine by SIGKILL"),
    "raises a signal without a name": ("extern int raise(int); raise(40);",
                                       "ended the engine by signal 40"),
    "stops itself": ("extern int raise(int); raise(19);", "does not come back"),
    "loops without events": ("for (;;) __asm__ volatile(\"\");", "does not come back"),
    "closes every file": ("extern int close(int); for (int i = 0; i < 256; i++) close(i); "
                          "for (;;) __asm__ volatile(\"\");", "closed the engine's own files"),
    "writes into every file": (
        "extern long write(int, const void *, unsigned long); "
        "for (int i = 0; i < 64; i++) write(i, \"{]\\n\", 3); for (;;) __asm__ volatile(\"\");",
        "wrote into the engine's own files"),
    "leaves a process behind": (
        "extern int fork(void); extern unsigned sleep(unsigned); extern void abort(void); "
        "if (!fork()) sleep(1000); abort();", "ended the engine by SIGABRT"),
}


def saved_case(pykmm: Pykmm, done: Done) -> Path:
    path = re.search(r"the case is saved as (\S+)", done.err)
    assert path, done.err
    return pykmm.cwd / path[1]


@pytest.mark.parametrize("what", OUTCOMES)
def test_misbehaviour_on_a_world_is_an_outcome(pykmm: Pykmm, workshop: Workshop,
                                               what: str) -> None:
    lines, ended = OUTCOMES[what]
    half = workshop.with_lines(what.replace(" ", "_"), lines)
    done = pykmm(*FUZZ, "--half", half).was_silent(1)
    assert f"C and {what.replace(' ', '_')} differ" in done.out
    if ended:
        assert ended in done.out
    case, = (pykmm.cwd / "saved").iterdir()
    again = pykmm("run", case, "--half", half).was_silent(1)
    assert f"C and {what.replace(' ', '_')} differ" in again.out
    pykmm("run", case).was_silent(0)


@pytest.mark.parametrize("what", FAILURES)
def test_misbehaviour_against_the_process_names_half_function_and_case(
    pykmm: Pykmm, workshop: Workshop, what: str
) -> None:
    lines, how = FAILURES[what]
    name = what.replace(" ", "_")
    half = workshop.with_lines(name, lines)
    if how == "does not come back":
        pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    done = pykmm(*FUZZ, "--half", half, "--jobs", "1").complained(1, f"half {name} {how}", " in ")
    assert ended(running(half.partition("=")[2])), "all that ran the half"
    case = saved_case(pykmm, done)
    assert case.is_file() and re.search(r"page_mkclean|clear_page_dirty", done.err)
    again = pykmm("run", case, "--half", half).complained(1, f"half {name} {how}", str(case.name))
    assert again.out == ""
    pykmm("run", case).was_silent(0)


def test_the_rare_case_that_fails_is_the_one_that_is_saved(pykmm: Pykmm,
                                                           workshop: Workshop) -> None:
    # other threads run other cases of the same half when this one aborts
    half = workshop.with_lines("rarely", "extern void abort(void); "
                               "if (page->index == 2 && page->flags & 1ul << PG_dirty) abort();")
    for seed in range(3):
        done = pykmm("fuzz", "--cases", "400k", "--seed", seed, "--jobs", "8", "--half", half)
        done.complained(1, "half rarely ended the engine by SIGABRT")
        pykmm("run", saved_case(pykmm, done), "--half", half).complained(1, "half rarely ended")


def test_one_looping_thread_is_seen_while_others_go_on(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("sometimes", "if (page->index == 2 && page->flags & "
                               "1ul << PG_writeback) for (;;) __asm__ volatile(\"\");")
    pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    done = pykmm("fuzz", "--seconds", "1h", "--seed", "1", "--jobs", "2", "--half", half)
    done.complained(1, "half sometimes does not come back")
    pykmm("run", saved_case(pykmm, done), "--half", half).complained(1, "does not come back")


def test_failure_as_json(pykmm: Pykmm, workshop: Workshop) -> None:
    half = workshop.with_lines("aborts", FAILURES["aborts"][0])
    done = pykmm(*FUZZ, "--half", half, "--json", "-").complained(1, "half aborts ended")
    failed = done.json["failed"]
    assert done.json["schema"] == "pykmm.fuzz/1" and failed["half"] == "aborts"
    done = pykmm("run", failed["saved"], "--half", half, "--json", "-")
    assert done.complained(1, "half aborts").json["failed"]["function"] == failed["function"]


def test_failure_whose_case_cannot_be_saved_is_still_told(pykmm: Pykmm,
                                                          workshop: Workshop) -> None:
    half = workshop.with_lines("aborts", FAILURES["aborts"][0])
    # a folder to be made whose name no file system takes is only seen when it is made
    done = pykmm("fuzz", "--cases", "20k", "--findings", "f" * 300, "--half", half)
    assert done.code == 1
    assert "half aborts ended the engine by SIGABRT" in done.err and "its case is " in done.err


def test_half_that_fails_only_when_it_is_examined(pykmm: Pykmm, workshop: Workshop) -> None:
    # differs first, and does not come back when it is run again to be told about
    half = workshop.with_lines("once", "static int n; if (n++) for (;;) __asm__ volatile(\"\"); "
                               "return 99;")
    pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    pykmm(*FUZZ, "--jobs", "1", "--half", half).complained(1, "half once does not come back")


@pytest.mark.parametrize(("command", "what", "lines", "how"), [
    ("fuzz", "loops", "for (;;) __asm__ volatile(\"\");", "does not come back"),
    ("run", "loops", "for (;;) __asm__ volatile(\"\");", "does not come back"),
    ("fuzz", "aborts", "extern void abort(void); abort();", "ended the engine by SIGABRT"),
    ("run", "exits", "extern void exit(int); exit(0);", "ended the engine with exit code 0"),
    ("fuzz", "faults", "*(volatile int *)8 = 1;", "ended the engine by SIGSEGV"),
])
def test_half_that_misbehaves_while_it_is_loaded(
    pykmm: Pykmm, workshop: Workshop, saved_case: Path, command: str, what: str, lines: str,
    how: str
) -> None:
    half = workshop.with_lines(f"load_{what}", "", before=(
        f"__attribute__((constructor)) static void at_load(void) {{ {lines} }}"))
    pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    first = FUZZ if command == "fuzz" else ["run", saved_case]
    pykmm(*first, "--half", half).complained(2, f"half load_{what} {how} while it is loaded")


# -- lines of a mail


def altered(pykmm: Pykmm, mail: Path, line: str) -> Path:
    """The mail with another line in the place of E23's call."""
    lines = mail.read_text().split("\n")
    at = [i for i, text in enumerate(lines) if text.endswith("page_mkclean(page);")][1]
    lines[at] = f"+\t\t\t{line}"
    path = pykmm.cwd / "altered.txt"
    path.write_text("\n".join(lines))
    return path


def test_mail_that_loops(pykmm: Pykmm, mail: Path) -> None:
    patch = altered(pykmm, mail, "for(;;);")
    pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    done = pykmm(*FUZZ, "--functions", "clear_page_dirty_for_io", "--patch", patch)
    done.complained(1, "half X does not come back in clear_page_dirty_for_io")
    assert "E23" in done.out.splitlines()[0]
    case = saved_case(pykmm, done)
    pykmm("run", case, "--patch", patch).complained(1, "half X does not come back")
    pykmm("run", case, "--patch", mail).was_silent(0)


def test_mail_that_follows_null(pykmm: Pykmm, mail: Path) -> None:
    done = pykmm(*FUZZ, "--patch", altered(pykmm, mail, "*(volatile int *)0 = 1;")).was_silent(1)
    assert "C and X differ" in done.out and "oops at offset 0x0 from NULL" in done.out


def test_mail_that_aborts(pykmm: Pykmm, mail: Path) -> None:
    patch = altered(pykmm, mail, "{ extern void abort(void); abort(); }")
    pykmm(*FUZZ, "--functions", "clear_page_dirty_for_io", "--patch", patch).complained(
        1, "half X ended the engine by SIGABRT in clear_page_dirty_for_io")


def test_mail_that_runs_code_while_it_is_loaded(pykmm: Pykmm, mail: Path) -> None:
    lines = mail.read_text().split("\n")
    at = next(i for i, text in enumerate(lines) if text.startswith("+static int page_mkclean_one("))
    lines[at] = "+__attribute__((constructor)) static void at_load(void) { for (;;); } " + \
        lines[at][1:]
    path = pykmm.cwd / "altered.txt"
    path.write_text("\n".join(lines))
    pykmm.env["PYKMM_SILENT_SECONDS"] = "0.5"
    pykmm(*FUZZ, "--patch", path).complained(2, "half X does not come back while it is loaded")
