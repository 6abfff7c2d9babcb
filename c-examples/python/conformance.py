"""Prints every event as one line of JSON, for the comparison of all hosts (tests/conformance/run):

    conformance.py CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE]…
"""
import ctypes
import sys
from ctypes import byref, c_size_t

import tail


def to_json(lib, event, buffer):
    """The line, and the buffer, which grows with the events."""
    needed = c_size_t()
    while True:
        code = lib.walstream_event_to_json(byref(event), buffer, c_size_t(len(buffer)), byref(needed))
        if code != 0:
            raise RuntimeError(f"walstream_event_to_json: {code}")
        if needed.value < len(buffer):
            return ctypes.string_at(buffer, needed.value), buffer
        buffer = ctypes.create_string_buffer(needed.value + 1)


def main():
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    sys.argv[4] = "stop_lsn=" + sys.argv[4]
    lib, buffer = tail.load(), ctypes.create_string_buffer(4096)
    for events in tail.batches(lib, *tail.arguments()):
        for event in events:
            line, buffer = to_json(lib, event, buffer)
            sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
