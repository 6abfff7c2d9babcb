"""What next_event and next_batch cost in a C host when the events are there."""
from bench import Step, label
from peers import OURS
from process import run
from settings import BUILD, ROUNDS


def steps(bench):
    for round_ in range(ROUNDS):
        yield Step(label(round_, "reads"), 2, measure(bench, round_))


def measure(bench, round_):
    def step():
        slot = bench.server.copy_slot("narrow")
        result = run([[f"{BUILD}/reads", bench.server.conninfo("unix"), slot, "bench"]])
        bench.server.drop_slot(slot)
        bench.add(result, section="reads", where="unix", workload="narrow", program=OURS, round=round_)
    return step
