"""Catching up: every workload, every program, over loopback TCP (cubic, and bbr where it can be set) and a unix socket."""
from bench import Step, label
from peers import OURS
from server import congestion
from settings import QUICK, ROUNDS

WORKLOADS = ["narrow", "one", "wide", "changes", "big"]
ALL = ["pg_recvlogical", "bare libpq", "pg_walstream, rustls", "pg_walstream, libpq", "psycopg2", "walstream, pacing off", OURS]
# What the goals need: for the longest workload, for bbr, and in the quick run.
FEW = ["pg_recvlogical", "bare libpq", OURS]
# Beside it a unix socket is quick.
SHARE = {"tcp cubic": 1.0, "tcp bbr": 0.6, "unix": 0.5}
# Where the programs are most alike a ratio is mostly the machine's noise.
TWICE = ("unix",)


def programs(where, workload):
    if where == "tcp bbr" or workload == "big" or (QUICK and (where == "unix" or workload in ("wide", "changes"))):
        return FEW
    names = ALL if where != "unix" else [name for name in ALL if name != "pg_walstream, rustls"]
    return names if workload in ("narrow", "one") else [name for name in names if name != "psycopg2"]


def places(bench):
    if not congestion("bbr"):
        bench.note("TCP's congestion control cannot be set to bbr here (it takes root, and a kernel with tcp_bbr): no row of bbr")
        return ["tcp cubic", "unix"]
    if QUICK:
        bench.note("bbr is left out of the quick run")
        return ["tcp cubic", "unix"]
    return ["tcp cubic", "tcp bbr", "unix"]


def turns(where, workload):
    return 2 if where in TWICE and workload != "big" and not QUICK else 1


def steps(bench):
    for round_ in range(ROUNDS):
        for where in places(bench):
            for workload in WORKLOADS:
                for turn in range(turns(where, workload)):
                    names = bench.peers.in_turn(programs(where, workload), round_ + turn)
                    seconds = (0.15 + bench.workloads[workload].seconds * SHARE[where]) * len(names)
                    yield Step(label(round_, f"{where}, {workload}"), seconds,
                               measure(bench, where, workload, names, round_ + turn * ROUNDS))


def measure(bench, where, workload, names, round_):
    def step():
        line, _, control = where.partition(" ")
        if control:
            congestion(control)
        for name in names:
            bench.read("throughput", where, workload, name, round_, line)
        congestion("cubic")
    return step
