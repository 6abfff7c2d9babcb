"""The goals: what is allowed, what was measured, and whether that is good enough. One row a goal, its worst case."""
from dataclasses import dataclass

from peers import HANDS_OVER, OURS
from ratios import Spread

MIB = 1 << 20
RECV = "pg_recvlogical"


@dataclass
class Goal:
    group: str
    what: str
    allowed: str
    # None: not measured.
    measured: Spread | None
    reached: bool
    worst: str = ""
    form: str = "{:.2f}"
    unit: str = ""

    def row(self):
        head = f"| {self.what} | {self.allowed} "
        if not self.measured:
            return head + "| | | not measured |"
        show = self.form.format
        spread = f" ({show(self.measured.least)}–{show(self.measured.most)})" if self.measured.count > 1 else ""
        return head + f"| {show(self.measured.median)}{spread}{self.unit} | {self.worst} | {'reached' if self.reached else '**missed**'} |"


def at_most(group, what, limit, cases, form="{:.2f}", unit="", times=""):
    """cases: [(name, Spread or None)]; the one with the highest median counts."""
    found = [(name, spread) for name, spread in cases if spread]
    name, spread = max(found, key=lambda case: case[1].median, default=("", None))
    allowed = f"≤ {form.format(limit)}{unit}{times}"
    return Goal(group, what, allowed, spread, bool(spread) and spread.median <= limit, name, form, unit)


def at_least(group, what, limit, cases, form="{:.1f}", times=""):
    found = [(name, spread) for name, spread in cases if spread]
    name, spread = min(found, key=lambda case: case[1].median, default=("", None))
    return Goal(group, what, f"≥ {limit}{times}", spread, bool(spread) and spread.median >= limit, name, form)


def against(records, number, where, workloads, peer, section="throughput"):
    return [(f"{workload}", records.ratio(number, OURS, peer, section=section, where=where, workload=workload))
            for workload in workloads]


def processor(records):
    group = "Processor time of the host's process, catching up"
    few, rest = ("narrow", "one"), ("wide", "changes", "big")
    recv = f" × {RECV}"
    yield at_most(group, "narrow rows and one-row transactions, TCP", 0.30, against(records, "cpu", "tcp cubic", few, RECV), times=recv)
    yield at_most(group, "the same, unix socket", 0.55, against(records, "cpu", "unix", few, RECV), times=recv)
    for back_end in ("rustls", "libpq"):
        peer = f"pg_walstream, {back_end}"
        yield at_most(group, f"the same, TCP, beside {peer}", 0.30, against(records, "cpu", "tcp cubic", few, peer),
                      times=" × pg_walstream")
    yield at_most(group, "wide rows; changes with old rows; one large transaction, TCP", 0.40,
                  against(records, "cpu", "tcp cubic", rest, RECV), times=recv)


def wall(records):
    group = "Wall time"
    times = f" × {RECV}"
    for what, where, limit in (("loopback TCP, cubic", "tcp cubic", 0.90), ("loopback TCP, bbr", "tcp bbr", 0.65),
                               ("unix socket", "unix", 1.03)):
        workloads = records.names("workload", section="throughput", where=where)
        yield at_most(group, what, limit, against(records, "wall", where, workloads, RECV), times=times)
    for where in ("TLS", "binary", "streaming", "20 ms of round trip", "50 Mbit/s"):
        workloads = records.names("workload", section="conditions", where=where)
        yield at_most(group, where, 1.03, against(records, "wall", where, workloads, RECV, "conditions"), times=times)
    streams = [where for where in records.names("where", section="conditions") if "stream" in where and where[0].isdigit()]
    cases = [(where, records.ratio("wall", OURS, RECV, section="conditions", where=where)) for where in streams]
    yield at_most(group, "1 to 8 streams at once", 1.03, cases, times=times)
    for what, where in (("one large transaction, first row to last event, writer running, TCP", "tcp cubic"),
                        ("the same, unix socket", "unix")):
        ratio = records.ratio("wall", "streaming", "no streaming", section="streaming", where=where)
        yield at_most(group, what, 0.75, [("streaming", ratio)], times=" × the same without streaming")


