"""One large transaction, read while it is written: from its first row to its last event at the host."""
import time

from bench import Step, label
from peers import OURS
from process import finish, start
from server import congestion
from settings import ROUNDS
from workloads import at_once

LINES = [("tcp cubic", "tcp"), ("unix", "unix")]
WAYS = [("streaming", ["streaming=on"]), ("no streaming", ["streaming=off"])]


def steps(bench):
    count = bench.workloads["streamed"].count
    for where, line in LINES:
        for round_ in range(ROUNDS):
            ways = WAYS[round_ % 2:] + WAYS[:round_ % 2]
            for name, options in ways:
                yield Step(label(round_, f"one transaction, read while written, {where}, {name}"), 2 + count * 1e-5,
                           measure(bench, where, line, name, options, count, round_))


def measure(bench, where, line, name, options, count, round_):
    def step():
        server = bench.server
        congestion("cubic")
        # Not in what is read: before its slot.
        server.psql("truncate streamed")
        server.psql("checkpoint")
        slot = server.new_slot()
        process = start(bench.peers.command(OURS, line, slot, "0/1", ours=["delivery=committed", *options]))
        server.wait_active(slot, True)
        began = time.time()
        server.psql(at_once("streamed", count))
        written = time.time()
        result = finish(process)
        server.drop_slot(slot)
        if "failed" not in result:
            result = {"wall": result["ended_us"] / 1e6 - began, "cpu": result["cpu"], "written": written - began}
        bench.add(result, section="streaming", where=where, workload="one transaction", program=name, round=round_)
    return step
