"""Runs the benchmark beside a server that scripts/with-server started, and writes docs/benchmarks.md and its plots.

Called by scripts/bench, which builds everything first. Only what comes with Python is used. Numbers compare only
within one run: all programs take turns within each round, each with a fresh copy of the same slot, and ratios are
made within a round. ONLY=section,section: those alone, and the page goes to build/bench.
"""
import json
import os
import platform
import signal
import sys
import time

from bench import Bench
from process import run
from progress import Progress, span
from report import write
from sections import cgo, conditions, decode, delays, memory, reads, streaming, throughput
from server import congestion
from settings import BUILD, ONLY, QUICK, ROOT, ROUNDS, SCALE

SECTIONS = {"throughput": throughput, "conditions": conditions, "streaming": streaming, "decode": decode, "delays": delays,
            "memory": memory, "reads": reads, "cgo": cgo}
# What of the workloads a section reads.
READ = {"throughput": throughput.WORKLOADS, "memory": ["narrow"], "reads": ["narrow"], "cgo": cgo.WORKLOADS,
        "conditions": ["narrow", "one", "wide", "big", "short"]}


def chosen():
    unknown = [name for name in ONLY if name not in SECTIONS]
    if unknown:
        sys.exit(f"bench: no section {', '.join(unknown)}; there are {', '.join(SECTIONS)}")
    return ONLY or list(SECTIONS)


def prepare(bench, names):
    bench.write_tables()
    needed = {workload for name in names for workload in READ.get(name, [])}
    for workload in bench.workloads.values():
        if workload.name in needed:
            bench.say(f"writing {workload.name}: {workload.what}, {workload.count:,} rows")
            workload.write(bench.server)


def measure(bench, names):
    """The highest load of the machine that was seen meanwhile, and how long it took."""
    steps = [step for name in names for step in SECTIONS[name].steps(bench)]
    progress = Progress(steps)
    bench.say = progress.say
    began, load = time.monotonic(), 0.0
    for step in steps:
        progress.begin(step)
        try:
            step.measure()
        except (OSError, RuntimeError) as error:
            bench.say(f"{step.label}: {error}")
            bench.note(f"{step.label}: failed")
        progress.end(step)
        load = max(load, os.getloadavg()[0])
    progress.close()
    return load, time.monotonic() - began


def libpq():
    """Of all clients but pg_walstream's rustls and psycopg2, which brings its own."""
    version = int(run([[f"{BUILD}/bare"]])["libpq"])
    return f"{version // 10000}.{version % 10000}"


def busy():
    """The share of all processors that is in use while the benchmark does nothing."""
    def ticks():
        with open("/proc/stat") as file:
            numbers = [int(word) for word in file.readline().split()[1:9]]
        return sum(numbers), numbers[3] + numbers[4]
    all_before, idle_before = ticks()
    time.sleep(2)
    all_after, idle_after = ticks()
    return 1 - (idle_after - idle_before) / max(1, all_after - all_before)


def memory_of_machine():
    with open("/proc/meminfo") as file:
        return int(file.readline().split()[1]) * 1024


def main():
    # Whatever ends this, TCP is left as it was.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    names = chosen()
    bench = Bench()
    if not congestion("cubic"):
        bench.note("TCP's congestion control cannot be set here: what is called cubic is the machine's own choice")
    try:
        prepare(bench, names)
        busy_before = busy()
        load, seconds = measure(bench, names)
        busy_after = busy()
    finally:
        congestion(None)
    facts = {
        "records": bench.records, "notes": bench.notes, "sections": names, "quick": QUICK, "rounds": ROUNDS, "scale": SCALE,
        "workloads": {workload.name: [workload.what, workload.count] for workload in bench.workloads.values()},
        "server": bench.server.psql("show server_version"), "libpq": libpq(),
        "kernel": platform.release(), "architecture": platform.machine(), "cpus": os.cpu_count(),
        "memory": memory_of_machine(), "busy": [busy_before, busy_after], "load": load, "seconds": seconds,
    }
    with open(f"{BUILD}/results.json", "w") as file:
        json.dump(facts, file, indent=1)
    docs = BUILD if ONLY or SCALE != 1 else f"{ROOT}/docs"
    write(facts, docs)
    print(f"{docs}/benchmarks.md is written; measuring took {span(seconds)}", file=sys.stderr)


if __name__ == "__main__":
    main()
