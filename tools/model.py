# SPDX-License-Identifier: GPL-2.0-only
"""Run the model in tests/model beside half C, and sort what differs.

    python tools/model.py --cases 500           how many agree, and each kind of difference
    python tools/model.py --index 7             one case: its first difference, and shrunk
    python tools/model.py --go-on               past differences: the model is put where C is

Exit code 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from model import compare  # noqa: E402


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=2006)
    parser.add_argument("--shard", type=int, default=0)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--index", type=int, help="only this case")
    parser.add_argument("--go-on", action="store_true", help="count differences after the first")
    parser.add_argument("--examples", type=int, default=5, help="kinds that are shown shrunk")
    return parser.parse_args()


def main() -> int:
    chosen = _arguments()
    both = compare.Both()
    indices = range(chosen.cases) if chosen.index is None else [chosen.index]
    kinds: Counter = Counter()
    examples: dict[tuple[str, str], compare.Difference] = {}
    agree = operations = 0
    began = time.perf_counter()
    for index in indices:
        case = compare.draw(chosen.seed, chosen.shard, index)
        found = list(both.all(case, chosen.go_on))
        operations += len(both.done)
        agree += not found
        for difference in found:
            kinds[difference.kind] += 1
            known = examples.get(difference.kind)
            if not known or len(difference.case.done) < len(known.case.done):
                examples[difference.kind] = difference
    spent = time.perf_counter() - began
    print(f"seed {chosen.seed}, shard {chosen.shard}: {agree} of {len(indices)} cases agree, "
          f"{operations} operations in {spent:.1f} s")
    for number, (kind, count) in enumerate(kinds.most_common()):
        print(f"{count:6}  {kind[0]}: {kind[1]}")
        if number < chosen.examples:
            print(compare.shrink(both, examples[kind]).text())
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
