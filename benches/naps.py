"""The plot of docs/performance.md: how long a nap may be. The constants are those of src/stream/pacing.rs."""
import os

import plot

LEAST, LONGEST, SHARE = 50, 20_000, 64


def nap(behind_us):
    allowed = min(LONGEST, behind_us / SHARE)
    return allowed if allowed >= LEAST else 0


points = [(ms, nap(ms * 1000)) for ms in range(0, 2001, 10)]
docs = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs")
with open(f"{docs}/pacing.svg", "w") as file:
    file.write(plot.lines("The longest nap", "milliseconds behind", "microseconds",
                          [("pacing.max_us = 20000", "#1b7f5c", points)]))
