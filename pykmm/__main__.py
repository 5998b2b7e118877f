# SPDX-License-Identifier: GPL-2.0-only
"""`python -m pykmm` is `pykmm`."""

from .cli.main import main

main()
