"""docs/benchmarks.md, from what run.py measured. By itself: report.py RESULTS.JSON DIRECTORY"""
import glob
import json
import os
import sys

import goals
from figures import figures
from peers import OURS
from ratios import Records


def cell(spread, form="{:.2f}"):
    if not spread:
        return ""
    middle = form.format(spread.median)
    return middle if spread.count == 1 else f"{middle} ({form.format(spread.least)}–{form.format(spread.most)})"


def throughput(records, facts):
    text = []
    for where in records.names("where", section="throughput"):
        text += [f"\n### Catching up: {where}\n",
                 "| workload | program | wall, s | client's CPU, s | walsender's CPU, s | walstream's wall to its | walstream's CPU to its |",
                 "|---|---|---|---|---|---|---|"]
        for workload in records.names("workload", section="throughput", where=where):
            what = {"section": "throughput", "where": where, "workload": workload}
            for name in sorted(records.names("program", **what)):
                numbers = [cell(records.spread(number, program=name, **what)) for number in ("wall", "cpu", "server")]
                ratios = ["", ""] if name == OURS else [cell(records.ratio(number, OURS, name, **what)) for number in ("wall", "cpu")]
                text.append(f"| {' | '.join([workload, name, *numbers, *ratios])} |")
    return text


def conditions(records, facts):
    text = ["\n### Other conditions\n", "Over TCP with cubic; the CPU of several streams is that of all processes together.\n",
            "| condition | workload | program | wall, s | client's CPU, s | walstream's wall to its |", "|---|---|---|---|---|---|"]
    for where in records.names("where", section="conditions"):
        for workload in records.names("workload", section="conditions", where=where):
            what = {"section": "conditions", "where": where, "workload": workload}
            for name in sorted(records.names("program", **what)):
                ratio = "" if name == OURS else cell(records.ratio("wall", OURS, name, **what))
                numbers = [cell(records.spread(number, program=name, **what)) for number in ("wall", "cpu")]
                text.append(f"| {' | '.join([where, workload, name, *numbers, ratio])} |")
    return text


def streaming(records, facts):
    text = ["\n### One large transaction, read while it is written\n",
            f"{facts['workloads']['streamed'][1]:,} rows, delivery=committed: from the start of the INSERT to the last event at the host.\n",
            "| line | | written, s | at the host, s | client's CPU, s |", "|---|---|---|---|---|"]
    for where in records.names("where", section="streaming"):
        for name in records.names("program", section="streaming", where=where):
            what = {"section": "streaming", "where": where, "program": name}
            numbers = [cell(records.spread(number, **what)) for number in ("written", "wall", "cpu")]
            text.append(f"| {where} | {name} | {' | '.join(numbers)} |")
    return text


def decode(records, facts):
    text = ["\n### Decoding alone\n",
            "Without socket and server, the same messages for all. walk: every length checked, address, length and kind of each column noted. "
            "decode: into a batch that is sealed and dropped. session: with identities, order and acknowledgements, "
            "and every value read. parser: pg_walstream's, without its conversion to events.\n",
            "| messages | walk, ns | decode, ns | session, ns | parser, ns | instructions: walk | decode | session |",
            "|---|---|---|---|---|---|---|---|"]
    for shape in records.names("workload", section="decode"):
        times = [cell(records.spread(way, section="decode", workload=shape), "{:.1f}") for way in ("walk", "decode", "session", "parse")]
        counts = [cell(records.spread(way, section="instructions", workload=shape), "{:.0f}") for way in ("walk", "decode", "session")]
        text.append(f"| {shape} | {' | '.join(times + counts)} |")
    return text


