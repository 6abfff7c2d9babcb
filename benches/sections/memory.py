"""Memory of a host that stops reading, and what streams cost that have nothing to read. Memory while keeping up comes
with the delays."""

from bench import Step
from peers import OURS
from process import run
from server import congestion
from settings import BUILD, QUICK

SLEEP = 4
# The status interval is 10 s: within twice that, two wake-ups are due.
IDLE = 12 if QUICK else 20
STREAMS = 200


def steps(bench):
    yield Step("memory of a host that stops reading", SLEEP + 1, asleep(bench))
    yield Step(f"{STREAMS} idle streams", IDLE + 8, idle(bench, STREAMS))
    if not QUICK:
        yield Step("one idle stream", IDLE + 3, idle(bench, 1))


def asleep(bench):
    def step():
        congestion("cubic")
        slot = bench.server.copy_slot("narrow")
        result = run([bench.peers.command(OURS, "tcp", slot, "FF/0")], READS_BEFORE_SLEEP="1", SLEEP_SECONDS=str(SLEEP))
        bench.server.drop_slot(slot)
        bench.add(result, section="memory", where="asleep", workload="narrow", program=OURS, round=0)
    return step


def idle(bench, streams):
    def step():
        # The server's own background tells of its position at most every 15 s: that would wake the streams.
        result = run([[f"{BUILD}/idle", bench.server.conninfo("tcp"), "bench", str(streams), str(IDLE)]])
        result["seconds"] = IDLE
        bench.add(result, section="memory", where=f"{streams} idle", workload="", program=OURS, round=0)
    return step
