# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm extract MAIL -o DIR`: the patch out of a mail, repaired, and the table of its edits."""

from pathlib import Path

import click

from ..patch.canonical import extract as extract_patch
from . import output


@click.command()
@click.argument("mail")
@click.option("-o", "--output", "folder", metavar="DIR", required=True,
              help="Where canonical.patch and edits.json are written.")
def extract(mail, folder) -> int:
    """Read a mail as people have it and write the patch so that tools can parse it."""
    out = output.Output()
    verdict = extract_patch(Path(mail), Path(folder))
    out.line(str(verdict))
    out.line(f"wrote {Path(folder) / 'canonical.patch'} and {Path(folder) / 'edits.json'}")
    return output.GOOD
