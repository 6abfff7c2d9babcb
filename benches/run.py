"""Runs the benchmark beside a server that scripts/with-server started, and writes docs/benchmarks.md and its plots.

Called by scripts/bench, which builds everything first. Only what comes with Python is used. Numbers compare only
within one run: repetitions of all programs are interleaved, and each reads a fresh copy of the same slot.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

from server import Server, congestion
from report import write

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BUILD = os.environ["BENCH_BUILD"]
QUICK = os.environ.get("QUICK", "") not in ("", "0")
REPETITIONS = int(os.environ.get("REPETITIONS", "5"))
LONGEST_RUN = 300

ROW = "i, (i %% 1000)::int, 'text number ' || i, '2024-01-01'::timestamptz + i * interval '1 second', i * 1.5"
WIDE = ", ".join(f"c{n} text" for n in range(19))
WIDE_ROW = ", ".join(f"'value {n} of row ' || i" for n in range(19))

# name: (what it is, rows, rows when QUICK, SQL; %d is the number of rows)
WORKLOADS = {
    "narrow": ("rows of 5 columns, 1000 in a transaction", 1_000_000, 300_000,
               f"do $$ begin for k in 0..%d / 1000 - 1 loop insert into narrow select {ROW} "
               "from generate_series(k * 1000 + 1, k * 1000 + 1000) i; commit; end loop; end $$"),
    "one": ("transactions of one row", 200_000, 50_000,
            f"do $$ begin for i in 10000001..10000000 + %d loop insert into narrow values ({ROW}); commit; end loop; end $$"),
    "wide": ("rows of 20 columns, 490 bytes", 200_000, 60_000,
             f"do $$ begin for k in 0..%d / 1000 - 1 loop insert into wide select i, {WIDE_ROW} "
             "from generate_series(k * 1000 + 1, k * 1000 + 1000) i; commit; end loop; end $$"),
    "changes": ("updates and deletes with the whole old row", 300_000, 100_000,
                f"insert into full_rows select {ROW} from generate_series(1, %d / 3) i; "
                "update full_rows set a = a + 1, b = b || '!'; delete from full_rows"),
    "big": ("one transaction", 1_500_000, 300_000,
            f"insert into narrow select {ROW} from generate_series(20000001, 20000000 + %d) i"),
}


class Peers:
    """Name: the command line that reads `slot` up to `end`."""

    def __init__(self, server):
        self.server = server
        found = {
            "pg_recvlogical": shutil.which("pg_recvlogical") or newest("pg_recvlogical"),
            "bare libpq": f"{BUILD}/bare",
            "walstream": f"{BUILD}/host",
            "walstream, pacing off": f"{BUILD}/host",
            "pg_walstream": f"{BUILD}/bench-pg-walstream",
            "psycopg2": os.environ.get("BENCH_PSYCOPG2"),
        }
        self.programs = {name: path for name, path in found.items() if path and os.path.exists(path)}

    def command(self, name, line, slot, end):
        conninfo = self.server.conninfo(line)
        program = self.programs[name]
        if name == "pg_recvlogical":
            return [program, "-d", conninfo, "-S", slot, "--start", f"--endpos={end}", "-f", "/dev/null",
                    "-o", "proto_version=1", "-o", "publication_names=bench"]
        if name == "pg_walstream":
            return None if line == "unix" else [program, self.server.uri() + "?replication=database", slot, "bench", end]
        if name == "psycopg2":
            return [program, f"{HERE}/psycopg2_peer.py", conninfo, slot, "bench", end]
        options = ["pacing=off"] if name.endswith("off") else []
        return [program, conninfo, slot, "bench", end, *options]


def newest(program):
    import glob
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"))
    return found[-1] if found else None


def measure(command, **environment):
    """Wall, processor time and the output of one program, and its peak memory if it says so."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **environment}, start_new_session=True)
    killer = subprocess.Popen(["sh", "-c", f"sleep {LONGEST_RUN}; kill {process.pid}"], start_new_session=True)
    output = process.stdout.read().decode()
    complaint = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = status
    killer.terminate()
    killer.wait()
    if status:
        return {"failed": complaint.strip()[-300:]}
    result = {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "output": output}
    result.update({key: int(value) for key, _, value in (word.partition("=") for word in output.split()) if key == "memory"})
    return result


def repetition(server, peers, name, line, workload, end):
    slot = server.copy_slot(f"base_{workload}")
    command = peers.command(name, line, slot, end)
    result = None
    if command:
        before = server.children_cpu()
        result = measure(command)
        server.wait_inactive(slot)
        if "wall" in result:
            result["server"] = server.children_cpu() - before
    server.drop_slot(slot)
    return result


