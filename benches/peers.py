"""The programs, and how each is told to read a slot up to an end."""
import os

from programs import debian
from settings import BUILD, HERE

OURS = "walstream"
HANDS_OVER = "bare libpq, two threads"


class Peers:
    def __init__(self, server):
        self.server = server
        found = {
            "pg_recvlogical": debian("pg_recvlogical"),
            "bare libpq": f"{BUILD}/bare",
            HANDS_OVER: f"{BUILD}/bare",
            "pg_walstream, rustls": f"{BUILD}/pg_walstream-rustls",
            "pg_walstream, libpq": f"{BUILD}/pg_walstream-libpq",
            "psycopg2": f"{BUILD}/python/bin/python",
            "walstream, pacing off": f"{BUILD}/host",
            OURS: f"{BUILD}/host",
            "walstream, Go": f"{BUILD}/cgo",
        }
        self.programs = {name: path for name, path in found.items() if path and os.path.exists(path)}

    def missing(self):
        known = ["pg_recvlogical", "pg_walstream, rustls", "pg_walstream, libpq", "psycopg2", "walstream, Go"]
        return [name for name in known if name not in self.programs]

    def in_turn(self, names, round_):
        """Those of `names` that are here, another one first in each round."""
        here = [name for name in names if name in self.programs]
        return here[round_ % len(here):] + here[:round_ % len(here)] if here else []

    def command(self, name, line, slot, end, port=None, theirs=(), ours=()):
        """theirs: options of pgoutput for pg_recvlogical; ours: options of walstream."""
        conninfo = self.server.conninfo(line, port)
        program = self.programs[name]
        if name == "pg_recvlogical":
            options = {"proto_version": "1", "publication_names": "bench", **dict(theirs)}
            return [program, "-d", conninfo, "-S", slot, "--start", f"--endpos={end}", "-f", "/dev/null",
                    *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        if name.startswith("pg_walstream"):
            return [program, self.server.uri(line), slot, "bench", end]
        if name == "psycopg2":
            return [program, f"{HERE}/psycopg2_peer.py", conninfo, slot, "bench", end]
        if name == "walstream, Go" or name == "bare libpq":
            return [program, conninfo, slot, "bench", end]
        if name == HANDS_OVER:
            return [program, conninfo, slot, "bench", end, "hand-over"]
        options = ["pacing=off"] if name.endswith("off") else []
        return [program, conninfo, slot, "bench", end, *options, *ours]
