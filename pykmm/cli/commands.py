# SPDX-License-Identifier: GPL-2.0-only
"""The commands by name, and what becomes of the errors that they know."""

import importlib
import sys

import click

from .. import __version__
from ..errors import PykmmError
from . import output, streams


class Commands(click.Group):
    """Imports a command when it is asked for: doctor has to work where fuzz cannot."""

    names = ("bench", "coverage", "doctor", "explore", "extract", "fmt", "fuzz", "review", "run")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.names:
            return None
        return getattr(importlib.import_module(f".{cmd_name}", __package__), cmd_name)


@click.group(
    cls=Commands,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="pykmm %(version)s")
def pykmm() -> None:
    """One kernel patch under a microscope: C, Cython and the patch's own lines, bit for bit.

    Exit codes: 0 all good, 1 something was found, 2 wrong use or bad input, 3 something is
    missing here. Interrupted (Ctrl-C, or nobody reads the output any more): 1 if something was
    found by then, else 130; 143 after SIGTERM, 129 after SIGHUP.
    """


def run_command() -> int:
    """Run the command of this process's arguments; its exit code."""
    try:
        return _invoke(sys.argv[1:])
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "pykmm"
        streams.complain(f"{error.format_message()}   (see {where} --help)")
        return output.WRONG_USE
    except PykmmError as error:
        streams.complain(str(error))
        return error.exit_code


def _invoke(arguments: list[str]) -> int:
    """Click's own main would exit with 1 when the reader of --help has gone."""
    try:
        with pykmm.make_context("pykmm", arguments) as context:
            return pykmm.invoke(context)
    except OSError as error:
        if error.filename is not None:
            raise
        output.give_up(error)
        return output.GOOD
