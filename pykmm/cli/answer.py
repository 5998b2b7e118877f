# SPDX-License-Identifier: GPL-2.0-only
"""What a child process answers to one task."""

from ..engine import halves
from ..engine.guarded import Child, Died
from . import output


def answer(task: dict, json_path: str | None, out: output.Output) -> dict | Died:
    """The last message of a child; a mail that is not quite the patch is named on the way.

    task : dict   what the child does: "do" and its arguments
    returns       with halves of the user's also `lent`: functions that they have not, by half
    """
    last: dict | Died = {}
    lent: dict[str, list[str]] = {}
    with Child(task) as child:
        for last in child.messages():
            if isinstance(last, dict) and last["type"] == "ready":
                lent = last["lent"]
                for line in halves.said(lent) if json_path != "-" else ():
                    out.line(line)
            if isinstance(last, dict) and last["type"] == "built" and last["verdict"] != "v8" \
                    and json_path != "-":
                out.line(f"the mail: {last['text']}")
    return {**last, "lent": lent} if isinstance(last, dict) and task["halves"] else last
