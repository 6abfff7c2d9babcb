"""The Go host beside the C host: the same rows, every value touched."""
from bench import Step, label
from peers import OURS
from server import congestion
from settings import QUICK, ROUNDS

NAMES = [OURS, "walstream, Go"]
# Long ones: Go's own start is not what is asked for.
WORKLOADS = ["broad"] if QUICK else ["big", "broad"]


def steps(bench):
    if NAMES[1] not in bench.peers.programs:
        return
    for round_ in range(ROUNDS):
        for workload in WORKLOADS:
            names = bench.peers.in_turn(NAMES, round_)
            yield Step(label(round_, f"Go, {workload}"), (0.15 + bench.workloads[workload].seconds) * 2,
                       measure(bench, workload, names, round_))


def measure(bench, workload, names, round_):
    def step():
        congestion("cubic")
        for name in names:
            bench.read("cgo", "tcp cubic", workload, name, round_, "tcp")
    return step
