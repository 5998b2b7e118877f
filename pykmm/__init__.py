# SPDX-License-Identifier: GPL-2.0-only
"""One kernel patch under a microscope: *mm: tracking shared dirty pages*.

Every function that the patch changes exists twice, in C (cref/) and in Cython
(pykmm/mm, pykmm/fs, pykmm/linux), and both run on one model of the kernel
below them until they give bit-identical outputs or a case shows where not.
"""

__version__ = "0.1.0"


def __getattr__(name: str):
    """pykmm.World, which loads both halves, is imported when it is first asked for."""
    if name == "World":
        from .world import World

        return World
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
