"""`python tests/twin SEED CASES`: all differences, without stopping at the first; what was served and what refused, by construct."""
import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed

from compare import BATCH, Comparison, Difference, TwinServers
from tally import Tally


def run(seed, batches, end):
    """One worker, with servers of its own, until `end` or a signal."""
    stopped = []
    for end_of_all in (signal.SIGINT, signal.SIGTERM):
        signal.signal(end_of_all, lambda *_: stopped.append(True))
    with TwinServers() as both:
        comparison = Comparison(both, seed)
        for number in batches:
            if stopped or time.time() > end:
                break
            try:
                comparison.batch(number)
            except Difference as difference:  # what follows in this batch would only follow from it
                if stopped:  # the signal has reached pgseal, too
                    comparison.tally.counts["different"] -= 1
                    break
                print(shortened(str(difference)), flush=True)
        return comparison.tally


def shortened(text):
    """Without the rows that both have, if that is not enough to read it."""
    lines = text.split("\n")
    return "\n".join(line if len(line) < 3000 else f"{line[:1500]} … {line[-1400:]}" for line in lines)


def report(tally, examples):
    for line in tally.table():
        print(line)
    print(dict(tally.errors.most_common()))
    for anchor, count in tally.anchors.most_common():
        print(f"{count:6} {anchor}")
        found = sorted(tally.examples[anchor], key=len)
        for example in found[:: max(1, len(found) // examples)][:examples] if examples else ():
            print(f"         {example[:240]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed")
    parser.add_argument("cases", type=int)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--minutes", type=float, default=1e6, help="an end, if it comes before that of the cases")
    parser.add_argument("--batch", type=int, help="only this one, with its seed's rows and steps")
    parser.add_argument("--examples", type=int, default=0, help="of each kind of refusal")
    told = parser.parse_args()
    # The servers need no disk.
    tempfile.tempdir = tempfile.gettempdir() if "TMPDIR" in os.environ or not os.path.isdir("/dev/shm") else "/dev/shm"
    batches = range(-(-told.cases // BATCH)) if told.batch is None else [told.batch]
    TwinServers.unpack()
    start, tally = time.time(), Tally()
    signal.signal(signal.SIGTERM, lambda *_: [worker.terminate() for worker in multiprocessing.active_children()])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the workers, too, and these end with their batch
    with ProcessPoolExecutor(told.workers) as pool:
        for done in as_completed([pool.submit(run, told.seed, batches[first :: told.workers], start + told.minutes * 60) for first in range(told.workers)]):
            tally.add(done.result())
    report(tally, told.examples)
    print(f"seed {told.seed}: {tally.summary()}; {tally.counts['cases'] / (time.time() - start):.0f} cases a second")
    sys.exit(tally.counts["different"] > 0)


main()
