"""Says what is being measured and how long the rest will take: on a terminal in one line, else a line a step."""
import os
import sys
import time


def span(seconds):
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


class Progress:
    def __init__(self, steps):
        """steps: all to come; each has `label` and `seconds`, about what it takes."""
        self.left = sum(step.seconds for step in steps)
        self.done = 0
        self.began = time.monotonic()
        self.live = sys.stderr.isatty() and not os.environ.get("NO_COLOR")

    def begin(self, step):
        # The first steps tell little about how good the guesses are.
        slower = (time.monotonic() - self.began + 20) / (self.done + 20)
        text = f"{step.label} … {span(self.left * slower)} left"
        print(f"\r\033[K{text}" if self.live else text, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def end(self, step):
        self.left -= step.seconds
        self.done += step.seconds

    def say(self, text):
        print(f"\r\033[K{text}" if self.live else text, file=sys.stderr, flush=True)

    def close(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
