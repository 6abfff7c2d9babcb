"""What is asked for by environment: scripts/bench sets BENCH_BUILD, whoever runs it the rest."""
import os

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.environ.get("BENCH_BUILD", f"{ROOT}/build/bench")
QUICK = os.environ.get("QUICK", "") not in ("", "0")
ONLY = [name for name in os.environ.get("ONLY", "").replace(",", " ").split() if name]
ROUNDS = int(os.environ.get("REPETITIONS") or (3 if QUICK else 5))
# For those who work on the benchmark itself: 0.02 is over in a minute, and its numbers mean nothing.
SCALE = float(os.environ.get("BENCH_SCALE") or 1)


def rows(full, quick):
    """As many as are wanted, in thousands."""
    return max(2, round((quick if QUICK else full) * SCALE / 1000)) * 1000
