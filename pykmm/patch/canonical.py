# SPDX-License-Identifier: GPL-2.0-only
"""The mail as a patch that standard tools parse, and `pykmm extract`.

The counts of each header are those of the mail and context gets its blank
first column back.  White space that an archive ate cannot be given back, so
tools can read and count this patch, but not apply it to a kernel.
"""

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pykmm.errors import BadInput
from pykmm.patch.edits import FoundEdit, Verdict, judge
from pykmm.patch.mail import Hunk, Mail, read_mail
from pykmm.patch.transport import shown

SCHEMA = "pykmm.extract/1"


def canonical_patch(mail: Mail) -> str:
    """The patch as unidiff, patch(1) and `git apply --stat` read it."""
    parts: list[str] = []
    for file in mail.files:
        parts += [f"--- a/{file.path}", f"+++ b/{file.path}"]
        for hunk in file.hunks:
            parts += [_header(hunk), *(line.op + line.text for line in hunk.lines)]
    return "\n".join(parts) + "\n"


def edit_list(mail: Mail, verdict: Verdict) -> dict[str, Any]:
    """What edits.json holds; `lines` are the first and the last line in the mail."""
    return {
        "schema": SCHEMA,
        "mail": mail.name,
        "verdict": verdict.kind,
        "altered": [{"what": a.what, "lines": list(a.lines)} for a in verdict.altered],
        "files": verdict.files,
        "hunks": verdict.hunks,
        "plus": verdict.plus,
        "minus": verdict.minus,
        "edits": [_facts(found) for found in verdict.edits],
    }


def extract(mail_path: str | os.PathLike[str], out_dir: str | os.PathLike[str]) -> Verdict:
    """Write canonical.patch and edits.json of a mail into a folder, made if missing.

    raises BadInput  the mail is refused, or the folder cannot be written; files
                     that were there are then as before, never half of the new
    """
    mail = read_mail(mail_path)
    verdict = judge(mail)
    _write_all(
        Path(out_dir),
        {
            "canonical.patch": canonical_patch(mail),
            "edits.json": json.dumps(edit_list(mail, verdict), indent=2) + "\n",
        },
    )
    return verdict


def _header(hunk: Hunk) -> str:
    old, new = f"{hunk.old_start},{hunk.old_count}", f"{hunk.new_start},{hunk.new_count}"
    return f"@@ -{old} +{new} @@ {hunk.section}".rstrip()


def _facts(found: FoundEdit) -> dict[str, Any]:
    edit = found.edit
    return {
        "id": edit.id,
        "file": edit.file,
        "function": edit.function,
        "unit": edit.unit,
        "plus": found.count("+"),
        "minus": found.count("-"),
        "hunk": edit.hunk,
        "lines": [found.first, found.last],
        "note": edit.note,
    }


def _write_all(folder: Path, texts: dict[str, str]) -> None:
    """Write the files beside their places first, and move them there when all are whole."""
    with contextlib.ExitStack() as cleanup:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            waiting = tempfile.TemporaryDirectory(prefix=".pykmm-", dir=folder)
            whole = Path(cleanup.enter_context(waiting))
            for name, text in texts.items():
                if (folder / name).is_dir():
                    raise IsADirectoryError(21, f"{name} is a folder")
                (whole / name).write_text(text, encoding="utf-8", errors="surrogateescape")
            for name in texts:
                os.replace(whole / name, folder / name)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise BadInput(
                f"{shown(folder)}: cannot be written: {why}; name another folder"
            ) from error
