# SPDX-License-Identifier: GPL-2.0-only
"""Mails from pipes and standard input; what is named and is no file."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli_command import Pykmm

FUZZ = "fuzz --cases 500 --seed 1 --jobs 1"


def shell(pykmm: Pykmm, line: str) -> subprocess.CompletedProcess:
    """A line of bash, in which $PYKMM is the command."""
    command = f"{shlex.quote(sys.executable)} -m pykmm"
    return subprocess.run(["bash", "-c", f"set -o pipefail; {line.replace('$PYKMM', command)}"],
                          cwd=pykmm.cwd, env={**pykmm.env, "TMPDIR": str(pykmm.cwd)},
                          capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("line", [
    f"cat mail.txt | $PYKMM {FUZZ} --patch -",
    f"$PYKMM {FUZZ} --patch - < mail.txt",
    f"$PYKMM {FUZZ} --patch /dev/stdin < mail.txt",
    f"$PYKMM {FUZZ} --patch <(cat mail.txt)",
    "$PYKMM review --patch mail.txt --against <(cat mail.txt)",
    "cat mail.txt | $PYKMM review --patch <(cat mail.txt) --against -",
    "cat mail.txt | $PYKMM extract - -o out",
    "$PYKMM extract <(cat mail.txt) -o out",
])
def test_mail_may_come_from_a_pipe(pykmm: Pykmm, mail: Path, line: str) -> None:
    (pykmm.cwd / "mail.txt").write_bytes(mail.read_bytes())
    done = shell(pykmm, line)
    assert (done.returncode, done.stderr) == (0, "")
    assert "v8" in done.stdout or "halves C, P, X" in done.stdout
    # what it was put into is gone
    assert not list(pykmm.cwd.glob("pykmm-mail-*"))


def test_command_that_repeats_a_run_reads_standard_input_again(pykmm: Pykmm, mail: Path) -> None:
    text = mail.read_text().replace("+ entry = pte_wrprotect(entry);",
                                    "+ entry = pte_mkclean(entry);")
    (pykmm.cwd / "altered.txt").write_text(text)
    done = shell(pykmm, f"cat altered.txt | $PYKMM fuzz --functions page_mkclean_file --cases 20k "
                        "--seed 1 --jobs 1 --patch -")
    assert done.returncode == 1
    again = done.stdout.split("again with: ")[1].split("\n")[0]
    assert again.endswith("--patch -")
    repeated = shell(pykmm, "cat altered.txt | " + again.replace("pykmm ", "$PYKMM ", 1))
    assert repeated.returncode == 1 and "pte_mkclean" not in repeated.stderr
    assert "C and X differ" in repeated.stdout


@pytest.mark.parametrize(("arguments", "what"), [
    (("fuzz", "--patch", "."), "--patch .: this is a folder; name the mail's file in it"),
    (("fuzz", "--half", "Z=."), "--half Z=.: this is a folder; name the shared library in it"),
    (("fuzz", "--patch", "gone.txt"), "--patch gone.txt: no such file"),
    (("fuzz", "--half", "Z=gone.so"), "--half Z=gone.so: no such file"),
    (("review", "--patch", "here.txt", "--against", "."), "--against .: this is a folder"),
    (("review", "--patch", "here.txt", "--against", "gone"), "--against gone: no such file"),
    (("fuzz", "--patch", "a\x01" * 3000), "File name too long"),
])
def test_what_is_no_file_is_told(pykmm: Pykmm, arguments: tuple[str, ...], what: str) -> None:
    (pykmm.cwd / "here.txt").write_text("It is said.\n")
    done = pykmm(*arguments)
    assert done.code == 2 and what in done.err and not done.out and len(done.err) < 300


def test_standard_input_is_one_mail(pykmm: Pykmm) -> None:
    done = shell(pykmm, "echo | $PYKMM review --patch - --against -")
    assert done.returncode == 2
    assert done.stderr == ("pykmm: --against -: standard input is the mail of --patch already\n")
