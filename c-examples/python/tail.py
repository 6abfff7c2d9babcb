"""Shows a PostgreSQL database's changes as they happen:  tail.py CONNINFO SLOT PUBLICATION [KEY=VALUE]…

Python's ctypes and the structs of walstream.h, nothing else: what any language's foreign function interface can do. Batches
are read, shown and acknowledged. WALSTREAM_LIBRARY names the library when the loader does not find libwalstream.so.0.
"""
import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p

TIMEOUT, END = 1, 3
KINDS = {6: "INSERT", 7: "UPDATE", 8: "DELETE"}
NULL, TEXT, BINARY, UNCHANGED, NOT_SENT = range(5)


class Column(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("type_name", c_char_p), ("name_len", c_uint32), ("type_name_len", c_uint32),
                ("type_oid", c_uint32), ("type_modifier", c_int32), ("flags", c_uint32), ("reserved", c_uint32)]


class Relation(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("oid", c_uint32), ("schema", c_char_p), ("name", c_char_p), ("columns", c_void_p),
                ("schema_len", c_uint32), ("name_len", c_uint32), ("column_count", c_uint32), ("column_size", c_uint32),
                ("replica_identity", c_uint32), ("key_count", c_uint32), ("version", c_uint64)]

    def column(self, index):
        return Column.from_address(self.columns + index * self.column_size)


class Value(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_uint32), ("kind", c_uint32)]

    def __str__(self):
        if self.kind in (NULL, UNCHANGED):
            return "NULL" if self.kind == NULL else "(unchanged)"
        data = ctypes.string_at(self.data, self.size)
        return data.decode() if self.kind == TEXT else data.hex()


class Event(ctypes.Structure):
    _fields_ = [("kind", c_uint32), ("flags", c_uint32), ("commit_lsn", c_uint64), ("seq", c_uint64), ("lsn", c_uint64),
                ("ack_lsn", c_uint64), ("commit_time_us", c_int64), ("xid", c_uint32), ("subxid", c_uint32),
                ("relation", POINTER(Relation)), ("new_values", POINTER(Value)), ("old_values", POINTER(Value)),
                ("new_count", c_uint32), ("old_count", c_uint32), ("old_kind", c_uint32), ("detail_count", c_uint32),
                ("detail", c_void_p), ("name", c_char_p), ("payload", c_void_p), ("name_len", c_uint32), ("payload_len", c_uint32)]


class Error(ctypes.Structure):
    _fields_ = [("struct_size", c_uint32), ("code", c_int32), ("flags", c_uint32), ("os_errno", c_int32),
                ("sqlstate", c_char_p), ("message", c_char_p), ("detail", c_char_p), ("hint", c_char_p)]


def load():
    lib = ctypes.CDLL(os.environ.get("WALSTREAM_LIBRARY", "libwalstream.so.0"))
    lib.walstream_config_new.restype = lib.walstream_batch_events.restype = c_void_p
    lib.walstream_batch_count.restype = c_size_t
    lib.walstream_batch_ack_lsn.restype = c_uint64
    return lib


def check(lib, code, error):
    """Gives back codes that are no failure."""
    if code >= 0:
        return code
    text = " - ".join(part.decode() for part in (error.contents.message, error.contents.hint) if part) if error else "out of memory"
    lib.walstream_error_free(error)
    raise RuntimeError(text)


def batches(lib, conninfo, options):
    """Each batch of the stream as a list of events, which live until the next one; then it is acknowledged."""
    error, stream, batch, stride = POINTER(Error)(), c_void_p(), c_void_p(), c_size_t()
    config = c_void_p(lib.walstream_config_new())
    try:
        for key, value in options.items():
            check(lib, lib.walstream_config_set(config, key.encode(), value.encode(), byref(error)), error)
        check(lib, lib.walstream_open(conninfo.encode(), config, byref(stream), byref(error)), error)
        check(lib, lib.walstream_start(stream, c_uint64(0), byref(error)), error)
        # Waiting in pieces: Python runs its signal handlers, such as Ctrl-C's, only between two calls.
        while (code := check(lib, lib.walstream_next_batch(stream, 200, byref(batch), byref(error)), error)) != END:
            if code == TIMEOUT:
                continue
            try:
                at = lib.walstream_batch_events(batch, byref(stride))
                yield [Event.from_address(at + i * stride.value) for i in range(lib.walstream_batch_count(batch))]
                ack = lib.walstream_batch_ack_lsn(batch)
                if ack:
                    check(lib, lib.walstream_ack_lsn(stream, c_uint64(ack), byref(error)), error)
            finally:
                lib.walstream_batch_free(batch)
        check(lib, lib.walstream_stop(stream, -1, byref(error)), error)
    finally:
        lib.walstream_free(stream)
        lib.walstream_config_free(config)


def show(event):
    table = event.relation.contents
    row = event.new_values if event.new_count else event.old_values
    values = (f"{table.column(i).name.decode()}={row[i]}" for i in range(event.new_count or event.old_count) if row[i].kind != NOT_SENT)
    print(KINDS[event.kind], f"{table.schema.decode()}.{table.name.decode()}", *values, flush=True)


def arguments():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    return sys.argv[1], {"slot": sys.argv[2], "publication": sys.argv[3], **dict(pair.split("=", 1) for pair in sys.argv[4:])}


if __name__ == "__main__":
    try:
        for events in batches(load(), *arguments()):
            for event in events:
                if event.kind in KINDS:
                    show(event)
    except RuntimeError as failure:
        sys.exit(f"tail.py: {failure}")
    except KeyboardInterrupt:
        pass
