"""docs/benchmarks.md and its plots, from what run.py measured."""
import json
import os
import statistics
import sys

import plot

ORDER = ["pg_recvlogical", "bare libpq", "pg_walstream", "psycopg2", "walstream, pacing off", "walstream"]
# (line, workloads, number, peer, at most this share of it)
GOALS = [
    ("tcp cubic", ("narrow", "one"), "cpu", "pg_recvlogical", 0.30),
    ("unix", ("narrow", "one"), "cpu", "pg_recvlogical", 0.55),
    ("tcp cubic", ("narrow", "one"), "cpu", "pg_walstream", 0.30),
    ("tcp cubic", ("wide", "changes", "big"), "cpu", "pg_recvlogical", 0.40),
    ("tcp cubic", ("narrow", "one", "wide", "changes", "big"), "wall", "pg_recvlogical", 0.90),
    ("tcp bbr", ("narrow", "one", "wide", "changes", "big"), "wall", "pg_recvlogical", 0.65),
    ("unix", ("narrow", "one", "wide", "changes", "big"), "wall", "pg_recvlogical", 1.03),
]


def numbers(runs, name):
    return sorted(run[name] for run in runs)


def median(runs, name):
    return statistics.median(numbers(runs, name))


def cell(runs, name):
    values = numbers(runs, name)
    return f"{statistics.median(values):.2f} ({values[0]:.2f}–{values[-1]:.2f})"


def ratio(results, line, workload, number, peer):
    ours, theirs = (results.get(f"{line}|{workload}|{name}") for name in ("walstream", peer))
    if not ours or not theirs:
        return None
    return median(ours, number) / median(theirs, number)


def tables(facts):
    results, text = facts["results"], []
    for line in dict.fromkeys(key.split("|")[0] for key in results):
        text += [f"\n## {'Unix socket' if line == 'unix' else 'Loopback TCP, ' + line[4:]}\n",
                 "Seconds: median (least–most). Processor time is user and system time of the client's process, and of "
                 "the server's walsender.\n",
                 "| workload | program | wall | client's CPU | walsender's CPU |", "|---|---|---|---|---|"]
        for workload, (what, rows) in facts["workloads"].items():
            for name in ORDER:
                runs = results.get(f"{line}|{workload}|{name}")
                if runs:
                    text.append(f"| {workload} | {name} | {cell(runs, 'wall')} | {cell(runs, 'cpu')} | "
                                f"{cell(runs, 'server')} |")
    return text


def goals(facts):
    text = ["\n## Goals\n", "| walstream against | where | number | workload | goal | measured | |", "|---|---|---|---|---|---|---|"]
    for line, workloads, number, peer, most in GOALS:
        for workload in workloads:
            found = ratio(facts["results"], line, workload, number, peer)
            if found is not None:
                verdict = "reached" if found <= most else "**missed**"
                text.append(f"| {peer} | {line} | {number} | {workload} | ≤ {most:.2f} | {found:.2f} | {verdict} |")
    for load in ("500 a second", "saturated"):
        both = [facts["delays"].get(f"{load}|{name}") for name in ("walstream", "bare libpq")]
        if all(both):
            for number, most in (("p50", 1.05), ("p99", 1.2)):
                found = median(both[0], number) / median(both[1], number)
                verdict = "reached" if found <= most else "**missed**"
                text.append(f"| bare libpq | commit to host, {load} | {number} | | ≤ {most:.2f} | {found:.2f} | {verdict} |")
    keeping_up = facts["delays"].get("500 a second|walstream")
    mib = lambda size: f"{size / 2**20:.1f} MiB"
    verdict = lambda good: "reached" if good else "**missed**"
    if keeping_up:
        size = median(keeping_up, "memory")
        text.append(f"| | memory, keeping up | VmHWM | | ≤ 12 MiB | {mib(size)} | {verdict(size <= 12 << 20)} |")
    size = facts["asleep_memory"]
    text.append(f"| | memory, host asleep | VmHWM | narrow | ≤ 32 MiB | {mib(size)} | {verdict(0 < size <= 32 << 20)} |")
    woken = facts["idle_wakeups"]
    text.append(f"| | idle, {facts['idle_seconds']} s, status interval 10 s | wake-ups | | ≤ 2 | {woken} | {verdict(woken <= 2)} |")
    return text


def delays(facts):
    if not facts["delays"]:
        return []
    text = ["\n## From commit to host\n", "Microseconds from the commit's time to the host; medians over the repetitions.\n",
            "| load | program | p50 | p99 | commits | client's CPU, s |", "|---|---|---|---|---|---|"]
    for key, runs in facts["delays"].items():
        load, name = key.split("|")
        text.append(f"| {load} | {name} | {median(runs, 'p50'):.0f} | {median(runs, 'p99'):.0f} | "
                    f"{median(runs, 'commits'):.0f} | {median(runs, 'cpu'):.2f} |")
    return text


def plots(facts, docs):
    text = []
    lines = list(dict.fromkeys(key.split("|")[0] for key in facts["results"]))
    for number, title in (("wall", "Wall time"), ("cpu", "Processor time of the client")):
        for line in lines:
            groups = []
            for workload in facts["workloads"]:
                found = [(name, facts["results"].get(f"{line}|{workload}|{name}")) for name in ORDER]
                group = [(name, median(runs, number), numbers(runs, number)[0], numbers(runs, number)[-1])
                         for name, runs in found if runs]
                groups.append((workload, group))
            file = f"benchmarks-{number}-{line.replace(' ', '-')}.svg"
            save(f"{docs}/{file}", plot.bars(f"{title}, {line}", "s", groups))
            text.append(f"![{title}, {line}]({file})")
    groups = []
    for number in ("p50", "p99"):
        for load in ("500 a second", "saturated"):
            found = [(name, facts["delays"].get(f"{load}|{name}")) for name in ("bare libpq", "walstream")]
            groups.append((f"{number}, {load}", [(name, median(runs, number), numbers(runs, number)[0], numbers(runs, number)[-1])
                                                 for name, runs in found if runs]))
    if facts["delays"]:
        save(f"{docs}/benchmarks-delay.svg", plot.bars("From commit to host", "us", groups))
        text.append("![From commit to host](benchmarks-delay.svg)")
    return text


def save(path, text):
    with open(path, "w") as file:
        file.write(text)


def write(facts, docs):
    os.makedirs(docs, exist_ok=True)
    kind = "`make bench QUICK=1`" if facts["quick"] else "`make bench`"
    text = ["# Benchmarks\n",
            f"Written by {kind}; run it anywhere. Numbers compare only within one run: all programs read fresh copies of the "
            f"same slot in turns, {facts['repetitions']} times each. This run: PostgreSQL {facts['server']}, "
            f"{facts['cpus']} processors shared by client and server, load {facts['load']:.1f} while it ran"
            + (" (the machine had other work: wall times and small differences mean little)." if facts["load"] > facts["cpus"] + 1 else ".") + "\n",
            "walstream is benches/host.c: it takes batches and touches every value of every row. bare libpq "
            "(benches/bare.c), pg_recvlogical and psycopg2 decode nothing.\n",
            *(f"- **{name}**: {what}, {rows:,} rows" for name, (what, rows) in facts["workloads"].items()),
            *goals(facts), *tables(facts), *delays(facts), "\n## Plots\n", "\n".join(plots(facts, docs))]
    save(f"{docs}/benchmarks.md", "\n".join(text) + "\n")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        write(json.load(file), sys.argv[2])
