"""Runs a command on a terminal of its own, types Ctrl-C when a text appeared, and ends with the command's code: ctrl_c.py TEXT COMMAND…

Without a terminal that it knows (TERM) mono does not tell a program of an interrupt.
"""
import os
import pty
import select
import sys
import time

text, command = sys.argv[1].encode(), sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
output, typed, deadline = b"", False, time.monotonic() + 120
while time.monotonic() < deadline:
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        output += os.read(terminal, 4096)
    except OSError:  # the command closed it
        break
    if text in output and not typed:
        os.write(terminal, b"\x03")
        typed = True
else:
    output += b"\n(not over in time)"
    os.kill(child, 9)
status = os.waitpid(child, 0)[1]
sys.stdout.write(f"{output.decode(errors='replace')}\n(wait status {status})\n")
sys.exit(0 if typed and status == 0 else 1)
