"""Random statements give the same through pgseal as on a plain twin, or are refused; PGSEAL_TWIN_CASES and _SEED for longer runs."""
import os

import pytest
from compare import Comparison, TwinServers

CASES = int(os.environ.get("PGSEAL_TWIN_CASES", 3000))
SEED = os.environ.get("PGSEAL_TWIN_SEED", "1")
BATCH = 150


@pytest.fixture(scope="module")
def comparison():
    with TwinServers() as servers:
        yield Comparison(servers, SEED)


def test_sealed_and_plain_agree(comparison, capsys):
    number = 0
    while comparison.counts["steps"] < CASES:
        comparison.batch(number, BATCH)
        number += 1
    comparison.marks()
    counts = comparison.counts
    with capsys.disabled():
        print(f"\ntwin: seed {SEED}: " + ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    planned = counts["equal"] / (counts["equal"] + counts["refused"] + counts["no tenant"])
    assert planned > 0.5, f"only {planned:.0%} of the statements were planned: {comparison.anchors}"
