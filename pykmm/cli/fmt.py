# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm fmt FILE...`: scenarios in their canonical layout."""

from pathlib import Path

import click

from ..engine import casefile
from ..errors import BadInput
from ..scenario import drawn, layout, meaning, parse
from . import interrupt, options, output, streams


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--check", "only_check", is_flag=True,
              help="Change nothing; exit 1 and name the files that would be changed.")
@click.option("--print", "printed", is_flag=True,
              help="Write to standard output instead; a saved case (.case) becomes a scenario.")
@options.json_option
def fmt(files, only_check, printed, json_path) -> int:
    """Rewrite scenarios in their canonical layout; comments stay where they are.

    All files are looked at. Each that means nothing is named, and then none is changed.
    """
    output.check_json_path(json_path)
    interrupt.begins(json_path, schema="pykmm.fmt/1", files=list(files))
    if only_check and printed:
        raise BadInput("--check and --print: one of them")
    out = output.Output()
    texts: dict[str, str] = {}
    changed: list[str] = []
    bad: dict[str, str] = {}
    for file in files:
        try:
            before, texts[file] = _canonical(file, printed)
        except BadInput as error:
            bad[file] = str(error)
            streams.complain(bad[file])
            continue
        if before != texts[file]:
            changed.append(file)
            if only_check:
                interrupt.found()
                if json_path != "-":
                    out.line(f"{file}: is not in its layout")
    for file in () if bad or only_check else texts if printed else changed:
        if printed:
            out.raw(texts[file])
            continue
        _write(file, texts[file])
        if json_path != "-":
            out.line(f"{file}: rewritten")
    output.write_json(json_path, {"schema": "pykmm.fmt/1", "files": list(files),
                                  "changed": changed if only_check or not bad else [], "bad": bad}, out)
    return output.WRONG_USE if bad else output.code_of(found=only_check and changed)


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
