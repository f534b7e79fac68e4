"""`python tests/twin SEED CASES`: all differences, without stopping at the first, and what was refused."""
import sys

from compare import Comparison, Difference, TwinServers

seed, cases = sys.argv[1], int(sys.argv[2])
with TwinServers() as servers:
    comparison = Comparison(servers, seed)
    number = 0
    while comparison.counts["steps"] < cases:
        try:
            comparison.batch(number, 150)
        except Difference as difference:  # what follows in this batch would only follow from it
            print(str(difference)[:3000], flush=True)
        number += 1
    comparison.marks()
    print(dict(comparison.counts), dict(comparison.errors.most_common()))
    for anchor, count in comparison.anchors.most_common():
        print(f"{count:6} {anchor}")
        for example in sorted(comparison.examples[anchor], key=len)[:: max(1, len(comparison.examples[anchor]) // 6)][:6]:
            print(f"         {example[:240]}")
