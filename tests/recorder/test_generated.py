"""Random scripts: what pgseal answers is what PostgreSQL answers.

RECORDER_SCRIPTS says how many of each family (default 80), RECORDER_SEED where the seeds begin.
"""
import os

import pytest
from generate import Script
from recorder import difference

COUNT = int(os.environ.get("RECORDER_SCRIPTS", "80"))
FIRST = int(os.environ.get("RECORDER_SEED", "1"))
# What once went wrong: a Sync among the data of a COPY that failed; a sealed value in an error's DETAIL; a parameter's number
# in the error of a question of pgseal's.
KNOWN = [9042, 5178, 66063]


@pytest.mark.parametrize("family", ["plain", "sealed", "copies"])
def test_generated_scripts(pair, family):
    failures, refused = [], 0
    for seed in [*KNOWN, *range(FIRST, FIRST + COUNT)]:
        script = Script(seed, family != "sealed", copies=family == "copies")
        direct, through = pair.record(script.data, "random" if seed % 2 else "whole", seed)
        if family == "sealed" and through.refusals():
            # A refusal is an answer of its own; the statement it stands for has no equal on the other side.
            refused += 1
        elif found := difference(direct, through, family == "sealed"):
            failures.append(f"family {family}, seed {seed}: {found}")
            if len(failures) == 5:
                break
    assert not failures, "\n\n".join(failures)
    # Random texts meet a refusal often; all of them would mean that nothing is compared.
    assert refused < COUNT / 2
    print(f"{family}: {COUNT} scripts from seed {FIRST}, {refused} refused")
