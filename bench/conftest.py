# SPDX-License-Identifier: GPL-2.0-only
"""What the benchmarks have measured, as rates and their ratios."""

import sys
from pathlib import Path

import pytest

# the checkout that this file is in, built in place, if pykmm is not installed
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def _line(name: str, info: dict, seconds: list[float]) -> str:
    best, middle, worst = min(seconds), sorted(seconds)[len(seconds) // 2], max(seconds)
    rate = info["cases"] / best
    return (f"{name:<36}{rate / 1e6:>8.3f} M cases/s   median {info['cases'] / middle / 1e6:.3f}"
            f"   spread {(worst - best) / best:>6.1%}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    session = getattr(terminalreporter.config, "_benchmarksession", None)
    measured = {}
    for benchmark in session.benchmarks if session else []:
        if "cases" in benchmark.extra_info and benchmark.stats.data:
            name = (benchmark.extra_info["kind"], benchmark.extra_info["what"])
            measured[name] = (benchmark.extra_info, benchmark.stats.data)
    if not measured:
        return
    terminalreporter.section("cases per second: best of the rounds")
    for (kind, what), (info, seconds) in measured.items():
        terminalreporter.write_line(_line(f"{kind}, {what}", info, seconds))

    def rate(kind: str, what: str) -> float | None:
        if (kind, what) not in measured:
            return None
        info, seconds = measured[kind, what]
        return info["cases"] / min(seconds)

    for kind in dict.fromkeys(kind for kind, _ in measured):
        for over, under in (("C and P, two threads", "C and P"), ("C and P", "C and C")):
            one, other = rate(kind, over), rate(kind, under)
            if one and other:
                terminalreporter.write_line(f"{kind}: {over} / {under} = {one / other:.2f}")
