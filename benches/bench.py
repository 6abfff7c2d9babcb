"""What the sections share: server, programs, workloads, and the records that they leave."""
from dataclasses import dataclass
from typing import Callable

from peers import Peers
from process import run
from server import Server
from settings import ROUNDS
from workloads import TABLES, workloads


@dataclass
class Step:
    """One thing to measure; `seconds` is about what it takes."""
    label: str
    seconds: float
    measure: Callable[[], None]


class Bench:
    def __init__(self):
        self.server = Server()
        self.peers = Peers(self.server)
        self.workloads = workloads()
        self.records = []
        # What could not be measured, and why.
        self.notes = [f"Without {name}, which could not be had here" for name in self.peers.missing()]
        self.say = print

    def write_tables(self):
        self.server.psql(TABLES)

    def add(self, result, **what):
        """Keeps what was measured: `what` says of what. A failure is shown, and noted once."""
        if "failed" in result:
            name = ", ".join(str(value) for key, value in what.items() if key != "round")
            self.say(f"{name}: {result['failed']}")
            self.note(f"{name}: failed")
            return
        self.records.append({**what, **result})

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)

    def read(self, section, where, workload, name, round_, line, port=None, streams=1, theirs=(), ours=(), **environment):
        """One program reads fresh copies of a workload's slot, `streams` of them at once."""
        workload = self.workloads[workload]
        slots = [self.server.copy_slot(workload.name) for _ in range(streams)]
        commands = [self.peers.command(name, line, slot, workload.end, port, theirs, ours) for slot in slots]
        before = self.server.children_cpu()
        result = run(commands, **environment)
        for slot in slots:
            self.server.wait_active(slot, False)
        if "failed" not in result:
            result["server"] = self.server.children_cpu() - before
        for slot in slots:
            self.server.drop_slot(slot)
        self.add(result, section=section, where=where, workload=workload.name, program=name, round=round_)


def label(round_, what):
    return f"round {round_ + 1} of {ROUNDS}: {what}"