def throughput(server, peers, control):
    server.psql(f"create table narrow(id bigint primary key, a int, b text, c timestamptz, d numeric);"
                f"create table wide(id bigint primary key, {WIDE}); create table marker(n int);"
                "create table full_rows (like narrow including all); alter table full_rows replica identity full;"
                "create publication bench for all tables")
    ends = {}
    for workload, (_, rows, quick, sql) in WORKLOADS.items():
        server.psql(f"select pg_create_logical_replication_slot('base_{workload}', 'pgoutput')")
        server.psql(sql.replace("%%", "%") .replace("%d", str(quick if QUICK else rows)))
        server.psql("insert into marker values (1)")
        ends[workload] = server.psql("select pg_current_wal_insert_lsn()")
        server.psql("insert into marker values (2)")
    results = {}
    lines = [(line, cc) for cc in (["cubic"] if QUICK or not control else ["cubic", "bbr"]) for line in ("tcp", "unix")
             if not (line == "unix" and cc == "bbr")]
    for round_ in range(REPETITIONS):
        for line, cc in lines:
            congestion(cc)
            for workload in WORKLOADS:
                names = list(peers.programs)
                names = names[round_ % len(names):] + names[:round_ % len(names)]
                for name in names:
                    if name == "psycopg2" and workload not in ("narrow", "one"):
                        continue
                    result = repetition(server, peers, name, line, workload, ends[workload])
                    if result is None:
                        continue
                    if "failed" in result:
                        print(f"{name}, {line}, {workload}: {result['failed']}", file=sys.stderr)
                        continue
                    key = "|".join((line if line == "unix" else f"tcp {cc}", workload, name))
                    results.setdefault(key, []).append(result)
                print(f"round {round_ + 1} of {REPETITIONS}: {line} {cc} {workload}", file=sys.stderr)
    return results


def delays(server, peers):
    """From commit to host, at 500 commits a second and at as many as two writers make."""
    pgbench = shutil.which("pgbench") or newest("pgbench")
    if not pgbench:
        return {}
    seconds = 5 if QUICK else 10
    script = f"{BUILD}/insert.sql"
    with open(script, "w") as file:
        file.write("insert into marker values (1);\n")
    results = {}
    for _ in range(REPETITIONS if not QUICK else 3):
        for load, arguments in (("500 a second", ["-R", "500", "-c", "1"]), ("saturated", ["-c", "2"])):
            for name in ("bare libpq", "walstream"):
                slot = server.copy_slot("base_now")
                writer = subprocess.Popen([pgbench, "-n", "-f", script, "-T", str(seconds + 2), *arguments,
                                           server.conninfo("unix")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(1)
                result = measure(peers.command(name, "tcp", slot, "0/0"), SECONDS_TO_MEASURE=str(seconds))
                writer.wait()
                server.wait_inactive(slot)
                server.drop_slot(slot)
                # The next one does not have to catch up with what this one read.
                server.psql("select pg_drop_replication_slot('base_now'); "
                            "select pg_create_logical_replication_slot('base_now', 'pgoutput')")
                if "output" not in result:
                    print(f"{name}: {result}", file=sys.stderr)
                    continue
                numbers = dict(pair.split("=") for pair in result["output"].split() if "=" in pair)
                results.setdefault(f"{load}|{name}", []).append(
                    {"p50": int(numbers["p50"]), "p99": int(numbers["p99"]), "commits": int(numbers["commits"]),
                     "cpu": result["cpu"], "memory": result.get("memory")})
    return results


def memory_and_idling(server, peers):
    slot = server.copy_slot("base_narrow")
    asleep = measure(peers.command("walstream", "tcp", slot, "FF/0"), READS_BEFORE_SLEEP="1", SLEEP_SECONDS="4")
    server.wait_inactive(slot)
    server.drop_slot(slot)
    slot = server.copy_slot("base_now")
    seconds = 12
    process = subprocess.Popen(peers.command("walstream", "tcp", slot, "FF/0"), stdout=subprocess.DEVNULL)
    time.sleep(2)
    before = wakeups(process.pid)
    time.sleep(seconds)
    woken = wakeups(process.pid) - before
    process.kill()
    process.wait()
    server.wait_inactive(slot)
    server.drop_slot(slot)
    return {"asleep_memory": asleep.get("memory", 0), "idle_wakeups": woken, "idle_seconds": seconds}


def wakeups(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as file:
            total += sum(int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt"))
    return total


def main():
    # Whatever ends this, TCP is left as it was.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    server = Server()
    peers = Peers(server)
    control = congestion("cubic")
    try:
        results = throughput(server, peers, control)
        server.psql("select pg_create_logical_replication_slot('base_now', 'pgoutput')")
        facts = {
            "results": {key: [{k: v for k, v in run.items() if k != "output"} for run in runs]
                        for key, runs in results.items()},
            "delays": delays(server, peers),
            **memory_and_idling(server, peers),
            "workloads": {name: [what, quick if QUICK else rows] for name, (what, rows, quick, _) in WORKLOADS.items()},
            "quick": QUICK,
            "repetitions": REPETITIONS,
            "server": server.psql("show server_version"),
            "cpus": os.cpu_count(),
            "load": os.getloadavg()[1],
        }
    finally:
        congestion(None)
    with open(f"{BUILD}/results.json", "w") as file:
        json.dump(facts, file, indent=1)
    write(facts, f"{ROOT}/docs")


if __name__ == "__main__":
    main()
