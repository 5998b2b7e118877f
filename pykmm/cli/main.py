# SPDX-License-Identifier: GPL-2.0-only
"""`pykmm`: where it begins and how it ends.

Nothing is imported before there is somebody to catch what an import can meet:
Ctrl-C, or a package that is not there.

Ctrl-C: 1 if something was found by then, else 130, and a result that was to be written says that it
was interrupted. SIGTERM and SIGHUP: 143 and 129, as of a program that does not catch them; what
was started is ended, and nothing more is told.
"""

import os
import signal
import sys
import traceback

from . import streams

GOOD, FOUND, LACKING, INTERRUPTED = 0, 1, 3, 130


def main() -> None:
    """Entry point: one line for every error, never a traceback."""
    streams.open_closed()
    code = GOOD
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                # by an exception, so that what was started is ended
                signal.signal(number, lambda number, _: sys.exit(128 + number))
        from .commands import run_command

        code = run_command()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = _interrupted()
        streams.complain("stopped")
        streams.flush()
        # sys.exit would not do: an interrupt inside code that an import executes from a string
        # (a dataclass, a named tuple) makes Python end by SIGINT although it was caught
        os._exit(code)
    except ImportError as error:
        streams.complain(
            f"{error}: pykmm is not built here; run `make build`, or install it with pip"
        )
        code = LACKING
    except MemoryError:
        streams.complain("there is not enough memory here")
        code = LACKING
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        streams.complain(f"pykmm itself is broken: {type(error).__name__}: {error}; please report "
                         f"it with the command and the place: {place.filename}:{place.lineno}")
        code = LACKING
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    streams.flush()
    sys.exit(code)


def _interrupted() -> int:
    """What a command that was interrupted leaves; its exit code."""
    # what was being imported may be there in part, and the next import begins it again
    try:
        from . import interrupt

        interrupt.leave()
        return FOUND if interrupt.was_found() else INTERRUPTED
    except Exception as error:
        streams.complain(f"nothing is written of what was interrupted: {error}")
        return INTERRUPTED


if __name__ == "__main__":
    main()
