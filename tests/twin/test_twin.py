"""Random statements give the same through pgseal as on a plain twin, or are refused; PGSEAL_TWIN_CASES and _SEED for longer runs."""
import os

import pytest
from compare import Comparison, TwinServers

CASES = int(os.environ.get("PGSEAL_TWIN_CASES", 4000))
SEED = os.environ.get("PGSEAL_TWIN_SEED", "1")


@pytest.fixture(scope="module")
def comparison():
    with TwinServers() as servers:
        yield Comparison(servers, SEED)


def test_sealed_and_plain_agree(comparison, capsys):
    tally, number = comparison.tally, 0
    while tally.counts["cases"] < CASES:
        comparison.batch(number)
        number += 1
    with capsys.disabled():
        print(f"\ntwin: seed {SEED}: {tally.summary()}")
    assert tally.refusals() < 0.2, tally.anchors
    assert not tally.never_served()
