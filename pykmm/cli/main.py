# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm COMMAND`: the commands, and how every one of them ends."""

import sys

import click

from .. import __version__
from ..errors import PykmmError
from . import output


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="pykmm %(version)s")
def pykmm() -> None:
    """One kernel patch under a microscope: C, Cython and the patch's own lines, bit for bit.

    Exit codes: 0 all good, 1 something was found, 2 wrong use or bad input, 3 something is
    missing here.
    """


def _add_commands() -> None:
    from .doctor import doctor
    from .extract import extract
    from .fuzz import fuzz
    from .run import run

    for command in (fuzz, run, extract, doctor):
        pykmm.add_command(command)


def main() -> None:
    """Entry point: one line for every error, never a traceback for bad input."""
    code = output.GOOD
    try:
        _add_commands()
        code = pykmm.main(standalone_mode=False, prog_name="pykmm") or output.GOOD
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "pykmm"
        output.complain(f"{error.format_message()}   (see {where} --help)")
        code = output.WRONG_USE
    except PykmmError as error:
        output.complain(str(error))
        code = error.exit_code
    except ImportError as error:
        output.complain(f"{error}: pykmm is not built here; run `make build`, or install it with pip")
        code = output.LACKING
    except (KeyboardInterrupt, click.Abort):
        output.complain("stopped")
    except BrokenPipeError:
        output.Output().close()
    sys.exit(code)


if __name__ == "__main__":
    main()
