# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm extract MAIL -o DIR`: the patch out of a mail, repaired, and the table of its edits."""

import json
from pathlib import Path

import click

from ..patch.canonical import SCHEMA
from ..patch.canonical import extract as extract_patch
from . import interrupt, mails, options, output


@click.command()
@click.argument("mail")
@click.option("-o", "--output", "folder", metavar="DIR", required=True,
              help="Where canonical.patch and edits.json are written.")
@options.json_option
def extract(mail, folder, json_path) -> int:
    """Read a mail as people have it and write the patch so that tools can parse it."""
    output.check_json_path(json_path)
    interrupt.begins(json_path, schema=SCHEMA)
    out = output.Output()
    verdict = extract_patch(Path("/dev/stdin" if mail == mails.STDIN else mail), Path(folder))
    patch, edits = Path(folder) / "canonical.patch", Path(folder) / "edits.json"
    if json_path != "-":
        out.line(str(verdict))
        out.line(f"wrote {patch} and {edits}")
    output.write_json(json_path, json.loads(edits.read_text(encoding="utf-8")), out)
    return output.GOOD
