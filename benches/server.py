"""The server of the benchmark, through psql and /proc. Starts nothing: scripts/with-server did."""
import os
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
_before = None


def congestion(name):
    """Sets TCP's congestion control for connections to come; None: as it was. False where that is not allowed."""
    global _before
    try:
        with open(CONTROL) as file:
            now = file.read().strip()
        _before = _before or now
        if (name or _before) != now:
            with open(CONTROL, "w") as file:
                file.write(name or _before)
        return True
    except OSError:
        return False


class Server:
    def __init__(self):
        self.host, self.port = os.environ["PGHOST"], os.environ["PGPORT"]
        with open(f"{self.host}/data/postmaster.pid") as file:
            self.postmaster = int(file.readline())
        self.copies = 0

    def conninfo(self, line):
        host = self.host if line == "unix" else "127.0.0.1"
        return f"host={host} port={self.port} user=postgres dbname=postgres application_name=bench"

    def uri(self):
        return f"postgresql://postgres:unused@127.0.0.1:{self.port}/postgres"

    def psql(self, sql):
        command = ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo("unix")]
        done = subprocess.run(command, input=sql + ";", capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def copy_slot(self, base):
        self.copies += 1
        self.psql(f"select pg_copy_logical_replication_slot('{base}', 'copy_{self.copies}')")
        return f"copy_{self.copies}"

    def drop_slot(self, slot):
        self.psql(f"select pg_drop_replication_slot('{slot}')")

    def wait_inactive(self, slot):
        for _ in range(600):
            if self.psql(f"select active from pg_replication_slots where slot_name = '{slot}'") == "f":
                break
            time.sleep(0.05)
        # A process counts for its parent when it is reaped.
        time.sleep(0.05)

    def children_cpu(self):
        """Processor time of all processes of the server that have ended: between two calls, one walsender's (the
        processes of psql beside it take some milliseconds)."""
        with open(f"/proc/{self.postmaster}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / TICK
