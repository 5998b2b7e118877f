# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm review --units`, as a user's shell starts it."""

from pathlib import Path

from cli_command import Pykmm

# exact: the same on every machine
TRANSITIONS = 1_781_335


def test_units_are_explored_and_shown(pykmm: Pykmm) -> None:
    out = pykmm("review", "--units", "--cases", "400").was_silent(0).out

    for part in ("\nU2: without U2 this breaks tracked_writes: ",
                 "\n  they part first after: p0: mmap f0 at=0 flags=shared|locked",
                 "\n  at the end the disk has [5 2 3 4] of f0 with U6, [1 2 3 4] without\n",
                 "\nU7: none is known: nothing in ",
                 "\ndrawn: in how many of 400 sequences (seed 2006) ",
                 "\n  U5+U7: as without U5 alone; what breaks without U7 alone holds\n",
                 f"\nC, P are alike on all {TRANSITIONS:,} transitions of v8 in these scopes (by the first "
                 "one alone where it calls none of the functions)\n",
                 "give the mail with --patch or PYKMM_PATCH\n"):
        assert part in out, part


def test_units_with_the_mail_are_compared_with_it(pykmm: Pykmm, mail: Path) -> None:
    report = pykmm("review", "--units", "--cases", "400", "--patch", mail, "--json",
                   "-").was_silent(0).json

    assert report["schema"] == "pykmm.review/1" and report["halves"] == ["C", "P", "X"]
    assert sum(scope["transitions"] for scope in report["equality"]) == TRANSITIONS
    for unit, length in {"U1": 2, "U2": 1, "U3": 1, "U4": 2, "U5": 4, "U6": 2, "U7": 4}.items():
        one = report["units"][unit]
        assert one["witness"]["length"] == len(one["witness"]["operations"]) == length
        assert one["property"] and one["bound"] and one["seen_bound"]
        assert one["drawn"]["cases"] == 400
    assert len(report["pairs"]) == 21


def test_units_beside_something_else_are_refused(pykmm: Pykmm) -> None:
    for other in (("U1",), ("--claims",), ("--html", "page.html")):
        done = pykmm("review", *other, "--units")
        assert done.code == 2 and "leave out the rest" in done.err
