"""Runs a program and says what it took."""
import os
import subprocess
import threading
import time

LONGEST_RUN = 300


def start(command, **environment):
    # Not stderr to a pipe that nobody reads: it could fill.
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            env={**os.environ, **environment}, start_new_session=True)


def finish(process):
    """Processor time, NAME=VALUE numbers of its output, and when it was over (`ended`, monotonic)."""
    killer = threading.Timer(LONGEST_RUN, process.kill)
    killer.start()
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    ended = time.monotonic()
    killer.cancel()
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        return {"failed": f"exit code {process.returncode}: {output.strip()[-300:]}"}
    return {"cpu": usage.ru_utime + usage.ru_stime, "ended": ended, **numbers(output)}


def numbers(output):
    found = {}
    for word in output.split():
        name, _, value = word.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            pass
    return found


def run(commands, **environment):
    """All at once. Wall until the last has ended, processor time of all, the numbers of the first."""
    began = time.monotonic()
    processes = [start(command, **environment) for command in commands]
    results = [finish(process) for process in processes]
    for result in results:
        if "failed" in result:
            return result
    return {**results[0], "wall": max(result["ended"] for result in results) - began,
            "cpu": sum(result["cpu"] for result in results)}
