"""Wall time under every other condition: TLS, binary, streaming, a long line, a narrow one, many streams at once."""
import subprocess
from dataclasses import dataclass

from bench import Step, label
from peers import OURS
from server import congestion
from settings import BUILD, QUICK, ROUNDS

NAMES = ["pg_recvlogical", OURS]


@dataclass
class Condition:
    name: str
    workloads: tuple
    line: str = "tcp"
    # Of the proxy: microseconds one way, bytes a second.
    proxy: tuple = ()
    streams: int = 1
    theirs: tuple = ()
    ours: tuple = ()


CONDITIONS = [
    Condition("TLS", ("narrow", "one"), line="tls"),
    Condition("binary", ("narrow", "wide"), theirs=(("proto_version", "2"), ("binary", "true")), ours=("binary=on",)),
    Condition("streaming", ("big",), theirs=(("proto_version", "2"), ("streaming", "on")), ours=("streaming=on",)),
    Condition("20 ms of round trip", ("short", "one"), proxy=(10_000, 0)),
    Condition("50 Mbit/s", ("short",), proxy=(0, 50_000_000 // 8)),
    *(Condition(f"{count} stream{'s' if count > 1 else ''}", ("short",), streams=count) for count in ((1, 8) if QUICK else (1, 2, 4, 8))),
]


def wanted(bench):
    for condition in CONDITIONS:
        if condition.line == "tls":
            why_not = bench.server.enable_tls()
            if why_not:
                bench.note(f"TLS is not measured: {why_not}")
                continue
        yield condition


def steps(bench):
    conditions = list(wanted(bench))
    for round_ in range(ROUNDS):
        for condition in conditions:
            workloads = condition.workloads[:1] if QUICK else condition.workloads
            for workload in workloads:
                names = bench.peers.in_turn(NAMES, round_)
                seconds = (0.15 + bench.workloads[workload].seconds * (0.4 + 0.6 * condition.streams)) * len(names)
                yield Step(label(round_, f"{condition.name}, {workload}"), seconds,
                           measure(bench, condition, workload, names, round_))


def measure(bench, condition, workload, names, round_):
    def step():
        congestion("cubic")
        line = port = None
        if condition.proxy:
            delay, width = condition.proxy
            line = subprocess.Popen([f"{BUILD}/proxy", bench.server.port, str(delay), str(width)], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
            port = line.stdout.readline().strip()
        try:
            for name in names:
                bench.read("conditions", condition.name, workload, name, round_, condition.line, port, condition.streams,
                           condition.theirs, condition.ours)
        finally:
            if line:
                line.stdin.close()
                line.wait()
    return step
