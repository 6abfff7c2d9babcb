"""The server of the benchmark, through psql and /proc. Starts nothing: scripts/with-server did."""
import os
import shutil
import subprocess
import time

from programs import debian

TICK = os.sysconf("SC_CLK_TCK")
CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"
PSQL = debian("psql")
DONE = "-- done"
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
        self.data = f"{self.host}/data"
        with open(f"{self.data}/postmaster.pid") as file:
            self.postmaster = int(file.readline())
        self.copies = 0
        self.session = None

    def conninfo(self, line="unix", port=None):
        """line: unix, tcp or tls."""
        host = self.host if line == "unix" else "127.0.0.1"
        ssl = "require" if line == "tls" else "disable"
        return f"host={host} port={port or self.port} user=postgres dbname=postgres sslmode={ssl} application_name=bench"

    def uri(self, line):
        """For pg_walstream."""
        if line == "unix":
            return f"postgresql://postgres@/postgres?host={self.host}&port={self.port}&replication=database"
        return f"postgresql://postgres:unused@127.0.0.1:{self.port}/postgres?replication=database&sslmode=disable"

    def psql(self, sql):
        """In one session for all: a process for each would count among the server's children."""
        if not self.session:
            self.session = subprocess.Popen([PSQL, "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.conninfo()], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.session.stdin.write(f"{sql};\n\\echo {DONE}\n")
        self.session.stdin.flush()
        lines = []
        for line in self.session.stdout:
            if line.rstrip("\n") == DONE:
                return "\n".join(lines)
            lines.append(line.rstrip("\n"))
        self.session = None
        raise RuntimeError(f"psql: {' '.join(lines)[-500:]}")

    def new_slot(self):
        """One that stands here and now."""
        self.copies += 1
        self.psql(f"select pg_create_logical_replication_slot('new_{self.copies}', 'pgoutput')")
        return f"new_{self.copies}"

    def copy_slot(self, workload):
        self.copies += 1
        self.psql(f"select pg_copy_logical_replication_slot('base_{workload}', 'copy_{self.copies}')")
        return f"copy_{self.copies}"

    def drop_slot(self, slot):
        """When its walsender is gone, too."""
        self.wait_active(slot, False)
        self.psql(f"select pg_drop_replication_slot('{slot}')")

    def wait_active(self, slot, active):
        wanted = "t" if active else "f"
        for _ in range(1200):
            if self.psql(f"select active from pg_replication_slots where slot_name = '{slot}'") == wanted:
                return
            time.sleep(0.01)
        raise RuntimeError(f"slot {slot}: active is not {wanted} after 12 seconds and more")

    def children_cpu(self):
        """Processor time of all processes of the server that have ended: between two calls, its walsenders'."""
        # A process counts for its parent when it is reaped.
        time.sleep(0.03)
        with open(f"/proc/{self.postmaster}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / TICK

    def enable_tls(self):
        """With a certificate of its own making. Tells why not, or None."""
        if not self.psql("show ssl_library"):
            return "this server was built without OpenSSL"
        if not shutil.which("openssl"):
            return "openssl, which makes the certificate, is missing"
        owner = os.stat(self.data)
        certificate, key = f"{self.data}/server.crt", f"{self.data}/server.key"
        done = subprocess.run(["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-subj", "/CN=localhost",
                               "-out", certificate, "-keyout", key], capture_output=True, text=True)
        if done.returncode:
            return f"openssl: {done.stderr.strip()[-200:]}"
        for path in (certificate, key):
            os.chmod(path, 0o600)
            if os.geteuid() == 0:
                os.chown(path, owner.st_uid, owner.st_gid)
        self.psql("alter system set ssl = on")
        self.psql("select pg_reload_conf()")
        for _ in range(100):
            if self.psql("show ssl") == "on":
                return None
            time.sleep(0.05)
        return "the server did not take its certificate"
