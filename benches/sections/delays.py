"""From commit to host, at 500 commits a second and at as many as two writers make: short windows in turns, while the
writers go on."""
import subprocess

from bench import Step
from peers import HANDS_OVER, OURS
from process import run
from programs import debian
from server import congestion
from settings import BUILD, QUICK, SCALE

NAMES = ["bare libpq", HANDS_OVER, OURS]
LOADS = [("500 a second", ["-R", "500", "-c", "1"]), ("saturated", ["-c", "2", "-j", "2"])]
SECONDS = 2
WINDOWS = 3 if QUICK else 15


class Writers:
    """pgbench, from the first window of a load to its last."""

    def __init__(self, server):
        self.server = server
        self.process = None
        self.script = f"{BUILD}/insert.sql"
        with open(self.script, "w") as file:
            file.write("insert into marker values (1);\n")

    def begin(self, arguments):
        self.end()
        self.process = subprocess.Popen([debian("pgbench"), "-n", "-f", self.script, "-T", "3600", *arguments,
                                         self.server.conninfo("unix")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def steps(bench):
    if not debian("pgbench"):
        bench.note("delays are not measured: pgbench, the writer, is missing")
        return
    writers = Writers(bench.server)
    windows = WINDOWS if SCALE >= 1 else 2
    for load, arguments in LOADS:
        for window in range(windows):
            names = NAMES[window % len(NAMES):] + NAMES[:window % len(NAMES)]
            yield Step(f"window {window + 1} of {windows}: commit to host, {load}", (SECONDS + 0.8) * len(names),
                       measure(bench, writers, load, arguments, names, window, window == windows - 1))


def measure(bench, writers, load, arguments, names, window, last):
    def step():
        congestion("cubic")
        if window == 0:
            writers.begin(arguments)
        try:
            for name in names:
                slot = bench.server.new_slot()
                result = run([bench.peers.command(name, "tcp", slot, "0/0")], SECONDS_TO_MEASURE=str(SECONDS))
                bench.server.drop_slot(slot)
                if "failed" not in result and "p50" not in result:
                    result = {"failed": "saw no commit"}
                bench.add(result, section="delays", where=load, workload="", program=name, round=window)
        except BaseException:
            writers.end()
            raise
        if last:
            writers.end()
    return step
