"""The demo's terminal output: a line per stage, and a regular line while a long stage runs."""
import contextlib
import sys
import threading
import time

STARTED = time.monotonic()
SIGN_OF_LIFE = 5


class DemoError(Exception):
    """Ends the demo with one line that says what is wrong."""


def say(text=""):
    print(text, flush=True)


@contextlib.contextmanager
def stage(title):
    """Prints the title, then a line every few seconds. Yields a function that prints a note."""
    started, stop = time.monotonic(), threading.Event()
    say(f"[{started - STARTED:5.1f} s] {title} …")

    def tick():
        while not stop.wait(SIGN_OF_LIFE):
            say(f"          … {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield lambda line: say(f"          {line}")
    finally:
        stop.set()
        ticker.join()


def table(rows, header):
    """Prints a table. The first column is left-aligned, the others are right-aligned."""
    cells = [list(map(str, row)) for row in [header, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    for number, row in enumerate(cells):
        line = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        say("  " + "  ".join(line))
        if number == 0:
            say("  " + "  ".join("-" * w for w in widths))


def complain(text):
    print(f"deploy/demo: {text}", file=sys.stderr, flush=True)
