# SPDX-License-Identifier: GPL-2.0-only
"""What a child process answers to one task."""

from ..engine.guarded import Child, Died
from . import output


def answer(task: dict, json_path: str | None, out: output.Output) -> dict | Died:
    """The last message of a child; a mail that is not quite the patch is named on the way.

    task : dict   what the child does: "do" and its arguments
    """
    last: dict | Died = {}
    with Child(task) as child:
        for last in child.messages():
            if isinstance(last, dict) and last["type"] == "built" and last["verdict"] != "v8" \
                    and json_path != "-":
                out.line(f"the mail: {last['text']}")
    return last