def delays(records, facts):
    text = ["\n### From commit to host\n",
            "Microseconds from the commit's time to when the program has it in its hands, in windows of 2 seconds that take turns. "
            "two threads: one reads, the other has the commit in its hands, as in every client with a thread of its own.\n",
            "| load | program | p50, µs | p99, µs | commits in a window | client's CPU, s |", "|---|---|---|---|---|---|"]
    for load in records.names("where", section="delays"):
        for name in sorted(records.names("program", section="delays", where=load)):
            what = {"section": "delays", "where": load, "program": name}
            numbers = [cell(records.spread(number, **what), "{:.0f}") for number in ("p50", "p99", "commits")]
            text.append(f"| {load} | {name} | {' | '.join(numbers)} | {cell(records.spread('cpu', **what))} |")
    return text


def reads(records, facts):
    number = lambda name: cell(records.spread(name, section="reads"), "{:.2f}")
    return ["\n### Reads in a C host\n", "Nanoseconds an event, in a queue filled beforehand; no event is looked into.\n",
            "| next_event | next_batch with count and events | the same with batch_free |", "|---|---|---|",
            f"| {number('next_event')} | {number('next_batch')} | {number('with_free')} |"]


def cgo(records, facts):
    text = ["\n### Go beside C\n", "| workload | program | wall, s | CPU, s |", "|---|---|---|---|"]
    for workload in records.names("workload", section="cgo"):
        for name in sorted(records.names("program", section="cgo")):
            numbers = [cell(records.spread(number, section="cgo", workload=workload, program=name)) for number in ("wall", "cpu")]
            text.append(f"| {workload} | {name if name != OURS else 'walstream, C'} | {' | '.join(numbers)} |")
    return text


TABLES = {"throughput": throughput, "conditions": conditions, "streaming": streaming, "decode": decode, "delays": delays,
          "reads": reads, "cgo": cgo}


def introduction(facts):
    gib = facts["memory"] / (1 << 30)
    before, after = facts["busy"]
    run = ("`make bench QUICK=1`" if facts["quick"] else "`make bench`") + (
        f" with its rows times {facts['scale']}: to try the benchmark itself, not to be believed" if facts["scale"] != 1 else "")
    return ["# Benchmarks\n",
            f"Written by {run}; run it anywhere. Numbers compare only within one run. In each of {facts['rounds']} rounds all programs take "
            "turns (over a unix socket twice, but for the largest workload), another one first each time, and each reads a fresh copy of the same "
            "slot. A ratio is made within a turn, so that both sides had the same machine; what stands here is the median of those ratios, with the least and the most.\n",
            f"This run: PostgreSQL {facts['server']}, clients with libpq {facts['libpq']}; {facts['cpus']} processors ({facts['architecture']}) and "
            f"{gib:.0f} GiB shared by client and server, Linux {facts['kernel']}. Others used {before:.0%} of the processors before and {after:.0%} after it; "
            f"the load was at most {facts['load']:.1f}, its own included"
            + (": **the machine had other work**, wall times and small differences mean little." if max(before, after) > 0.15 else ".") + "\n",
            *(f"- {note}." for note in facts["notes"]), "",
            "walstream is benches/host.c: it takes batches and touches every value of every row, with default options unless said otherwise. bare libpq "
            "(benches/bare.c), pg_recvlogical and psycopg2 decode nothing. pg_walstream is version 0.8.1, with either of its back ends.\n",
            *(f"- **{name}**: {what}, {count:,} rows" for name, (what, count) in facts["workloads"].items())]


def write(facts, docs):
    os.makedirs(docs, exist_ok=True)
    for old in glob.glob(f"{docs}/benchmarks-*.svg"):
        os.remove(old)
    records = Records(facts["records"])
    text = [*introduction(facts), "\n## Goals", *goals.table(records, facts["sections"]), "\n## What was measured"]
    for name in facts["sections"]:
        if name in TABLES:
            text += TABLES[name](records, facts)
    text.append("\n## Plots\n")
    for name, title, drawing in figures(records):
        with open(f"{docs}/benchmarks-{name}.svg", "w") as file:
            file.write(drawing)
        text.append(f"![{title}](benchmarks-{name}.svg)\n")
    with open(f"{docs}/benchmarks.md", "w") as file:
        file.write("\n".join(text).rstrip() + "\n")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        write(json.load(file), sys.argv[2])
