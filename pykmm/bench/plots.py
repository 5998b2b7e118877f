# SPDX-License-Identifier: GPL-2.0-only
"""Growth drawn: what was measured, its fit, and what it would be if it were worse.

Everything is black and grey and told apart by marker and dash, so that a print shows it too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput, Lacking
from .growth import Growth
from .shapes import SHAPES, Fit

FORMATS = ("png", "svg")
_COLUMNS = 2
_WIDTH, _HEIGHT = 5.2, 4.0          # inches of a panel
_STEEP = 20                         # costs that differ so many times need a logarithmic axis
_SETTINGS = {
    "font.size": 9, "axes.titlesize": 10, "legend.fontsize": 8.5, "axes.spines.top": False,
    "axes.spines.right": False, "legend.frameon": False,
    # letters stay letters, and two drawings of the same numbers are the same file
    "svg.fonttype": "none", "svg.hashsalt": "pykmm",
}


def draw(found: Sequence[Growth], folder: Path) -> list[Path]:
    """Draw sweeps into growth.png and growth.svg of a folder, which is made: the files.

    raises Lacking    there is no matplotlib
           BadInput   the folder cannot be written to
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise Lacking("plots are drawn by matplotlib, which is not installed: "
                      "pip install 'pykmm[plots]'") from None
    rows = -(-len(found) // _COLUMNS)
    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_COLUMNS * _WIDTH, rows * _HEIGHT), layout="constrained")
        figure.get_layout_engine().set(h_pad=0.12, w_pad=0.1)
        panels = figure.subplots(rows, _COLUMNS, squeeze=False).flat
        for panel in list(panels)[len(found):]:
            panel.set_axis_off()
        for growth, panel in zip(found, figure.axes, strict=False):
            _panel(panel, growth)
        return _save(figure, Path(folder))


def _save(figure: Any, folder: Path) -> list[Path]:
    files = [folder / f"growth.{kind}" for kind in FORMATS]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            figure.savefig(file, dpi=150, metadata={"Date": None} if file.suffix == ".svg" else {})
    except OSError as error:
        raise BadInput(f"{folder}: plots cannot be written there: {error.strerror}") from error
    return files


def _panel(panel: Any, growth: Growth) -> None:
    sizes = [size for size, _ in growth.points]
    costs = [cost for _, cost in growth.points]
    panel.plot(sizes, costs, "o", color="black", markerfacecolor="white", markersize=6, zorder=3,
               label="measured")
    panel.plot(sizes, _values(growth.fit, sizes), "-", color="black", linewidth=1.2,
               label=f"{growth.fit}")
    other = _other(growth)
    panel.plot(sizes, _values(other, sizes), "--", color="0.35", linewidth=1.2,
               label=f"as {other.shape} (mean error {other.residual:.0%})")
    _axes(panel, sizes, costs)
    verdict = f"\n{growth.verdict()}" if growth.failed else ""
    panel.set_title(f"{growth.sweep.name}{verdict}", loc="left")
    panel.set_xlabel(f"n = {growth.sweep.of}")
    panel.set_ylabel(f"{growth.unit} a call")
    panel.legend(loc="upper left")


def _values(fit: Fit, sizes: Sequence[int]) -> list[float]:
    return [fit.at(size) for size in sizes]


def _other(growth: Growth) -> Fit:
    """The shape next to the one that was found: the next worse, if there is one."""
    shapes = list(SHAPES)
    at = shapes.index(growth.fit.shape)
    return growth.fits[shapes[at + 1] if at + 1 < len(shapes) else shapes[at - 1]]


def _axes(panel: Any, sizes: Sequence[int], costs: Sequence[float]) -> None:
    panel.set_xscale("log", base=2)
    marks = [size for size in sizes if size.bit_length() % 2]
    panel.set_xticks(marks, labels=[f"{mark:,}" for mark in marks])
    panel.minorticks_off()
    if max(costs) > _STEEP * min(costs):
        panel.set_yscale("log")
        # room for the legend above the line
        panel.set_ylim(min(costs) / 2, max(costs) * 20)
    else:
        panel.set_ylim(0, 1.6 * max(costs))
    panel.grid(True, color="0.9", linewidth=0.8)
    panel.set_axisbelow(True)