def decoding(records):
    group = "Decode alone, a message"
    shapes = records.names("workload", section="decode")
    of = lambda above, below, section="decode": [
        (shape, records.quotient(above, below, section=section, workload=shape)) for shape in shapes]
    for way, what in (("decode", "every field found"), ("batch", "and made into events of a batch")):
        yield at_most(group, f"nanoseconds, {what}", 1.5, of(way, "walk"), times=" × the checked walk")
        yield at_most(group, f"instructions, {what}", 1.5, of(way, "walk", "instructions"), times=" × the checked walk")
    for way in ("decode", "batch", "session"):
        cases = [(shape, records.spread(f"{way}_allocations", section="decode", workload=shape)) for shape in shapes]
        yield at_most(group, f"allocations when warm in 1000 messages, {way}", 0, cases, "{:.1f}")
    yield at_least(group, "beside pg_walstream's parser", 8, of("parse", "decode"), times=" times faster")


def latency(records):
    group = "Commit to host"
    for load in ("500 a second", "saturated"):
        for number, limit in (("p50", 1.05), ("p99", 1.2)):
            for peer in ("bare libpq", HANDS_OVER):
                ratio = records.ratio(number, OURS, peer, section="delays", where=load)
                yield at_most(group, f"{number}, {load}", limit, [("", ratio)], times=f" × {peer}")


def mebibytes(spread):
    return spread and Spread(spread.median / MIB, spread.least / MIB, spread.most / MIB, spread.count)


def memory(records):
    group = "Memory and idling"
    keeping = records.spread("memory", section="delays", where="500 a second", program=OURS)
    yield at_most(group, "resident, keeping up with 500 commits a second", 12, [("", mebibytes(keeping))], "{:.1f}", " MiB")
    asleep = records.spread("memory", section="memory", where="asleep")
    yield at_most(group, "resident, host stops reading (queue.max_bytes 16 MiB)", 32, [("", mebibytes(asleep))], "{:.1f}", " MiB")
    for streams, where in (("a stream", "1 idle"), ("200 streams, each", "200 idle")):
        found = records.find(section="memory", where=where)
        seconds = int(found[0]["seconds"]) if found else 20
        each = Spread.of([record["woken"] / record["streams"] for record in found])
        yield at_most(group, f"wake-ups of an idle stream's thread in {seconds} s, {streams} (one in 10 s is due)",
                      seconds // 10 + 1, [("", each)], "{:.3g}")
    many = records.spread("bytes_each", section="memory", where="200 idle")
    yield at_most(group, "200 idle streams, memory of each", 1, [("", mebibytes(many))], "{:.2f}", " MiB")
    threads = records.quotient("threads", "streams", section="memory", where="200 idle")
    yield at_most(group, "200 idle streams, threads of each", 1, [("", threads)], "{:.3g}")


def reading(records):
    group = "Reads in a C host, the batch being there"
    for number, what, limit in (("next_event", "next_event", 15), ("next_batch", "next_batch", 3),
                                ("with_free", "next_batch and batch_free", 3)):
        yield at_most(group, what, limit, [("", records.spread(number, section="reads"))], "{:.1f}", " ns an event")


def go(records):
    group = "Go host, all columns touched"
    name = "walstream, Go"
    workloads = records.names("workload", section="cgo")
    cases = [(workload, records.ratio("cpu", name, OURS, section="cgo", workload=workload)) for workload in workloads]
    yield at_most(group, "processor time", 1.3, cases, times=" × the C host")
    cases = [(workload, records.quotient("mallocs", "events", section="cgo", workload=workload, program=name)) for workload in workloads]
    # What a whole run allocates besides is not of an event.
    goal = at_most(group, "allocations an event", 0.005, cases, "{:.5f}")
    goal.allowed = "0"
    yield goal


SECTIONS = {"throughput": processor, "conditions": wall, "streaming": wall, "decode": decoding, "delays": latency,
            "memory": memory, "reads": reading, "cgo": go}


def goals(records, sections):
    wanted = dict.fromkeys(function for name, function in SECTIONS.items() if name in sections
                           or function is wall and "throughput" in sections)
    return [goal for function in wanted for goal in function(records)]


def table(records, sections):
    text, group = [], None
    for goal in goals(records, sections):
        if goal.group != group:
            group = goal.group
            text += [f"\n### {group}\n", "| what | goal | measured: median (least–most) | worst | |", "|---|---|---|---|---|"]
        text.append(goal.row())
    return text
