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
            yield Step(label(round_, f"decode, {shape}"), 0.6 if QUICK else 1.5, times(bench, parser, shape, messages, round_))
    if not shutil.which("valgrind"):
        bench.note("instructions are not counted: valgrind is missing")
    elif not QUICK:
        for shape in SHAPES:
            yield Step(f"decode, {shape}: instructions", 8, instructions(bench, shape))


def times(bench, parser, shape, messages, round_):
    def step():
        what = {"section": "decode", "where": "", "workload": shape, "round": round_}
        session = run([[f"{BUILD}/decode", "times", shape, str(messages)]])
        # That walk ran beside the session, not beside the decoder.
        session.pop("walk", None)
        result = run([[f"{BUILD}/decoder", "times", shape, str(messages)]])
        bench.add(session, program="session", **what)
        if os.path.exists(parser):
            theirs = run([[parser, "parse", dump(shape), str(messages)]])
            if "parse" in theirs:
                result["parse"] = theirs["parse"]
        bench.add(result, program="decode", **what)
    return step


def dump(shape):
    file = f"{BUILD}/messages-{shape}"
    subprocess.run([f"{BUILD}/decoder", "dump", shape, file], check=True)
    return file


def instructions(bench, shape):
    """The start costs the same for few and many messages: the difference is that of the messages alone."""
    def step():
        counts = {}
        for way, program in (("walk", "decoder"), ("decode", "decoder"), ("batch", "decoder"), ("session", "decode")):
            few, many = (count([f"{BUILD}/{program}", way, shape, str(messages)]) for messages in (FEW, MANY))
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
