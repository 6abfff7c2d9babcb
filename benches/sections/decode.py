"""Decoding alone: the walk, the decoder, a session and pg_walstream's parser, on the same messages."""
import os
import re
import shutil
import subprocess

from bench import Step, label
from process import run
from settings import BUILD, QUICK, ROUNDS, SCALE

SHAPES = ["narrow", "one", "wide", "update", "big"]
FEW, MANY = 10_000, 40_000


def steps(bench):
    messages = max(20_000, int((100_000 if QUICK else 300_000) * SCALE))
    parser = f"{BUILD}/pg_walstream-rustls"
    for round_ in range(ROUNDS):
        for shape in SHAPES:
            yield Step(label(round_, f"decode, {shape}"), 2 if QUICK else 4, times(bench, parser, shape, messages, round_))
    if not shutil.which("valgrind"):
        bench.note("instructions are not counted: valgrind is missing")
    elif not QUICK:
        for shape in SHAPES:
            yield Step(f"decode, {shape}: instructions", 8, instructions(bench, parser, shape))


def times(bench, parser, shape, messages, round_):
    def step():
        result = run([[f"{BUILD}/decode", "times", shape, str(messages)]])
        if "failed" not in result and os.path.exists(parser):
            file = dump(shape)
            theirs = run([[parser, "parse", file, str(messages)]])
            if "parse" in theirs:
                result["parse"] = theirs["parse"]
        bench.add(result, section="decode", where="", workload=shape, program="decode", round=round_)
    return step


def dump(shape):
    file = f"{BUILD}/messages-{shape}"
    subprocess.run([f"{BUILD}/decode", "dump", shape, file], check=True)
    return file


def instructions(bench, parser, shape):
    """The start costs the same for few and many messages: the difference is that of the messages alone."""
    def step():
        counts = {}
        for way in ("walk", "decode", "session"):
            few, many = (count([f"{BUILD}/decode", way, shape, str(messages)]) for messages in (FEW, MANY))
            if few and many:
                counts[way] = round((many - few) / (MANY - FEW))
        if counts:
            bench.add(counts, section="instructions", where="", workload=shape, program="decode", round=0)
    return step


def count(command):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command],
                          capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found.group(1)) if found else None
