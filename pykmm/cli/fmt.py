# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm fmt FILE...`: scenarios in their canonical layout."""

from pathlib import Path

import click

from ..engine import casefile
from ..errors import BadInput
from ..scenario import drawn, layout, meaning, parse
from . import options, output


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True,
              help="Change nothing; exit 1 and name the files that would be changed.")
@click.option("--print", "printed", is_flag=True,
              help="Write to standard output instead; a saved case (.case) becomes a scenario.")
@options.json_option
def fmt(files, only_check, printed, json_path) -> int:
    """Rewrite scenarios in their canonical layout; comments stay where they are."""
    output.check_json_path(json_path)
    if only_check and printed:
        raise BadInput("--check and --print: one of them")
    out = output.Output()
    texts = [(file, *_canonical(file, printed)) for file in files]
    changed = [file for file, before, after in texts if before != after]
    for file, before, after in texts:
        if printed:
            out.raw(after)
        elif before != after:
            if not only_check:
                _write(file, after)
            if json_path != "-":
                out.line(f"{file}: {'is not in its layout' if only_check else 'rewritten'}")
    output.write_json(json_path, {"schema": "pykmm.fmt/1", "files": list(files),
                                  "changed": changed}, out)
    return output.FOUND if only_check and changed else output.GOOD


def _canonical(file: str, printed: bool) -> tuple[str, str]:
    """(the text as it is, as it should be); raises BadInput if it means nothing."""
    if not file.endswith(".kmm"):
        if not printed:
            raise BadInput(f"{file}: not a scenario: fmt takes files that end with .kmm, and with "
                           "--print saved cases too")
        case = casefile.load(Path(file))
        return "", layout.text(drawn.scenario_of(case, f"The saved case {Path(file).name}."))
    before = parse.read(Path(file))
    scenario = parse.parse(before, file)
    meaning.check(scenario)
    return before, layout.text(scenario)


def _write(file: str, text: str) -> None:
    path = Path(file)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise BadInput(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
